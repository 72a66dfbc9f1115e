"""What there is at a scale: figures, tables, metrics and trainings of every preset, and the files behind them."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onshell.config import Config
from onshell.config.layout import FORMATS, Layout
from onshell.config.studies import studies, title_of
from onshell.core.errors import OnshellError
from onshell.core.reading import read_json
from onshell.evaluation.result_forms import Finished, Metrics
from onshell.report.text import caption, subject_of

Numbers = list[dict[str, float]]


@dataclass(frozen=True)
class Variant:
    """A figure or table under one preset ("" in a study): its files by format, and those it was made from by name."""

    preset: str
    files: Mapping[str, Path]
    sources: Mapping[str, Path]


@dataclass(frozen=True)
class Product:
    """A figure or table: its name and words, the process or study that it is about, what each preset made of it."""

    group: str
    name: str
    title: str
    caption: str
    subject: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Training:
    """A training that is over: its preset and run, its record, and its history, one line per epoch."""

    preset: str
    run: str
    record: Mapping[str, Any]
    history: Numbers


@dataclass(frozen=True)
class Scale:
    """Everything there is at a scale, and where its page will be; `missing` names what presets should have and lack."""

    name: str
    folder: Path
    page: Path
    presets: tuple[str, ...]
    subjects: Mapping[str, str]
    studies: Mapping[str, str]
    products: tuple[Product, ...]
    metrics: Mapping[tuple[str, str], Mapping[str, Any]]
    trainings: tuple[Training, ...]
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, preset: str) -> str:
        """Return the preset where several are on the page, "" where there is only one."""
        return preset if len(self.presets) > 1 else ""


def gather(config: Config, captions: Path, page: Path) -> Scale:
    """Return what there is at the configuration's scale, of all its presets; captions are <name>.rst in a folder.

    Raises
    ------
    OnshellError
        When there is nothing, or a file cannot be read.
    """
    folder = Layout(config).scale
    layouts = {name: Layout({**config, "preset": name}) for name in config["presets"]}
    layouts = {name: layout for name, layout in layouts.items() if any(_parts(layout))}
    products = (*_products(config, layouts, captions), *_study_products(config, captions))
    # By run and not by preset: what is to be compared stands side by side.
    runs = [(preset, layout, run) for run in config["runs"] for preset, layout in layouts.items()]
    metrics = {(preset, run): one for preset, layout, run in runs if (one := _metrics(layout, run))}
    trainings = tuple(made for preset, layout, run in runs if (made := _training(preset, layout, run)))
    if not (products or metrics or trainings):
        raise OnshellError(f"{folder}: nothing to show; make something first: snakemake figures, or all")
    there = {(product.name, variant.preset) for product in products for variant in product.variants}
    named = [name for group in FORMATS for name in config[group]]
    lacking = {preset: tuple(name for name in named if (name, preset) not in there) for preset in layouts}
    subjects = {name: entry.get("title", name) for name, entry in config["processes"].items()}
    about = {study: title_of(config, study) for study in studies(config)}
    missing = {preset: names for preset, names in lacking.items() if names}
    return Scale(folder.name, folder, page, tuple(layouts), subjects, about, products, metrics, trainings, missing)


def _parts(layout: Layout) -> Iterator[Path]:
    """Yield the folders of a preset that hold something to show."""
    yield from (path for part in (*FORMATS, "metrics", "runs") if any((path := layout.preset / part).glob("[!.]*")))


def _products(config: Config, layouts: Mapping[str, Layout], captions: Path) -> Iterator[Product]:
    """Yield the figures and tables that any preset has, in the order of the configuration, then others."""
    for group, (first, *_) in (("figures", ("png",)), ("tables", ("md",))):
        found = {path.stem for one in layouts.values() for path in (one.preset / group).glob(f"[!.]*.{first}")}
        for name in [*(key for key in config[group] if key in found), *sorted(found - set(config[group]))]:
            made = (_variant(preset, layout, group, name, name in config[group]) for preset, layout in layouts.items())
            variants = [one for one in made if first in one.files]
            title = config[group].get(name, {}).get("title", name)
            words = caption(captions / f"{name}.rst")
            yield Product(group, name, title, words, subject_of(config, group, name), tuple(variants))


def _study_products(config: Config, captions: Path) -> Iterator[Product]:
    """Yield the tables and figures that any study has, tables first: they say what was compared."""
    layout = Layout(config)
    for study, about in studies(config).items():
        for group, first in (("tables", "md"), ("figures", "png")):
            for name, entry in about.get(group, {}).items():
                made = _variant("", layout, group, name, known=True)
                if first in made.files:
                    words = caption(captions / f"{name}.rst")
                    yield Product(group, name, entry.get("title", name), words, study, (made,))


def _variant(preset: str, layout: Layout, group: str, name: str, known: bool) -> Variant:
    """Return what there is of a figure or table, and, where the configuration knows it, of what it was made from."""
    kinds = layout.inputs(group, name).values() if known else ()
    made_from = [path for kind in kinds for path in kind.values()]
    sources = _existing(("/".join(Path(path).parts[-2:]), path) for path in made_from)
    return Variant(preset, _existing(layout.product(group, name).items()), sources)


def _existing(paths: Iterable[tuple[str, str]]) -> dict[str, Path]:
    """Return those of the named paths that exist."""
    return {name: Path(path) for name, path in paths if Path(path).is_file()}


def _metrics(layout: Layout, run: str) -> dict | None:
    """Return the metrics of a run, None without any."""
    path = Path(layout.metrics(run))
    return read_json(path, "metrics file", "make it with `onshell metrics`", Metrics) if path.is_file() else None


def _training(preset: str, layout: Layout, run: str) -> Training | None:
    """Return the training of a run, None where it is not over."""
    path = Path(layout.record(run))
    if not path.is_file():
        return None
    record = read_json(path, "record of a training", "train again", Finished)
    return Training(preset, run, record, history(path.with_name("history.csv")))


def history(path: Path) -> Numbers:
    """Return the epochs of a training: epoch, loss and whatever else its history holds as numbers."""
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            lines = [{key: float(value) for key, value in line.items()} for line in csv.DictReader(handle)]
        if not lines or not {"epoch", "loss"} <= lines[0].keys():
            raise ValueError("no epoch, or no loss")
    except FileNotFoundError:
        return []
    except (OSError, TypeError, ValueError) as error:
        raise OnshellError(f"{path}: not readable as the history of a training ({error}); delete it") from error
    return lines


def panels(path: Path | None) -> tuple[list[str], list[str]]:
    """Return the panels and the series that the drawn numbers of a figure name, in their order; none without a file."""
    if path is None:
        return [], []
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            lines = [(line["panel"], line["kind"], line["series"]) for line in csv.DictReader(handle)]
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise OnshellError(f"{path}: not readable as the drawn numbers of a figure; draw it again") from error
    shown = [line for line in dict.fromkeys(lines) if line[1] in ("histogram", "curve", "map", "scaled")]
    return list(dict.fromkeys(line[0] for line in shown)), list(dict.fromkeys(line[2] for line in shown))
