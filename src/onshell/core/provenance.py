"""Where a product comes from: commit, versions and machine, as one dict stored with every product."""

import functools
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from onshell import __version__

PACKAGES = ("numpy", "scipy", "torch", "pyarrow", "scikit-learn", "matplotlib")


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints in `folder`, or None where git is missing or refuses."""
    # A hook runs with GIT_DIR and its kin set, which would point at the repository being committed to.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    # A checkout that belongs to another user (a shared folder, a container) is still the code that runs.
    settings = ["-c", "safe.directory=*", "-c", "core.fsmonitor=false"]
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *settings, "-C", str(folder), *arguments],
            capture_output=True, text=True, timeout=20, check=False, env=environment,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _checkout_commit(package: Path) -> str | None:
    """Return the commit of the checkout that tracks `package`, with "-dirty" if tracked files but profiles differ."""
    # A package installed inside somebody else's repository is found by git but not tracked by it.
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(package, "rev-parse", "HEAD")
    if commit is None:
        return None
    # Profiles are about machines: a site edits its own.
    changed = _git(package, "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)profiles")
    return commit if changed == "" else f"{commit}-dirty"


def _installed_commit() -> str | None:
    """Return the commit that pip recorded when it installed the package from a repository (PEP 610)."""
    try:
        record = json.loads(distribution("onshell").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    found: str | None = record.get("vcs_info", {}).get("commit_id")
    return found


@functools.cache
def commit() -> str:
    """Return the commit of the running code, with "-dirty" if tracked files were changed, or "unknown"."""
    return _checkout_commit(Path(__file__).resolve().parent) or _installed_commit() or "unknown"


def identity() -> dict[str, str]:
    """Return the part of the provenance that is the same wherever and whenever the same code runs."""
    return {"commit": commit(), "version": __version__}


def _processor() -> str:
    """Return the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def provenance(**extra: Any) -> dict[str, Any]:
    """Return commit, versions and machine, with `extra` (device, seed, wall time, ...) merged in.

    Versions are read from the installed metadata, so that nothing heavy is imported.
    """
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        **identity(),
        "python": platform.python_version(),
        "packages": packages,
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        **extra,
    }
