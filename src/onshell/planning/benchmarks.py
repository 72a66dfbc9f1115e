"""What Snakemake measured of the jobs that ran: benchmark files <kind>/[<preset>/]<name>.tsv."""

import csv
from pathlib import Path


def place(path: Path) -> tuple[str, str, str | None]:
    """Return kind, name and preset (None: any) of a job from its benchmark file, relative to the folder of them all."""
    name = path.name.removesuffix(".tsv")
    if path.parts[0] == "summary":
        return "summary", name, name
    return path.parts[0], name, path.parts[1] if len(path.parts) > 2 else None


def read_benchmark(path: Path) -> tuple[float, float, float]:
    """Return seconds by the clock and of the processor, and MB of memory; 0 for what a job was too short to measure.

    Raises
    ------
    OSError, KeyError, TypeError, ValueError
        When the file is not there, or holds no whole measurement.
    """
    with path.open(newline="", encoding="utf-8") as handle:
        line = next(csv.DictReader(handle, delimiter="\t"), None)
    if line is None:
        raise ValueError(f"{path}: holds no measurement")
    texts = (line[column] for column in ("s", "cpu_time", "max_rss"))
    wall, cpu, memory = (0.0 if text in ("-", "NA") else float(text) for text in texts)
    return wall, cpu, memory
