"""How the models were trained: a curve for each, and what each took."""

from collections.abc import Mapping
from html import escape
from typing import Any

from onshell.core.markup import Cell, Row, belongs, table
from onshell.planning.format import clock
from onshell.report.collect import Scale, Training
from onshell.report.curves import curve
from onshell.report.numbers import anchor, run_link
from onshell.report.products import link


def curves(scale: Scale) -> str:
    """Return a card for every training: its loss by epoch, and its data."""
    return f'<div class="cards">\n{"".join(_card(scale, one) for one in scale.trainings)}</div>\n'


def took(scale: Scale) -> str:
    """Return the table of what the trainings took."""
    lines = [Row(_line(scale, one), scale.of(one.preset)) for one in scale.trainings]
    heads = ["run", "network", "events", "epochs", "weights", "time", "CPU time", "events / s", "device"]
    return table("What the trainings took", heads, lines, sortable=True)


def _card(scale: Scale, one: Training) -> str:
    """Return the card of one training."""
    record, preset = one.record, scale.of(one.preset)
    folder = scale.folder / one.preset / "runs" / one.run
    files = (("history.csv", "history"), ("run.json", "record"), ("model.pt", "model"))
    links = " ".join(link(scale, folder / name, words) for name, words in files if (folder / name).is_file())
    drawn = curve(one.run, one.history, record.get("kept_epoch")) if one.history else '<p class="note">no history</p>\n'
    note = f' <span class="of">{escape(preset)}</span>' if preset else ""
    return (
        f'<figure class="card" id="{anchor(one.preset, one.run)}"{belongs(preset)}>\n'
        f"<figcaption><code>{escape(one.run)}</code>{note}<small>{escape(_loss(record['spec']))}</small></figcaption>\n"
        f'{drawn}<p class="links">{links}</p>\n</figure>\n'
    )


def _loss(spec: Mapping[str, Any]) -> str:
    """Return what is drawn on the vertical axis of a curve, and of which network: "ism loss, mlp, single"."""
    loss, network = spec.get("loss", {}).get("type"), spec.get("network", {}).get("type")
    parts = (f"{loss} loss" if loss else "loss", network, spec.get("augmentation"))
    return ", ".join(part for part in parts if part)


def _line(scale: Scale, one: Training) -> list[Cell | str]:
    """Return the cells of one training."""
    record, network = one.record, one.record["spec"].get("network", {})
    sizes = " × ".join(str(network[key]) for key in ("depth", "blocks", "width") if key in network)
    rates = [line["events_per_s"] for line in one.history if line.get("events_per_s")]
    rate = sum(rates) / len(rates) if rates else None
    return [
        run_link(scale, one.preset, one.run),
        f"{escape(str(network.get('type', '–')))} {escape(sizes)}",
        _count(record["n_events"]),
        _count(record["epochs"]),
        _count(record.get("n_parameters")),
        *(seconds(record.get(key)) for key in ("seconds", "cpu_seconds")),
        _count(rate),
        escape(", ".join(str(record[key]) for key in ("device", "precision") if key in record)),
    ]


def _count(value: float | None) -> Cell:
    """Return a whole number with its thousands apart."""
    return Cell("–") if value is None else Cell(f"{value:,.0f}", value)


def seconds(value: float | None) -> Cell:
    """Return a time in the unit that suits it."""
    return Cell("–") if value is None else Cell(clock(value), value)
