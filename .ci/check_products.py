"""Check that every product exists, opens and is finite: `python .ci/check_products.py [KEY.PATH=VALUE ...]`."""

import json
import math
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import torch

from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.evaluation import autoencoder as autoencoders
from onshell.events.table import read_events
from onshell.training.checkpoint import load_model

BLANK = ("y_lo", "y_hi", "sd", "error", "floor_mean", "floor_sd", "floor_low", "floor_high", "over_floor")
BLANK += ("excess", "excess_low", "excess_high", "published")
"""Columns, by the end of their names, that hold numbers only where they mean something."""


def numbers(value: object):
    """Yield every number inside plain data."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def table(path: Path) -> None:
    """Read an event table: `read_events` itself refuses momenta that are not finite or violate conservation."""
    events = read_events(path)
    assert len(events.momenta) > 0
    assert all(np.isfinite(np.asarray(column, dtype=float)).all() for column in events.columns.values())


def model(path: Path) -> None:
    """Load a model, or autoencoders, and look at the weights."""
    networks = autoencoders.load(path).networks if path.parent.name == "autoencoders" else [load_model(path)[0]]
    assert all(torch.isfinite(weight).all() for network in networks for weight in network.parameters())


def document(path: Path) -> None:
    """Read JSON and look at its numbers."""
    assert all(math.isfinite(number) for number in numbers(json.loads(path.read_text())))


def rows(path: Path) -> None:
    """Read CSV and look at its numbers; some columns hold only where they mean something."""
    frame = pd.read_csv(path)
    assert len(frame) > 0
    columns = frame.select_dtypes("number")
    columns = columns[[name for name in columns if not name.endswith(BLANK) and not name.startswith("published_")]]
    assert columns.shape[1] > 0
    assert np.isfinite(columns.to_numpy(dtype=float)).all()


def picture(path: Path) -> None:
    """Decode a PNG that is not of one colour."""
    image = matplotlib.image.imread(path)
    assert min(image.shape[:2]) > 300
    assert image[..., :3].std() > 0.01


def document_pdf(path: Path) -> None:
    """Look at the first and last bytes of a PDF."""
    data = path.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")


def text(path: Path) -> None:
    """Read a TeX or Markdown table."""
    content = path.read_text()
    assert len(content.splitlines()) > 3
    assert "nan" not in content.lower().split()


def page(path: Path) -> None:
    """Look at the end of a page, and that it fetches nothing."""
    content = path.read_text(encoding="utf-8")
    assert content.rstrip().endswith("</html>")
    assert 'src="http' not in content


CHECKS = {
    ".parquet": table,
    ".pt": model,
    ".json": document,
    ".csv": rows,
    ".png": picture,
    ".pdf": document_pdf,
    ".tex": text,
    ".md": text,
    ".html": page,
}


def products(config: configuration.Config) -> list[str]:
    """Return the paths of all products."""
    layout, runs = Layout(config), config["runs"]
    folders = [layout.run(run) for run in runs]
    return [
        *map(layout.events, configuration.datasets(config)),
        *map(layout.embedded, layout.training_sets()),
        *map(layout.forward, config.get("forward", {})),
        *(f"{folder}/{name}" for folder in folders for name in ("model.pt", "history.csv", "run.json")),
        *map(layout.autoencoder, sorted({configuration.run_spec(config, run)["dataset"] for run in runs})),
        *map(layout.floor, sorted({configuration.run_spec(config, run)["dataset"] for run in runs})),
        *map(layout.samples, runs),
        *(layout.trajectory(run) for run, entry in runs.items() if "trajectory" in entry),
        *map(layout.metrics, runs),
        *layout.summary().values(),
        layout.page(),
        *(
            path
            for group in ("figures", "tables")
            for name in config[group]
            for path in layout.product(group, name).values()
        ),
    ]


def main() -> None:
    """Check all products and name every one that fails."""
    config = configuration.load("config.yaml", sys.argv[1:])
    paths, bad = products(config), []
    for path in paths:
        try:
            CHECKS[Path(path).suffix](Path(path))
        except Exception as error:
            bad.append(f"{path}: {type(error).__name__}: {error}")
    print("\n".join(bad) if bad else f"all {len(paths)} products exist, open and are finite")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
