"""Time what Snakemake itself takes for a job, with 300 runs more: `OMP_NUM_THREADS=1 python benchmarks/scheduling.py`.

The workflow stands in a folder of its own, where `onshell` is a program that makes empty files and nothing else. What
is left is Snakemake: the plan of all jobs, their choice, start, checks, logs and benchmarks.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from onshell.config import read

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from helpers.clones import ROOT, grow

IDLE = """#!/bin/sh
# Make every file that is named after -o; of a folder, what a training leaves there.
while [ $# -gt 1 ]; do
    if [ "$1" = -o ]; then
        case "$2" in
            *.parquet) : > "$2" ;;
            *) : > "$2/model.pt"; : > "$2/history.csv"; : > "$2/run.json" ;;
        esac
    fi
    shift
done
"""


def prepare(folder: Path) -> list[str]:
    """Return the samples of 300 runs more, in a copy of the workflow."""
    for part in ("Snakefile", "workflow", "profiles", "envs"):
        (folder / part).symlink_to(ROOT / part)
    config = read(ROOT / "config.yaml")
    runs = grow(config)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    program = folder / "bin" / "onshell"
    program.parent.mkdir()
    program.write_text(IDLE)
    program.chmod(0o755)
    return [f"results/quick/paper/samples/{run}.parquet" for run in runs]


def timed(folder: Path, *arguments: str) -> tuple[float, float, int]:
    """Return seconds by the clock, CPU-seconds (of the jobs' shells, too) and the number of jobs of a `snakemake`."""
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (total,) = {line.split()[1] for line in (done.stdout + done.stderr).splitlines() if line.startswith("total ")}
    return time.perf_counter() - begun, cpu, int(total)


def main() -> None:
    """Print the time of a dry-run and of a run, in all and a job."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        targets = prepare(Path(name))
        for what, options in (("dry-run", ["--dry-run", "--quiet", "rules"]), ("run", ["--quiet", "rules"])):
            seconds, cpu, jobs = timed(Path(name), *options, "--", *targets)
            print(f"{what}: {jobs} jobs, {seconds:.1f} s, {cpu:.1f} CPU-s; a job {1000 * cpu / jobs:.1f} CPU-ms")


if __name__ == "__main__":
    main()
