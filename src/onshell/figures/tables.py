"""Tables of the paper from metrics: tab2 and tab3, as numbers (CSV) and as text (TeX, Markdown)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from onshell.core.errors import OnshellError
from onshell.evaluation.truth import judge_told
from onshell.figures.data import FigureData
from onshell.figures.labels import AZIMUTHS, COSINES, ENERGIES, OBSERVABLES


@dataclass(frozen=True)
class Table:
    """A table: full numbers for programs, and rows of text for people.

    `head` and `rows` hold text in two versions, (TeX, Markdown); so does `note`, which stands below.
    """

    numbers: pd.DataFrame
    head: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[tuple[str, str]]]
    rule_before_last: bool = False
    note: tuple[str, str] | None = None

    def tex(self) -> str:
        """Return the table in TeX with booktabs rules."""
        lines = [f"\\begin{{tabular}}{{l{'r' * (len(self.head) - 1)}}}", "\\toprule"]
        lines += [" & ".join(cell[0] for cell in self.head) + " \\\\", "\\midrule"]
        for i, row in enumerate(self.rows):
            if self.rule_before_last and i == len(self.rows) - 1:
                lines.append("\\midrule")
            lines.append(" & ".join(cell[0] for cell in row) + " \\\\")
        lines.append("\\bottomrule")
        if self.note:
            lines.append(f"\\multicolumn{{{len(self.head)}}}{{l}}{{\\footnotesize {self.note[0]}}}")
        return "\n".join([*lines, "\\end{tabular}"]) + "\n"

    def markdown(self) -> str:
        """Return the table in Markdown."""
        lines = ["| " + " | ".join(cell[1] for cell in self.head) + " |"]
        lines.append("|" + ":---|" + "---:|" * (len(self.head) - 1))
        lines += ["| " + " | ".join(cell[1] for cell in row) + " |" for row in self.rows]
        lines += ["", self.note[1]] if self.note else []
        return "\n".join(lines) + "\n"


def plain(value: float, digits: int = 3) -> tuple[str, str]:
    """Return a number to `digits` significant ones, without an exponent down to 1e-5."""
    if value and abs(value) < 1e-4:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return rf"${mantissa}\times 10^{{{int(exponent)}}}$", f"{mantissa}e{int(exponent)}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else digits
    return f"{value:.{decimals}f}", f"{value:.{decimals}f}"


def uncertain(mean: float, sd: float) -> tuple[str, str]:
    """Return "mean ± sd", the sd to two significant digits and the mean to the same decimals."""
    if sd <= 0.0:
        return plain(mean)
    scale = max(abs(mean), sd)
    power = math.floor(math.log10(scale)) if scale < 1e-3 else 0
    mean, sd = mean / 10.0**power, sd / 10.0**power
    decimals = max(0, 1 - math.floor(math.log10(sd)))
    tex, text = rf"{mean:.{decimals}f} \pm {sd:.{decimals}f}", f"{mean:.{decimals}f} ± {sd:.{decimals}f}"
    if power:
        return rf"$({tex})\times 10^{{{power}}}$", f"({text})e{power}"
    return f"${tex}$", text


def _need(found: dict, keys: Sequence[str], data: FigureData, role: str) -> float:
    """Return one number of the metrics, or the error that says which is missing from which file."""
    value = found
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
    roles = data.roles
    metrics = {role: data.metrics(role) for role in roles}
    names = ["ln_f", *ENERGIES, "u_1", "u_2", *COSINES, *AZIMUTHS]
    numbers, rows = [], []
    for name in names:
        w1 = {role: _need(metrics[role], ("observables", name, "w1"), data, role) for role in roles}
        keys = [("observables", name, f"floor_w1_{part}") for part in ("mean", "sd", "low", "high")]
        floor = [_need(metrics[roles[0]], key, data, roles[0]) for key in keys]
        more: dict[str, float] = {}
        for role in roles:
            for key in ("w1_over_floor", "w1_error", "w1_over_floor_error", "excess", "excess_low", "excess_high"):
                found = _need(metrics[role], ("observables", name, key), data, role)
                more[f"{role}_{key.removeprefix('w1_')}"] = found
        columns = ("floor_mean", "floor_sd", "floor_low", "floor_high")
        numbers.append({"observable": name} | w1 | dict(zip(columns, floor, strict=True)) | more)
        symbol = OBSERVABLES[name]
        cells = [_beside(w1[role], more[f"{role}_error"], more[f"{role}_over_floor"]) for role in roles]
        rows.append([(f"${symbol.symbol}$", symbol.plain), *cells, uncertain(*floor[:2]), _range(floor)])
    head = [("Observable", "Observable")] + [
        (f"{role} ({a})",) * 2 for role in roles for a in [data.augmentation(role)]
    ]
    head += [("floor", "floor"), ("perfect model / floor", "perfect model / floor")]
    words = (
        "W1 with its standard error, in brackets over the floor, truth against truth at the same sizes (mean and "
        f"standard deviation of one). Perfect model: the range that holds 90% of its ratios. {judge_told(data.judge())}"
    )
    return Table(pd.DataFrame(numbers), head, rows, note=(words, words))


def _beside(value: float, error: float, ratio: float) -> tuple[str, str]:
    """Return a W1 with its error and, in brackets, over its floor."""
    return tuple(f"{text} ({plain(ratio, 2)[1]})" for text in uncertain(value, error))


def _range(floor: Sequence[float]) -> tuple[str, str]:
    """Return the range of a perfect model, over the mean of its floor (mean, sd, low, high)."""
    low, high = (plain(end / floor[0], 2)[1] for end in floor[2:])
    return f"{low}--{high}", f"{low}–{high}"


@dataclass(frozen=True)
class Column:
    """A column of tab3: its name, its heading (TeX, Markdown) and where metrics hold it."""

    name: str
    head: tuple[str, str]
    keys: tuple[str, ...]

    def values(self, need: Callable[[Sequence[str]], float], floor: bool) -> tuple[float, float]:
        """Return (mean, sd) of the model or of the floor; of the KS of a model its standard error."""
        if self.keys[0] == "features":
            prefix = "floor_" if floor else ""
            return need((*self.keys, f"{prefix}mean")), need((*self.keys, f"{prefix}sd"))
        *path, quantity = self.keys
        if floor:
            return need((*path, f"floor_{quantity}_mean")), need((*path, f"floor_{quantity}_sd"))
        return need(self.keys), need((*path, f"{quantity}_error"))


TAB3 = [
    Column("frechet_invariant", (r"FD$_{\mathrm{inv}}$", "FD inv"), ("features", "invariant", "frechet")),
    Column("frechet_latent", (r"FD$_{\mathrm{AE}}$", "FD AE"), ("features", "latent", "frechet")),
    Column("auc_invariant", (r"AUC$_{\mathrm{inv}}$", "AUC inv"), ("features", "invariant", "auc")),
    Column("auc_latent", (r"AUC$_{\mathrm{AE}}$", "AUC AE"), ("features", "latent", "auc")),
    Column("ks_E_3", (r"KS $E_3$", "KS E_3"), ("observables", "E_3", "ks")),
    Column("ks_cos_theta_3", (r"KS $\cos\theta_3$", "KS cos θ_3"), ("observables", "cos_theta_3", "ks")),
]


def tab3(data: FigureData) -> Table:
    """Return Fréchet distances, classifier AUCs and KS statistics of every model, and of truth against truth.

    In features: the mean and standard deviation over random halves and autoencoders; of the floor, over replicates of
    that mean. Of the KS of a model: its standard error.
    """
    numbers, rows = [], []
    lines = [(role, data.augmentation(role), role, False) for role in data.roles]
    lines.append(("floor", "truth against truth", data.roles[0], True))
    for name, label, role, floor in lines:
        metrics = data.metrics(role)
        line: dict[str, str | float] = {"model": name, "augmentation": label}
        cells = [(name if floor else f"{name} ({label})",) * 2]
        for column in TAB3:
            mean, sd = column.values(lambda keys, m=metrics, r=role: _need(m, keys, data, r), floor)
            line |= {column.name: mean, f"{column.name}_sd": sd}
            cells.append(uncertain(mean, sd))
        numbers.append(line)
        rows.append(cells)
    head = [("Model", "Model"), *[c.head for c in TAB3]]
    return Table(pd.DataFrame(numbers), head, rows, rule_before_last=True, note=_spreads(data))


def _spreads(data: FigureData) -> tuple[str, str]:
    """Return what the spreads of tab3 are over, in TeX and Markdown."""
    role = data.roles[0]
    metrics = data.metrics(role)
    names = ("splits", "autoencoders", "replicates")
    splits, networks, pairs = (round(_need(metrics, ("counts", name), data, role)) for name in names)
    over = f"random halves ({splits}) and autoencoders ({networks})"
    words = f"mean and standard deviation of models over {over}, of the floor over {pairs} pairs of truth samples."
    words += f" KS of models: its standard error. {judge_told(data.judge())}"
    return (rf"$\pm$: {words}", f"±: {words}")
