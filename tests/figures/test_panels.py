"""Histograms normalised by all entries, whatever a model produced; ratio scales; symbols."""

import numpy as np
import pytest

from onshell.figures.canvas import Canvas, plain_label, styled
from onshell.figures.maps import RATIO_SCALES, Frame, Map, maps, ratio_maps
from onshell.figures.panels import Panel, draw_row, legend, span
from onshell.figures.series import MODEL_COLOURS, RATIO_SPANS, Binned, Law, Series, colours

EDGES = np.linspace(0.0, 1.0, 11)


def test_normalised_by_all_entries():
    values = np.array([0.05, 0.15, 0.15, 7.0, -1e300, 1.0, 1.0 + 1e-12, 0.0])
    h = Binned.of(Series("some", values), EDGES)
    assert h.counts.tolist() == [2, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert h.outside == 2
    assert (h.density * np.diff(EDGES)).sum() == pytest.approx(6 / 8)
    assert h.error[1] == pytest.approx(np.sqrt(2) / (8 * 0.1))


def test_far_out_entries_are_noted_in_the_panel_and_the_numbers():
    draws = np.random.Generator(np.random.PCG64(1))
    truth, model = draws.uniform(size=5000), np.concatenate([draws.uniform(size=4000), np.full(1000, 1e6)])
    with styled():
        canvas = Canvas()
        (pair,) = draw_row(
            canvas, [Panel("x", [Series("truth", truth, "truth"), Series("model", model)], EDGES, "x")], 2.0
        )
        canvas.finish().canvas.draw()
    assert [text.get_text() for text in pair[0].texts] == ["model: 20.0% outside"]
    table = canvas.table()
    outside = table[table["kind"] == "outside"]
    assert outside[["series", "value", "count"]].to_numpy().tolist() == [["model", 0.2, 1000]]
    ratio = table[table["kind"] == "ratio"]["value"]
    assert ratio.mean() == pytest.approx(0.8, abs=0.05)


def test_ratio_scale_fits_the_worst_panel_of_a_row():
    x = (np.arange(100_000) + 0.5) / 100_000
    flat, tilted = Series("truth", x, "truth"), Series("model", np.sqrt(x))
    even = Panel("x", [flat, Series("model", x)], EDGES, "x")
    assert span([even]) == min(RATIO_SPANS)
    assert span([even, Panel("x", [flat, tilted], EDGES, "x")]) == max(RATIO_SPANS)
    assert span([Panel("x", [flat], EDGES, "x", Law("flat", np.ones_like, lambda c: c))]) == min(RATIO_SPANS)


def test_a_model_that_misses_the_range_altogether_can_be_drawn():
    with styled():
        canvas = Canvas()
        truth = Series("truth", np.full(50, 0.5), "truth")
        draw_row(canvas, [Panel("x", [truth, Series("model", np.full(50, 9.0))], EDGES, "x", log_y=True)], 2.0)
        canvas.finish().canvas.draw()
    assert np.isfinite(canvas.table()[["value", "error"]]).all(axis=None)


def test_maps_share_one_scale_and_leave_empty_bins_white():
    with styled():
        canvas = Canvas()
        shown = [
            Map("a", np.array([0.1, 0.1, 0.9]), np.array([0.1, 0.1, 0.9])),
            Map("b", np.array([0.5]), np.array([3.0])),
        ]
        shown.append(Map("c", np.array([0.5]), np.array([0.5])))
        maps(canvas, shown, Frame("xy", 0.0, 1.0, ("x", "y")), bins=10, log=True)
        figure = canvas.finish()
        figure.canvas.draw()
    images = [axes.collections[0] for axes in figure.axes[:3]]
    assert len({image.norm for image in images}) == 1
    assert [image.get_array().count() for image in images] == [2, 0, 1]
    table = canvas.table()
    assert table[table["kind"] == "outside"][["series", "count"]].to_numpy().tolist() == [["b", 1]]


def grid(*cells):
    """Return a map of n entries in each cell (x, y, n)."""
    x, y = (np.concatenate([np.full(n, cell[i]) for *cell, n in cells]) for i in (0, 1))
    return x, y


def test_ratio_maps_are_white_without_truth_and_coloured_without_model():
    """Bins of truth and model: 30 / 30, 10 / 40, 20 / 0, 4 / 4 (too few in truth), 6 / 0 (a sixth bin is empty)."""
    truth = Map("truth", *grid((0.1, 0.1, 30), (0.6, 0.1, 10), (0.1, 0.6, 20), (0.6, 0.6, 4), (0.35, 0.35, 6)))
    model = Map("model", *grid((0.1, 0.1, 26), (0.6, 0.1, 40), (0.6, 0.6, 4)), model=True)
    with styled():
        canvas = Canvas()
        ratio_maps(canvas, [truth, model], Frame("xy", 0.0, 1.0, ("x", "y")), bins=4)
        figure = canvas.finish()
        figure.canvas.draw()
    image = figure.axes[0].collections[0]
    shown = image.get_array().T
    assert shown.count() == 4
    assert shown.mask[2, 2]
    assert image.norm(1.0) == 0.5
    assert image.norm.vmin * image.norm.vmax == pytest.approx(1.0)
    assert image.norm.vmax == max(RATIO_SCALES)
    assert image.norm(shown[0, 2]) < 0.0  # not masked: below the scale, as the colour bar's arrow is
    assert image.norm(shown[2, 0]) > 1.0
    table = canvas.table().set_index(["x_lo", "y_lo"])
    assert table.loc[(0.5, 0.0), "value"] == pytest.approx(4.0)
    assert table.loc[(0.5, 0.0), "error"] == pytest.approx(4.0 * (1 / 10 + 1 / 40) ** 0.5)
    assert table.loc[(0.0, 0.5), "value"] == 0.0
    assert (0.5, 0.5) not in table.index


def test_ratio_maps_of_samples_of_other_sizes():
    draws = np.random.Generator(np.random.PCG64(2))
    truth, model = (
        Map(name, *draws.uniform(size=(2, n)), model=name == "m") for name, n in (("t", 40_000), ("m", 9000))
    )
    with styled():
        canvas = Canvas()
        ratio_maps(canvas, [truth, model], Frame("xy", 0.0, 1.0, ("x", "y")), bins=4)
    table = canvas.table()
    assert len(table) == 16
    pulls = (table["value"] - 1) / table["error"]
    assert (pulls.abs() < 5).all()
    assert 0.3 < pulls.std() < 2.0


@pytest.mark.parametrize("n", [0, 3, 6, 7, 20])
def test_as_many_colours_as_there_are_models(n):
    found = colours(n)
    assert len(set(found)) == len(found) == n
    assert n > 6 or found == list(MODEL_COLOURS[:n])


def test_a_long_legend_takes_more_lines_and_moves_the_rows_down():
    with styled():
        canvases = [Canvas(), Canvas()]
        for canvas, n in zip(canvases, (5, 13), strict=True):
            legend(canvas, [Series(f"model {i}", np.ones(1), colour=c) for i, c in enumerate(colours(n))])
            canvas.row(1, 1.0)
            canvas.finish().canvas.draw()
    assert canvases[1].bottom > canvases[0].bottom
    box = canvases[1].figure.legends[0].get_window_extent()
    frame = canvases[1].figure.axes[0].get_window_extent()
    assert box.y0 > frame.y1 - 1.0
    assert box.x0 > 0
    assert box.x1 < canvases[1].figure.bbox.x1


def test_labels_are_plain_in_the_drawn_numbers():
    assert plain_label(r"$m^2_{\mathrm{cut}} = 10^{-2}$") == "m^2_cut = 10^-2"
    assert plain_label(r"$\xi = 30$") == "xi = 30"
    assert plain_label("$q$-space diffusion") == "q-space diffusion"
