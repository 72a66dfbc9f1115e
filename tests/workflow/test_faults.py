"""A faulty configuration: one line with the key's path, the bad value and the nearest valid one."""

import pytest

from onshell import config as configuration
from onshell.core.errors import OnshellError

from .conftest import ROOT

CONFIG = ROOT / "config.yaml"
RECIPE = "presets.paper.three-body-diffusion"
EMPTY = "{space: q, family: diffusion, network: mlp, schedule: default, loss: {}, training: {}, sampling: {}}"
FAULTS = [
    ("scale=dsk", "scale: 'dsk' is not a scale; did you mean 'desk'?"),
    ("preset=papr", "preset: 'papr' is not a preset; did you mean 'paper'?"),
    (
        "runs.muon-q-diffusion.augmentation=sinlge",
        "runs.muon-q-diffusion.augmentation: 'sinlge' is not an augmentation; did you mean 'single'?",
    ),
    (
        "runs.muon-q-diffusion.augmentaton=single",
        "runs.muon-q-diffusion.augmentaton: unknown key; did you mean 'augmentation'?",
    ),
    (
        "runs.muon-q-diffusion.recipe=three-body",
        "runs.muon-q-diffusion.recipe: 'three-body' is not a recipe of preset 'paper'; did you mean ",
    ),
    (
        "runs.muon-q-diffusion.schedule=lng",
        "runs.muon-q-diffusion.schedule: 'lng' is not a schedule; did you mean 'long'?",
    ),
    (
        'runs={"muo-q-diffusion": {recipe: three-body-diffusion, augmentation: single}}',
        "runs.muo-q-diffusion: 'muo' is not a dataset; did you mean 'muon'?",
    ),
    (
        'runs={"muon-p-diffusion": {recipe: three-body-diffusion, augmentation: single}}',
        "runs.muon-p-diffusion: the name says 'p' but recipe 'three-body-diffusion' is of space 'q'",
    ),
    (
        'runs={"muon": {recipe: three-body-diffusion, augmentation: single}}',
        "runs.muon: not a run's name; write <dataset>-<p|q>-<diffusion|flow>[-<variant>]",
    ),
    (
        "figures.fig01.runs.M1=muon-q-difusion",
        "figures.fig01.runs.M1: 'muon-q-difusion' is not a run; did you mean 'muon-q-diffusion'?",
    ),
    ("figures.fig01.events=[muons]", "figures.fig01.events: 'muons' is not a dataset; did you mean 'muon'?"),
    (
        "figures.fig16.embedded=[muon.mny]",
        "figures.fig16.embedded: 'muon.mny' is not a training set; did you mean 'muon.many'?",
    ),
    ("tables.tab2.neds=[metrics]", "tables.tab2.neds: unknown key; did you mean 'needs'?"),
    ("scales.quick.samples.default=-3", "scales.quick.samples.default: -3 is too small; it must be >= 1"),
    (
        "scales.quick.events.muo={train: 1, test: 1}",
        "scales.quick.events: 'muo' is not a process; did you mean 'muon'?",
    ),
    ("scales.quick.events.muon={train: 0, test: 1}", "scales.quick.events.muon.train: 0 is too small; it must be >= 1"),
    ("processes.qqg.cutoffs=[1e-2, -3]", "processes.qqg.cutoffs.1: -3 is too small; it must be > 0"),
    ("processes.muon.generator=moun", "processes.muon.generator: 'moun' is not a generator; did you mean 'muon'?"),
    ("processes.other={}", "processes.other: {} must give exactly one of: generator; source"),
    ("processes.muon.n_particles=1", "processes.muon.n_particles: 1 is too small; it must be >= 2"),
    ("augmentations.double={copes: 1}", "augmentations.double.copes: unknown key; did you mean 'copies'?"),
    ("augmentations.double={b: [0, 0, 0], x: 1}", "must give exactly one of: copies; per_event; b with x"),
    (
        "augmentations.single.by_process={apps: {b: [0, 0, 0], x: 1}}",
        "augmentations.single.by_process: 'apps' is not a process; did you mean 'aps'?",
    ),
    (f"{RECIPE}.training.lr=0", f"{RECIPE}.training.lr: 0 is too small; it must be > 0"),
    (f"{RECIPE}.training.keep=best", f"{RECIPE}.training.keep: 'best' is not valid"),
    (f"{RECIPE}.network=mpl", f"{RECIPE}.network: 'mpl' is not a network; did you mean 'mlp'?"),
    ("networks.mlp.type=mpl", "networks.mlp.type: 'mpl' is not valid; did you mean 'mlp'? (known: mlp, pet,"),
    ("networks.mine={width: 3}", "networks.mine.type: missing; add it"),
    (
        "networks.mine={type: my_networks.py:Net}",
        "networks.mine.type: 'my_networks.py:Net' is not an import path; write",
    ),
    ("networks.mine={type: nets/mine:Net}", "'nets/mine:Net' is not an import path; write module:Class, such as"),
    ('networks.mine={type: "mine:Net", n_particles: 3}', "networks.mine.n_particles: is that of the dataset"),
    ('networks.mine={type: "mine:Net", "a b": 3}', "networks.mine.a b: is not the name of an argument"),
    (
        "scales.quick.networks.mlp.widht=3",
        "scales.quick.networks.mlp.widht: a network of type mlp has no such key; did you mean 'width'?",
    ),
    ("scales.quick.networks.mlp={width: wide}", "scales.quick.networks.mlp.width: 'wide' is not of type integer"),
    ("scales.quick.networks.mlp={heads: 2}", "scales.quick.networks.mlp.heads: a network of type mlp has no such key"),
    ("scales.quick.networks.pairs={heads: 5}", "scales.quick.networks.pairs.heads: 5 do not divide the width, 64"),
    ("scales.quick.networks.mlp={type: pet}", "scales.quick.networks.mlp.type: is no size; set it under networks.mlp"),
    ("scales.quick.networks.mpl={width: 3}", "scales.quick.networks: 'mpl' is not a network; did you mean 'mlp'?"),
    ("forward.aps_20.times=[1.5]", "forward.aps_20.times.0: 1.5 is too large; it must be <= 1"),
    ("forward.aps_20.run=aps_30-q-flow", "forward.aps_20.run: 'aps_30-q-flow' is a flow, which has no forward process"),
    ("forward.aps_20.run=aps_21-q-diffusion", "'aps_21-q-diffusion' is not a run; did you mean 'aps_20-q-diffusion'?"),
    ('figures={"fgi03": {}}', "figures: 'fgi03' is not a figure; did you mean 'fig03'?"),
    (
        'figures={"fig01": {runs: {M7: muon-q-diffusion}}}',
        "figures.fig01.runs: 'M7' is not a role of fig01; did you mean 'M1'?",
    ),
    (
        "processes.qqg.parameters={sqrts: 91}",
        "processes.qqg.parameters: 'sqrts' is not a parameter of qqg; did you mean 'sqrt_s'?",
    ),
    ("processes.qqg.parameters.sqrt_s=-1", "processes.qqg.parameters.sqrt_s: -1 must be a positive energy"),
    ("processes.qqg.cutoffs=[1e-2, 0.5]", "processes.qqg.cutoffs: 0.5 leaves no phase space"),
    ("processes.aps.cutoffs=[0.5]", "processes.aps.cutoffs: 0.5 leaves no phase space; xi must be above 1"),
    ("processes.muon.n_particles=4", "processes.muon.n_particles: 4, but muon has 3"),
    ("schedules.default.gaussian_steps=900", "schedules.default.gaussian_steps: 900 is not between 0 and steps, 500"),
    ("augmentations.double.x=0.3", "augmentations.double.x: goes with b"),
    ("augmentations.double.by_process={aps: {b: [0, 0, 0], x: 1}}", "augmentations.double.by_process: names one frame"),
    (
        f"presets={{other: {{three-body-diffusion: {EMPTY}}}}}",
        "presets.other.three-body-diffusion.training.epochs: missing; add it (passes over the training set)",
    ),
    ("seed=abc", "seed: 'abc' is not of type integer"),
    ("networks.mlp.heads=2", "networks.mlp.heads: a network of type mlp has no such key; (known: width, depth"),
    ("networks.pet-small.heads=5", "networks.pet-small.heads: 5 do not divide the width"),
    (
        "networks.pet-small.max_particles=8",
        "runs.aps_20-q-diffusion.network: takes up to 8 particles, aps_20 has 10; raise its max_particles",
    ),
    ("schedules.record.geometric.ratio=1.2", "schedules.record.geometric: its last step is 0.5 or more"),
    (f"{RECIPE}.prior=rambo", f"{RECIPE}.prior: a q-space diffusion has no such key; remove it"),
    (f"{RECIPE}.loss.type=flow", f"{RECIPE}.loss.type: 'flow' does not train a diffusion; use ism, noise or velocity"),
    (f"{RECIPE}.loss.target=step", f"{RECIPE}.loss.target: a loss of type ism has no such key"),
    (
        f"{RECIPE}.sampling.solver=euler",
        f"{RECIPE}.sampling.solver: sampling by the steps of a schedule has no such key",
    ),
    ("presets.paper.ten-body-p-flow.prior=rambo", "presets.paper.ten-body-p-flow.prior: 'rambo' is a law of q-space"),
    ("presets.paper.ten-body-diffusion.loss.target=chain", "'chain' needs the closed form of p-space; use step"),
    (
        "runs.aps_30-q-flow.schedule=long",
        "runs.aps_30-q-flow.schedule: a q-space flow has no such key; remove it",
    ),
    ("runs.aps_30-p-flow.augmentation=single", "runs.aps_30-p-flow.augmentation: a p-space flow has no such key"),
    (
        "runs.aps_30-q-flow.recipe=ten-body-diffusion",
        "the name says 'flow' but recipe 'ten-body-diffusion' is of family",
    ),
    (
        "figures.fig20.runs.Q3=muon-q-diffusion",
        "figures.fig20.runs.Q3: 'muon-q-diffusion' keeps no snapshots; give runs.muon-q-diffusion a trajectory",
    ),
    ("tables.tab1.published.P3=[1.0]", "tables.tab1.published: 'P3' is not a role of tab1"),
]


@pytest.mark.parametrize(("setting", "message"), FAULTS)
def test_a_fault_is_one_line_that_says_what_to_do(setting, message):
    with pytest.raises(OnshellError) as caught:
        configuration.load(CONFIG, [setting])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.workflow
def test_snakemake_stops_at_a_fault_with_that_one_line(clone):
    done = clone.run("--dry-run", "--config", "scale=dsk")
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if "error" in line]
    assert lines == [
        "onshell: error: config.yaml: scale: 'dsk' is not a scale; did you mean 'desk'? (known: quick, desk, paper)"
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "cannot be read"), ("a: [", "not valid YAML"), ("- 1", "holds no mapping")],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(OnshellError, match=message) as caught:
        configuration.load(path)
    assert str(path) in str(caught.value)
