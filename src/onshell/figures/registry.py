"""Every figure and table by its name: what `onshell figure` and `onshell table` draw and write."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from onshell.core.errors import OnshellError, nearest
from onshell.figures import antennas, diffusion, muon, process, qqg, study_changes, study_figures, study_tables, tables
from onshell.figures.canvas import Canvas, styled
from onshell.figures.data import FigureData

FIGURES: dict[str, Callable[[FigureData], Canvas]] = {
    function.__name__: function
    for function in (
        *(muon.fig01, muon.fig02, muon.fig03, muon.fig04, muon.fig05, muon.fig15, muon.fig16, muon.fig17, muon.fig18),
        *(qqg.fig06, qqg.fig07, qqg.fig08, qqg.fig09, qqg.fig10),
        *(antennas.fig11, antennas.fig12, antennas.fig13, antennas.fig14),
        *(diffusion.fig19, diffusion.fig20, diffusion.fig21, diffusion.fig22, process.process),
        *(study_figures.tails, study_figures.spectra),
        *(study_changes.budgets, study_changes.evaluations, study_changes.changes),
    )
}
TABLES: dict[str, Callable[[FigureData], tables.Table]] = {
    function.__name__: function
    for function in (tables.tab1, tables.tab2, tables.tab3, study_tables.comparison, study_tables.ablation)
}

Files = Mapping[str, Mapping[str, str | Path]]


def _code(kind: str, name: str, entry: Mapping[str, Any], known: Collection[str]) -> str:
    """Return whose code draws: that of the name, or of its entry's `draw`."""
    code = entry.get("draw", name)
    if code not in known:
        raise OnshellError(f"{code}: no such {kind}; {nearest(code, known)}")
    return code


def draw_figure(name: str, entry: Mapping[str, Any], files: Files, out_stem: str | Path) -> None:
    """Write <out_stem>.pdf, .png and .csv (the drawn numbers), all or none; equal inputs give equal bytes."""
    code = _code("figure", name, entry, FIGURES)
    with styled():
        FIGURES[code](FigureData(entry, files)).save_all(out_stem, name)


def write_table(name: str, entry: Mapping[str, Any], files: Files, out_stem: str | Path) -> None:
    """Write <out_stem>.csv (full numbers), .tex (booktabs) and .md, all or none."""
    code = _code("table", name, entry, TABLES)
    TABLES[code](FigureData(entry, files)).save_all(out_stem)
