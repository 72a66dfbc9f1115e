"""Collect what a scale produced into docs/results: `python docs/collect.py --scale desk --hardware "..." --time "..."`.

Copies every figure's PNG (at most WIDTH wide, few colours, at most SIZE bytes), every table and the summary, and writes
README.md, a page that shows them all with their captions. With `--studies` it does so with the tables and figures of
the scale's studies, into docs/results/studies. Run it in the repository.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onshell import config as configuration
from onshell.config.layout import FORMATS, Layout
from onshell.config.studies import studies
from onshell.core.errors import OnshellError
from onshell.core.files import whole
from onshell.report.pictures import SIZE, WIDTH, small_png
from onshell.report.text import caption, first_sentence

PAGE, STUDIES = "README.md", "studies"
OURS = re.compile(rf"(fig\d+\.png|tab\d+\.md|{re.escape(PAGE)}|summary\.(md|csv))")
"""The names this script writes for a preset; nothing else in the folder is touched."""

Entries = Mapping[str, Mapping[str, Any]]
Names = list[str]


@dataclass
class Page:
    """A page that grows: its paragraphs, the files it shows, the names of what is there, and of what is not yet."""

    reports: Path
    lines: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    there: Names = field(default_factory=list)
    missing: Names = field(default_factory=list)

    def add(self, layout: Layout, group: str, entries: Entries, heading: str = "##", *, brief: bool = True) -> None:
        """Add the figures or tables (`group`) that exist; not `brief`, with whole captions and the tables' numbers."""
        for name, entry in entries.items():
            paths = {kind: Path(path) for kind, path in layout.product(group, name).items()}
            source = paths["png" if group == "figures" else "md"]
            if not source.is_file():
                self.missing.append(name)
                continue
            self.there.append(name)
            words = caption(self.reports / f"{name}.rst")
            self.lines.append(f"{heading} {titled(name, entry)}\n")
            self.lines += [f"{first_sentence(words) if brief else words}\n"] if words else []
            if group == "figures":
                self.files[source.name] = small_png(source, WIDTH, SIZE)
                self.lines.append(f"![{name}]({source.name})\n")
                continue
            self.files[source.name] = source.read_bytes()
            try:
                self.lines.append(self.files[source.name].decode())
            except UnicodeDecodeError as error:
                raise OnshellError(f"{source}: not readable as a table; make it again (`onshell table`)") from error
            if not brief and paths["csv"].is_file():
                self.files[paths["csv"].name] = paths["csv"].read_bytes()
                self.lines.append(f"All numbers: [{paths['csv'].name}]({paths['csv'].name}).\n")

    def write(self, out: Path, ours: Callable[[str], object], title: str, told: Mapping[str, str]) -> None:
        """Write the page and its files into the folder `out`, from which every file that is `ours` goes first."""
        out.mkdir(parents=True, exist_ok=True)
        for old in out.iterdir():
            if ours(old.name):
                old.unlink()
        for name, content in self.files.items():
            (out / name).write_bytes(content)
        head = [f"# {title}\n", *(f"{label}: {words}.\n" for label, words in told.items() if words)]
        with whole(out / PAGE) as part:
            part.write_text("\n".join([*head, *self.lines]), encoding="utf-8")


def titled(name: str, entry: Mapping[str, Any]) -> str:
    """Return a name, with the title that its entry gives it, if it does."""
    return f"{name}: {entry['title']}" if "title" in entry else name


def collect(
    layout: Layout, reports: Path, summary: Path | None, out: Path, told: Mapping[str, str]
) -> tuple[Names, Names]:
    """Return the names of the products of a preset that were collected into `out`, and of those not there yet."""
    config, page = layout.config, Page(reports)
    if summary and summary.with_suffix(".md").is_file():
        page.files |= {f"summary{kind}": summary.with_suffix(kind).read_bytes() for kind in (".md", ".csv")}
        page.lines.append(
            "Every run beside its floor: [summary.md](summary.md); all numbers: [summary.csv](summary.csv).\n"
        )
    if (out / STUDIES / PAGE).is_file():
        page.lines.append(f"Comparisons beside the paper: [studies]({STUDIES}/{PAGE}).\n")
    for group in FORMATS:
        page.add(layout, group, dict(sorted(config[group].items())))
    if not page.there:
        raise OnshellError(f"{layout.preset}: no figure and no table there; build some first")
    page.write(out, OURS.fullmatch, f"Results at scale `{config['scale']}`, preset `{config['preset']}`", told)
    return page.there, page.missing + ([] if "summary.md" in page.files else ["summary"])


def collect_studies(layout: Layout, reports: Path, out: Path, told: Mapping[str, str]) -> tuple[Names, Names]:
    """Return the names of the products of all studies that were collected into `out`, and of those not there yet.

    Of each study the tables come first: they say what was compared.
    """
    config, page = layout.config, Page(reports)
    for study, about in studies(config).items():
        title, before = len(page.lines), len(page.there)
        for group in ("tables", "figures"):
            page.add(layout, group, about.get(group, {}), "###", brief=False)
        if len(page.there) > before:
            made = f"Made by `snakemake {study} --config scale={config['scale']}`.\n"
            page.lines[title:title] = [f"## {titled(study, about)}\n", made]
    if not page.there:
        first = next(iter(studies(config)), "best")
        asked = f"snakemake {first} --config scale={config['scale']}"
        raise OnshellError(f"{layout.scale / 'studies'}: no table and no figure there; build some first: {asked}")
    ours = {f"{name}.{kind}" for name in (*page.there, *page.missing) for kind in ("png", "md", "csv")}
    page.write(out, {*ours, PAGE}.__contains__, f"Studies at scale `{config['scale']}`", told)
    return page.there, page.missing


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect the products that the arguments name."""
    parser = argparse.ArgumentParser(description="Collect figures, tables and the summary of a scale.")
    parser.add_argument("--config", default="config.yaml", help="the configuration")
    parser.add_argument("--scale", help="the scale, if not the configuration's")
    parser.add_argument("--preset", help="the preset, if not the configuration's")
    parser.add_argument("--studies", action="store_true", help="collect the scale's studies, in place of a preset")
    parser.add_argument("--summary", type=Path, help="the summary without suffix, if not <preset>/summary")
    parser.add_argument(
        "--output", type=Path, help="the folder to write to, if not docs/results or docs/results/studies"
    )
    parser.add_argument("--hardware", default="", help="what it ran on, in words")
    parser.add_argument("--time", default="", help="how long it took, in words")
    chosen = parser.parse_args(arguments)
    if chosen.studies and (chosen.preset or chosen.summary):
        parser.error("studies are of no preset and have no summary: leave --preset and --summary away")
    settings = [f"{key}={value}" for key in ("scale", "preset") if (value := getattr(chosen, key))]
    out = chosen.output or Path("docs/results", *([STUDIES] if chosen.studies else []))
    told = {"Hardware": chosen.hardware.rstrip("."), "Total time": chosen.time.rstrip(".")}
    try:
        layout = Layout(configuration.load(chosen.config, settings))
        reports = Path(chosen.config).parent / "workflow" / "report"
        if chosen.studies:
            there, missing = collect_studies(layout, reports, out, told)
        else:
            there, missing = collect(layout, reports, chosen.summary or layout.preset / "summary", out, told)
    except (OnshellError, OSError) as error:
        sys.exit(f"collect: error: {error}")
    print(f"{out}: {len(there)} figures and tables" + (f"; not there: {', '.join(missing)}" if missing else ""))


if __name__ == "__main__":
    main()
