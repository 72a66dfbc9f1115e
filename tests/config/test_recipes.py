"""Recipes: which keys belong together, in charts, losses and samplers."""

import subprocess
import sys
from pathlib import Path

import pytest

from onshell import config as configuration
from onshell.core.errors import OnshellError

PATH = Path(__file__).parents[2] / "config.yaml"
CONFIG = configuration.load(PATH)
TRAINING = {**CONFIG["presets"]["record"]["three-body-flow"]["training"]}
SOLVED = {"precision": "fp32", "solver": "multistep", "steps": 20, "tolerance": 1e-4}
FLOW = {
    "space": "q",
    "family": "flow",
    "augmentation": "centred",
    "network": "mlp",
    "prior": "rambo",
    "loss": {"type": "flow", "chart": "spinor", "times": {"uniform": 0.8, "smallest": 3e-4}},
    "training": {**TRAINING, "optimizer": "muon", "muon_lr": 0.005, "warmup": 200},
    "sampling": {**SOLVED, "grid": {"rho": 1.2, "smallest": 3e-3}},
}
DIFFUSION = {key: value for key, value in FLOW.items() if key != "prior"} | {
    "family": "diffusion",
    "loss": {"type": "velocity", "chart": "spinor"},
}
CHAIN = DIFFUSION | {
    "schedule": "default",
    "loss": {"type": "noise", "target": "step", "times_per_event": 4, "chart": "log-polar"},
    "sampling": {"precision": "fp32", "noise": "posterior"},
}
P_FLOW = {key: value for key, value in FLOW.items() if key != "augmentation"} | {
    "space": "p",
    "unit": 0.1,
    "prior": "gaussian",
    "loss": {"type": "flow"},
}


def loaded(recipe, dataset="muon"):
    """The run spec of one run with this recipe, through all checks."""
    run = f"{dataset}-{recipe['space']}-{recipe['family']}-x"
    kept = ("seed", "results", "processes", "augmentations", "networks", "schedules")
    sizes = ("events", "samples", "trajectory_events", "forward_events", "floor_replicates", "autoencoder")
    scale = {key: CONFIG["scales"]["quick"][key] for key in sizes}
    config = configuration.merge({key: CONFIG[key] for key in kept}, {"figures": {}, "tables": {}})
    config |= {"scale": "own", "scales": {"own": scale}, "preset": "own", "presets": {"own": {"mine": recipe}}}
    config |= {"runs": {run: {"recipe": "mine"}}}
    return configuration.run_spec(configuration.validate(config), run)


@pytest.mark.parametrize("recipe", [FLOW, DIFFUSION, CHAIN, P_FLOW], ids=["flow", "diffusion", "chain", "p-flow"])
def test_a_whole_recipe_is_valid_and_reaches_the_run(recipe):
    spec = loaded(recipe)
    for key in ("loss", "training", "sampling"):
        assert spec[key] == recipe[key]


def test_what_an_override_switches_off_is_no_fault():
    off = {"coupling": dict.fromkeys(("fibre", "particles", "rotation", "phases"), "independent")}
    recipe = configuration.merge(FLOW, {"loss": {"chart": "q", **off}, "sampling": {"langevin": 0, "eta": 0.5}})
    assert loaded(recipe)["loss"]["coupling"] == off["coupling"]
    loaded(configuration.merge(FLOW, {"training": {"optimizer": "adamw"}}))


