"""What `onshell show` says of a table: known laws give known numbers, and every kind of table is told apart."""

import math

import numpy as np
import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.overview import KINDS, kind, overview
from onshell.evaluation.overview_text import lines, number
from onshell.events.table import Events
from onshell.physics import generators, rambo

N = 4000


def uniform(n_particles=3, **columns):
    p = generators.events("uniform", N, seed=3, name=("overview", n_particles), n_particles=n_particles)
    return Events(p, columns, {"dataset": "uniform_3", "process": "uniform"})


def test_uniform_phase_space_has_the_quantiles_of_its_closed_form():
    found = overview(uniform())
    # P(E_1 < e) = 4 e^2 on [0, 1/2].
    for share in (0.01, 0.25, 0.5, 0.75, 0.99):
        value = found["observables"]["E_1"][f"q{100 * share:02.0f}"]
        spread = math.sqrt(share * (1 - share) / N) / (8 * math.sqrt(share) / 2)
        assert abs(value - math.sqrt(share) / 2) < 5 * spread
    assert found["observables"]["E_1"]["min"] >= 0.0
    assert found["observables"]["E_1"]["max"] <= 0.5
    assert found["events"], found["n_particles"] == (N, 3)
    assert found["conservation"]["on_shell"]
    assert found["conservation"]["energy"]["max"] < 1e-14


def test_events_off_the_shell_are_reported_to_be_that_with_how_far():
    events = uniform()
    events.momenta[7] *= 1.25
    found = overview(events)
    assert not found["conservation"]["on_shell"]
    assert found["conservation"]["energy"]["max"] == pytest.approx(0.25)
    assert any("not on the massless shell" in line for line in lines(found, events.metadata, "x"))
    told = list(lines(found, {**events.metadata, "conserves": False}, "x"))
    assert max(map(len, lines(found, events.metadata, "x"))) <= 80
    assert any("a model in p-space" in line for line in told)


def test_points_of_q_space_are_reported_by_their_length_and_frame():
    q = rambo.sample_prior(N, 5, stream(1, "overview"))
    found = overview(Events(q, {}, {"augmentation": {"name": "continuous", "b": None, "x": None}}, "q"))
    assert found["kind"] == "training set"
    # |q| is a Gamma(2) variable: its median is 1.678.
    assert abs(10 ** found["observables"]["log10_|q|"]["q50"] - 1.6783) < 0.06
    assert set(found["observables"]) == {"log10_|q|", "cos_theta", "phi", "|b|", "x", "log10_tau"}
    assert found["conservation"]["on_shell"]


def test_weights_weigh_the_means_and_not_the_quantiles():
    plain = overview(uniform())
    weights = np.where(np.arange(N) % 4 == 0, -1.0, 2.0)
    events = uniform(weight=weights)
    found = overview(events)
    e = events.momenta[:, 0].norm(dim=-1).numpy()
    assert found["observables"]["E_1"]["mean"] == pytest.approx(float((weights * e).sum() / weights.sum()))
    assert found["observables"]["E_1"]["q50"] == plain["observables"]["E_1"]["q50"]
    assert found["weights"]["negative_share"] == 0.25
    assert found["weights"]["effective"] == pytest.approx(1.25**2 * N / 3.25)
    assert any("25.0% of them negative" in line for line in lines(found, events.metadata, "x"))


def test_states_are_reported_time_by_time():
    states = torch.cat([rambo.sample_prior(N, 3, stream(1, "a")), 2.0 * rambo.sample_prior(N, 3, stream(1, "a"))])
    times = np.repeat([1.0, 0.0], N)
    metadata = {"run": "muon-q-diffusion"}
    found = overview(Events(states, {"time": times}, metadata, "q"))
    assert list(found["times"]) == ["1", "0"]
    assert "observables" not in found
    medians = [found["times"][time]["log10_|q|"]["q50"] for time in ("1", "0")]
    assert medians[1] - medians[0] == pytest.approx(math.log10(2.0))
    # Twice as long a point lies above the same event.
    assert found["times"]["1"]["log10_tau"]["q50"] == pytest.approx(found["times"]["0"]["log10_tau"]["q50"])
    assert any(line.startswith("at time 1 ") for line in lines(found, {**metadata}, "x"))


@pytest.mark.parametrize(
    ("metadata", "space", "timed", "expected"),
    [
        ({"generator": "muon"}, "p", False, "truth"),
        ({"lhe": {}, "dataset": "mine"}, "p", False, "import"),
        ({"generator": "muon", "augmentation": {}}, "q", False, "training set"),
        ({"run": "muon-q-diffusion"}, "p", False, "samples"),
        ({"run": "muon-q-diffusion"}, "q", True, "trajectory"),
        ({"forward": "aps_30", "generator": "sarge"}, "q", True, "forward process"),
        ({}, "p", False, "events made elsewhere"),
    ],
)
def test_kinds_are_reported_apart(metadata, space, timed, expected):
    assert kind(metadata, space, timed) == expected
    assert expected in KINDS


def test_no_events_are_an_error():
    with pytest.raises(OnshellError, match=r"x\.parquet: no events in it"):
        overview(Events(torch.empty(0, 3, 3, dtype=torch.float64)), "x.parquet")


def test_lines_fit_a_terminal():
    told = list(lines(overview(uniform()), {"process": "uniform"}, "x.parquet"))
    assert max(map(len, told)) <= 80
    assert [number(v) for v in (0.0, -0.0046078, 12.3456, 1e-16, 123456.0)] == [
        "0",
        "-0.00461",
        "12.35",
        "1.0e-16",
        "1.2e+05",
    ]
