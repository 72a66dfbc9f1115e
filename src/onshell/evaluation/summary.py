"""The summary of all runs: a tidy table of every number in the metrics, and a page of the headline ones."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from onshell.core.errors import OnshellError
from onshell.core.files import all_whole
from onshell.core.format import format_number
from onshell.core.progress import Progress, log
from onshell.core.reading import read_json
from onshell.evaluation.result_forms import Finished, Metrics
from onshell.evaluation.tables import grid
from onshell.evaluation.truth import judge_note, one_judge

COLUMNS = ("run", "dataset", "process", "judge", "quantity", "measure", "value", "sd", "error")
COLUMNS += ("floor_mean", "floor_sd", "floor_low", "floor_high", "over_floor", "over_floor_error")
COLUMNS += ("excess", "excess_low", "excess_high", "published")

VIOLATIONS = {
    "energy_mean": "\\|ΣE − 1\\|",
    "px_mean": "\\|Σp_x\\|",
    "py_mean": "\\|Σp_y\\|",
    "pz_mean": "\\|Σp_z\\|",
}
"""Means over the median single-particle energy, in the order of tab1 and of what the paper prints there."""

HEADLINE = (
    ("ln_f", ("E_1", "E_3", "u_1", "u_2", "ln_f", "cos_theta_3")),
    ("cos_theta_plane", ("E", "log10_tau", "cos_theta_plane", "cos_theta_3")),
    ("log10_tau", ("log10_tau", "E_max", "log10_E_min", "log10_E")),
)
"""The observables a page shows: the first entry whose key the metrics hold, for muon decay, three and N particles."""

LEGEND = """\
W1: Wasserstein-1 distance to truth, in brackets how many times its floor, truth against truth at the same sizes, with
the standard error. Below, the floors, and in brackets the range, in floors, that holds 90% of perfect models. AUC of a
linear classifier in the invariants and in the latent space of autoencoders of truth (1/2: indistinguishable), in
brackets its distance from the floor in standard deviations of the floor. Worst W1: the largest multiple of a floor of
all observables; that of truth against truth is below. Beyond floor: the root mean square over all observables of what
W1 has beyond its floor, over the standard deviation of truth, with its interval; by this alone samples of different
numbers of events compare. KS: the largest Kolmogorov-Smirnov distance of all observables, in brackets as for W1.
\\|ΣE − 1\\|: mean, over the median single-particle energy. E and log10_E pool all particles.
"""

FLOORS = ("floor_mean", "floor_sd", "floor_low", "floor_high")


def rows(metrics: Mapping[str, Any], published: Sequence[float] | None = None) -> list[dict[str, Any]]:
    """Return every number of one run's metrics as rows of the tidy table, by COLUMNS.

    Conservation is given over the median single-particle energy; `published` holds the paper's values of VIOLATIONS.
    What sums up all observables is of the quantity "all": ``worst`` and ``mean`` in floors, ``excess`` over truth's sd.
    """
    head = {key: metrics[key] for key in ("run", "dataset", "process")} | {"judge": metrics.get("judge", "test")}
    found = []

    def add(quantity: str, measure: str, value: float, **others: float | None) -> None:
        low = others.get("floor_mean")
        over = value / low if low and measure in ("w1", "ks", "frechet") else None
        found.append(head | {"quantity": quantity, "measure": measure, "value": value, "over_floor": over} | others)

    for name, entry in metrics["observables"].items():
        for measure in ("w1", "ks"):
            more = {key: entry.get(key.replace("floor", f"floor_{measure}")) for key in FLOORS}
            more |= {key: entry.get(f"{measure}_{key}") for key in ("error", "over_floor_error")}
            if measure == "w1":
                more |= {key: entry.get(key) for key in ("excess", "excess_low", "excess_high")}
            add(name, measure, entry[measure], **more)
    for space, entries in metrics["features"].items():
        for measure, entry in entries.items():
            add(space, measure, entry["mean"], **{key: entry.get(key) for key in ("sd", *FLOORS)})
    for measure, entry in metrics.get("all", {}).items():
        ends = {f"excess_{end}": entry[end] for end in ("low", "high") if end in entry}
        add("all", measure, entry["value"], **{key: entry.get(key) for key in ("error", *FLOORS)}, **ends)
    unit = metrics["conservation"]["median_energy"] or math.nan
    paper = dict(zip(VIOLATIONS, published or (), strict=False))
    for name, value in metrics["conservation"].items():
        if name != "median_energy":
            add(name, "conservation", value / unit, published=paper.get(name))
    return found


def summary_file(
    metrics_paths: Iterable[Path],
    out_csv: Path,
    out_md: Path,
    *,
    title: str,
    published: Mapping[str, Sequence[float]] | None = None,
    records: Mapping[str, Path] | None = None,
    progress: Progress = log,
) -> pd.DataFrame:
    """Return the tidy table of all runs after writing it to `out_csv`, and a page of tables to `out_md`.

    `published` holds what the paper prints of a run: the means of |sum E - 1|, |sum p_x|, |sum p_y| and |sum p_z| over
    the median single-particle energy. `records` are the run.json files of trainings by run: a last table says what
    those that are there took.
    """
    published = published or {}
    metrics: dict[str, dict] = {}
    for path in metrics_paths:
        one = read_json(path, "metrics file", "make it with `onshell metrics`", Metrics)
        if one["run"] in metrics:
            raise OnshellError(f"{path}: a second file of the run {one['run']}; give each run once")
        metrics[one["run"]] = one
    if not metrics:
        raise OnshellError(f"{out_md}: no metrics to sum up; give one file at least")
    for run, values in published.items():
        if len(values) != len(VIOLATIONS):
            raise OnshellError(
                f"published.{run}: {len(values)} numbers, not {len(VIOLATIONS)} ({', '.join(VIOLATIONS)})"
            )
    judge = one_judge(metrics)
    lines = [row for run, one in metrics.items() for row in rows(one, published.get(run))]
    numeric = dict.fromkeys(COLUMNS[COLUMNS.index("value") :], float)
    table = pd.DataFrame(lines, columns=list(COLUMNS)).astype(numeric)
    paths = [Path(path) for run, path in (records or {}).items() if run in metrics and Path(path).is_file()]
    trainings = [read_json(path, "record of a training", "train again", Finished) for path in paths]
    page = document(table, metrics, f"{title}\n\n{judge_note(judge)}", trainings)
    with all_whole(out_csv, out_md) as (csv, markdown):
        table.to_csv(csv, index=False, float_format="%.10g")
        markdown.write_text(page, encoding="utf-8")
    progress(f"{out_md}: {len(metrics)} runs, {len(table)} numbers")
    return table


def document(table: pd.DataFrame, metrics: Mapping[str, dict], title: str, trainings: Sequence[dict] = ()) -> str:
    """Return the page in Markdown: a table per process, the paper's numbers where it prints any, and the trainings."""
    parts = [f"# {title}\n", LEGEND]
    for process, runs in table.groupby("process", sort=False):
        parts += [f"## {process or 'other'}\n", _process(runs, metrics)]
    paper = table.dropna(subset="published")
    if len(paper):
        parts += [
            "## Conservation, and as published\n",
            "Means over the median single-particle energy (the paper's).\n",
        ]
        parts.append(_published(paper))
    if trainings:
        parts += ["## Trainings\n", _trainings(trainings)]
    return "\n".join(parts)


