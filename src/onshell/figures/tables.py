"""Tables of the paper, as numbers (CSV) and as text (TeX, Markdown): tab1, tab2 and tab3."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from onshell.core.errors import OnshellError
from onshell.evaluation.metrics import conservation
from onshell.evaluation.observables import observable, of_places
from onshell.evaluation.tables import Cell, Table, cell, number, uncertain
from onshell.evaluation.truth import judge_note
from onshell.figures.data import FigureData

PUBLISHED = ("energy", "px", "py", "pz")
"""The columns of tab1 that the paper gives, in its order, that of an entry's `published`."""


def tab1(data: FigureData) -> Table:
    """Return the mean violations of every model beside the published ones, in units of the median particle energy.

    Its numbers have a row for each model: `run`, the means of |sum E - 1|, |sum p_x|, |sum p_y|, |sum p_z| and of the
    length |sum p|, as `energy`, `px`, `py`, `pz`, `p`, and the published ones, `published_energy` and so on, empty
    where the paper says "machine precision". It gives no length. An entry must have four published values, or none.
    """
    published = data.entry.get("published") or {}
    numbers, rows = [], []
    for role in sorted(data.roles, key=data.model):
        found = conservation(data.sample(role))
        names = {name: name for name in PUBLISHED} | {"p": "momentum"}
        ours = {name: found[f"{key}_mean"] / found["median_energy"] for name, key in names.items()}
        theirs = published.get(role)
        if theirs is not None and len(theirs) != len(PUBLISHED):
            raise OnshellError(
                f"published.{role}: {len(theirs)} values where {len(PUBLISHED)} are needed; give {', '.join(PUBLISHED)}"
            )
        beside = zip(PUBLISHED, theirs or [np.nan] * len(PUBLISHED), strict=True)
        numbers.append({"run": data.run(role)} | ours | {f"published_{name}": value for name, value in beside})
        label = data.model(role)
        rows.append([Cell(label, label.replace("$", "")), cell("ours"), *map(number, ours.values())])
        words = [f"{value:.4f}" for value in theirs] if theirs else ["machine precision"] * len(PUBLISHED)
        rows.append([cell(text) for text in ("", "published", *words, "")])
    head = [cell("Model"), cell(""), Cell(r"$|\sum E - 1|$", "abs(ΣE − 1)")]
    head += [Cell(rf"$|\sum p_{axis}|$", f"abs(Σp_{axis})") for axis in "xyz"]
    head += [Cell(r"$|\sum \vec p|$", "length of Σp")]
    note = cell("Means over events, in units of the sample's median single-particle energy.")
    return Table(pd.DataFrame(numbers), head, rows, note)


def _need(data: FigureData, role: str, *keys: str) -> float:
    """Return one number of the metrics, or the error that says which is missing from which file."""
    value = data.metrics(role)
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            path = data.path("metrics", data.run(role))
            raise OnshellError(f"{path}: no {'.'.join(keys)}; make the metrics again (with autoencoders and a floor)")
        value = value[key]
    return float(value)


def tab2(data: FigureData) -> Table:
    """Return W1 of every observable for each model, beside the floor: truth against truth at the same sizes.

    In the numbers also every ratio to the floor with its error, and what W1 has beyond the floor, with its interval.
    """
    roles, numbers, rows = data.roles, [], []
    measures = ("w1_over_floor", "w1_error", "w1_over_floor_error", "excess", "excess_low", "excess_high")
    angles = [name for kind in ("cos_theta", "phi") for name in (*of_places(kind, 3), f"{kind}_plane")]
    for name in ["ln_f", *of_places("E", 3), "u_1", "u_2", *angles]:
        line = {role: _need(data, role, "observables", name, "w1") for role in roles}
        floor = {
            f"floor_{part}": _need(data, roles[0], "observables", name, f"floor_w1_{part}")
            for part in ("mean", "sd", "low", "high")
        }
        more = {
            f"{role}_{key.removeprefix('w1_')}": _need(data, role, "observables", name, key)
            for role in roles
            for key in measures
        }
        numbers.append({"observable": name} | line | floor | more)
        cells = [_with_ratio(line[role], more[f"{role}_error"], more[f"{role}_over_floor"]) for role in roles]
        low, high = (number(floor[f"floor_{end}"] / floor["floor_mean"], 2).markdown for end in ("low", "high"))
        symbol = Cell(f"${observable(name).symbol}$", observable(name).plain)
        rows.append([symbol, *cells, uncertain(floor["floor_mean"], floor["floor_sd"]), cell(f"{low}–{high}")])
    head = ["Observable", *(f"{role} ({data.augmentation(role)})" for role in roles), "floor", "perfect model / floor"]
    note = (
        "W1 with its standard error, in brackets over the floor, truth against truth at the same sizes (mean and "
        f"standard deviation of one). Perfect model: the range that holds 90% of its ratios. {judge_note(data.judge())}"
    )
    return Table(pd.DataFrame(numbers), [Cell(text, text) for text in head], rows, cell(note))


