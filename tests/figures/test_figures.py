"""Every figure: three files that open, numbers that are those drawn, no text over other text, equal bytes again."""

import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from scipy import stats

from helpers.entries import FIGURES as ENTRIES
from helpers.statistics import ALPHA
from onshell.core.errors import OnshellError
from onshell.figures.canvas import WIDTH, plain_label, styled
from onshell.figures.dalitz import plane, unit_square
from onshell.figures.data import FigureData
from onshell.figures.registry import FIGURES, draw_figure
from onshell.physics.analytic import log_dalitz_cdf

PRINTED = ("fig04", "fig08", "fig12", "fig22")
"""The figures written in all formats, one of each kind."""


def test_every_figure_of_the_configuration_can_be_drawn():
    assert set(ENTRIES) <= set(FIGURES)


@pytest.fixture(scope="module")
def saved(canvas, tmp_path_factory):
    """Return a function that writes a figure once, `PRINTED` ones in all formats, and gives its path without suffix."""
    folder, found = tmp_path_factory.mktemp("figures"), {}

    def save(name):
        if name not in found:
            found[name] = folder / name
            with styled():
                if name in PRINTED:
                    canvas(name).save_all(folder / name, name)
                else:
                    canvas(name).save(folder / f"{name}.png")
        return found[name]

    return save


@pytest.mark.parametrize("name", ENTRIES)
def test_files_numbers_and_texts(name, canvas, saved, numbers):
    before = dict(mpl.rcParams)
    path, table = saved(name), numbers(name)
    assert dict(mpl.rcParams) == before
    image = imread(path.with_suffix(".png"))
    assert image.shape[1] == WIDTH * 200
    assert np.isfinite(image).all()
    assert image.std() > 0.05
    if name in PRINTED:
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        pd.testing.assert_frame_equal(pd.read_csv(path.with_suffix(".csv")), table)
    assert not list(path.parent.glob(".*"))
    check_numbers(name, table)
    check_texts(canvas(name).figure)


def check_numbers(name, table):
    """Histograms have unit area and errors of sqrt(n), and all numbers are finite."""
    assert (table["figure"] == name).all()
    assert table[["panel", "kind", "series"]].notna().all(axis=None)
    assert np.isfinite(table[["x_lo", "x_hi", "value", "error", "count"]]).all(axis=None)
    for (_, series), panel in table.groupby(["panel", "series"]):
        bins = panel[panel["kind"].isin(["histogram", "map"])]
        if len(bins):
            area = bins["x_hi"] - bins["x_lo"]
            if bins["kind"].iloc[0] == "map":
                area = area * (bins["y_hi"] - bins["y_lo"])
            outside = panel.loc[panel["kind"] == "outside", "value"].sum()
            assert (bins["value"] * area).sum() + outside == pytest.approx(1.0), series
            some = bins[bins["count"] > 0]
            assert np.allclose(some["error"] / some["value"], some["count"] ** -0.5)
    maps = table[table["kind"] == "map"]
    assert "y_lo" not in table or np.isfinite(maps[["y_lo", "y_hi"]]).all(axis=None)