def _process(table: pd.DataFrame, metrics: Mapping[str, dict]) -> str:
    """Return the table of one process in Markdown: its runs, then the floor of each dataset and sample size."""
    quantities = set(table["quantity"])
    headline = next((names for key, names in HEADLINE if key in quantities), ())
    columns = [(name, "w1") for name in headline if name in quantities]
    columns += [(space, "auc") for space in ("invariant", "latent") if space in quantities]
    lines, floors = [], {}
    for run, ours in table.groupby("run", sort=False):
        entries = {(row.quantity, row.measure): row for row in ours.itertuples()}
        ks = max((row for (_, measure), row in entries.items() if measure == "ks"), key=lambda row: row.value)
        cells = [_cell(entries.get(column)) for column in columns]
        far = f"{_cell(ks)} {ks.quantity}"
        sums = [_worst(entries.get(("all", "worst")), metrics[run]), _beyond(entries.get(("all", "excess")))]
        lines.append([run, *cells, *sums, far, format_number(entries["energy_mean", "conservation"].value)])
        counts = metrics[run].get("counts", {})
        low = [_floor(entries.get(column)) for column in (*columns, ("all", "worst"))]
        floors.setdefault((ours["dataset"].iloc[0], counts.get("sample"), counts.get("truth")), low)
    for (dataset, sample, truth), low in floors.items():
        sizes = f" ({sample:,} against {truth:,})" if sample and truth else ""
        lines.append([f"*floor of {dataset}{sizes}*", *low, "", "", ""])
    heads = [f"{'AUC' if measure == 'auc' else 'W1'} {name}" for name, measure in columns]
    return grid(["run", *heads, "worst W1", "beyond floor", "largest KS", "\\|ΣE − 1\\|"], lines)


