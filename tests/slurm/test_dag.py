"""The small workflow through the profile: what is submitted, and that its products are those of this machine."""

from pathlib import Path

import pytest

from slurm.products import assert_same_model
from slurm.small import FIGURE, MUON

pytestmark = pytest.mark.timeout(600)


def test_one_figure_submits_its_cone_and_nothing_else(figure):
    assert figure.submitted() == ["embed", "generate", "sample", "train"]
    assert figure.slurm.jobs(MUON, "train")


def test_a_training_gets_its_gpu_and_the_figure_is_drawn_here(figure):
    job = next(job for job in figure.slurm.jobs(MUON, "train") if job.name in figure.names())
    assert figure.slurm.facts(job.number)["TresPerJob"] == "gres:gpu:a100:1"
    assert all((figure.folder / path).exists() for path in figure.layout.product("figures", FIGURE).values())


def test_every_product_is_the_same_to_the_bit(figure, undisturbed):
    layout = figure.layout
    drawn = layout.product("figures", FIGURE)
    paths = [layout.events("muon"), layout.embedded("muon.single"), layout.samples(MUON), drawn["csv"], drawn["png"]]
    assert [path for path in paths if differs(figure.folder / path, undisturbed.folder / path)] == []
    assert_same_model(figure.folder, undisturbed.folder, layout, MUON)


def differs(ours: Path, theirs: Path) -> bool:
    return ours.read_bytes() != theirs.read_bytes()
