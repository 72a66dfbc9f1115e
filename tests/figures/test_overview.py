"""The picture of `onshell show --plot`: which panels each kind of table has, and what they count."""

import numpy as np
import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.overview import overview as summed
from onshell.events.table import Events
from onshell.figures.canvas import styled
from onshell.figures.process import draw_overview, first, overview
from onshell.physics import generators, rambo

N = 1500


def truth(n_particles, **metadata):
    p = generators.events("uniform", N, seed=3, name=("overview", n_particles), n_particles=n_particles)
    return Events(p, {}, {"process": "uniform", **metadata})


def table(events):
    with styled():
        return overview(events, "mine").table()


def test_three_particles_have_a_dalitz_plane_and_all_entries_are_counted():
    found = table(truth(3))
    assert set(found["panel"]) == {"E_1", "E_2", "E_3", "cos_theta", "phi", "s", "tau", "dalitz"}
    mine = found[(found["series"] == "mine") & (found["kind"] == "histogram")].groupby("panel")["count"].sum()
    assert mine["E_1"] == N
    assert mine["cos_theta"] == 3 * N


def test_uniform_events_follow_the_uniform_reference_within_its_errors():
    found = table(truth(3))
    shown = found[(found["panel"] == "E_2") & (found["kind"] == "histogram")]
    mine, even = (shown[shown["series"] == name] for name in ("mine", "uniform phase space"))
    some = mine["count"].to_numpy() > 5
    error = np.hypot(mine["error"].to_numpy(), even["error"].to_numpy())[some]
    pull = (mine["value"].to_numpy() - even["value"].to_numpy())[some] / error
    # chi^2 per bin of 15 bins exceeds 2.5 once in 1e3.
    assert some.sum() >= 10
    assert (pull**2).mean() < 2.5


def test_many_particles_are_pooled_and_shortfalls_of_a_model_are_drawn():
    assert set(table(truth(5))["panel"]) == {"E", "E_min", "E_max", "cos_theta", "phi", "s", "tau"}
    off = truth(5, conserves=False)
    off.momenta.mul_(1.0 + 0.1 * torch.rand(N, 1, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    assert {"|sum E - 1|", "|sum p|"} <= set(table(off)["panel"])


def test_events_of_other_units_and_frames_are_drawn_as_the_map_takes_them():
    events = truth(4)
    moved = truth(4)
    moved.momenta = 91.2 * rambo.to_q(moved.momenta, torch.tensor([0.3, 0.0, 0.4], dtype=torch.float64), 1.0)
    ours, theirs = table(events), table(moved)
    assert "mine, projected" in set(theirs["series"])
    counts = []
    for found, name in ((ours, "mine"), (theirs, "mine, projected")):
        shown = found[(found["series"] == name) & (found["kind"] == "histogram") & (found["panel"] == "E_max")]
        counts.append(shown["count"].to_numpy())
    assert (counts[0] == counts[1]).all()


def test_two_particles_and_a_model_far_off_the_shell_can_be_drawn():
    assert {"E_1", "E_2", "tau"} <= set(table(truth(2))["panel"])
    far = truth(5, conserves=False)
    far.momenta *= 1e3
    assert "s" in set(table(far)["panel"])


def test_points_and_states_have_panels_of_their_own():
    q = rambo.sample_prior(N, 4, stream(1, "overview"))
    assert set(table(Events(q, {}, {}, "q"))["panel"]) == {"|q|", "cos_theta", "phi", "|b|", "x", "tau"}
    states = Events(torch.cat([q, q / 2]), {"time": np.repeat([1.0, 0.0], N)}, {"run": "x"}, "q")
    found = table(states)
    assert set(found["panel"]) == {"|q|", "tau"}
    assert {"time 1", "time 0"} <= set(found["series"])


def test_of_states_as_many_are_drawn_of_each_time():
    states = Events(torch.zeros(30, 3, 3), {"time": np.repeat([1.0, 0.5, 0.0], 10)}, {}, "q")
    times, counts = np.unique(first(states, 12).columns["time"], return_counts=True)
    assert times.tolist() == [0.0, 0.5, 1.0]
    assert counts.tolist() == [4, 4, 4]
    assert first(states, 100) is states


def test_a_picture_is_written_in_the_format_of_its_name(tmp_path):
    events = truth(3)
    draw_overview(events, tmp_path / "a.png", "mine")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OnshellError, match=r"b\.txt: cannot draw a \.txt; use \.png, \.pdf, \.svg"):
        draw_overview(events, tmp_path / "b.txt", "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


BACK_TO_BACK = [[0.0, 0.3, 0.4], [0.0, -0.3, -0.4]]
LINE = [[0.0, 0.0, 0.25], [0.0, 0.0, 0.25], [0.0, 0.0, -0.5]]
AT_REST = [[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("copies", [1, 40])
@pytest.mark.parametrize("event", [BACK_TO_BACK, LINE, AT_REST])
def test_degenerate_events_are_drawn(tmp_path, event, copies):
    events = Events(torch.tensor([event] * copies, dtype=torch.float64), {}, {"process": "mine"})
    assert summed(events, "mine")["events"] == copies
    draw_overview(events, tmp_path / "x.png", "mine")
    assert (tmp_path / "x.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("p", "space", "message"),
    [
        ([[[0.0] * 3] * 3], "p", "row 0 and 0 more: momenta that all vanish"),
        ([AT_REST, [[0.0] * 3] * 3], "q", "row 1 and 0 more: momenta that all vanish"),
        ([[[1e200, 0.0, 0.0], [-1e200, 0.0, 0.0]]], "p", "beyond double precision"),
        ([[[1e-200, 0.0, 0.0], [-1e-200, 0.0, 0.0]]], "q", "beyond double precision"),
        ([[[1.0, 0.0, 0.0]]], "p", "events of one particle"),
    ],
)
def test_events_without_observables_are_named(p, space, message):
    with pytest.raises(OnshellError, match=f"x.parquet: .*{message}"):
        summed(Events(torch.tensor(p, dtype=torch.float64), {}, {}, space), "x.parquet")
