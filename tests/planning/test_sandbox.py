"""The stand-in for the working directory: all is there, and nothing written there reaches the real one."""

import os
from pathlib import Path

import pytest

from onshell.planning.sandbox import sandbox


@pytest.fixture
def project(tmp_path):
    """A folder in a folder, with products beside and inside, and Snakemake's own folder."""
    folder = tmp_path / "home" / "project"
    for path in ("results/a", ".snakemake/metadata/m", ".snakemake/incomplete/i", ".snakemake/locks/l", "../other/b"):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    (folder / "config.yaml").write_text("seed: 1")
    os.utime(folder / "config.yaml", (1e9, 1e9))
    return folder


def test_everything_is_there_with_its_age_and_goes_with_the_block(project):
    with sandbox(project, "results") as view:
        assert (view / "results" / "a").read_text() == "results/a"
        assert (view / "config.yaml").lstat().st_mtime == (view / "config.yaml").stat().st_mtime == 1e9
        assert not (view / ".snakemake").is_symlink()
    assert not view.exists()
    assert (project / "results" / "a").exists()


def test_records_are_seen_locks_are_not_and_what_is_written_stays_there(project):
    before = sorted(project.rglob("*"))
    with sandbox(project, "results") as view:
        assert (view / ".snakemake" / "metadata" / "m").is_file()
        assert (view / ".snakemake" / "incomplete" / "i").is_file()
        assert not (view / ".snakemake" / "locks").exists()
        (view / ".snakemake" / "incomplete" / "new").touch()
        (view / "new").touch()
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize("results", ["../other", "results/../../other", "../project/../other"])
def test_a_results_folder_above_is_found_from_there_too(project, results):
    with sandbox(project, results) as view:
        assert Path(view, results, "b").read_text() == "../other/b"


def test_a_path_that_climbs_to_the_root_ends_there(project):
    with sandbox(project, "../" * 40 + "nowhere") as view:
        assert (view / "config.yaml").exists()
