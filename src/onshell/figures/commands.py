"""What `onshell figure` and `onshell table` do, as plain functions of paths."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from onshell.core.errors import OnshellError, nearest
from onshell.core.files import all_whole
from onshell.figures import (
    antennas,
    any_process,
    changes,
    comparison,
    conservation,
    dalitz,
    muon,
    processes,
    qqg,
    qspace,
    quality,
    study_laws,
    tables,
)
from onshell.figures.data import FigureData
from onshell.figures.sheet import Sheet, styled

FIGURES: dict[str, Callable[[FigureData], Sheet]] = {
    function.__name__: function
    for function in (
        *(dalitz.fig01, muon.fig02, muon.fig03, muon.fig04, muon.fig05, dalitz.fig06),
        *(qqg.fig07, qqg.fig08, qqg.fig09, qqg.fig10, qspace.fig11, antennas.fig12, antennas.fig13),
        *(conservation.fig14, muon.fig15, qspace.fig16, muon.fig17, dalitz.fig18),
        *(processes.fig19, processes.fig20, processes.fig21, processes.fig22, any_process.process),
        *(quality.budgets, quality.evaluations, study_laws.tails, study_laws.spectra, changes.changes),
    )
}
TABLES: dict[str, Callable[[FigureData], tables.Table]] = {
    "tab1": conservation.tab1,
    "tab2": tables.tab2,
    "tab3": tables.tab3,
    "comparison": comparison.comparison,
    "ablation": comparison.ablation,
}

Files = Mapping[str, Mapping[str, str | Path]]


def _known(kind: str, name: str, names: Collection[str]) -> None:
    """Raise unless `name` is one of `names`."""
    if name not in names:
        raise OnshellError(f"{name}: no such {kind}; {nearest(name, names)}")


def _beside(stem: str | Path, suffix: str) -> Path:
    """Return `stem` with `suffix` added; a dot in the stem stays."""
    return Path(stem).with_name(f"{Path(stem).name}{suffix}")


def draw_figure(name: str, entry: Mapping[str, Any], files: Files, out_stem: str | Path) -> None:
    """Write <out_stem>.pdf, .png and .csv (the drawn numbers), all or none; equal inputs give equal bytes.

    The code is that of the figure's name, or of its entry's `draw`.
    """
    code = entry.get("draw", name)
    _known("figure", code, FIGURES)
    with styled():
        sheet = FIGURES[code](FigureData(entry, files))
        table, page = sheet.table().assign(figure=name), sheet.finish()
        with all_whole(*(_beside(out_stem, suffix) for suffix in (".pdf", ".png", ".csv"))) as (pdf, png, csv):
            page.savefig(pdf, metadata={"CreationDate": None})
            page.savefig(png, metadata={"Software": None})
            table.to_csv(csv, index=False, float_format="%.10g")


def write_table(name: str, entry: Mapping[str, Any], files: Files, out_stem: str | Path) -> None:
    """Write <out_stem>.csv (full numbers), .tex (booktabs) and .md, all or none; the code is named as a figure's."""
    code = entry.get("draw", name)
    _known("table", code, TABLES)
    table = TABLES[code](FigureData(entry, files))
    with all_whole(*(_beside(out_stem, suffix) for suffix in (".csv", ".tex", ".md"))) as (csv, tex, markdown):
        table.numbers.to_csv(csv, index=False, float_format="%.10g")
        tex.write_text(table.tex(), encoding="utf-8")
        markdown.write_text(table.markdown(), encoding="utf-8")
