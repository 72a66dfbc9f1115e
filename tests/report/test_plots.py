"""Curves and dots: numbers at their places."""

import pytest

from onshell.report.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, DotPlot, Dots, curve, short, ticks


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (-14.3, -5.1, [-14, -12, -10, -8, -6]),
        (0.98, 1.001, [0.98, 0.985, 0.99, 0.995, 1.0]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round_and_inside(low, high, found):
    assert ticks(low, high, 5) == found


def test_a_curve_goes_from_corner_to_corner_of_its_frame():
    drawn = curve("mine", [{"epoch": float(n), "loss": 10.0 - n} for n in range(1, 6)], kept=5)
    pad = 0.06 / 1.12 * (HEIGHT - BOTTOM - TOP)
    assert len(drawn.points) == 5
    assert drawn.points[0] == pytest.approx((LEFT, TOP + pad), abs=0.06)
    assert drawn.points[-1] == pytest.approx((WIDTH - RIGHT, HEIGHT - BOTTOM - pad), abs=0.06)
    assert drawn.dots == [drawn.points[-1]]
    assert drawn.words == "Loss of mine: 9 after epoch 1, 5 after epoch 5; lowest 5 after epoch 5."


@pytest.mark.parametrize(
    ("losses", "points"), [([2.0], 1), ([3.0, 3.0], 2), ([float("nan"), 1.0], 1), ([float("inf")], 0)]
)
def test_short_flat_and_broken_histories_are_curves_too(losses, points):
    drawn = curve("mine", [{"epoch": n + 1.0, "loss": loss} for n, loss in enumerate(losses)])
    assert len(drawn.points) == points
    assert "nan" not in drawn.words


def test_dots_stand_where_the_axis_says():
    plot = DotPlot(0, 2, "times", [(1.0, "1×"), (100.0, "100×")], mark=1.0)
    found = [plot.at(value) for value in (0.0, 0.5, 1.0, 10.0, 100.0, 1e9)]
    assert found == ["0.00", "0.00", "0.00", "50.00", "100.00", "100.00"]
    line = Dots("name", [("E", 10.0), ("<f>", 100.0), ("u", 1.0)])
    assert [name for name, _ in line.ordered] == ["u", "E", "<f>"]
    assert line.words("times") == "median 10, from 1 (u) to 100 (<f>) times"
    assert Dots("name", [("E", 0.034)]).words("times") == "0.034 times"


def test_numbers_are_short():
    assert [short(x) for x in (0.0, 2.34e-16, 0.0345, 7.12, 123.4)] == ["0", "2.3e-16", "0.035", "7.1", "123"]
