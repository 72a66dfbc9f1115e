"""Charts: coordinates of q-space in which paths are drawn and steps are made."""

from collections.abc import Mapping
from typing import Any

from onshell.core.errors import OnshellError, nearest
from onshell.models.charts.chart import Chart, Flat
from onshell.models.charts.polar import LogPolar
from onshell.models.charts.spinor import Spinor

CHARTS: dict[str, Chart] = {"q": Flat(), "log-polar": LogPolar(), "spinor": Spinor()}


def chart_of(spec: Mapping[str, Any]) -> Chart:
    """Return the chart of the run `spec`, loss.chart: momenta themselves if it names none."""
    name = spec["loss"].get("chart", "q")
    if name not in CHARTS:
        raise OnshellError(f"loss.chart: {name!r} is not known; {nearest(name, CHARTS)}")
    if name != "q" and spec["space"] != "q":
        raise OnshellError(f"loss.chart: {name!r} is a chart of q-space, but {spec['run']} is in p-space; use 'q'")
    return CHARTS[name]
