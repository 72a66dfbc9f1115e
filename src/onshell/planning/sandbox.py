"""A stand-in for the working directory, in which Snakemake may leave its marks without writing to the real one."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

OWN = ".snakemake"


@contextlib.contextmanager
def sandbox(folder: Path, results: str) -> Iterator[Path]:
    """Yield a temporary folder that holds a link to everything in `folder` but Snakemake's own folder; then remove it.

    Snakemake's records of finished jobs are linked and those of unfinished ones copied, so that it judges there as it
    would here what has to run again. As many folders above are mirrored as the relative path `results` climbs.
    """
    folder = folder.resolve()
    climbs = Path(os.path.normpath(results)).parts.count(os.pardir)
    levels = [*reversed(folder.parents[:climbs]), folder]
    with tempfile.TemporaryDirectory(prefix="onshell-plan-") as temporary:
        here = Path(temporary, "0")
        here.mkdir()
        for level, below in zip(levels, [*levels[1:], None], strict=True):
            _link(level, here, OWN if below is None else below.name)
            if below is not None:
                here /= below.name
                here.mkdir()
        _records(folder / OWN, here / OWN)
        yield here


def _link(source: Path, target: Path, but: str) -> None:
    """Link everything in `source` but one name into `target`; links get the age of what they point to."""
    for entry in os.scandir(source):
        if entry.name == but:
            continue
        link = target / entry.name
        link.symlink_to(entry.path)
        with contextlib.suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            os.utime(link, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _records(source: Path, target: Path) -> None:
    """Make Snakemake's own folder `target` with the records of `source`, if there are any."""
    target.mkdir()
    if (source / "metadata").is_dir():
        (target / "metadata").symlink_to(source / "metadata")
    for folder, _, names in os.walk(source / "incomplete"):
        copy = target / Path(folder).relative_to(source)
        copy.mkdir(parents=True, exist_ok=True)
        for name in names:
            # A job that ends meanwhile takes its record with it.
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(Path(folder, name), copy / name)
