"""The README's section on clusters: every command in it is run here, at the size of these tests."""

import subprocess

import pytest

from helpers.clones import ROOT
from slurm.small import FIGURE

SECTION = (ROOT / "README.md").read_text().partition("\n## On a cluster\n")[2].partition("\n## ")[0]
LINES = [line.partition("  #")[0].strip() for line in SECTION.splitlines() if line.startswith("    ")]
BY_HAND = ("make setup", "$EDITOR")
SMALL = {"scale=paper": "scale=quick", "--scale paper": "--scale quick", "fig10": FIGURE}


@pytest.fixture(scope="module")
def here(figure):
    """A function that runs a line of shell in the clone whose figure is made, and the environment of its Snakemake."""

    def run(line: str) -> subprocess.CompletedProcess:
        variables = {**figure.slurm.environment, "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            ["bash", "-c", line], cwd=figure.folder, env=variables, capture_output=True, text=True, check=False
        )

    return run


def test_there_are_commands():
    assert len(LINES) >= 8


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith(BY_HAND)])
def test_a_command_does_what_it_says(here, figure, line):
    for written, meant in {**SMALL, "RUN-ID": figure.names()[0]}.items():
        line = line.replace(written, meant)
    done = here(line)
    assert done.returncode == 0, done.stdout + done.stderr
