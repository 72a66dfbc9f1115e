"""The overview of an event table as lines of text that fit a terminal."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

HEADS = {"min": "min", "q01": "1%", "q50": "median", "q99": "99%", "max": "max", "mean": "mean", "sd": "sd"}
PARTS = {"train": "to train on", "test": "held out", "final": "for published tables"}
FRAMES = 3
"""Frames (b, x) of a training set that are shown; of more, how many there are."""

OFF_SHELL = "not on the massless shell of E_cm = 1; `onshell embed --project` puts it there"
P_SPACE = "a model in p-space: its events are off the shell"


def lines(about: Mapping[str, Any], metadata: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the lines of an `overview` of the table called `name`, and how it was made by its `metadata`."""
    yield f"{name}: {what(about, metadata)}"
    parts = ", ".join(f"{n:,} {PARTS.get(part, part)}" for part, n in about["split"].items())
    yield f"  {about['events']:,} events of {about['n_particles']} particles" + (f": {parts}" if parts else "")
    for line in making(metadata):
        yield f"  {line}"
    yield ""
    yield from conservation(about, metadata)
    for time, observables in about.get("times", {}).items():
        yield ""
        yield from quantiles(f"at time {time}", observables)
    if "observables" in about:
        yield ""
        yield from quantiles("observable", about["observables"])
    yield ""
    yield f"weights: {weights(about['weights'], about['events'])}"
    for line in columns(about["columns"]):
        yield line


def what(about: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Return in words what a table is."""
    kind, name = about["kind"], metadata.get("dataset", metadata.get("process", "unknown"))
    if kind == "truth":
        return f"exact truth of {name}, by the generator {metadata['generator']}"
    if kind == "import":
        return f"events of {metadata['lhe']['file']}"
    if kind == "training set":
        augmentation = (metadata.get("augmentation") or {}).get("name")
        return f"q-space training set of {name}" + (f", augmentation {augmentation}" if augmentation else "")
    if kind == "forward process":
        return f"states of the forward process {metadata['forward']}, 0 = data, {about['space']}-space"
    if kind == "trajectory":
        return f"states of {metadata['run']} on the way from the prior (1) to the data (0), {about['space']}-space"
    if kind == "samples":
        return f"events drawn from the model {metadata['run']}"
    return "events made elsewhere" + ("" if metadata else ", without metadata of onshell")


def making(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines on how a table was made: parameters, model, frames, what an import dropped, version."""
    if metadata.get("parameters"):
        yield "parameters: " + listed(metadata["parameters"])
    if spec := metadata.get("spec"):
        kind = f"{spec.get('family', '?')} in {spec.get('space', '?')}-space"
        yield f"model: {kind}, {spec.get('network', {}).get('type', '?')}, preset {spec.get('preset', '?')}"
        drawn = {"model.pt": metadata.get("model"), "precision": metadata.get("precision")}
        drawn |= metadata.get("sampling") or {}
        if metadata.get("n_evaluations"):
            drawn["network evaluations per event"] = f"{metadata['n_evaluations']:g}"
        yield "drawn: " + listed({key: value for key, value in drawn.items() if value is not None})
    if lhe := metadata.get("lhe"):
        low, high = lhe["e_cm"]
        energy = f"{low:.6g}" if high - low < 1e-6 * high else f"{low:.4g} to {high:.4g}"
        yield f"E_cm {energy} GeV; {lhe['kept']:,} of {lhe['events']:,} events kept, held out: {lhe['held_out']:g}"
        for reason, n in lhe["dropped"].items():
            yield f"dropped {n:,}: {reason}"
        order = lhe["particles"] or ["|".join(map(str, place)) for place in lhe["places"]]
        yield "order of the particles: " + (", ".join(order) if metadata.get("ordered") else "has no meaning")
    yield from frames(metadata.get("augmentation") or {})
    made = {key: metadata[key] for key in ("seed", "version", "config_hash") if metadata.get(key) is not None}
    if metadata.get("commit"):
        made["commit"] = metadata["commit"][:12]
    if made:
        yield listed(made)


def frames(augmentation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the frames (b, x) of a training set, a line each; one line where there are many."""
    b, x = augmentation.get("b"), augmentation.get("x")
    if b is None or x is None:
        if augmentation:
            yield "frames (b, x): a fresh one for each event"
        return
    if len(b) > FRAMES:
        yield f"frames (b, x): {len(b)}"
        return
    for one, scale in zip(b, x, strict=True):
        yield f"frame b = ({', '.join(f'{v:.4f}' for v in one)}), x = {scale:.4f}"


def conservation(about: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of |sum E - 1| and |sum p|, and what it means."""
    found = about["conservation"]
    if about["space"] == "q":
        yield "of the events that the RAMBO map makes of these points:"
    yield f"{'conservation':<17}" + "".join(f"{head:>9}" for head in ("largest", "mean", "median"))
    for name, side in (("|sum E - 1|", found["energy"]), ("|sum p|", found["momentum"])):
        yield f"  {name:<15}" + "".join(f"{side[key]:>9.2g}" for key in ("max", "mean", "median"))
    if not found["on_shell"]:
        yield f"  {P_SPACE if metadata.get('conserves') is False else OFF_SHELL}"


def quantiles(head: str, observables: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield a table of observables, one a line, with range, quantiles, mean and standard deviation."""
    yield f"{head:<17}" + "".join(f"{title:>9}" for title in HEADS.values())
    for name, found in observables.items():
        yield f"  {name:<15}" + "".join(f"{number(found[key]):>9}" for key in HEADS)


def number(value: float) -> str:
    """Return a number in eight characters at most: 0.1234, -12.3, 1.2e-16."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}" if value >= 0.1 or value <= -1.0 else f"{value:.3g}"
    return f"{value:.1e}"


def weights(found: Mapping[str, float] | None, n: int) -> str:
    """Return in words what weights n events have."""
    if found is None:
        return "all events count alike"
    share = found["negative_share"]
    signs = f", {share:.1%} of them negative" if share else ""
    return (
        f"{number(found['min'])} to {number(found['max'])}{signs}; {found['effective']:,.0f} effective events of {n:,} "
        "(means above are weighted, quantiles are not)"
    )


def columns(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the further columns, a line each, with type and range."""
    yield "further columns:"
    for name, column in found.items():
        wide = f"{column['type']} x {column['width']}" if column["width"] > 1 else column["type"]
        spread = f"{column['min']:.6g} to {column['max']:.6g}" if "min" in column else "no finite number"
        bad = f", {column['not_finite']:,} not finite" if "not_finite" in column else ""
        yield f"  {name:<14}{wide:<14}{spread}{bad}"


def listed(values: Mapping[str, Any]) -> str:
    """Return "key value, key value", nested values as JSON."""
    shown = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return ", ".join(f"{key} {value}" for key, value in shown.items())
