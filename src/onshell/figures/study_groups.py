"""Which runs of a study stand together in its tables and figures, which are shown, and what they are called."""

from collections.abc import Callable, Iterable, Sequence

from onshell.config import RUN_NAME
from onshell.figures.series import MODEL_COLOURS, colours
from onshell.figures.study_runs import Run

MORE_COLOURS = ("#8C564B", "#4D4D4D", "#17BECF", "#A6761D")


def group_colours(n: int) -> list[str]:
    """Return `n` distinct colours: some more than other figures have, before these turn to a rainbow."""
    every = (*MODEL_COLOURS, *MORE_COLOURS)
    return list(every[:n]) if n <= len(every) else colours(n)


def grouped(runs: Iterable[Run], key: Callable[[Run], str]) -> list[list[Run]]:
    """Return the runs in groups of one dataset and key, in the order of their first ones."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.dataset, key(run)), []).append(run)
    return list(found.values())


def named(runs: Sequence[Run]) -> bool:
    """Return whether the entry gives the runs custom roles: then all that it names are shown."""
    return any(run.role != run.name for run in runs)


def usual(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without those that only sample the model of another one otherwise; all, if they are named."""
    owners = {run.name: run for run in runs}

    def is_usual(run: Run) -> bool:
        owner = owners.get(run.spec["run"], run)
        return owner is run or owner.sampling == run.sampling

    return list(runs) if named(runs) else [run for run in runs if is_usual(run)]


def longest(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without those that another differs from in a longer training alone; all, if they are named."""
    if named(runs):
        return list(runs)
    most: dict[tuple[str, str], int] = {}
    for run in runs:
        place = (run.dataset, run.recipe)
        most[place] = max(most.get(place, 0), run.epochs)
    return [run for run in runs if run.epochs == most[run.dataset, run.recipe]]


def labels(groups: Sequence[Sequence[Run]]) -> list[str]:
    """Return what distinguishes groups of one dataset.

    The roles where the entry gives any, without " (<dataset>)" at their end. Else the preset, and the family
    if any dataset needs it; of groups that share these, those that differ from the first say in what.
    """
    first = [group[0] for group in groups]
    if named(first):
        return [run.role.removesuffix(f" ({run.dataset})") for run in first]
    found = [run.spec["preset"] for run in first]
    kinds: dict[tuple[str, str], set[str]] = {}
    for run, name in zip(first, found, strict=True):
        kinds.setdefault((run.dataset, name), set()).add(run.spec["family"])
    if any(len(families) > 1 for families in kinds.values()):
        found = [f"{name}, {run.spec['family']}" for name, run in zip(found, first, strict=True)]
    for word in WORDS:
        found = _refined(first, found, word)
    return found


def _refined(runs: Sequence[Run], names: Sequence[str], word: Callable[[Run], str]) -> list[str]:
    """Return the names with a word added where runs of one dataset and name differ from the first of them in it."""
    leads: dict[tuple[str, str], str] = {}
    found = []
    for run, name in zip(runs, names, strict=True):
        lead = leads.setdefault((run.dataset, name), word(run))
        found.append(name if word(run) == lead or not word(run) else f"{name}, {word(run)}")
    return found


def _solver(run: Run) -> str:
    """Return how a run solves its equation."""
    return run.sampling.get("solver", "") + (" + Langevin" if run.sampling.get("langevin") else "")


def _variant(run: Run) -> str:
    """Return what the name of a run says besides its dataset, space and family."""
    match = RUN_NAME.match(run.name)
    return (match and match["variant"]) or run.name


WORDS: tuple[Callable[[Run], str], ...] = (
    lambda run: f"chart {run.spec['loss'].get('chart', 'q')}",
    lambda run: run.spec.get("network", {}).get("type", ""),
    _solver,
    lambda run: run.sampling.get("noise", ""),
    lambda run: f"{run.sampling['steps']} steps" if "steps" in run.sampling else "",
    lambda run: f"{run.epochs} epochs",
    lambda run: f"{run.events:,} events" if run.events else "",
    _variant,
)
"""What runs are distinguished by, in this order."""
