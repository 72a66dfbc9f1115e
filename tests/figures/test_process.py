"""The figure of any process: what it shows for an imported file, with weights of either sign, at any N."""

import numpy as np
import pytest
import torch

from helpers.drawing import canvas_of, numbers_of
from helpers.lhe import event, file_text, uniform, write
from onshell.core.rng import stream
from onshell.events.lhe.importing import Settings, import_file
from onshell.events.table import write_events
from onshell.figures.canvas import styled
from onshell.figures.dalitz import DALITZ, plane
from onshell.figures.maps import Ratio
from onshell.figures.series import Binned, Series
from onshell.physics import generators


def drawn(folder, n_particles, ids, weights=None, *, picture=True):
    """Return the numbers drawn of uniform truth, imported with `weights`, and of a model that is uniform too."""
    p = uniform(1500, n_particles, "own")
    sizes = np.ones(1500) if weights is None else weights
    events = [event(q, ids, w) for q, w in zip(p, sizes, strict=True)]
    import_file(
        write(folder / "x.lhe", file_text(events, weighting=-4)), folder / "mine.parquet", Settings(held_out=0.8)
    )
    model = generators.events("uniform", 2000, seed=4, name=("own", "model"), n_particles=n_particles)
    write_events(folder / "model.parquet", [model], {"dataset": "mine"})
    run = "mine-q-diffusion"
    entry = {"draw": "process", "runs": {run: run}, "events": ["mine"]}
    files = {"events": {"mine": folder / "mine.parquet"}, "samples": {run: folder / "model.parquet"}}
    if picture:
        return pictured("fig_mine", entry, files, folder)
    return numbers_of(canvas_of("fig_mine", entry, files), "fig_mine")


def pictured(name, entry, files, folder):
    """Return the numbers of a figure after drawing its picture."""
    canvas = canvas_of(name, entry, files)
    with styled():
        canvas.save(folder / f"{name}.png")
    assert (folder / f"{name}.png").stat().st_size > 10_000
    return numbers_of(canvas, name)


def test_three_particles_in_an_order_have_panels_of_their_own_and_a_dalitz_plane(tmp_path):
    found = drawn(tmp_path, 3, (1, -1, 21))
    panels = {f"{name}_{i}" for name in ("E", "cos_theta", "phi") for i in (1, 2, 3)}
    assert set(found["panel"]) == panels | {"s_12", "s_13", "s_23", "tau", "dalitz"}
    assert set(found["figure"]) == {"fig_mine"}
    assert set(found["series"]) == {"truth", "q-space diffusion"}


def test_many_particles_are_pooled(tmp_path):
    found = drawn(tmp_path, 6, (21,) * 6)
    assert set(found["panel"]) == {"E", "E_max", "E_min", "cos_theta", "phi", "s", "tau"}
    energies = found[(found["panel"] == "E") & (found["kind"] == "histogram") & (found["series"] == "truth")]
    outside = found[(found["panel"] == "E") & (found["kind"] == "outside") & (found["series"] == "truth")]
    assert energies["count"].sum() + outside["count"].sum() == 6 * 1200


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_weights_turn_truth_into_another_law(tmp_path, share):
    # Weights 2 E_1 / <2 E_1>, some of them negative at random and made up for by the others.
    p = uniform(1500, 3, "own")
    signs = np.where(stream(1, "test", "signs").random(1500) < share, -1.0, 1.0) / (1.0 - 2.0 * share)
    weights = 3.0 * np.linalg.norm(p[:, 0], axis=1) * signs
    found = drawn(tmp_path, 3, (1, -1, 21), weights, picture=share > 0.0)
    shown = found[(found["panel"] == "E_1") & (found["kind"] == "histogram")].copy()
    shown["centre"] = (shown["x_lo"] + shown["x_hi"]) / 2
    truth, model = (shown[shown["series"] == name] for name in ("truth", "q-space diffusion"))
    # Uniform phase space has p(E_1) = 8 E_1; times 3 E_1 it is 24 E_1^2.
    for sample, law in ((truth, 24.0 * truth["centre"] ** 2), (model, 8.0 * model["centre"])):
        pulls = ((sample["value"] - law) / sample["error"])[sample["count"] >= 20]
        assert len(pulls) >= 6
        # A mean square of 10 pulls or so is below 3 in all but one of 1000 cases.
        assert (pulls**2).mean() < 3.0


def test_errors_of_weighted_bins_are_roots_of_sums_of_squares():
    values, edges = np.array([0.1, 0.2, 0.7, 1.5]), np.array([0.0, 0.5, 1.0])
    h = Binned.of(Series("x", values, weights=np.array([2.0, -1.0, 3.0, 1.0])), edges)
    assert h.density.tolist() == [1.0 / (5 * 0.5), 3.0 / (5 * 0.5)]
    assert h.error.tolist() == pytest.approx([5**0.5 / 2.5, 3.0 / 2.5])
    assert h.share_outside == pytest.approx(0.2)
    assert h.counts.tolist() == [2, 1]


def test_whole_weights_draw_the_map_of_repeated_events():
    p = generators.events("uniform", 500, seed=4, name=("own", "map"), n_particles=3)
    times = stream(1, "test", "times").integers(0, 3, 500)
    edges = DALITZ.edges(5)
    weighted = plane("t", p, weights=times.astype(float))
    repeated = plane("t", p[torch.from_numpy(np.repeat(np.arange(500), times))])
    assert weighted.total == repeated.total
    assert (weighted.sums(edges) == repeated.counts(edges)).all()
    model = plane("m", p, model=True)
    ours, theirs = Ratio.of(model, weighted, edges), Ratio.of(model, repeated, edges)
    both = ~(np.ma.getmaskarray(ours.value) | np.ma.getmaskarray(theirs.value))
    assert both.any()
    assert np.allclose(ours.value.data[both], theirs.value.data[both])
    # Two entries of weight 1 are less certain than one of weight 2 makes them: its error is larger.
    assert (ours.error[both] >= theirs.error[both]).all()


@pytest.mark.parametrize("alike", [False, True])
def test_two_particles_and_events_that_are_all_alike_are_drawn(tmp_path, alike):
    p = generators.events("uniform", 300, seed=4, name=("own", "two"), n_particles=2)
    run, p = "two-q-flow", p[:1].expand(300, -1, -1) if alike else p
    metadata = {"dataset": "two", "process": "two", "split": {"train": [0, 100], "test": [100, 300]}}
    write_events(tmp_path / "two.parquet", [p], metadata)
    write_events(tmp_path / "model.parquet", [p], {"dataset": "two"})
    entry = {"draw": "process", "runs": {run: run}, "events": ["two"]}
    files = {"events": {"two": tmp_path / "two.parquet"}, "samples": {run: tmp_path / "model.parquet"}}
    assert set(pictured("fig_two", entry, files, tmp_path)["panel"]) >= {"E_1", "E_2", "cos_theta_1", "s", "tau"}
