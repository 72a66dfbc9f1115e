"""Energy-momentum violation of generated events: fig14 and tab1."""

import numpy as np
import pandas as pd
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.evaluation.conservation import conservation
from onshell.figures.antennas import kinds
from onshell.figures.data import FigureData
from onshell.figures.panels import histogram, legend
from onshell.figures.series import TRUTH_FILL, Array, Series
from onshell.figures.sheet import Sheet
from onshell.figures.tables import Table, plain
from onshell.physics.kinematics import energies, violation

LEAST = -17.0
"""log10 of the smallest violation drawn as it is; the bin of one decade below holds the rest and exact zeros."""

BINS = 4
"""Bins a decade."""

E_MEDIAN = r"\tilde{E}"
COMPONENTS = {
    "energy": rf"$|\sum E - 1|\,/\,{E_MEDIAN}$",
    **{f"p{axis}": rf"$|\sum p_{axis}|\,/\,{E_MEDIAN}$" for axis in "xyz"},
}
"""What is drawn, in units of the median single-particle energy, and its axis labels."""

PUBLISHED = ("energy", "px", "py", "pz")
"""The columns of tab1 that the paper gives, in its order, that of an entry's `published`."""


def violations(p: Tensor) -> dict[str, Array]:
    """Return log10 of |sum E - 1| and |sum p_x,y,z| [n] over the sample's median energy, by name, for fig14.

    What is smaller than 10^LEAST, exact zeros too, is half a decade below that.
    """
    excess, total = violation(p)
    median = float(energies(p).flatten().median())
    found = {"energy": excess, **{f"p{axis}": total[:, i] for i, axis in enumerate("xyz")}}
    sizes = {name: value.abs().numpy() / median for name, value in found.items()}
    small = 10.0 ** (LEAST - 0.5)
    return {name: np.log10(np.where(size < 10.0**LEAST, small, size)) for name, size in sizes.items()}


def fig14(data: FigureData) -> Sheet:
    """Return the violation of energy and momentum conservation: truth, and the models of q- and of p-space."""
    sheet = Sheet("fig14")
    drawn = [("truth", violations(data.truth(data.shared_dataset(data.roles))), {"role": "truth"})]
    drawn += [(data.model(role), violations(data.sample(role)), looks) for role, looks in kinds(data).items()]
    top = max(float(np.ceil(values.max())) for _, sample, _ in drawn for values in sample.values())
    edges = np.append(LEAST - 1.0, np.linspace(LEAST, top, round((top - LEAST) * BINS) + 1))
    series = {name: [Series(label, s[name], **looks) for label, s, looks in drawn] for name in COMPONENTS}
    legend(sheet, series["energy"])
    names = list(COMPONENTS)
    for pair in (names[:2], names[2:]):
        for i, (axes, name) in enumerate(zip(sheet.row(2, 1.35, ratio=False), pair, strict=True)):
            histogram(sheet, axes, name, series[name], edges, label=COMPONENTS[name], log_x=True, first=i == 0)
            main = axes[0]
            main.axvline(LEAST, color=TRUTH_FILL, lw=0.6, zorder=0)
            main.set_xticks([LEAST - 0.5, *main.get_xticks()], ["0", *(t.get_text() for t in main.get_xticklabels())])
    return sheet


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
        rows.append([(label, label.replace("$", "")), ("ours", "ours"), *map(plain, ours.values())])
        words = [f"{value:.4f}" for value in theirs] if theirs else ["machine precision"] * len(PUBLISHED)
        rows.append([("", ""), ("published", "published"), *((word, word) for word in (*words, ""))])
    head = [("Model", "Model"), ("", ""), (r"$|\sum E - 1|$", "abs(ΣE − 1)")]
    head += [(rf"$|\sum p_{axis}|$", f"abs(Σp_{axis})") for axis in "xyz"]
    head += [(r"$|\sum \vec p|$", "length of Σp")]
    note = "Means over events, in units of the sample's median single-particle energy."
    return Table(pd.DataFrame(numbers), head, rows, note=(note, note))
