"""Short jobs together: as an array, and as a group that is one job of Slurm's."""

import re
import shlex

import pytest

from helpers.clones import ROOT

AUGMENTATIONS = ("identity", "double", "many", "continuous")

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("array", '--slurm-array-jobs "generate, embed"'),
        ("group", "--groups generate=short embed=short --group-components short=10"),
    ],
)
def test_short_jobs_go_together(campaign, local, kind, options):
    assert options in (ROOT / "docs" / "howto" / "cluster.md").read_text()
    clone = campaign(f"short-{kind}", local)
    paths = [clone.layout.embedded(f"muon.{name}") for name in AUGMENTATIONS]
    clone.make(*paths, *shlex.split(options))
    assert all((clone.folder / path).exists() for path in paths)
    numbers = set(re.findall(r"SLURM job ?id (\d+)", clone.told(), re.IGNORECASE))
    assert len(numbers) == 1
