"""Puts the models of the study `zoo` into the package: `python -m onshell.zoo.ship results/desk/studies/zoo`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tabulate import tabulate

from onshell.core.errors import OnshellError
from onshell.core.files import save_whole, whole, write_json
from onshell.core.reading import read_json
from onshell.training.checkpoint import read_model
from onshell.zoo import FOLDER

SUFFIX = "-q-flow-zoo"
LARGEST = 1_000_000
"""Bytes of a model file."""


def ship(study: Path, run: str, folder: Path = FOLDER) -> Path:
    """Return the file in `folder` of the model `run` of a study: its averaged weights, beside record, metrics, card.

    Raises
    ------
    OnshellError
        When the model is too large, or was not judged by truth that no choice of settings has seen.
    """
    name, remedy = run.removesuffix(SUFFIX), "snakemake zoo --config scale=desk judge=final"
    metrics = read_json(study / "metrics" / f"{run}.json", "metrics", remedy)
    if metrics.get("judge") != "final":
        raise OnshellError(f"{run}: judged by the part {metrics.get('judge')!r} of truth, not by 'final'; {remedy}")
    record = read_json(study / "runs" / run / "run.json", "record", remedy)
    content = read_model(study / "runs" / run / "model.pt")
    out = folder / f"{name}.pt"
    origin = made_by(content["provenance"])
    save_whole({**content, "weights": content["ema"] or content["weights"], "ema": None, "provenance": origin}, out)
    if (size := out.stat().st_size) > LARGEST:
        out.unlink()
        raise OnshellError(f"{run}: {size:,} bytes are more than {LARGEST:,}; take a smaller network")
    write_json(folder / f"{name}.run.json", {**record, "provenance": made_by(record["provenance"])})
    write_json(folder / f"{name}.metrics.json", metrics)
    with whole(folder / f"{name}.md") as part:
        part.write_text(card(name, record, metrics), encoding="utf-8")
    return out


def made_by(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a model's provenance what says something elsewhere: versions, and not the machine."""
    return {key: provenance[key] for key in ("version", "python", "packages") if key in provenance}


def card(name: str, record: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Return the model card: what it is, how it was trained, how good it is, and what not to use it for."""
    spec, tau, counts = record["spec"], metrics["observables"]["log10_tau"], metrics["counts"]
    auc, worst, veto = metrics["features"]["boosted"]["auc"], metrics["all"]["worst"], metrics.get("veto")
    rows = [
        ("W1 of log τ", f"{tau['w1']:.4f} ± {tau['w1_error']:.4f}", _range(tau, "floor_w1", ".4f")),
        ("W1 of log τ over its floor", f"{tau['w1_over_floor']:.2f} ± {tau['w1_over_floor_error']:.2f}", ""),
        (
            f"worst W1 over its floor ({worst['observable']})",
            f"{worst['value']:.2f} ± {worst['error']:.2f}",
            _range(worst, "floor", ".2f"),
        ),
        ("AUC of boosted trees", f"{auc['mean']:.4f}", _range(auc, "floor", ".4f")),
    ]
    if veto:
        rows.append((f"share of events outside the cut {veto['cut']:g}", f"{veto['outside']:.2%}", "0"))
    text = [
        f"# zoo:{name}",
        "",
        f"A flow in q-space for `{spec['dataset']}`: {spec['n_particles']} massless particles, E_cm = 1; a recipe of",
        f"preset `{spec['preset']}`, with a smaller network. Every event conserves energy and momentum to rounding.",
        "",
        f"Training: {record['n_events']:,} events, {record['epochs']} epochs of batches of",
        f"{spec['training']['batch_size']:,}, {record['n_parameters']:,} weights,",
        f"{record['cpu_seconds'] / 60:.1f} CPU-minutes on one core. Made by",
        "`snakemake --cores 1 zoo --config scale=desk judge=final`.",
        "",
        f"Quality: {counts['sample']:,} events beside {counts['truth']:,} of truth that no choice has seen.",
        "",
        *tabulate(rows, ("", "value", "chance alone (90%)"), tablefmt="github", disable_numparse=True).splitlines(),
        "",
        "It is small, and trained for minutes: take it to try things out, and train your own for results.",
    ]
    return "\n".join(text) + "\n"


def _range(entry: Mapping[str, Any], name: str, style: str) -> str:
    """Return the range of a perfect model as text."""
    return f"{entry[f'{name}_low']:{style}} to {entry[f'{name}_high']:{style}}"


def main() -> None:
    """Put every model of the study that has metrics into the package, and name it."""
    study = Path(sys.argv[1])
    try:
        for path in sorted((study / "metrics").glob(f"*{SUFFIX}.json")):
            print(ship(study, path.stem))
    except OnshellError as error:
        sys.exit(f"onshell: error: {error}")


if __name__ == "__main__":
    main()
