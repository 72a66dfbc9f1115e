"""The page of a scale: its sections in their order, the contents beside them, and the frame around it all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from onshell.core.markup import TRIANGLE, document
from onshell.report import provenance, summary, trainings
from onshell.report.collect import Scale
from onshell.report.format import capital, heading, typeset
from onshell.report.numbers import OFF_SHELL, Measured, everything, measured, telling
from onshell.report.products import exhibits, label

STYLE, SCRIPT = (Path(__file__).with_name(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
OTHERS = "Everything else"


@dataclass(frozen=True)
class Section:
    """A section: its identifier, its title (HTML), what it holds, and what the contents list below it."""

    key: str
    title: str
    body: str
    entries: Sequence[tuple[str, str]] = ()
    note: str = ""

    def html(self) -> str:
        """Return the section."""
        note = f" <small>{self.note}</small>" if self.note else ""
        return (
            f'<section class="chapter" id="{self.key}" aria-labelledby="{self.key}-title">\n'
            f'<h2 id="{self.key}-title">{self.title}{note}</h2>\n{self.body}</section>\n'
        )


def page(scale: Scale) -> str:
    """Return the page of everything that there is at a scale."""
    runs = measured(scale)
    parts = [part for part in sections(scale, runs) if part.body]
    body = (
        '<a class="skip" href="#main">Skip to the content</a>\n'
        f'{_header(scale)}\n<div class="frame">\n{_contents(parts)}\n<main id="main" tabindex="-1">\n'
        f"{''.join(part.html() for part in parts)}</main>\n</div>\n{FOOTER}"
        '<dialog id="large" aria-labelledby="large-title"><form method="dialog"><strong id="large-title"></strong>'
        '<button>Close</button></form><div class="scroll" tabindex="0"></div></dialog>\n'
    )
    title = ", ".join((f"onshell: {scale.name}", *scale.presets))
    return document(title, body, style=STYLE, script=SCRIPT, icon=TRIANGLE)


def sections(scale: Scale, runs: Sequence[Measured]) -> Iterator[Section]:
    """Yield the sections of the page; some may be empty."""
    seen = summary.tiles(scale, runs) + summary.distances(scale, runs) + summary.conservation(scale, runs)
    yield Section("glance", "At a glance", seen + _missing(scale))
    subjects = {one.subject for one in scale.exhibits} | {one.process for one in runs}
    for subject in [name for name in (*scale.subjects, "") if name in subjects]:
        title, equation = heading(scale.subjects.get(subject, OTHERS))
        numbers = telling(scale, runs, subject)
        body = (METRICS + numbers if numbers else "") + "".join(exhibits(scale, subject))
        note = f"equation {equation}" if equation else ""
        yield Section(f"process-{escape(subject or 'other')}", title, body, _entries(scale, subject), note)
    for study, title in scale.studies.items():
        body = "".join(exhibits(scale, study))
        yield Section(f"study-{escape(study)}", typeset(capital(title)), body, _entries(scale, study))
    if scale.trainings:
        words = '<p class="caption">Loss by epoch; the dot marks the weights that were kept. Losses of different '
        words += "kinds of model are different quantities: compare shapes, not heights.</p>\n"
        body = words + trainings.curves(scale) + "<h3>What each took</h3>\n" + trainings.took(scale)
        yield Section("training", "Training", body)
    where, times = provenance.machines(scale), provenance.jobs(provenance.timings(scale.folder / "benchmarks"))
    where = f"<h3>Where the models were trained</h3>\n{where}" if where else ""
    times = f"<h3>Jobs by rule</h3>\n{TIMES}{times}" if times else ""
    yield Section("origins", "What ran where, and how long", where + times)
    yield Section("data", "Data", FILES + (_numbers(scale, runs) if runs else "") + provenance.data(scale))


def _entries(scale: Scale, subject: str) -> list[tuple[str, str]]:
    """Return what the contents list of the figures and tables about a process or of a study."""
    return [
        (one.name, f"<span>{label(one)}</span> {typeset(capital(one.title))}")
        for one in scale.exhibits
        if one.subject == subject
    ]


def _header(scale: Scale) -> str:
    """Return the head of the page: title, scale, and what can be switched."""
    presets = " and ".join(f"<b>{escape(name)}</b>" for name in scale.presets)
    word = "preset" if len(scale.presets) == 1 else "presets"
    made = f" with {word} {presets}" if presets else ""
    switch = ""
    if len(scale.presets) > 1:
        buttons = '<button type="button" data-preset="" aria-pressed="true">all</button>' + "".join(
            f'<button type="button" data-preset="{name}" aria-pressed="false">{name}</button>'
            for name in map(escape, scale.presets)
        )
        switch = f'<div class="switch" role="group" aria-label="Preset to show" hidden>{buttons}</div>'
    return (
        '<header class="top"><div><p class="brand">onshell</p>\n<h1>Generative models on phase space</h1>\n'
        f"<p>Every figure and table of arXiv:2604.02415, built from nothing at scale <b>{escape(scale.name)}</b>"
        f'{made}.</p></div>\n<div class="controls">{switch}'
        '<button type="button" id="theme" aria-pressed="false" hidden>Dark</button></div></header>'
    )


def _contents(parts: Sequence[Section]) -> str:
    """Return the contents; open without a script, folded on a phone with one."""
    items = []
    for part in parts:
        inner = "".join(f'<li><a href="#{escape(key)}">{words}</a></li>' for key, words in part.entries)
        below = f"<ol>{inner}</ol>" if inner else ""
        items.append(f'<li><a href="#{part.key}">{part.title}</a>{below}</li>')
    return (
        '<nav aria-label="Contents"><details open><summary>Contents</summary>\n'
        f"<ol>{''.join(items)}</ol></details></nav>"
    )


def _missing(scale: Scale) -> str:
    """Return what is not there yet, by preset."""
    return "".join(
        f'<p class="note">Not built yet{f" with preset {escape(preset)}" if scale.of(preset) else ""}: '
        f"{escape(', '.join(names))}.</p>\n"
        for preset, names in scale.missing.items()
    )


def _numbers(scale: Scale, runs: Sequence[Measured]) -> str:
    """Return every number, folded away, with a field to search in them."""
    count = sum(len(one.entries) for one in runs)
    return (
        f'<details class="files"><summary>Every metric <small>{count:,} numbers</small></summary>\n'
        '<p class="search" hidden><label>Search <input type="search" data-filter placeholder="aps_30 w1"></label> '
        f"<output></output></p>\n{everything(scale, runs)}</details>\n"
    )


METRICS = (
    '<h3>Metrics beside the floor</h3>\n<p class="caption">W<sub>1</sub>: Wasserstein\u20111 distance to truth, and '
    "how many times its statistical floor, truth against truth at the same sizes, with the standard error; below, the "
    "range that holds 90% of perfect models. Worst: the largest multiple of all observables. KS: the largest "
    "Kolmogorov-Smirnov distance of all observables. AUC of a linear classifier; at ½ it cannot tell model from truth. "
    f"{OFF_SHELL}: mean, over the median energy of a particle.</p>\n"
)
TIMES = (
    '<p class="caption">Sums over all jobs of a rule, as measured when each last ran; jobs may have run at the same '
    "time.</p>\n"
)
FILES = '<p class="caption">Links lead to the files beside this page; mailed alone, it shows all but them.</p>\n'
FOOTER = (
    "<footer><p>Histograms are divided by the number of all their entries, those beyond the axis included; error bars "
    "are the square root of the number of entries in a bin.</p><p>Cite arXiv:2604.02415, and onshell by its "
    "CITATION.cff.</p></footer>\n"
)
