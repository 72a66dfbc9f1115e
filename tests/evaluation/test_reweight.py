"""Importance weights: what they are worth, exactly known cases, and `onshell weights`."""

import json

import numpy as np
import pytest
import torch

from helpers.statistics import assert_mean
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.reweight import capped_efficiency, quality, reweight_file, weights_in_q
from onshell.events.table import read_events, write_events
from onshell.physics import generators, rambo, targets

SAID = {"likelihood": {"trace": "exact"}, "augmentation": {"spec": {"per_event": True}}}


def silent(_):
    pass


def q_points(n=20_000, scale=1.0):
    return scale * rambo.sample_prior(n, 3, stream(1, "q"))


def table(path, q, log_prob, metadata=SAID):
    b, x = rambo.frame(q)
    columns = dict(zip(("bx", "by", "bz"), b.numpy().T, strict=True)) | {"x": x.numpy(), "log_prob": log_prob.numpy()}
    write_events(path, [(rambo.to_p(q), columns)], metadata)
    return path


def test_equal_weights_are_worth_every_event():
    found = quality(np.full(50, 3.0))
    assert (found.events, found.integral, found.error, found.zero) == (50, 3.0, 0.0, 0.0)
    assert found.effective == pytest.approx(50)
    assert found.efficiency == 1
    assert found.efficiency_capped == pytest.approx(1, abs=2e-3)


def test_quality_by_hand():
    found = quality(np.array([1.0, 3.0, 0.0, 0.0]))
    assert (found.integral, found.effective, found.efficiency, found.zero) == (1, 1.6, pytest.approx(1 / 3), 0.5)
    assert found.error == pytest.approx(np.std([1, 3, 0, 0], ddof=1) / 2)


def test_a_capped_efficiency_leaves_a_thousandth_of_the_weight_above():
    weights = stream(2, "w").exponential(size=5_000) ** 2
    found = capped_efficiency(weights)
    cap = np.sort(weights)
    # By bisection.
    low, high = 0.0, cap[-1]
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(weights - middle, 0).sum() > 1e-3 * weights.sum() else (low, middle)
    assert found == pytest.approx(np.minimum(weights, high).mean() / high, rel=1e-9)
    assert found > weights.mean() / weights.max()


@pytest.mark.parametrize("bad", [[1.0], [1.0, np.nan], [0.0, 0.0], [1.0, -0.1]])
def test_weights_without_a_quality_are_refused(bad):
    with pytest.raises(OnshellError, match="have no quality"):
        quality(np.array(bad))


@pytest.mark.parametrize("fitted", [False, True])
def test_uniform_events_weighted_to_muon_decay_integrate_to_one(fitted):
    """From p_ref at 0.9 times its scale, whose density is known: with any law of the fibre the mean weight is 1."""
    q = q_points(scale=0.9)
    log_prob = rambo.prior_log_prob(q / 0.9) - 9 * np.log(0.9) - rambo.prior_log_prob(q)
    density = targets.target("muon")[0](rambo.to_p(q))
    weights = weights_in_q(density, log_prob, *rambo.frame(q), 3, fitted=fitted)
    assert_mean(weights, 1.0)
    e_3 = rambo.to_p(q)[:, 2].norm(dim=-1).numpy()
    # <E_3> of muon decay is 3/10.
    assert_mean(weights * (e_3 - 0.3), 0.0)


def test_uniform_events_are_worth_five_sixths_for_muon_decay(tmp_path):
    path = table(tmp_path / "s.parquet", q_points(), torch.zeros(20_000, dtype=torch.float64))
    lines, report = [], tmp_path / "w.json"
    found = reweight_file(path, tmp_path / "w.parquet", target="muon", report=report, progress=lines.append)
    assert found.share == pytest.approx(5 / 6, abs=0.01)
    assert found.integral == pytest.approx(1, abs=6 * found.error)
    # The largest weight is 12/8 at E_3 = 1/4.
    assert found.efficiency == pytest.approx(2 / 3, abs=0.01)
    events = read_events(tmp_path / "w.parquet")
    assert events.columns["weight"].mean() == found.integral
    assert events.metadata["importance"]["fibre"] == "prior"
    assert json.loads(report.read_text())["effective"] == found.effective
    assert "(exact: 1)" in lines[0]
    assert "effective sample size" in lines[1]


