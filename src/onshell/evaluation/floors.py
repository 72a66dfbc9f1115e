"""The statistical floor: every distance of truth against truth, at the sizes of a sample and of its truth.

It depends on the dataset, the sizes and the autoencoders but on no model, so all runs of a dataset share one file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.progress import Count, Progress
from onshell.core.reading import checked, read_json
from onshell.evaluation.autoencoder import Autoencoder
from onshell.evaluation.extended import CLASSIFIED, closely
from onshell.evaluation.metrics import Measurement, measure, spread
from onshell.evaluation.resampling import Pool
from onshell.evaluation.result_forms import Floor
from onshell.physics.generators import events

FORMAT = 2
KIND = "onshell-floor"


def fresh(metadata: Mapping[str, Any], dataset: str, n: int, replicate: int, side: str, seed: int) -> Tensor:
    """Return `n` new truth events [n, N, 3] of the generator that `metadata` names, seen by no model and no file."""
    if "generator" not in metadata:
        raise OnshellError(
            f"{dataset}: the statistical floor needs the generator's name, which this file does not carry; "
            "generate the truth with `onshell generate`, or ask for 0 replicates"
        )
    parameters = metadata.get("parameters") or {}
    return events(metadata["generator"], n, seed=seed, name=(dataset, "floor", replicate, side), **parameters)


def floor(
    metadata: Mapping[str, Any],
    dataset: str,
    sizes: tuple[int, int],
    *,
    seed: int,
    replicates: int,
    splits: int = 1,
    autoencoders: Sequence[Autoencoder] = (),
    pool: Pool | None = None,
    thorough: bool = False,
    classified: int = CLASSIFIED,
    progress: Progress = lambda line: None,
) -> Measurement:
    """Return every measurement of truth against truth, one value a replicate, by name.

    Each replicate draws two fresh samples of `sizes`, those of the sample and of the truth that it is compared with,
    and averages over `splits` and autoencoders as a model's entry does, so that a perfect model's distances are draws
    from exactly this law. The streams do not depend on the model. Where no generator can draw fresh events they come
    from a `pool` of those that there are. `thorough` adds what `closely` measures, the classifier of the first
    `classified` replicates alone.
    """
    if replicates < 2:
        raise OnshellError(f"replicates: {replicates} make no floor, a spread needs two; ask for 2 or more")
    if thorough and classified < 2:
        raise OnshellError(f"classifier replicates: {classified} make no floor, a spread needs two; ask for 2 or more")
    found: Measurement = {}
    for r in range(replicates):
        name, process = (dataset, "floor", r), metadata.get("process", "")
        options = {"seed": seed, "name": name, "splits": splits, "autoencoders": autoencoders}
        if pool is None:
            a, b = (fresh(metadata, dataset, n, r, side, seed) for n, side in zip(sizes, "ab", strict=True))
        else:
            (a, w_a), (b, w_b) = pool.pair(sizes, seed, (*name, "pair"))
            options |= {"weights": (w_a, w_b), "ordered": metadata.get("ordered")}
        once = measure(a, b, process, **options)
        if thorough:
            means = {key: options[key] for key in ("weights", "ordered") if key in options}
            once |= closely(a, b, process, seed=seed, name=name, classifier=r < classified, **means)
        for key, values in once.items():
            found.setdefault(key, []).append(float(np.mean(values)))
        progress(Count(r + 1, replicates, "replicate", f"floor of {dataset}"))
    return found


@dataclass(frozen=True)
class Comparison:
    """What a floor is the floor of: two floors of equal comparisons follow one law."""

    dataset: str
    generator: str
    parameters: dict
    sample: int
    truth: int
    splits: int
    autoencoders: str

    def differences(self, other: "Comparison") -> list[str]:
        """Return where this one, that of a floor, differs from the `other`, which is asked for, in words."""
        found = []
        for key, ours in vars(self).items():
            theirs = getattr(other, key)
            if ours == theirs:
                continue
            if key == "autoencoders":
                found.append(f"{'other' if ours and theirs else 'no' if theirs else 'some'} autoencoders")
            elif key in ("sample", "truth"):
                found.append(f"{ours} events of {'the sample' if key == 'sample' else 'truth'} ({theirs} here)")
            else:
                found.append(f"{key} {ours!r} ({theirs!r} here)")
        return found


def document(values: Measurement, comparison: Comparison, header: Mapping[str, Any]) -> dict:
    """Return the content of a floor file: its header, what it is the floor of, and the floor: mean, sd and values."""
    found = {
        key: dict(zip(("mean", "sd"), spread(ours), strict=True)) | {"values": ours} for key, ours in values.items()
    }
    return {"kind": KIND, "format": FORMAT, **header, "comparison": vars(comparison), "floor": found}


def load(path: Path, comparison: Comparison) -> tuple[Measurement, int]:
    """Return the floor in the file `path`, the values of all replicates by name, and the number of replicates.

    Raises
    ------
    OnshellError
        When the file is missing or no floor, or is the floor of anything else than `comparison`.
    """
    path, remedy = Path(path), "make it again (`onshell floor`)"
    content = read_json(path, "floor", "make it with `onshell floor`")
    if (content.get("kind"), content.get("format")) != (KIND, FORMAT):
        raise OnshellError(f"{path}: not a floor of this version of onshell; {remedy}")
    checked(content, Floor, f"{path}: floor", remedy)
    values = {key: list(value["values"]) for key, value in content["floor"].items()}
    replicates = content["replicates"]
    if differences := Comparison(**{key: content["comparison"][key] for key in vars(comparison)}).differences(
        comparison
    ):
        raise OnshellError(f"{path}: a floor of {', '.join(differences)}; {remedy}")
    return values, replicates
