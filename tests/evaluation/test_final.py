"""The third part of truth, `final`: a table of its own for a generator, a share of the held-out events of an import."""

from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.lhe import REAL
from helpers.products import SEED, make_floor, make_metrics, silent, smeared, truth
from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.core.errors import OnshellError
from onshell.evaluation.truth import held_out
from onshell.events.datasets import Truth, generate_file
from onshell.events.lhe.importing import Settings, import_file, split_rows
from onshell.events.table import read_events, read_metadata
from onshell.physics.generators import events

CONFIG = Path(__file__).parents[2] / "config.yaml"
MINE = 'processes.mine={"source": "my.lhe", "n_particles": 3}'


def generated(path, **sizes):
    generate_file(path, Truth("muon", "muon", "muon", {}, SEED, **{"n_train": 0, "n_test": 0} | sizes))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("final")


@pytest.fixture(scope="module")
def muon(folder):
    return truth(folder, "muon", "muon", "muon", 500)


@pytest.fixture(scope="module")
def final(folder):
    return generated(folder / "muon.final.parquet", n_final=500)


def test_final_events_are_a_stream_of_their_own_and_move_no_others(muon, final, folder):
    assert torch.equal(held_out(final, "final").momenta, events("muon", 500, seed=SEED, name=("muon", "final")))
    assert read_metadata(final)["split"] == {"train": [0, 0], "test": [0, 0], "final": [0, 500]}
    assert read_metadata(final)["stream"]["final"] == ["muon", "final"]
    everything = torch.cat([read_events(path).momenta for path in (muon, final)])[:, 0, 0]
    assert len(everything.unique()) == 1500
    both = generated(folder / "both.parquet", n_train=500, n_test=500, n_final=20)
    assert read_metadata(both)["split"] == {"train": [0, 500], "test": [500, 1000], "final": [1000, 1020]}
    for part in ("train", "test"):
        assert torch.equal(read_events(both, rows=part).momenta, read_events(muon, rows=part).momenta)
    assert read_metadata(muon)["split"] == {"train": [0, 500], "test": [500, 1000]}
    assert set(read_metadata(muon)["stream"]) == {"train", "test"}


def test_metrics_say_which_part_judged_and_share_the_floor(muon, final, folder):
    sample = smeared(folder, "muon-q-diffusion", muon, 0.1, {})
    floor, options = folder / "floor.json", {"seed": SEED, "splits": 1, "progress": silent}
    make_floor(muon, floor, sample_size=500, replicates=2, **options)
    usual = make_metrics(sample, muon, folder / "test.json", floor=floor, **options)
    last = make_metrics(sample, final, folder / "final.json", floor=floor, judge="final", **options)
    assert (usual["judge"], last["judge"]) == ("test", "final")
    assert usual["observables"]["E_1"]["w1"] != last["observables"]["E_1"]["w1"]
    assert usual["observables"]["E_1"]["floor_w1_mean"] == last["observables"]["E_1"]["floor_w1_mean"]
    for path, judge, fault in (
        (muon, "final", r"muon\.parquet: has no part 'final'; make one with"),
        (final, "test", r"muon\.final\.parquet: no events in the part that is needed"),
        (muon, "train", "judge: 'train' is no part of truth that judges; use test or final"),
    ):
        with pytest.raises(OnshellError, match=fault) as caught:
            make_metrics(sample, path, folder / "never.json", judge=judge, **options)
        assert "\n" not in str(caught.value)
    assert not (folder / "never.json").exists()


def test_imported_events_are_divided_once_into_three(tmp_path):
    plain, divided = tmp_path / "plain.parquet", tmp_path / "divided.parquet"
    import_file(REAL, plain, Settings(held_out=0.5))
    import_file(REAL, divided, Settings(held_out=0.5, final=0.4))
    assert "final" not in read_metadata(plain)["split"]
    parts = {part: read_events(divided, rows=part).columns["event"] for part in ("train", "test", "final")}
    before = {part: read_events(plain, rows=part).columns["event"] for part in ("train", "test")}
    assert np.array_equal(parts["train"], before["train"])
    assert len(parts["final"]) == round(0.4 * len(before["test"]))
    assert sorted([*parts["test"], *parts["final"]]) == sorted(before["test"])
    assert len(held_out(divided, "final")) == len(parts["final"])
    rows = split_rows(1000, Settings(held_out=0.5, final=0.5, test=100, dataset="x"))
    assert {part: len(numbers) for part, numbers in rows.items()} == {"train": 500, "test": 100, "final": 100}
    assert not set(rows["test"]) & set(rows["final"])


def test_shares_that_leave_no_part_are_refused(tmp_path):
    for settings, fault in (
        ({"final": 1.0}, "final share: 1; give a number from 0 to below 1"),
        ({"final": float("nan")}, "final share: nan; give a number"),
        ({"held_out": 0.0, "final": 0.5}, "final share: 0 held-out events cannot be divided"),
    ):
        with pytest.raises(OnshellError, match=fault):
            import_file(REAL, tmp_path / "never.parquet", Settings(**settings))
    assert not list(tmp_path.iterdir())


def test_the_configuration_says_which_part_judges():
    config = configuration.load(CONFIG, [MINE])
    assert Layout(config).judged("muon") == "results/quick/events/muon.parquet"
    assert "final" not in configuration.import_options(configuration.datasets(config)["mine"])
    divided = MINE.replace("}", ', "final": 0.5}')
    config = configuration.load(CONFIG, [divided, "judge=final"])
    assert Layout(config).judged("muon") == "results/quick/events/muon.final.parquet"
    assert Layout(config).judged("mine") == "results/quick/events/mine.parquet"
    assert configuration.import_options(configuration.datasets(config)["mine"])["final"] == 0.5
    for settings, fault in (
        ([MINE, "judge=final"], "processes.mine: has no part 'final' to judge by; give it `final: 0.5`"),
        (["judge=last"], "judge: 'last'"),
        (["processes.muon.final=0.5"], "processes.muon.final: is for a source"),
        ([MINE.replace("}", ', "final": 1}')], "processes.mine.final: 1"),
    ):
        with pytest.raises(OnshellError, match=fault) as caught:
            configuration.load(CONFIG, settings)
        assert "\n" not in str(caught.value)
