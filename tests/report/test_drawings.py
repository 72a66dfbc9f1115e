"""Curves and lanes: numbers at their places."""

import re

import pytest

from onshell.report.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, curve, ticks
from onshell.report.dotplot import Axis, Lane, lanes, short


def test_ticks_are_round_and_inside():
    assert ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]
    assert ticks(-14.3, -5.1, 5) == [-14, -12, -10, -8, -6]
    assert ticks(0.98, 1.001, 5) == [0.98, 0.985, 0.99, 0.995, 1.0]
    assert ticks(3, 3) == [3]


def test_a_curve_goes_from_corner_to_corner_of_its_frame():
    history = [{"epoch": float(n), "loss": 10.0 - n} for n in range(1, 6)]
    drawn = curve("mine", history, kept=5)
    points = [tuple(map(float, one.split(","))) for one in re.search(r'points="([^"]*)"', drawn)[1].split()]
    assert len(points) == 5
    pad = 0.06 / 1.12 * (HEIGHT - BOTTOM - TOP)
    assert points[0] == pytest.approx((LEFT, TOP + pad), abs=0.06)
    assert points[-1] == pytest.approx((WIDTH - RIGHT, HEIGHT - BOTTOM - pad), abs=0.06)
    dot = re.search(r'class="kept" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert tuple(map(float, dot.groups())) == points[-1]
    assert 'aria-label="Loss of mine: 9 after epoch 1, 5 after epoch 5; lowest 5 after epoch 5."' in drawn


@pytest.mark.parametrize("losses", [[2.0], [3.0, 3.0], [float("nan"), 1.0]])
def test_short_flat_and_broken_histories_are_drawn_too(losses):
    drawn = curve("mine", [{"epoch": n + 1.0, "loss": loss} for n, loss in enumerate(losses)])
    assert "nan" not in drawn
    assert "polyline" in drawn


def test_a_loss_that_is_nowhere_finite_is_said():
    assert "no finite loss" in curve("mine", [{"epoch": 1.0, "loss": float("inf")}])


def test_dots_stand_where_the_axis_says():
    axis = Axis(0, 2, [(1.0, "1×"), (100.0, "100×")], mark=1.0)
    assert [axis.at(value) for value in (0.0, 0.5, 1.0, 10.0, 100.0, 1e9)] == [0, 0, 0, 50, 100, 100]
    text = lanes(axis, [Lane("name", [("E", 10.0), ("<f>", 100.0), ("u", 1.0)], "p", "record")], words="times")
    assert re.findall(r'<i style="left:([\d.]+)%"', text) == ["0.00", "50.00", "100.00"]
    assert re.findall(r'<b style="left:([\d.]+)%"', text) == ["50.00"]
    assert 'aria-label="median 10, from 1 (u) to 100 (&lt;f&gt;) times"' in text
    assert 'class="lane p" data-of="record"' in text


def test_numbers_are_short():
    assert [short(x) for x in (0.0, 2.34e-16, 0.0345, 7.12, 123.4)] == ["0", "2e-16", "0.035", "7.1", "120"]