@pytest.mark.parametrize("name", ["fig01", "fig04", "fig18"])
def test_model_maps_show_the_ratio_to_truth_below_them(name, files, canvas, numbers):
    table = numbers(name).dropna(subset="y_lo")
    planes = {"dalitz": plane, "u_1 u_2": unit_square}
    data = FigureData(ENTRIES[name], files)
    labels = {plain_label(label): role for role in data.roles for label in (data.model(role), data.augmentation(role))}
    for panel, rows in table.groupby("panel"):
        ratios = rows[rows["kind"] == "ratio"]
        assert set(ratios["series"]) == set(rows.loc[rows["kind"] == "map", "series"]) - {"truth", "uniform"}
        truth = planes[panel]("truth", data.truth("muon"))
        for series, cells in ratios.groupby("series"):
            model = planes[panel](series, data.sample(labels[series]))
            at = cells.iloc[len(cells) // 2]
            ours, theirs = (within(m, at) for m in (model, truth))
            assert at["count"] == ours
            assert at["value"] == pytest.approx(ours / theirs)  # samples of equal size
            assert at["error"] == pytest.approx(at["value"] * (1 / ours + 1 / theirs) ** 0.5)
            sizes = [within(truth, cell) for _, cell in cells.iterrows()]
            assert min(sizes) >= 5
    squares = {axes.get_title(): axes.get_position() for axes in canvas(name).finish().axes if axes.get_title()}
    below = {title: box for title, box in squares.items() if " / truth" in title}
    assert below
    for title, box in below.items():
        above = squares[title.removesuffix(" / truth")]
        assert (box.x0, box.x1) == pytest.approx((above.x0, above.x1))
        assert box.y1 < above.y0


def within(shown, cell):
    """Return how many entries of a map are in a cell."""
    x = (shown.x >= cell["x_lo"]) & (shown.x < cell["x_hi"])
    return int((x & (shown.y >= cell["y_lo"]) & (shown.y < cell["y_hi"])).sum())


@pytest.mark.parametrize("name", ["fig02", "fig03", "fig05", "fig08", "fig09", "fig12", "fig13", "fig15", "fig17"])
def test_model_panels_show_the_ratio_to_truth(name, numbers):
    table = numbers(name)
    for panel, rows in table.groupby("panel"):
        truth = rows[(rows["kind"] == "histogram") & (rows["series"] == "truth")].set_index("x_lo")["value"]
        ratios = rows[rows["kind"] == "ratio"]
        assert len(ratios), panel
        for series, points in ratios.groupby("series"):
            model = rows[(rows["kind"] == "histogram") & (rows["series"] == series)].set_index("x_lo")["value"]
            at = points["x_lo"]
            assert np.allclose(points["value"], model[at].to_numpy() / truth[at].to_numpy())
        assert set(ratios["series"]) == set(rows.loc[rows["kind"] == "histogram", "series"]) - {"truth", "uniform"}


def test_fig02_prints_the_distance_beside_its_floor_and_draws_the_exact_law_bin_by_bin(files, canvas, numbers):
    table = numbers("fig02")
    found = FigureData(ENTRIES["fig02"], files).metrics("M1")["observables"]["ln_f"]
    printed = table[table["kind"] == "w1"]["value"].tolist()
    assert printed == pytest.approx([found["w1"], found["floor_w1_mean"]])
    texts = " ".join(text.get_text() for axes in canvas("fig02").figure.axes for text in axes.texts)
    assert f"{found['w1']:.4f}" in texts
    assert f"{found['floor_w1_mean']:.4f} \\pm {found['floor_w1_sd']:.4f}" in texts
    law = table[table["kind"] == "curve"]
    expected = (law["value"] * (law["x_hi"] - law["x_lo"])).to_numpy()
    assert expected.sum() == pytest.approx(1 - log_dalitz_cdf(-4.0))
    truth = table[(table["kind"] == "histogram") & (table["series"] == "truth")]
    assert np.allclose(truth["x_lo"], law["x_lo"])
    some = expected * 3000 > 20
    chi2 = ((truth["count"].to_numpy() - 3000 * expected) ** 2 / (3000 * expected))[some].sum()
    assert stats.chi2.sf(chi2, some.sum()) > ALPHA


def test_fig03_draws_the_exact_curves(numbers):
    table = numbers("fig03")
    curve = table[(table["kind"] == "curve") & (table["panel"] == "E_3")]
    e = curve["x_lo"]
    assert np.allclose(curve["value"], 96 * e**2 * (1 - 2 * e))


def test_fig11_pairs_a_training_set_with_the_truth_of_its_cutoff(files, tmp_path):
    entry = ENTRIES["fig11"]
    short = {name: path for name, path in files["events"].items() if name in ("aps_20", "aps_40")}
    with pytest.raises(OnshellError, match=r"aps_30\.single has xi = 30, the figure's `events` have 20, 40; add"):
        draw_figure("fig11", entry | {"events": list(short)}, files | {"events": short}, tmp_path / "fig11")
    assert not list(tmp_path.iterdir())


def test_fig11_draws_any_number_of_datasets(files, redrawn, numbers):
    more = {f"again_{i}": files["events"]["aps_30"] for i in range(5)} | files["events"]
    entry = ENTRIES["fig11"] | {"events": [*(f"again_{i}" for i in range(5)), *ENTRIES["fig11"]["events"]]}
    table, one = redrawn("fig11", entry, events=more), numbers("fig11")
    assert len(table[table["panel"] == "E"]) > 2 * len(one[one["panel"] == "E"])


@pytest.mark.parametrize("name", ["fig04", "fig22"])
def test_same_inputs_same_bytes(name, files, saved, tmp_path):
    draw_figure(name, ENTRIES[name], files, tmp_path / name)
    for suffix in ("pdf", "png", "csv"):
        assert (tmp_path / f"{name}.{suffix}").read_bytes() == saved(name).with_suffix(f".{suffix}").read_bytes()


def texts(figure):
    """Return the boxes of all visible texts of a figure, in pixels, with the text."""
    renderer = figure.canvas.get_renderer()
    found = [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        found += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        found += [text for legend in [axes.get_legend()] if legend for text in legend.get_texts()]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low - 1e-9 <= tick.get_loc() <= high + 1e-9]
            found += [label for tick in ticks for label in (tick.label1, tick.label2)]
    found = [text for text in found if text.get_visible() and text.get_text()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in found]


def check_texts(figure):
    """No text is over other text or off the page."""
    # At the resolution of the pictures their layout of formulas is known already.
    with styled():
        figure.dpi = 2 * figure.dpi
        figure.draw_without_rendering()
        boxes = texts(figure)
    assert len(boxes) > 5
    for text, box in boxes:
        assert figure.bbox.x0 - 1.0 <= box.x0, text
        assert box.x1 <= figure.bbox.x1 + 1.0, text
        assert figure.bbox.y0 - 1.0 <= box.y0, text
        assert box.y1 <= figure.bbox.y1 + 1.0, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        along = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(across, along) < 2.0, (one, other)


def test_unknown_figure_and_missing_inputs(files, tmp_path):
    with pytest.raises(OnshellError, match=r"fig3: no such figure; did you mean 'fig\d\d'\?"):
        draw_figure("fig3", {}, files, tmp_path / "fig3")
    with pytest.raises(OnshellError, match="no run for the role M1"):
        draw_figure("fig01", {"events": ["muon", "uniform_3"]}, files, tmp_path / "fig01")
    with pytest.raises(OnshellError, match="needs uniform phase space"):
        draw_figure("fig01", ENTRIES["fig01"] | {"events": ["muon"]}, files, tmp_path / "fig01")
    gone = files | {"samples": {"muon-q-diffusion": tmp_path / "gone.parquet"}}
    with pytest.raises(OnshellError, match=r"gone\.parquet: no such file"):
        draw_figure("fig01", ENTRIES["fig01"], gone, tmp_path / "fig01")
    assert not list(tmp_path.iterdir())
