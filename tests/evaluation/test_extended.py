"""What studies compare: the boosted classifier, cuts that are known, metrics with and without the events outside."""

import json

import numpy as np
import pytest
import torch

from helpers.products import SEED, make_floor, make_metrics, silent, smeared, truth
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.features import details
from onshell.evaluation.metrics import SamplePair, measure_extended
from onshell.evaluation.truth import inside, pair_cut
from onshell.evaluation.twosample import boosted_auc, halves
from onshell.events.table import read_events, read_metadata
from onshell.physics.generators import events
from onshell.physics.kinematics import energies

CUT = 1e-2


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Truth, its floor, events that leak across its cut, and their metrics."""
    folder = tmp_path_factory.mktemp("extended")
    qqg = truth(folder, "qqg_1e-2", "qqg", "qqg", 1500, cutoff=CUT)
    floor, out = folder / "floor.json", folder / "metrics.json"
    options = {"splits": 1, "extended": True, "progress": silent}
    make_floor(qqg, floor, sample_size=1500, replicates=3, classified=2, **options)
    sample = smeared(folder, "qqg_1e-2-q-flow", qqg, 0.1, {})
    make_metrics(sample, qqg, out, floor=floor, run="told", **options)
    return {"truth": qqg, "floor": floor, "sample": sample, "metrics": out}


def test_trees_see_what_a_hyperplane_cannot():
    """A hole in the middle: linear scores are blind to it. Equal samples are not told apart."""
    rng = stream(1, "test", "boosted")
    a, b = (rng.standard_normal((2000, 2)) for _ in range(2))
    apart = b[np.linalg.norm(b, axis=1) > 0.8]
    train, test = halves(a, apart, rng)
    # The ideal score is the length: all of b beyond 0.8, of a the share exp(-0.32); AUC = 1/2 + (1 - exp(-0.32))/2.
    assert boosted_auc(train, test, 0) == pytest.approx(0.5 + (1 - np.exp(-0.32)) / 2, abs=0.05)
    assert boosted_auc(*halves(a, b, rng), 0) == pytest.approx(0.5, abs=0.06)
    assert boosted_auc(train, test, 0) == boosted_auc(train, test, 0)
    weights = tuple(tuple(np.ones(len(x)) for x in part) for part in (train, test))
    assert boosted_auc(train, test, 0, weights) == pytest.approx(boosted_auc(train, test, 0), abs=0.01)


def test_the_classifier_sees_energies_masses_and_angles():
    p = events("muon", 50, seed=SEED, name=("test", "details"))
    seen = details(p)
    assert seen.shape == (50, 9)
    assert np.allclose(seen[:, :3], energies(p))
    # Massless: s = 2 E E (1 - cos).
    pairs = [(0, 1), (0, 2), (1, 2)]
    products = np.stack([np.log(2 * seen[:, i] * seen[:, j]) for i, j in pairs], 1)
    assert np.allclose(seen[:, 3:6], products + seen[:, 6:])
    turned = p[:, [2, 0, 1]]
    assert np.allclose(details(p, ordered=False), details(turned, ordered=False))
    assert not np.allclose(seen, details(turned))


def test_a_cut_is_known_of_q_qbar_g_alone(files):
    assert pair_cut(read_metadata(files["truth"])) == CUT
    assert pair_cut({"generator": "sarge", "parameters": {"cutoff": 30.0}}) is None
    p = read_events(files["truth"]).momenta
    assert inside(p, CUT).all()
    assert 0.3 < inside(p, 2.0 * CUT).double().mean() < 0.9
    assert inside(p, CUT).dtype == torch.bool


def test_metrics_hold_both_sides_of_the_cut(files):
    found = json.loads(files["metrics"].read_text())
    sample = read_events(files["sample"]).momenta
    kept = inside(sample, CUT)
    assert found["run"] == "told"
    assert found["veto"] == {"cut": CUT, "outside": pytest.approx(1 - kept.double().mean().item())}
    assert 0.01 < found["veto"]["outside"] < 0.5
    assert found["vetoed"]["counts"]["sample"] == int(kept.sum())
    assert found["vetoed"]["observables"].keys() == found["observables"].keys()
    # Below the cut there is nothing of truth: some of the sample lies outside its bins, and none of what is kept.
    assert found["tails"]["outside"] > found["vetoed"]["tails"]["outside"]
    for block in (found, found["vetoed"]):
        ends = {f"floor_{end}" for end in ("mean", "sd", "low", "high")}
        assert block["features"]["boosted"]["auc"].keys() == {"mean", "sd"} | ends
        assert block["counts"]["classifier_replicates"] == 2
        assert block["tails"]["worst"] == pytest.approx(block["features"]["tau"]["worst"]["mean"])
    assert found["features"]["boosted"]["auc"]["mean"] > 0.55


def test_a_floor_says_how_often_it_classified_and_is_no_floor_of_more_than_it_holds(files, tmp_path):
    floor = json.loads(files["floor"].read_text())
    assert (floor["extended"], floor["replicates"], floor["classifier_replicates"]) == (True, 3, 2)
    assert floor["floor"]["boosted.auc"]["mean"] == pytest.approx(0.5, abs=0.06)
    plain = tmp_path / "plain.json"
    options = {"splits": 1, "progress": silent}
    standard = make_floor(files["truth"], plain, sample_size=1500, replicates=3, **options)
    # What is standard does not move for what is not.
    assert standard["floor"].items() <= floor["floor"].items()
    with pytest.raises(OnshellError, match=r"plain\.json: no floor of boosted\.auc, tau\.beyond, tau\.worst"):
        make_metrics(files["sample"], files["truth"], tmp_path / "x.json", floor=plain, extended=True, **options)
    make_metrics(files["sample"], files["truth"], tmp_path / "y.json", floor=files["floor"], **options)
    found = json.loads((tmp_path / "y.json").read_text())
    assert not {"tails", "veto", "vetoed", "generation"} & found.keys()
    assert "boosted" not in found["features"]


def test_many_particles_have_a_c_parameter():
    a, b = (events("uniform", 400, seed=SEED, name=("test", n), n_particles=4) for n in "ab")
    found = measure_extended(SamplePair(a, b, "uniform"), SEED, ("x",), classifier=False)
    assert found.keys() == {"C.w1", "C.ks", "tau.worst", "tau.beyond"}
    assert 0.0 < found["C.ks"][0] < 0.2
