"""Numbers as people read them."""

import math

import pytest

from onshell.core.format import (
    format_amount,
    format_bytes,
    format_duration,
    format_number,
    power_of_ten,
    shorten,
)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0"),
        (0.00123, 3, "0.00123"),
        (-12.34, 3, "-12.3"),
        (1234.5, 2, "1,234"),
        (2.22e-16, 3, "2.2e-16"),
        (2.22e-16, 1, "2e-16"),
        (-1.5e6, 4, "-1.5e6"),
        (math.nan, 3, "–"),
        (math.inf, 3, "–"),
    ],
)
def test_numbers_have_significant_digits(value, digits, text):
    assert format_number(value, digits) == text


def test_zeros_at_the_end_can_be_left_out():
    found = [format_number(value, 3, trim=True) for value in (0.5, 10.0, 100.0, 0.0, 1e-16, 1.5)]
    assert found == ["0.5", "10", "100", "0", "1e-16", "1.5"]


def test_amounts_have_a_dash_for_nothing_at_all():
    assert [format_amount(x) for x in (0, 0.001, 0.02, 7.5, 12.34, 1240.4)] == [
        "-",
        "<0.01",
        "0.02",
        "7.50",
        "12.3",
        "1,240",
    ]


def test_durations_are_in_the_unit_that_suits_them():
    found = [format_duration(x) for x in (0.4, 90, 150, 7200, 3600 * 100)]
    assert found == ["0 s", "90 s", "2.5 min", "2.0 h", "4.2 d"]


def test_sizes_are_in_the_unit_that_suits_them():
    assert [format_bytes(x) for x in (999, 1500, 2.4e6, 3.1e12)] == ["999 bytes", "2 kB", "2 MB", "3,100.0 GB"]


def test_powers_of_ten_are_tex():
    assert [power_of_ten(x) for x in (0.001, 30, 0.1, 0)] == ["10^{-3}", "30", "0.1", "0"]


def test_lists_are_shortened():
    assert shorten("abcdef") == "a, b, c, d and 2 more"
    assert shorten("ab") == "a, b"
