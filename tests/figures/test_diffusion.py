"""Forward and reverse processes: the states at the times that the file holds, and what they are compared with."""

import matplotlib as mpl
import numpy as np
import pytest
import torch
from scipy import stats

from helpers.entries import FIGURES as ENTRIES
from helpers.products import snapshots
from helpers.statistics import ALPHA
from onshell.core.errors import OnshellError
from onshell.evaluation.observables import observable
from onshell.events.table import read_events, read_metadata
from onshell.figures.canvas import styled
from onshell.figures.data import FigureData
from onshell.figures.diffusion import at, embedded, fig21, process_names
from onshell.figures.laws import RADIAL
from onshell.physics import rambo

Q3, S2 = "qqg_1e-3-q-diffusion", "qqg_1e-3-q-diffusion-long-identity"


def test_snapshots_by_normalised_time(files):
    states = FigureData(ENTRIES["fig21"], files).trajectory("S2")
    assert list(states) == [0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    assert all(q.shape == (3000, 3, 3) for q in states.values())
    start = read_events(files["embedded"]["qqg_1e-3.identity"]).momenta
    assert torch.equal(states[0.0], start)


def test_a_file_without_times_is_reported(files):
    path = files["embedded"]["qqg_1e-3.single"]
    data = FigureData(ENTRIES["fig20"], files | {"trajectories": {Q3: path}})
    with pytest.raises(OnshellError, match=r"qqg_1e-3\.single\.parquet: no column `time`; make it with `onshell"):
        data.trajectory("Q3")


def test_times_up_to_a_step(files, tmp_path):
    source = files["embedded"]["qqg_1e-3.single"]
    path = snapshots(tmp_path / "some.parquet", source, (0.0, 0.502, 1.0), "some")
    data = FigureData(ENTRIES["fig20"], files | {"trajectories": {Q3: path}})
    assert torch.equal(at(data, "Q3", 0.5), data.trajectory("Q3")[0.502])
    with pytest.raises(OnshellError, match=r"no snapshot at time 0\.7 \(there: 0, 0\.502, 1\); sample it again"):
        at(data, "Q3", 0.7)


def test_fig20_needs_half_time_and_the_end(files, redrawn, tmp_path):
    path = snapshots(tmp_path / "ends.parquet", files["embedded"]["qqg_1e-3.single"], (0, 1), "ends")
    with pytest.raises(OnshellError, match=r"ends\.parquet: no snapshot at time 0\.5 \(there: 0, 1\)"):
        redrawn("fig20", trajectories=files["trajectories"] | {Q3: path})


def test_names_of_processes(files):
    data = FigureData(ENTRIES["fig19"], files)
    names = ENTRIES["fig19"]["forward"]
    assert process_names(data, "forward", names) == ["$T = 500$, single", "$T = 1000$, single", "$T = 1000$, identity"]
    assert process_names(data, "forward", [names[0], names[0]]) == [names[0], names[0]]


def test_truth_embedded_as_the_training_set(files):
    data = FigureData(ENTRIES["fig20"], files)
    q = embedded(data, ["Q3", "S1"], "qqg_1e-3")
    p = data.truth("qqg_1e-3")
    torch.testing.assert_close(rambo.to_p(q), p, rtol=0, atol=1e-12)
    b, x = rambo.frame(q)
    augmentation = read_metadata(files["trajectories"][Q3])["augmentation"]
    assert x.tolist() == pytest.approx([augmentation["x"][0]] * len(x))
    assert b[0].tolist() == pytest.approx(augmentation["b"][0])


def test_fig20_needs_one_embedding(files, redrawn):
    long = "qqg_1e-3-q-diffusion-long"
    with pytest.raises(OnshellError, match=f"runs: {Q3}, {long} differ in augmentation; name runs that share one"):
        redrawn("fig20", trajectories=files["trajectories"] | {long: files["trajectories"][S2]})


def test_fig19_and_fig22_compare_the_end_with_p_ref(numbers):
    for name, panels in (("fig19", 3), ("fig22", 3)):
        table = numbers(name)
        radial = table[
            (table["kind"] == "histogram") & (table["series"] == "end") & ~table["panel"].str.startswith("tau")
        ]
        assert radial["panel"].nunique() == panels
        assert set(table.loc[table["kind"] == "ratio", "series"]) == {"end"}
        for _, bins in radial.groupby("panel"):
            share = np.diff(RADIAL.cdf(np.append(bins["x_lo"], bins["x_hi"].iloc[-1])))
            expected = share * bins["count"].sum()
            some = expected > 20
            chi2 = ((bins["count"] - expected) ** 2 / expected.clip(1e-9))[some].sum()
            assert stats.chi2.sf(chi2, some.sum()) > ALPHA


def test_fig19_draws_tau_of_uniform_phase_space(numbers):
    table = numbers("fig19")
    tau = table[table["panel"].str.startswith("tau") & (table["kind"] == "curve")]
    assert set(tau["series"]) == {"uniform (20)"}
    t = 10 ** tau["x_lo"]
    assert np.allclose(tau["value"], 12 * (1 - 6 * t) * t * np.log(10), atol=1e-9)


def test_fig21_draws_every_time_from_light_to_dark(files, numbers):
    table = numbers("fig21")
    times = ["t = 1", "t = 0.5", "t = 0.2", "t = 0.1", "t = 0.05", "t = 0.02", "t = 0"]
    for panel, last in (("q", []), ("E", ["uniform"]), ("tau", ["uniform"])):
        part = table[table["panel"] == panel]
        assert list(part.loc[part["kind"] == "histogram", "series"].unique()) == ["truth", *times, *last]
        assert set(part.loc[part["kind"] == "ratio", "series"]) == {"t = 0"}
    # Without an embedding q = p: at the end |q| is the energy of the training events.
    start = observable("log10_E")(read_events(files["embedded"]["qqg_1e-3.identity"]).momenta)
    end = table[(table["panel"] == "q") & (table["kind"] == "histogram") & (table["series"] == "t = 0")]
    edges = np.append(end["x_lo"], end["x_hi"].iloc[-1])
    assert np.histogram(start, edges)[0].tolist() == end["count"].tolist()
    with styled():
        lines = fig21(FigureData(ENTRIES["fig21"], files)).figure.legends[0].get_lines()
    light = [sum(mpl.colors.to_rgb(line.get_color())) for line in lines[: len(times)]]
    assert light == sorted(light, reverse=True)
