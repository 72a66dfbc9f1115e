"""pip and conda users get the same pins, and the lock satisfies the package."""

import re
import tomllib

import yaml

from .conftest import ROOT


def pins() -> dict[str, str]:
    lines = (ROOT / "envs" / "requirements.lock").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))


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
