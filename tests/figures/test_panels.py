"""Histograms normalised by all entries, whatever a model produced; ratio scales; symbols."""

import numpy as np
import pytest

from onshell.figures.labels import power_of_ten
from onshell.figures.maps import Map, maps
from onshell.figures.panels import RATIO_SPANS, Binned, Law, Series, histogram, span
from onshell.figures.sheet import Sheet, styled, words

EDGES = np.linspace(0.0, 1.0, 11)


def test_normalised_by_all_entries():
    values = np.array([0.05, 0.15, 0.15, 7.0, -1e300, 1.0, 1.0 + 1e-12, 0.0])
    h = Binned.of(values, EDGES)
    assert h.counts.tolist() == [2, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert h.outside == 2
    assert (h.density * np.diff(EDGES)).sum() == pytest.approx(6 / 8)
    assert h.error[1] == pytest.approx(np.sqrt(2) / (8 * 0.1))


def test_far_out_entries_are_told_in_the_panel_and_the_numbers():
    draws = np.random.Generator(np.random.PCG64(1))
    truth, model = draws.uniform(size=5000), np.concatenate([draws.uniform(size=4000), np.full(1000, 1e6)])
    with styled():
        sheet = Sheet("fig00")
        (pair,) = sheet.row(1, 2.0)
        histogram(sheet, pair, "x", [Series("truth", truth, "truth"), Series("model", model)], EDGES, label="x")
        sheet.finish().canvas.draw()
    assert [text.get_text() for text in pair[0].texts] == ["model: 20.0% outside"]
    table = sheet.table()
    outside = table[table["kind"] == "outside"]
    assert outside[["series", "value", "count"]].to_numpy().tolist() == [["model", 0.2, 1000]]
    ratio = table[table["kind"] == "ratio"]["value"]
    assert ratio.mean() == pytest.approx(0.8, abs=0.05)


def test_ratio_scale_fits_the_worst_panel_of_a_row():
    x = (np.arange(100_000) + 0.5) / 100_000
    flat, tilted = Series("truth", x, "truth"), Series("model", np.sqrt(x))
    assert span([([flat, Series("model", x)], EDGES)]) == min(RATIO_SPANS)
    assert span([([flat, Series("model", x)], EDGES), ([flat, tilted], EDGES)]) == max(RATIO_SPANS)
    assert span([([flat], EDGES)], Law("flat", np.ones_like, lambda c: c)) == min(RATIO_SPANS)


def test_a_model_that_misses_the_range_altogether_can_be_drawn():
    with styled():
        sheet = Sheet("fig00")
        (pair,) = sheet.row(1, 2.0)
        truth = Series("truth", np.full(50, 0.5), "truth")
        histogram(sheet, pair, "x", [truth, Series("model", np.full(50, 9.0))], EDGES, label="x", log_y=True)
        sheet.finish().canvas.draw()
    assert np.isfinite(sheet.table()[["value", "error"]]).all(axis=None)


def test_maps_share_one_scale_and_leave_empty_bins_white():
    with styled():
        sheet = Sheet("fig00")
        shown = [
            Map("a", np.array([0.1, 0.1, 0.9]), np.array([0.1, 0.1, 0.9])),
            Map("b", np.array([0.5]), np.array([3.0])),
        ]
        shown.append(Map("c", np.array([0.5]), np.array([0.5])))
        maps(sheet, shown, (0.0, 1.0), ("x", "y"), bins=10, log=True)
        figure = sheet.finish()
        figure.canvas.draw()
    images = [axes.collections[0] for axes in figure.axes[:3]]
    assert len({image.norm for image in images}) == 1
    assert [image.get_array().count() for image in images] == [2, 0, 1]
    table = sheet.table()
    assert table[table["kind"] == "outside"][["series", "count"]].to_numpy().tolist() == [["b", 1]]


def test_powers_of_ten():
    assert [power_of_ten(x) for x in (1e-3, 30.0, 1e-2, 0.5)] == ["10^{-3}", "30", "10^{-2}", "0.5"]


def test_labels_are_plain_in_the_drawn_numbers():
    assert words(r"$m^2_{\mathrm{cut}} = 10^{-2}$") == "m^2_cut = 10^-2"
    assert words(r"$\xi = 30$") == "xi = 30"
    assert words("$q$-space diffusion") == "q-space diffusion"
