"""The antennas: the curves of (23) and (24), nine decades, one truth for each model, violations of conservation."""

import numpy as np
import pytest
import torch

from helpers.specs import run_spec
from onshell.core.errors import OnshellError
from onshell.evaluation.truth import held_out
from onshell.events.augment import frames
from onshell.events.table import write_events
from onshell.figures.antennas import LEAST, guide, violations
from onshell.physics import analytic


def test_guide_has_the_area_of_truth_in_its_range():
    draws = np.random.Generator(np.random.PCG64(3)).normal(-4.3, 0.8, size=20_000)
    law = guide(draws, 10)
    inside = (draws >= law.extent[0]) & (draws < law.extent[1])
    assert np.log(10) * np.array(law.extent) == pytest.approx([-10.5, -8.5])
    x = np.linspace(*law.extent, 2001)
    assert np.trapezoid(law.pdf(x), x) == pytest.approx(inside.mean(), rel=1e-5)
    assert law.pdf(x[0]) / law.pdf(x[-1]) == pytest.approx((10.5 / 8.5) ** 15, rel=1e-9)


def test_fig12_draws_truth_model_and_uniform_with_both_laws(numbers):
    table = numbers("fig12")
    for panel, part in table.groupby("panel"):
        assert panel in {"aps_20", "aps_30", "aps_40"}
        histograms = part[part["kind"] == "histogram"]
        assert list(histograms["series"].unique()) == ["truth", "q-space diffusion", "uniform"]
        curves = {name: rows for name, rows in part[part["kind"] == "curve"].groupby("series")}
        assert set(curves) == {"(24)", "(24), improved", "(23), scaled"}
        for name, form in (("(24)", "paper"), ("(24), improved", "improved")):
            tau = 10 ** curves[name]["x_lo"].to_numpy()
            per_decade = analytic.thermal_tau_pdf(tau, 10, form) * tau * np.log(10)
            assert np.allclose(curves[name]["value"], per_decade, rtol=1e-6)
        ends = np.log(10) * curves["(23), scaled"]["x_lo"].agg(["min", "max"])
        assert ends.tolist() == pytest.approx([-10.5, -8.5])
    scales = table[(table["kind"] == "histogram")].groupby("panel")[["x_lo", "x_hi"]].agg(["min", "max"])
    assert (scales == scales.iloc[0]).all(axis=None)


def test_fig12_needs_uniform_phase_space_of_ten_particles(redrawn):
    events = ["aps_20", "aps_30", "aps_40", "uniform_3"]
    with pytest.raises(OnshellError, match="events: uniform_3 has 3 particles where 10 are needed; name another"):
        redrawn("fig12", {"events": events})


def test_fig13_spans_nine_decades(numbers):
    table = numbers("fig13")
    histograms = table[table["kind"] == "histogram"]
    assert histograms["x_hi"].max() - histograms["x_lo"].min() >= 9
    models = {"q-space diffusion", "q-space flow matching", "p-space diffusion", "p-space flow matching"}
    assert set(histograms["series"]) == {"truth", *models}
    assert set(table.loc[table["kind"] == "ratio", "series"]) == models


def test_fig13_compares_models_of_one_dataset(redrawn):
    match = "runs: this figure compares models of one dataset, not of A30: aps_30, A20: aps_20; name such runs"
    with pytest.raises(OnshellError, match=match):
        redrawn(
            "fig13",
            {"runs": {"A30": "aps_30-q-diffusion", "A20": "aps_20-q-diffusion"}, "events": ["aps_20", "aps_30"]},
        )


def test_truth_with_the_noise_of_the_last_step_is_drawn_where_the_model_has_it(files, redrawn, tmp_path):
    # The sample of the model is truth itself, said to be drawn in the given frame with full noise.
    chosen = frames({"copies": 1}, name="single", process="aps", n_particles=10, seed=1)
    schedule = {"steps": 2, "gamma": [0.002, 0.01]}
    samples = {}
    for noise in ("full", "posterior"):
        spec = run_spec(n_particles=10, schedule=schedule, sampling={"noise": noise})
        metadata = {"spec": spec, "process": "aps", "dataset": "aps_30", "seed": 4, "augmentation": chosen.metadata()}
        samples[f"aps_30-q-diffusion-{noise}"] = path = tmp_path / f"{noise}.parquet"
        write_events(path, [held_out(files["events"]["aps_30"]).momenta], metadata)
    entry = {"runs": {"A": "aps_30-q-diffusion-full", "B": "aps_30-q-diffusion-posterior"}, "events": ["aps_30"]}
    table = redrawn("fig13", entry, samples=samples)
    histograms = table[table["kind"] == "histogram"]
    noisy = "truth + last step, A"
    assert set(histograms["series"]) == {"truth", "A", "B", noisy}
    # The noise fills up the small |q|, so that tau is pushed up; the model itself is truth.
    mean = {
        name: np.average((part["x_lo"] + part["x_hi"]) / 2, weights=part["count"])
        for name, part in histograms.groupby("series")
    }
    assert mean["A"] == mean["B"] == mean["truth"]
    assert mean[noisy] > mean["truth"] + 0.5
    named = redrawn("fig12", {"runs": {"A30": "aps_30-q-diffusion-full"}}, samples=samples)
    assert "truth + last step" in set(named["series"])


def line(*x):
    """Return an event along one axis with these momenta."""
    return torch.tensor([[[value, 0.0, 0.0] for value in x]], dtype=torch.float64)


def test_known_violations():
    found = violations(line(0.5, -0.25, -0.125))
    # The median of 0.5, 0.25 and 0.125 is 0.25; an eighth is missing in energy and too much in p_x.
    assert found["energy"] == pytest.approx([np.log10(0.5)])
    assert found["px"] == pytest.approx([np.log10(0.5)])
    assert found["py"] == found["pz"] == [LEAST - 0.5]
    assert violations(line(0.5, -0.25, -0.25))["energy"] == [LEAST - 0.5]


def test_fig14_shows_machine_precision_and_violations_decades_apart(numbers):
    table = numbers("fig14")
    assert set(table["panel"]) == {"energy", "px", "py", "pz"}
    assert (table.groupby(["panel", "series"])["count"].sum() == 3000).all()
    assert not (table["kind"] == "outside").any()
    for _, part in table.groupby("panel"):
        seen = part[part["count"] > 0].groupby("series")["x_hi"].agg(["min", "max"])
        assert (seen.loc[["truth", "q-space diffusion", "q-space flow matching"], "max"] < -11).all()
        typical = part.loc[part.groupby("series")["count"].idxmax()].set_index("series")["x_lo"]
        assert typical["p-space diffusion"] > typical["p-space flow matching"] + 1
        assert typical["p-space flow matching"] > -4
    zeros = table[(table["x_hi"] == LEAST) & (table["series"] == "q-space diffusion")]
    assert (zeros["x_lo"] == LEAST - 1).all()
    assert zeros.set_index("panel").loc["energy", "count"] > 0
