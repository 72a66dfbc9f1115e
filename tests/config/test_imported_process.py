"""A process whose events come from a Les Houches file, in the configuration: what it takes, refuses and adds."""

from pathlib import Path

import pytest

from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.core.errors import OnshellError

PATH = Path(__file__).parents[2] / "config.yaml"
MINE = ['processes.mine={"source": "my.lhe.gz", "n_particles": 3}']
FLOW = 'runs.mine-q-flow={"recipe": "three-body-flow", "preset": "best"}'
NAMES = "runs.mine-q-flow.network=labelled-beam"
MUON = 'runs.muon-q-flow={"recipe": "muon-flow", "preset": "best"}'
QQG = 'runs.qqg_1e-3-q-flow={"recipe": "three-body-flow", "preset": "best"}'
TURNED = 'runs.qqg_1e-3-q-flow.loss={"coupling": {"rotation": "aligned"}}'
MATCHED = 'runs.muon-q-flow.loss={"coupling": {"particles": "matched"}}'
RUN = 'runs.mine-q-diffusion={"recipe": "three-body-diffusion"}'


def test_three_lines_make_a_dataset_a_run_and_a_figure():
    config = configuration.load(PATH, [*MINE, RUN])
    entry = configuration.datasets(config)["mine"]
    assert (entry.source, entry.n_particles, entry.process) == ("my.lhe.gz", 3, "mine")
    sizes = config["scales"]["quick"]["events"]["default"]
    assert configuration.import_options(entry) == configuration.IMPORT | {"n_particles": 3} | sizes
    assert config["figures"]["fig_mine"] == {
        "title": "all of mine",
        "draw": "process",
        "runs": {"mine-q-diffusion": "mine-q-diffusion"},
        "events": ["mine"],
    }
    assert configuration.run_spec(config, "mine-q-diffusion")["n_particles"] == 3
    assert Layout(config).exported("mine-q-diffusion") == "results/quick/paper/samples/mine-q-diffusion.lhe.gz"


def test_an_import_does_not_depend_on_what_is_said_of_the_export():
    config = configuration.load(PATH, [*MINE, "processes.mine.independent_energy=true"])
    assert "independent_energy" not in configuration.import_options(configuration.datasets(config)["mine"])


def test_without_a_run_there_is_no_figure_and_a_figure_of_the_user_stays():
    assert "fig_mine" not in configuration.load(PATH, MINE)["figures"]
    own = 'figures.fig_mine={"draw": "process", "title": "x", "runs": {"A": "mine-q-diffusion"}, "events": ["mine"]}'
    assert configuration.load(PATH, [*MINE, RUN, own])["figures"]["fig_mine"]["title"] == "x"


def test_generated_datasets_are_what_they_were():
    config = configuration.load(PATH)
    assert all(entry.source is None for entry in configuration.datasets(config).values())
    assert "source" not in vars(configuration.datasets(config)["muon"])


def test_a_source_that_is_not_there_is_named_with_its_key(tmp_path, monkeypatch):
    config = configuration.load(PATH, MINE)
    monkeypatch.chdir(tmp_path)
    assert configuration.missing_source(config).startswith("processes.mine.source: 'my.lhe.gz': no such file; ")
    (tmp_path / "my.lhe.gz").touch()
    assert configuration.missing_source(config) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (['processes.mine={"n_particles": 3}'], r"processes\.mine: .* exactly one of: generator; source"),
        ([*MINE, "processes.mine.generator=muon"], "exactly one of: generator; source"),
        ([*MINE, "processes.mine.source=my.root"], r"processes\.mine\.source: 'my\.root' does not match"),
        ([*MINE, "processes.mine.n_particles=[3, 4]"], "holds events of one number"),
        ([*MINE, "processes.mine.cutoffs=[1]"], r"processes\.mine\.cutoffs: is for a generator"),
        ([*MINE, 'processes.mine.particles=["q", "qbar"]'], "2 of them where n_particles is 3"),
        ([*MINE, "processes.mine.held_out=1"], "too large; it must be < 1"),
        ([*MINE, "processes.mine.independent_energy=maybe"], "independent_energy: 'maybe'"),
        (["processes.muon.independent_energy=true"], r"processes\.muon\.independent_energy: is for a source"),
        ([*MINE, "processes.mine.shufle=true"], "shufle: unknown key; did you mean 'shuffle'"),
        (["processes.muon.shuffle=true"], r"processes\.muon\.shuffle: is for a source"),
        ([*MINE, RUN, "runs.mine-q-diffusion.preset=record"], "treats all particles alike.*shuffle: true"),
        ([*MINE, FLOW], r"'beam' \(equivariant-mlp\) treats all particles alike.*shuffle: true"),
        ([*MINE, FLOW, "runs.mine-q-flow.network=pairs"], "treats all particles alike"),
        ([MUON, "runs.muon-q-flow.network=beam"], r"alike, but those of muon have names; give the run a network"),
        ([MUON, "runs.muon-q-flow.network=pairs"], r"'pairs' \(equivariant-transformer\) treats all particles alike"),
        ([MUON, "runs.muon-q-flow.recipe=three-body-flow", "runs.muon-q-flow.preset=record"], "'transformer' .* alike"),
        ([MUON, MATCHED], r"coupling\.particles: matching .* have names; give the run particles: independent"),
        ([*MINE, FLOW, NAMES, MATCHED.replace("muon", "mine")], "order of the file; give .* shuffle: true, or"),
        ([QQG, TURNED], r"qqg_1e-3-q-flow\.loss\.coupling\.rotation: events of qqg know the direction of the beam"),
        (['figures.mine={"draw": "proces"}'], r"figures\.mine\.draw: 'proces' is not a figure; did you mean 'process'"),
    ],
)
def test_mistakes_are_refused_in_one_line(settings, message):
    with pytest.raises(OnshellError, match=message) as caught:
        configuration.load(PATH, settings)
    assert "\n" not in str(caught.value)


def test_networks_of_labelled_particles_suit_events_in_their_order():
    for network in ("labelled-beam", "mlp"):
        config = configuration.load(PATH, [*MINE, FLOW, f"runs.mine-q-flow.network={network}"])
        assert configuration.run_spec(config, "mine-q-flow")["network"]["type"].endswith("mlp")


def test_shuffled_events_suit_any_network():
    settings = [*MINE, "processes.mine.shuffle=true", RUN, "runs.mine-q-diffusion.preset=record"]
    assert "fig_mine" in configuration.load(PATH, settings)["figures"]
