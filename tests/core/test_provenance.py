"""Provenance: the commit is the running code's own, and nothing in a data file depends on the moment."""

import json
import os
import subprocess
import sys

import pytest

from onshell.core import provenance


def git(folder, *arguments):
    """Run git in `folder` with a made-up author, apart from the settings of whoever runs the tests."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    settings = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.strip()


@pytest.fixture
def package(tmp_path):
    """Return a package folder inside a git checkout with one commit."""
    folder = tmp_path / "src" / "onshell"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (tmp_path / "README.md").write_text("one\n")
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "site.yaml").write_text("jobs: 50\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    return folder


def test_a_clean_checkout_gives_its_commit(package):
    assert provenance._checkout_commit(package) == git(package, "rev-parse", "HEAD")


def test_untracked_files_do_not_make_it_dirty_but_changed_ones_anywhere_do(package):
    (package / "notes.txt").write_text("")
    (package.parents[1] / "profiles" / "site.yaml").write_text("jobs: 5\n")  # of the site, not of the code
    assert not provenance._checkout_commit(package).endswith("-dirty")
    (package.parents[1] / "README.md").write_text("two\n")
    assert provenance._checkout_commit(package) == git(package, "rev-parse", "HEAD") + "-dirty"


def test_a_package_inside_somebody_elses_repository_has_no_commit_there(package):
    installed = package.parents[1] / ".venv" / "onshell"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert provenance._checkout_commit(installed) is None


def test_no_repository_and_no_commit_yet(tmp_path):
    assert provenance._checkout_commit(tmp_path) is None
    git(tmp_path, "init", "-q")
    (tmp_path / "__init__.py").write_text("")
    git(tmp_path, "add", ".")
    assert provenance._checkout_commit(tmp_path) is None


def test_git_variables_of_a_hook_are_not_believed(package, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert provenance._checkout_commit(package) == git(package, "rev-parse", "HEAD")


def test_a_checkout_of_another_user_is_believed(package):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    folder = package.parents[1]
    for entry in [folder, *folder.rglob("*")]:
        os.chown(entry, 65534, 65534)
    assert len(provenance._checkout_commit(package)) == 40


def test_without_git_the_commit_is_unknown(package, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance._checkout_commit(package) is None


def test_identity_is_the_same_every_time_and_provenance_is_json():
    assert set(provenance.identity()) == {"commit", "version"}
    assert provenance.identity() == provenance.identity()
    document = provenance.provenance(device="cpu", seconds=1.5)
    assert json.loads(json.dumps(document)) == document
    assert {"commit", "version", "python", "packages", "platform", "processor", "cores"} <= set(document)
    assert document["device"] == "cpu"
    assert document["packages"]["torch"].startswith("2.")


def test_it_imports_nothing_heavy():
    code = "import sys; from onshell.core.provenance import provenance; provenance(); print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
