"""Numbers as people read them: the one place that rounds for logs, pages, tables and plots."""

import math
from collections.abc import Iterable

DASH, MINUS = "–", "−"


def format_number(value: float, digits: int = 3, *, decimals: int | None = None, trim: bool = False) -> str:
    """Return a number to `digits` significant ones: 0.00123, 12.3, 1,234, 2.2e-16; a dash for one that is not finite.

    Below 1e-4 and from 1e6 on it has an exponent, and two digits. `decimals` says how many there are at most; `trim`
    leaves out zeros at the end.
    """
    if not math.isfinite(value):
        return DASH
    if value and (abs(value) < 1e-4 or abs(value) >= 1e6):
        mantissa, exponent = f"{value:.{min(digits - 1, 1)}e}".split("e")
        return f"{mantissa.removesuffix('.0') if trim else mantissa}e{int(exponent)}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{places if decimals is None else min(places, decimals)}f}"
    return text.rstrip("0").rstrip(".") if trim and "." in text else text


def format_amount(value: float) -> str:
    """Return an amount with two decimals at most: 0.02, 7.50, 1,240; "<0.01" below, and "-" for nothing at all."""
    if value == 0:
        return "-"
    return "<0.01" if value < 0.005 else format_number(value, decimals=2)


def format_duration(seconds: float) -> str:
    """Return a time in the unit that suits it: 12 s, 3.4 min, 6.0 h, 8.2 d."""
    for unit, length, limit in (("s", 1, 120), ("min", 60, 120 * 60), ("h", 3600, 72 * 3600)):
        if seconds < limit:
            return f"{seconds / length:.{0 if unit == 's' else 1}f} {unit}"
    return f"{seconds / 86400:.1f} d"


def format_bytes(size: float) -> str:
    """Return a size in bytes, kB, MB or GB."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def power_of_ten(value: float) -> str:
    """Return a number as TeX (no dollars): 0.001 -> 10^{-3}, 30 -> 30."""
    exponent = round(math.log10(value)) if value > 0 else 0
    exact = value > 0 and math.isclose(value, 10.0**exponent)
    return f"10^{{{exponent}}}" if exact and abs(exponent) > 1 else f"{value:g}"


def shorten(names: Iterable[object], most: int = 4) -> str:
    """Return names with commas between them: the first `most`, and how many more there are."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