def test_where_metadata_do_not_name_the_frames_a_law_is_fitted(tmp_path):
    path = table(tmp_path / "s.parquet", q_points(4_000), torch.zeros(4_000, dtype=torch.float64), {"likelihood": {}})
    found = reweight_file(path, tmp_path / "w.parquet", target="uniform", progress=silent)
    assert found.integral == pytest.approx(1, abs=5 * found.error)
    assert read_events(tmp_path / "w.parquet").metadata["importance"]["fibre"] == "fitted"


def test_a_table_of_truth_names_the_process(tmp_path):
    path = table(tmp_path / "s.parquet", q_points(4_000), torch.zeros(4_000, dtype=torch.float64))
    p = generators.events("qqg", 10, seed=1, cutoff=0.05)
    truth = tmp_path / "qqg.parquet"
    write_events(truth, [p], {"generator": "qqg", "parameters": {"cutoff": 0.05, "n_particles": 3}})
    found = reweight_file(path, tmp_path / "w.parquet", truth=truth, progress=silent)
    assert found.integral == pytest.approx(1, abs=5 * found.error)
    assert 0.25 < found.zero < 0.31


def test_a_matrix_element_of_user_defined_gives_its_integral(tmp_path, monkeypatch):
    (tmp_path / "matrix.py").write_text(
        "def element(p):\n    return 5 * p[:, 0].norm(dim=-1)\n\n\ndef wrong(p):\n    return p\n\n\n"
        "def faulty(p):\n    raise ValueError('no couplings')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = table(tmp_path / "s.parquet", q_points(4_000), torch.zeros(4_000, dtype=torch.float64))
    found = reweight_file(path, tmp_path / "w.parquet", target="matrix:element", progress=silent)
    assert found.integral == pytest.approx(5 / 3, abs=5 * found.error)
    (tmp_path / "w.parquet").unlink()
    for name, message in (("wrong", "one an event"), ("faulty", "ValueError: no couplings"), ("none", "cannot be")):
        with pytest.raises(OnshellError, match=message):
            reweight_file(path, tmp_path / "w.parquet", target=f"matrix:{name}", progress=silent)
    assert not (tmp_path / "w.parquet").exists()


def test_tables_that_cannot_be_weighted_are_refused(tmp_path):
    q = q_points(200)
    good = table(tmp_path / "s.parquet", q, torch.zeros(200, dtype=torch.float64))
    plain, off, few, own, single = (tmp_path / f"{name}.parquet" for name in ("plain", "off", "few", "own", "single"))
    write_events(plain, [rambo.to_p(q)], {})
    write_events(off, [q], {"conserves": False})
    table(few, q[:50], torch.zeros(50, dtype=torch.float64))
    shared = {**SAID, "augmentation": {"name": "single", "spec": {"copies": 1}}}
    table(single, q, torch.zeros(200, dtype=torch.float64), shared)
    out = tmp_path / "w.parquet"
    for path, options, message in (
        (single, {"target": "muon"}, r"single\.parquet: its model was trained with augmentation 'single'"),
        (single, {"target": "muon", "fibre": "fitted"}, "singular along the fibre"),
        (plain, {"target": "muon"}, "no column log_prob; draw the events with"),
        (off, {"target": "muon"}, "off the shell"),
        (few, {"target": "muon"}, "50 events are too few"),
        (good, {}, "either --truth or --target"),
        (good, {"target": "moun"}, "did you mean 'muon'"),
        (good, {"truth": plain}, "has no generator"),
        (good, {"target": "muon", "fibre": "some"}, "--fibre some"),
        (own, {"target": "muon"}, "no such file"),
    ):
        with pytest.raises(OnshellError, match=message):
            reweight_file(path, out, progress=silent, **options)
    assert not out.exists()