@pytest.mark.parametrize(
    ("recipe", "over", "message"),
    [
        (FLOW, {"loss": {"chart": "spinr"}}, r"loss\.chart: 'spinr' is not valid; did you mean 'spinor'"),
        (FLOW, {"loss": {"times": {"unifrm": 1}}}, r"loss\.times\.unifrm: unknown key; did you mean 'uniform'"),
        (FLOW, {"loss": {"times": {"smallest": 0}}}, r"times\.smallest: 0 is too small"),
        (FLOW, {"loss": {"coupling": {"fiber": "shared"}}}, r"coupling\.fiber: unknown key; did you mean 'fibre'"),
        (FLOW, {"loss": {"coupling": {"fibre": "aligned"}}}, r"coupling\.fibre: 'aligned' is not valid"),
        (FLOW, {"sampling": {"grid": {"rho": 0}}}, r"grid\.rho: 0 is too small"),
        (FLOW, {"sampling": {"grid": {"tail": {"rho": 4}}}}, r"grid\.tail.*below"),
        (
            FLOW,
            {"sampling": {"grid": {"tail": {"below": 0.001, "rho": 4}}}},
            r"grid\.tail\.below: 0\.001 is not above the smallest time, 0\.003; choose a larger one",
        ),
        (FLOW, {"sampling": {"solver": "multi-step"}}, r"did you mean 'multistep'"),
        (FLOW, {"sampling": {"steps": 1}}, r"sampling\.steps: 1 has no room for the last step of a grid"),
        (FLOW, {"sampling": {"eta": 2}}, r"sampling\.eta: 2 is too large"),
        (FLOW, {"training": {"optimizer": "mun"}}, r"optimizer: 'mun' is not valid; did you mean 'muon'"),
        (FLOW, {"training": {"warmup": -1}}, r"warmup: -1 is too small"),
        (
            FLOW,
            {"sampling": {"langevin": 0.2}},
            r"langevin: 'multistep' takes no steps between its own; use euler, mid",
        ),
        (FLOW, {"sampling": {"noise": "full"}}, r"sampling\.noise: sampling by a solver has no such key"),
        (FLOW, {"prior": "gaussian", "sampling": {"solver": "ancestral"}}, r"sampling\.solver: needs the chart spinor"),
        (
            FLOW,
            {"loss": {"coupling": {"particles": "matched"}}, "sampling": {"solver": "ancestral"}},
            r"needs source and target to be independent; use multistep, or loss\.coupling\.particles: independent",
        ),
        (
            FLOW,
            {"loss": {"chart": "q"}, "sampling": {"solver": "midpoint", "langevin": 0.2}},
            r"sampling\.langevin: needs the chart spinor and the prior rambo",
        ),
        (FLOW, {"loss": {"chart": "q", "coupling": {"phases": "aligned"}}}, "the chart 'q' has no phases"),
        (
            FLOW,
            {"augmentation": "single", "loss": {"coupling": {"rotation": "aligned"}}},
            r"coupling\.rotation: the augmentation 'single' boosts all events alike",
        ),
        (P_FLOW, {"loss": {"chart": "spinor"}}, r"loss\.chart: 'spinor' is a chart of q-space; use q"),
        (P_FLOW, {"loss": {"coupling": {"fibre": "shared"}}}, r"coupling\.fibre: is made for q-space"),
        (DIFFUSION, {"schedule": "default"}, "schedule: a q-space diffusion with a loss of type velocity has no such"),
        (DIFFUSION, {"loss": {"chart": "q"}}, r"loss\.chart: 'q' is not valid; \(known: spinor\)"),
        (
            DIFFUSION,
            {"loss": {"coupling": {"fibre": "shared"}}},
            r"loss\.coupling: a loss of type velocity has no such",
        ),
        (CHAIN, {"schedule": "record"}, "'record' has softening, the chart log-polar has none"),
        (CHAIN, {"schedule": "long"}, "'long' has gaussian_steps, the chart log-polar has none"),
        (CHAIN, {"loss": {"chart": "spinor"}}, r"loss\.chart: 'spinor' is not valid; \(known: q, log-polar\)"),
    ],
)
def test_a_fault_is_one_line_that_says_what_to_do(recipe, over, message):
    with pytest.raises(OnshellError, match=message) as error:
        loaded(configuration.merge(recipe, over))
    assert "\n" not in str(error.value)


def test_a_network_of_ones_own_takes_any_keys_and_nobody_imports_it_to_read_the_configuration(tmp_path):
    (tmp_path / "my_networks.py").write_text("raise SystemExit('imported')\n")
    network = 'networks.mine={"type": "my_networks:Net", "width": [8, 8], "act": {"kind": "silu"}}'
    code = (
        "import sys; from onshell import config; "
        f"c = config.load({str(PATH)!r}, sys.argv[1:]); print(config.run_spec(c, 'muon-q-flow-mine')['network']); "
        "print({'torch', 'my_networks'} & set(sys.modules))"
    )
    settings = [
        network,
        "runs.muon-q-flow-mine={recipe: muon-flow, network: mine}",
        "scales.quick.networks.mine.width=4",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *settings], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "{'type': 'my_networks:Net', 'width': 4, 'act': {'kind': 'silu'}}", "set()"
    ]  # fmt: skip


def test_muon_needs_its_rate_and_velocity_its_chart():
    training = {key: value for key, value in FLOW["training"].items() if key != "muon_lr"}
    with pytest.raises(OnshellError, match=r"training\.muon_lr: missing; the optimiser muon needs it"):
        loaded(FLOW | {"training": training})
    with pytest.raises(OnshellError, match=r"loss\.chart: missing; a loss of type velocity needs it"):
        loaded(DIFFUSION | {"loss": {"type": "velocity"}})
    with pytest.raises(OnshellError, match=r"sampling\.solver: missing"):
        loaded(DIFFUSION | {"sampling": {"precision": "fp32"}})
