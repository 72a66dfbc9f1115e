"""pip and conda users get the same pins, and the lock satisfies the package."""

import re
import tomllib

import pytest
import yaml

from .conftest import ROOT


def pins() -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "envs" / "requirements.lock").read_text(), re.MULTILINE))


def test_conda_and_pip_users_get_the_same_pins():
    environment = yaml.safe_load((ROOT / "envs" / "environment.yaml").read_text())
    listed = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert dict(line.split("==") for line in listed) == pins()


def test_torch_is_pinned():
    assert pins()["torch"] == "2.13.0"


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(line for lines in project["optional-dependencies"].values() for line in lines),
    ]
    names = {re.split(r"[<>=\[;]", line)[0].strip().lower() for line in wanted}
    assert names <= {name.lower() for name in pins()}


@pytest.mark.parametrize("name", ["requirements", "examples", "cuda"])
def test_every_pin_has_hashes(name):
    pinned = (ROOT / "envs" / f"{name}.lock").read_text().replace(" \\\n", " ").splitlines()
    for line in pinned:
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==\S+(\s+--hash=sha256:[0-9a-f]{64})+", line), line
