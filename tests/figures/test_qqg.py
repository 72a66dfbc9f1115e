"""e+ e- -> q qbar g: truth goes with its model by name, fig10 is scaled above the cut and agrees with (19) there."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.entries import FIGURES as ENTRIES
from helpers.statistics import ALPHA
from onshell.core.errors import OnshellError
from onshell.evaluation.observables import observable
from onshell.figures.data import FigureData
from onshell.figures.laws import thrust_law
from onshell.figures.qqg import above
from onshell.physics import analytic

CUTS = {"qqg_1e-2": 1e-2, "qqg_1e-3": 1e-3, "qqg_1e-4": 1e-4}


def rows(table, panel, kind, series=None):
    """Return the drawn numbers of one kind in one panel, of one series or all."""
    found = table[(table["panel"] == panel) & (table["kind"] == kind)]
    return found if series is None else found[found["series"] == series]


def test_fig08_pools_all_particles(numbers):
    table = numbers("fig08")
    assert set(table["panel"]) == set(CUTS)
    for panel, cut in CUTS.items():
        truth = rows(table, panel, "histogram", "truth")
        assert truth["count"].sum() == 3 * 3000
        # E_3 = (s_13 + s_23) / 2 is at least the cut, for every particle.
        assert truth.loc[truth["x_hi"] <= np.log10(cut), "count"].sum() == 0


@pytest.mark.parametrize("name", ["fig08", "fig10"])
def test_truth_goes_with_its_model_by_name(name, numbers, redrawn):
    entry = ENTRIES[name]
    other = {"events": entry["events"][::-1], "runs": dict(list(entry["runs"].items())[::-1])}
    keys = ["panel", "kind", "series", "x_lo"]
    tables = [table.sort_values(keys).reset_index(drop=True) for table in (numbers(name), redrawn(name, other))]
    pd.testing.assert_frame_equal(*tables)


def test_a_model_without_its_truth_is_reported(redrawn):
    match = r"events: qqg_1e-4-q-diffusion needs the truth of qqg_1e-4 \(there: qqg_1e-2, qqg_1e-3\); name it"
    with pytest.raises(OnshellError, match=match):
        redrawn("fig08", {"events": ["qqg_1e-2", "qqg_1e-3"]})


def test_fig09_draws_the_exact_plane(numbers):
    curve = rows(numbers("fig09"), "cos_theta_plane", "curve")
    assert np.allclose(curve["value"], 9 / 16 * (1 - curve["x_lo"] ** 2 / 3))


def test_unit_area_above():
    assert above(np.log10([1e-3, 1e-2, 1e-1, 2e-2]), 1e-2) == pytest.approx(4 / 3)
    assert above(np.log10([1e-3]), 1e-2) == 1.0


def test_fig10_scales_every_histogram_above_the_largest_cut(files, numbers):
    table, data = numbers("fig10"), FigureData(ENTRIES["fig10"], files)
    roles = {data.dataset_of(role): role for role in data.roles}
    for panel, sample in (("truth", data.truth), ("models", lambda name: data.sample(roles[name]))):
        for name, cut in CUTS.items():
            label = f"m^2_cut = 10^{round(np.log10(cut))}"
            share = (observable("log10_tau")(sample(name)) >= np.log10(5e-3)).mean()
            scale = rows(table, panel, "scale", label)["value"].item()
            assert scale == pytest.approx(1 / share)
            bins = rows(table, panel, "scaled", label)
            width = bins["x_hi"] - bins["x_lo"]
            assert np.allclose(bins["value"], scale * bins["count"] / (3000 * width))
            assert np.allclose(bins["error"], scale * np.sqrt(bins["count"]) / (3000 * width))


def test_fig10_truth_agrees_with_19_above_its_cut(numbers):
    table = numbers("fig10")
    law = thrust_law(5e-3, 1e-9)
    for cut in CUTS.values():
        label = f"m^2_cut = 10^{round(np.log10(cut))}"
        ratio = rows(table, "truth", "ratio", label)
        assert ratio["x_lo"].min() >= np.log10(cut / 2)
        bins = rows(table, "truth", "scaled", label).set_index("x_lo").loc[ratio["x_lo"]]
        expected = np.diff(law.cdf(np.array([bins.index, bins["x_hi"]])), axis=0)[0] / (bins["x_hi"] - bins.index)
        assert np.allclose(ratio["value"], bins["value"] / expected)
        counts = expected * (bins["x_hi"] - bins.index) * 3000 / rows(table, "truth", "scale", label)["value"].item()
        chi2 = ((bins["count"] - counts) ** 2 / counts).sum()
        assert stats.chi2.sf(chi2, len(counts)) > ALPHA


def test_fig10_draws_19_on_both_sides_and_20_beside_the_models(numbers):
    table = numbers("fig10")
    curves = table[table["kind"] == "curve"].groupby("panel")["series"].unique()
    assert [list(curves[panel]) for panel in ("truth", "models")] == [["exact (19)"], ["exact (19)", "uniform (20)"]]
    flat = rows(table, "models", "curve", "uniform (20)")
    tau = 10 ** flat["x_lo"]
    per_decade = 12 * (1 - 6 * tau) * tau * np.log(10)
    assert np.allclose(flat["value"], per_decade / (1 - analytic.uniform_tau_cdf(5e-3)), atol=1e-9)
