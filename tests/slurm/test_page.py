"""The page on clusters: every command on it that is for Slurm is run here, at the size of these tests."""

import re
import subprocess

import pytest

from helpers.clones import ROOT
from slurm.small import FIGURE

PAGE = (ROOT / "docs" / "howto" / "cluster.md").read_text().partition("\n## Without Slurm\n")[0]
LINES = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
BY_HAND = ("make setup", "source", "$EDITOR", "tmux")
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
