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
from onshell.events.table import read_events
from onshell.layout import Layout
from onshell.training.checkpoint import load_model


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
    """Read an event table: `read_events` itself refuses what is not finite or violates conservation."""
    events = read_events(path)
    assert len(events.momenta) > 0


def model(path: Path) -> None:
    """Load a model and look at its weights."""
    network, _ = load_model(path)
    assert all(torch.isfinite(weight).all() for weight in network.parameters())


def document(path: Path) -> None:
    """Read JSON and look at its numbers."""
    assert all(math.isfinite(number) for number in numbers(json.loads(path.read_text())))


def rows(path: Path) -> None:
    """Read CSV and look at its numbers; a number that is not defined is left empty by its writer."""
    frame = pd.read_csv(path)
    assert len(frame) > 0
    assert not np.isinf(frame.select_dtypes("number").to_numpy(dtype=float)).any()
    assert frame.select_dtypes("number").notna().any().any()


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


CHECKS = {
    ".parquet": table,
    ".pt": model,
    ".json": document,
    ".csv": rows,
    ".png": picture,
    ".pdf": document_pdf,
    ".tex": text,
    ".md": text,
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
        *map(layout.samples, runs),
        *map(layout.metrics, runs),
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
