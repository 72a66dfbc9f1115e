"""Write the locks of envs/ from the packages of the running environment, with hashes from PyPI: `make lock`.

`requirements.lock` and `environment.yaml` hold the same pins; `cuda.lock` is what torch needs besides where it is built
with CUDA; `examples.lock` keeps its pins and gets new hashes. `--wheel FILE` adds the hash of a local build of a
package, such as torch for the CPU alone.
"""

import argparse
import hashlib
import io
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import VERSION_PATTERN, Version

HERE = Path(__file__).parent
INDEX = "https://pypi.org/simple/"
SUPPORTED = re.compile(
    r"-(py3|py2\.py3|cp3\d+-abi3|cp31[123])-.*(any|(linux|macosx)\S*_(x86_64|aarch64|arm64|universal2))\.whl$"
)
FLAGS = re.VERBOSE | re.IGNORECASE
LINUX = {"platform_system": "Linux", "sys_platform": "linux", "platform_machine": "x86_64", "python_version": "3.11"}
HEAD = "# Made by `make lock`. "


def pins() -> list[str]:
    """Return the pins of this environment, local versions (torch's +cpu) and the package itself left out."""
    command = [sys.executable, "-m", "pip", "freeze", "--all", "--exclude-editable", "--exclude", "pip"]
    frozen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.partition("+")[0] for line in frozen.splitlines() if "==" in line]


def listed(lock: Path) -> list[str]:
    """Return the pins of a lock that is there."""
    return re.findall(r"^([\w.-]+==\S+)", lock.read_text(), re.MULTILINE)


def fetched(url: str) -> bytes:
    """Return what is at `url`, of PyPI's index as JSON (PEP 691)."""
    request = urllib.request.Request(url, headers={"Accept": "application/vnd.pypi.simple.v1+json, */*"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def files(name: str) -> dict[str, list[dict[str, Any]]]:
    """Return the supported files of a package by version: wheels, or sources where there is no wheel."""
    wheels: dict[str, list[dict[str, Any]]] = {}
    sources: dict[str, list[dict[str, Any]]] = {}
    for file in json.loads(fetched(f"{INDEX}{canonicalize_name(name)}/"))["files"]:
        path = file["filename"]
        if path.endswith(".whl") and SUPPORTED.search(path):
            wheels.setdefault(path.split("-")[1], []).append(file)
        elif path.endswith(".tar.gz"):
            sources.setdefault(path.removesuffix(".tar.gz").rpartition("-")[2], []).append(file)
    # Some files of old are named after no version.
    return {
        spelled: found for spelled, found in (sources | wheels).items() if re.fullmatch(VERSION_PATTERN, spelled, FLAGS)
    }


def released(pin: str) -> list[dict[str, Any]]:
    """Return the files of a pinned release, such as "numpy==2.3.0"."""
    name, _, version = pin.partition("==")
    for spelled, found in files(name).items():
        if Version(spelled) == Version(version):
            return found
    sys.exit(f"{pin}: no file on {INDEX} for the supported Pythons and platforms")


def needed(pin: str, extras: set[str]) -> list[Requirement]:
    """Return what a pinned release asks for with its `extras` on Linux, by the metadata beside its wheel (PEP 658).

    NVIDIA's libraries and triton may have none there; all that they ask for, torch and cuda-toolkit ask for too.
    """
    for wheel in released(pin):
        if re.search(
            r"(-cp311-cp311-.*linux\S*x86_64|-py3-none-\S*(any|linux\S*x86_64)|none-any)\.whl$", wheel["filename"]
        ):
            break
    try:
        metadata = fetched(wheel["url"] + ".metadata").decode()
    except urllib.error.HTTPError as error:
        if error.code == 404 and pin.startswith(("nvidia-", "triton")):
            return []
        if error.code != 404:
            raise
        with zipfile.ZipFile(io.BytesIO(fetched(wheel["url"]))) as archive:
            # A wheel may carry another one inside.
            path = min((path for path in archive.namelist() if path.endswith(".dist-info/METADATA")), key=len)
            metadata = archive.read(path).decode()
    wanted = [Requirement(line) for line in re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE)]
    return [
        one
        for one in wanted
        if not one.marker or any(one.marker.evaluate({**LINUX, "extra": extra}) for extra in ("", *extras))
    ]


def cuda(torch: str, known: set[str]) -> list[str]:
    """Return the pins of what PyPI's torch for Linux asks for besides what is `known`: CUDA libraries."""
    found: dict[str, str] = {}
    waiting = needed(torch, set())
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        # The versions of CUDA's libraries are torch's and cuda-toolkit's to say.
        if name in known or (name in found and not one.extras) or (name.startswith("nvidia-") and not one.specifier):
            continue
        found[name] = str(max(Version(spelled) for spelled in files(name) if one.specifier.contains(spelled)))
        waiting += needed(f"{name}=={found[name]}", one.extras)
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def locked(lines: list[str], local: dict[str, list[str]]) -> str:
    """Return pins with the hashes of their files, one pin a paragraph as pip reads them."""
    text = []
    for pin in lines:
        sums = {file["hashes"]["sha256"] for file in released(pin)} | set(local.get(pin, ()))
        text.append(" \\\n".join([pin, *(f"    --hash=sha256:{one}" for one in sorted(sums))]))
    return "\n".join(text) + "\n"


def main() -> None:
    """Write all four files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, action="append", default=[], help="a local build whose hash is good too")
    local: dict[str, list[str]] = {}
    for wheel in parser.parse_args().wheel:
        name, version, *_ = parse_wheel_filename(wheel.name)
        local.setdefault(f"{name}=={version.public}", []).append(hashlib.sha256(wheel.read_bytes()).hexdigest())
    examples = HERE / "examples.lock"
    extra = listed(examples)
    names = {canonicalize_name(pin.partition("==")[0]) for pin in extra}
    lines = [pin for pin in pins() if canonicalize_name(pin.partition("==")[0]) not in names]
    (torch,) = [pin for pin in lines if pin.startswith("torch==")]
    texts = {
        HERE / "requirements.lock": f"{HEAD}The same pins as environment.yaml.\n" + locked(lines, local),
        HERE / "cuda.lock": f"{HEAD}What torch needs besides where it is built with CUDA.\n"
        + locked(cuda(torch, {canonicalize_name(pin.partition("==")[0]) for pin in lines}), local),
        examples: "".join(line + "\n" for line in examples.read_text().splitlines() if line.startswith("#"))
        + locked(extra, local),
        HERE
        / "environment.yaml": f"{HEAD}The same pins as requirements.lock. torch comes from PyPI: with CUDA on Linux.\n"
        "name: onshell\nchannels: [conda-forge]\ndependencies:\n  - python>=3.11,<3.14\n  - pip\n  - pip:\n"
        + "".join(f"      - {line}\n" for line in lines),
    }
    for path, text in texts.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