def _cell(row: Any) -> str:
    """Return a value with, in brackets, its multiple of the floor; for an AUC, its distance from it in sd."""
    if row is None:
        return "–"
    if row.measure == "auc":
        if not row.floor_sd > 0:
            return f"{row.value:.4f}"
        return f"{row.value:.4f} ({(row.value - row.floor_mean) / row.floor_sd:+.1f})"
    return format_number(row.value) + (
        f" ({plus_minus(row.over_floor, row.over_floor_error)})" if row.over_floor > 0 else ""
    )


def plus_minus(value: float, error: float) -> str:
    """Return a multiple of the floor with its standard error, if that is known."""
    return format_number(value, 2) + (f" ± {format_number(error, 1)}" if error > 0 else "")


def _worst(row: Any, metrics: Mapping[str, Any]) -> str:
    """Return the largest multiple of a floor of all observables, and of which."""
    return "–" if row is None else f"{plus_minus(row.value, row.error)} {metrics['all']['worst'].get('observable', '')}"


def _beyond(row: Any) -> str:
    """Return what all observables have beyond the floor, in per cent of the spread of truth, and its interval."""
    if row is None:
        return "–"
    value, low, high = (format_number(100.0 * share, 2) for share in (row.value, row.excess_low, row.excess_high))
    return f"{value}% ({low}–{high}%)"


def _floor(row: Any) -> str:
    """Return the floor under a value, mean ± standard deviation, and the range of a perfect model in floors."""
    if row is None or not math.isfinite(row.floor_mean):
        return "–"
    text = f"{format_number(row.floor_mean, 4 if row.measure == 'auc' else 3)} ± {format_number(row.floor_sd, 2)}"
    if row.measure == "auc" or not math.isfinite(row.floor_low):
        return text
    unit = 1.0 if row.quantity == "all" else row.floor_mean
    return f"{text} ({format_number(row.floor_low / unit, 2)}–{format_number(row.floor_high / unit, 2)})"


def _published(table: pd.DataFrame) -> str:
    """Return, in Markdown, conservation of the runs that the paper prints, its numbers in brackets."""
    lines = []
    for run, ours in table.groupby("run", sort=False):
        named = {row.quantity: row for row in ours.itertuples()}
        lines.append(
            [run, *(f"{format_number(named[q].value)} ({format_number(named[q].published)})" for q in VIOLATIONS)]
        )
    return grid(["run (paper)", *VIOLATIONS.values()], lines)


def _trainings(records: Sequence[Mapping[str, Any]]) -> str:
    """Return what the trainings took, in Markdown."""
    lines = []
    for record in records:
        weights = record.get("n_parameters")
        lines.append(
            [
                str(record["spec"].get("run", "–")),
                f"{record['n_events']:,} × {record['epochs']}",
                f"{weights:,}" if weights else "–",
                *(_minutes(record.get(key)) for key in ("seconds", "cpu_seconds")),
                f"{record.get('device', '–')}, {record.get('precision', '–')}",
            ]
        )
    return grid(["run", "events × epochs", "weights", "minutes", "CPU-minutes", "device"], lines)


def _minutes(seconds: float | None) -> str:
    """Return a time in minutes."""
    return "–" if seconds is None else f"{seconds / 60.0:.1f}"
