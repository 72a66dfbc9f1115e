"""What a figure or table is about: the chapters of the page, and the categories of Snakemake's report."""

from onshell.config import RUN_NAME, Config, datasets


def subject_of(config: Config, group: str, name: str) -> str:
    """Return the process that a figure or table is about: the first in what it needs that is not uniform; else ""."""
    entry, known = config[group].get(name, {}), datasets(config)
    runs = [*entry.get("runs", {}).values(), *(config["forward"][key]["run"] for key in entry.get("forward", []))]
    named = [match["dataset"] for run in runs if (match := RUN_NAME.match(run))]
    named += [training_set.rpartition(".")[0] for training_set in entry.get("embedded", [])]
    found = [known[dataset] for dataset in [*named, *entry.get("events", [])] if dataset in known]
    return next((one.process for one in found if one.generator != "uniform"), "")
