"""The page of a scale: everything that was made, on one sheet that can be mailed, printed and read on a phone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from onshell.config import Config
from onshell.core.files import whole
from onshell.core.progress import Progress, log
from onshell.report import products, provenance, summary, trainings
from onshell.report.collect import Product, Scale, gather
from onshell.report.metrics import OFF_SHELL, Measured, everything, headline, measured
from onshell.report.render import render
from onshell.report.table import Table
from onshell.report.text import capital, format_text, heading

OTHERS = "Everything else"


class Chapter(NamedTuple):
    """The figures and tables of a process or study, and the metrics of the process."""

    key: str
    title: Markup
    note: str
    products: Sequence[Product]
    metrics: Sequence[Table] = ()


def page_file(config: Config, captions: Path, out: Path, *, progress: Progress = log) -> None:
    """Write the page of the configuration's scale to `out`, from products that exist; equal products, equal bytes."""
    scale = gather(config, captions, out)
    text = page(scale)
    with whole(out) as part:
        part.write_text(text, encoding="utf-8")
    shown = f"figures and tables: {len(scale.products)}, trainings: {len(scale.trainings)}, {len(text) / 1e6:.1f} MB"
    absent = sorted({name for names in scale.missing.values() for name in names})
    progress(f"{out}: {shown}" + (f"; not there: {', '.join(absent)}" if absent else ""))


def page(scale: Scale) -> str:
    """Return the page of everything that there is at a scale."""
    runs = measured(scale)
    return render(
        "page.html",
        title=", ".join((f"onshell: {scale.name}", *scale.presets)),
        scale=scale,
        tiles=summary.tiles(scale, runs),
        distances=summary.distances(scale, runs),
        conservation=summary.conservation(scale, runs),
        off_shell=OFF_SHELL,
        chapters=list(chapters(scale, runs)),
        products=products,
        cards=trainings.cards(scale),
        costs=trainings.costs(scale),
        machines=provenance.machines(scale),
        jobs=provenance.jobs(provenance.timings(scale.folder / "benchmarks")),
        numbers=everything(scale, runs),
        files=list(provenance.files(scale)),
    )


def chapters(scale: Scale, runs: Sequence[Measured]) -> Iterator[Chapter]:
    """Yield a chapter for every process that anything is about, one for the rest, and one for every study."""
    for subject in (*scale.subjects, ""):
        about = [one for one in scale.products if one.subject == subject]
        tables = headline(scale, runs, subject)
        if about or tables:
            name, equation = heading(scale.subjects.get(subject, OTHERS))
            note = f"equation {equation}" if equation else ""
            yield Chapter(f"process-{subject or 'other'}", name, note, about, tables)
    for study, title in scale.studies.items():
        about = [one for one in scale.products if one.subject == study]
        if about:
            yield Chapter(f"study-{study}", format_text(capital(title)), "", about)
