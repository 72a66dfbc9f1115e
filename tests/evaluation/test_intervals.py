"""Errors, ranges and what is beyond the floor, by simulation: how often an interval misses is what it says."""

import numpy as np
import pytest

from onshell.core.rng import stream
from onshell.evaluation.distances import compare
from onshell.evaluation.intervals import TAIL, Errors, errors, excess, floor_of, over
from onshell.evaluation.reporting import left_one_out, summed

LAWS = {
    "uniform": lambda rng, n: rng.random(n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "two peaks": lambda rng, n: np.where(rng.random(n) < 0.5, -3.0, 3.0) + rng.standard_normal(n),
}
N, DRAWS = 300, 300


def distances(law, n, draws, rng, change=lambda x: x):
    """W1, KS and their errors of `draws` pairs of samples, [draws, 5]; the first of each pair is changed."""
    found = []
    for _ in range(draws):
        a, b = change(law(rng, n)), law(rng, n)
        found.append((*compare(a, b), *errors(a, b, (n, n))))
    return np.array(found)


def beyond(found, floor):
    """What W1 of each row of `distances` has beyond the floor, and the ends of its interval, [draws, 3]."""
    return np.array([excess(w1, Errors(*error), floor) for w1, _, *error in found])


@pytest.fixture(scope="module", params=LAWS)
def chance(request):
    """A law, and distances of samples of it."""
    rng = stream(1, "test", "intervals", request.param)
    return LAWS[request.param], distances(LAWS[request.param], N, 1000, rng), rng


@pytest.mark.parametrize("replicates", [3, 5, 20])
@pytest.mark.parametrize("measure", [0, 1])
def test_a_perfect_model_is_outside_its_range_one_time_in_ten(chance, replicates, measure):
    """1500 ranges of replicates and one more draw; 0.025 is four standard errors and what log-normality misses."""
    _, found, rng = chance
    drawn = found[rng.integers(0, len(found), (1500, replicates + 1)), measure]
    ranges = [floor_of(row[:-1]) for row in drawn]
    below = np.mean([new < low.low for new, low in zip(drawn[:, -1], ranges, strict=True)])
    above = np.mean([new > low.high for new, low in zip(drawn[:, -1], ranges, strict=True)])
    assert above < TAIL + 0.025
    assert below < TAIL + 0.025
    assert above + below > 0.05


def test_an_auc_has_a_range_on_both_sides_of_one_half():
    rng = stream(1, "test", "intervals", "auc")
    drawn = 0.5 + 0.01 * rng.standard_normal((4000, 6))
    ranges = [floor_of(row[:-1], signed=True) for row in drawn]
    outside = [not low.low <= new <= low.high for new, low in zip(drawn[:, -1], ranges, strict=True)]
    assert np.mean(outside) == pytest.approx(2 * TAIL, abs=0.02)
    # A measurement that may be 0 has no logarithm.
    assert floor_of([0.0, 0.1, 0.2]).low < 0.0
    assert floor_of([0.3, 0.3]).low == floor_of([0.3, 0.3]).high == pytest.approx(0.3)


CHANGES = {
    "a shift": lambda size: lambda x: x + size,
    "a tail": lambda size: lambda x: np.where(x > np.quantile(x, 0.95), x + 20 * size, x),
    "a width": lambda size: lambda x: x * (1 + size),
    "ripples": lambda size: lambda x: x + size * np.sin(12 * x) / 4,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("size", [0.05, 0.4])
def test_the_interval_of_what_is_beyond_the_floor_holds_the_distance_of_the_laws(chance, change, size):
    """Each end is on the wrong side at most in TAIL of all samples, 0.04 being three standard errors of 300."""
    law, found, rng = chance
    wrong, many = CHANGES[change](size), law(stream(2, "test", "many"), 200_000)
    # The distance of the laws: that of one large sample from itself, changed.
    distance = compare(wrong(many), many)[0]
    missed = []
    for one in distances(law, N, DRAWS, rng, wrong):
        _, low, high = beyond([one], floor_of(found[rng.integers(0, len(found), 10), 0]))[0]
        missed.append((distance < low, distance > high))
    assert np.mean(missed, 0).max() < TAIL + 0.04


def test_a_perfect_model_has_no_excess(chance):
    """Its square is 0 on average; its interval begins at 0 but for TAIL of all perfect models."""
    _, found, rng = chance
    floor = floor_of(found[:, 0])
    assert np.mean(found[:, 0] ** 2 - floor.square) == pytest.approx(0.0, abs=1e-12)
    lows = [beyond([one], floor_of(found[rng.integers(0, len(found), 10), 0]))[0, 1] for one in found]
    assert np.mean(np.array(lows) > 0.0) < TAIL + 0.02


def test_the_error_of_a_distance_is_its_spread_and_no_less_at_the_floor(chance):
    law, found, rng = chance
    assert 1.0 < found[:, 2].mean() / found[:, 0].std() < 2.0
    assert 0.9 < found[:, 3].mean() / found[:, 1].std() < 2.5
    assert (found[:, 2] <= found[:, 4] * (1.0 + 1e-9)).all()
    far = distances(law, N, DRAWS, rng, lambda x: x + 0.8)
    for column in (0, 1):
        assert far[:, column + 2].mean() == pytest.approx(far[:, column].std(), rel=0.2)


def test_particles_of_one_event_are_one_draw():
    """Each event twice, or with a weight of 2 in place of two events, is no more to know."""
    rng = stream(1, "test", "intervals", "events")
    a, b = rng.standard_normal(200), 0.3 + rng.standard_normal(300)
    once = errors(a, b, (200, 300))
    assert errors(np.repeat(a, 2), np.repeat(b, 2), (200, 300)) == pytest.approx(once)
    assert errors(np.repeat(a, 2), np.repeat(b, 2), (400, 600)) == pytest.approx(np.array(once) / 2**0.5)
    w = np.where(rng.random(200) < 0.5, 0.5, 1.0)
    assert errors(a, b, (200, 300), (w, None)) == pytest.approx(errors(a, b, (200, 300), (7.0 * w, None)))
    assert min(errors(a, b, (200, 300), (w, None))) > 0.0


def test_what_is_beyond_the_floor_does_not_depend_on_the_size_of_the_sample():
    """Momenta that are a tenth of their spread off: 500 to 32,000 events say so alike; the ratio grows eightfold."""
    law, shift, ratios = LAWS["exponential"], 0.1, {}
    for n in (500, 4000, 32_000):
        rng = stream(1, "test", "intervals", "sizes", n)
        floor = floor_of(distances(law, n, 20, rng)[:, 0])
        told = distances(law, n, 20, rng, lambda x: x + shift)
        left, error = beyond(told, floor), told[:, 2].mean()
        # One sample is within three of its errors, the mean of 20 within one, of the distance of the laws.
        assert left[:, 0] == pytest.approx(shift, abs=3.0 * error + floor.mean**2 / shift)
        assert left[:, 0].mean() == pytest.approx(shift, abs=error)
        assert np.mean((left[:, 1] > shift) | (left[:, 2] < shift)) <= 0.2
        ratios[n] = np.mean([over(w1, error, floor)[0] for w1, _, error, *_ in told])
    assert ratios[32_000] > 5.0 * ratios[500]


def test_a_replicate_is_not_judged_by_a_floor_that_holds_it():
    assert left_one_out([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]]).tolist() == [[0.25, 2 / 3.5, 4.0], [1.0, 1.0, 1.0]]


def test_the_worst_of_many_observables_has_a_floor_of_its_own():
    """Of 15 independent ones a perfect model's worst is at 2 floors, and outside its range one time in ten."""
    rng = stream(1, "test", "intervals", "worst")
    chance = distances(LAWS["uniform"], N, 1000, rng)[:, 0]
    outside, values = [], []
    for _ in range(300):
        drawn = chance[rng.integers(0, len(chance), (15, 11))]
        floors = {f"x{i}.w1": list(row[:-1]) for i, row in enumerate(drawn)}
        observables = {}
        for i, row in enumerate(drawn):
            ratio, error = over(row[-1], 0.1, floor_of(row[:-1]))
            ends = {"excess_low": 0.0, "excess_high": row[-1], "truth_sd": 0.3, "w1": row[-1]}
            observables[f"x{i}"] = {"w1_over_floor": ratio, "w1_over_floor_error": error, **ends}
        found = summed(observables, floors)
        worst, mean = found["worst"], found["mean"]
        assert worst["value"] == observables[worst["observable"]]["w1_over_floor"]
        assert mean["value"] == pytest.approx(np.mean([one["w1_over_floor"] for one in observables.values()]))
        outside.append([not one["floor_low"] <= one["value"] <= one["floor_high"] for one in (worst, mean)])
        values.append((worst["floor_mean"], worst["value"]))
    assert np.mean(outside, 0) == pytest.approx([2 * TAIL] * 2, abs=0.06)
    assert np.mean(values, 0) == pytest.approx([2.1, 2.1], abs=0.2)