def _with_ratio(value: float, error: float, ratio: float) -> Cell:
    """Return a W1 with its error and, in brackets, over its floor."""
    return Cell(*(f"{text} ({number(ratio, 2).markdown})" for text in uncertain(value, error)))


class Column(NamedTuple):
    """A column of tab3: its heading, where metrics hold it, and the keys there: value and spread, model and floor."""

    head: Cell
    path: tuple[str, ...]
    model: tuple[str, str]
    floor: tuple[str, str]


FEATURE = (("mean", "sd"), ("floor_mean", "floor_sd"))
KS = (("ks", "ks_error"), ("floor_ks_mean", "floor_ks_sd"))
"""Keys of a measure in features, and of a KS, whose spread is a standard error."""

TAB3 = {
    "frechet_invariant": Column(Cell(r"FD$_{\mathrm{inv}}$", "FD inv"), ("features", "invariant", "frechet"), *FEATURE),
    "frechet_latent": Column(Cell(r"FD$_{\mathrm{AE}}$", "FD AE"), ("features", "latent", "frechet"), *FEATURE),
    "auc_invariant": Column(Cell(r"AUC$_{\mathrm{inv}}$", "AUC inv"), ("features", "invariant", "auc"), *FEATURE),
    "auc_latent": Column(Cell(r"AUC$_{\mathrm{AE}}$", "AUC AE"), ("features", "latent", "auc"), *FEATURE),
    "ks_E_3": Column(Cell(r"KS $E_3$", "KS E_3"), ("observables", "E_3"), *KS),
    "ks_cos_theta_3": Column(Cell(r"KS $\cos\theta_3$", "KS cos θ_3"), ("observables", "cos_theta_3"), *KS),
}


def tab3(data: FigureData) -> Table:
    """Return Fréchet distances, classifier AUCs and KS statistics of every model, and of truth against truth.

    In features: the mean and standard deviation over random halves and autoencoders; of the floor, over replicates of
    that mean. Of the KS of a model: its standard error.
    """
    numbers, rows = [], []
    lines = [(role, data.augmentation(role), f"{role} ({data.augmentation(role)})", role) for role in data.roles]
    lines.append(("floor", "truth against truth", "floor", data.roles[0]))
    for name, augmentation, label, role in lines:
        line: dict[str, str | float] = {"model": name, "augmentation": augmentation}
        cells = [Cell(label, label)]
        for key, column in TAB3.items():
            keys = column.floor if name == "floor" else column.model
            mean, sd = (_need(data, role, *column.path, end) for end in keys)
            line |= {key: mean, f"{key}_sd": sd}
            cells.append(uncertain(mean, sd))
        numbers.append(line)
        rows.append(cells)
    head = [cell("Model"), *(column.head for column in TAB3.values())]
    return Table(pd.DataFrame(numbers), head, rows, _spreads(data), rule_before_last=True)


def _spreads(data: FigureData) -> Cell:
    """Return what the spreads of tab3 are over."""
    names = ("splits", "autoencoders", "replicates")
    splits, networks, pairs = (round(_need(data, data.roles[0], "counts", name)) for name in names)
    return cell(
        f"±: mean and standard deviation of models over random halves ({splits}) and autoencoders ({networks}), of the "
        f"floor over {pairs} pairs of truth samples. KS of models: its standard error. {judge_note(data.judge())}"
    )
