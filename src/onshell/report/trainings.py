"""How the models were trained: a curve for each, and what each took."""

from typing import Any, NamedTuple

from onshell.core.format import format_duration
from onshell.report.collect import Scale, Training
from onshell.report.metrics import run_link
from onshell.report.plots import Curve, curve
from onshell.report.products import Link, link
from onshell.report.table import DASH, Cell, Row, Table

FILES = (("history.csv", "history"), ("run.json", "record"), ("model.pt", "model"))
HEADS = ("run", "network", "events", "epochs", "weights", "time", "CPU time", "events / s", "device")


class Card(NamedTuple):
    """A training on the page: its loss by epoch (None without a history), what that is, and its files."""

    run: str
    preset: str
    shown_preset: str
    loss: str
    curve: Curve | None
    links: list[Link]


def cards(scale: Scale) -> list[Card]:
    """Return a card for every training."""
    return [_card(scale, one) for one in scale.trainings]


def _card(scale: Scale, one: Training) -> Card:
    """Return the card of one training; its loss stands beside the network: "ism loss, mlp, single"."""
    spec, folder = one.record["spec"], scale.folder / one.preset / "runs" / one.run
    loss = f"{spec.get('loss', {}).get('type') or ''} loss".strip()
    parts = loss, spec.get("network", {}).get("type"), spec.get("augmentation")
    links = [link(scale, folder / name, text) for name, text in FILES if (folder / name).is_file()]
    drawn = curve(one.run, one.history, one.record.get("kept_epoch")) if one.history else None
    return Card(one.run, one.preset, scale.of(one.preset), ", ".join(map(str, filter(None, parts))), drawn, links)


def costs(scale: Scale) -> Table:
    """Return the table of what the trainings took."""
    lines = [Row(_cells(scale, one), scale.of(one.preset)) for one in scale.trainings]
    return Table("What the trainings took", HEADS, lines, sortable=True)


def _cells(scale: Scale, one: Training) -> list[Cell]:
    """Return the cells of one training."""
    record, network = one.record, one.record["spec"].get("network", {})
    sizes = " × ".join(str(network[key]) for key in ("depth", "blocks", "width") if key in network)
    rates = [line["events_per_s"] for line in one.history if line.get("events_per_s")]
    return [
        Cell(run_link(scale, one.preset, one.run)),
        Cell(f"{network.get('type', '–')} {sizes}"),
        *(_count(record.get(key)) for key in ("n_events", "epochs", "n_parameters")),
        *(duration(record.get(key)) for key in ("seconds", "cpu_seconds")),
        _count(sum(rates) / len(rates) if rates else None),
        Cell(", ".join(str(record[key]) for key in ("device", "precision") if key in record)),
    ]


def _count(value: Any) -> Cell:
    """Return a whole number with its thousands apart."""
    return DASH if value is None else Cell(f"{value:,.0f}", value)


def duration(value: float | None) -> Cell:
    """Return a time in the unit that suits it."""
    return DASH if value is None else Cell(format_duration(value), value)
