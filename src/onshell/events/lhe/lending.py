"""What generated events lack, lent by events of an imported table: refused where it belongs to the momenta of these."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.events.lhe.arrays import UNKNOWN, UNKNOWN_SPIN
from onshell.events.lhe.imported import BEAM, COLUMNS, checked, info
from onshell.events.lhe.particles import GROUPS
from onshell.events.lhe.template import Columns, Dress, Wishes
from onshell.events.parquet import Table
from onshell.events.table import read_events

VARIES = 1e-3
"""Relative differences above this are no rounding."""

KINDS, FLAVOURS = "the kinds of particles", "the flavours"

CHANNEL = ("process_id", *(f"{prefix}{name}" for prefix in ("", "in_") for name in ("id", "colour", "anticolour")))
"""What makes a channel."""


class Template:
    """An imported table that lends.

    `about` is what it says of its file, `columns` what it lends, and `weights` [n] what each of its events counts for.
    """

    def __init__(self, path: Path, n_particles: int) -> None:
        self.path = path
        with Table(path, "p", n_particles) as table:
            about, rows = info(table), table.rows
        if about is None or not rows:
            raise OnshellError(f"{path}: no events of a Les Houches file; give a table that `onshell import` made")
        columns = [column for column in COLUMNS if column not in ("spin", "in_spin")]
        events = read_events(path, space="p", n_particles=n_particles, columns=columns, check=False)
        found = checked(events.columns, path)
        used = found["weight"] != 0.0
        self.about, self.metadata = about, events.metadata
        self.columns = {name: values[used] for name, values in found.items()}
        self.weights = self.columns.pop("weight")
        if not self.weights.sum() > 0.0:
            raise OnshellError(
                f"{path}: its weights sum to {self.weights.sum():g}, which is no distribution; import again"
            )

    def check_same(self, metadata: Mapping[str, Any], where: Path) -> None:
        """Raise if the events of a table `where` are of another process, by both tables' metadata."""
        for key in ("dataset", "process"):
            ours, theirs = self.metadata.get(key), metadata.get(key)
            if ours is not None and theirs is not None:
                if ours != theirs:
                    raise OnshellError(
                        f"{self.path}: holds events of {key} {ours!r}, but {where} those of {theirs!r}; give the table "
                        "that the model's own training set was made of"
                    )
                break
        places = metadata.get("places")
        if places is not None and not all(_alike(a, b) for a, b in zip(self.about["places"], places, strict=False)):
            raise OnshellError(
                f"{self.path}: its particles have the PDG numbers {self.about['places']}, those of {where} {places}; "
                "give the table that the model's own training set was made of"
            )

    def dependent(self, wishes: Wishes, framed: bool) -> list[str]:
        """Return what differs from event to event and is lent all the same.

        Energy, frame and kinds of particles belong to the momenta of an event: others may not have them, unless
        `wishes` says that they are independent, or replaces them; `framed` says that a frame does. Flavours of quarks
        and leptons are lent.
        """
        found = []
        if wishes.e_cm is None and _varies(self.columns["e_cm"]):
            low, high = (f"{limit(self.columns['e_cm']):.6g}" for limit in (np.min, np.max))
            found.append(f"E_cm ({low} to {high} GeV)")
        boost = np.stack([self.columns[f"boost_{axis}"] for axis in "xyz"], 1)
        if not framed and np.ptp(boost, 0).max() > VARIES * np.sqrt(1.0 + (boost**2).sum(1).max()):
            found.append("the boost")
        if self.about["incoming"] == 2 and max(np.ptp(self.columns[name]) for name in BEAM) > VARIES:
            found.append("the direction of the beam")
        numbers = np.concatenate([self.columns[name] for name in ("id", "in_id") if name in self.columns], 1)
        each, place = np.unique(numbers, return_inverse=True)
        kinds = np.array([_kind(number) for number in each.tolist()])[place].reshape(numbers.shape)
        if wishes.ids is None and np.ptp(kinds, 0).any():
            found.append(KINDS)
        if found and not wishes.independent_energy:
            raise OnshellError(
                f"{self.path}: not the same in all events: {', '.join(found)}; lent to momenta that this does not "
                "belong to, it gives wrong masses and angles: give --e-cm, --frame or --ids, or, where the momenta do "
                "not depend on it, --independent-energy (in the configuration, independent_energy: true)"
            )
        if wishes.ids is None and np.ptp(numbers, 0).any() and KINDS not in found:
            found.append(FLAVOURS)
        return found

    def lend(self, wishes: Wishes, dependent: Sequence[str], seed: int, name: str) -> Dress:
        """Return the dress that events take from random events of the table, in proportion to what these count for.

        Spins are unknown; so are a scale and couplings that differ from event to event, unless energies may, too.
        `dependent` is that of the method of this name.
        """
        lent, upto = dict(self.columns), self._shares(dependent).cumsum()
        if not wishes.independent_energy:
            for key in ("scale", "alpha_qed", "alpha_qcd"):
                lent[key] = np.full_like(lent[key], UNKNOWN) if _varies(lent[key]) else lent[key]
        rng = stream(seed, "export", name)

        def dress(n: int, own: Columns) -> Columns:
            rows = np.searchsorted(upto, rng.random(n) * upto[-1], side="right").clip(max=len(upto) - 1)
            found = {column: values[rows] for column, values in lent.items()}
            for prefix in ("", "in_"):
                if f"{prefix}id" in found:
                    found[f"{prefix}spin"] = np.full(found[f"{prefix}id"].shape, UNKNOWN_SPIN)
            return found | {"weight": own.get("weight", np.ones(n))}

        return dress

    def _shares(self, dependent: Sequence[str]) -> np.ndarray:
        """Return how often each event is taken [n]: by weight; where some are negative, by channels' sums."""
        if (self.weights > 0.0).all():
            return self.weights
        if set(dependent) - {KINDS, FLAVOURS}:
            raise OnshellError(
                f"{self.path}: has negative weights, by which no energies can be drawn; give --e-cm and --frame, or "
                "import without them"
            )
        parts = [self.columns[name].reshape(len(self.weights), -1) for name in CHANNEL if name in self.columns]
        _, channel = np.unique(np.concatenate(parts, 1), axis=0, return_inverse=True)
        net, size = (np.bincount(channel.ravel(), values) for values in (self.weights, np.abs(self.weights)))
        if (net < 0.0).any():
            raise OnshellError(
                f"{self.path}: the weights of one of its channels sum to {net.min():g}: it cannot be drawn; give a "
                "table of more events"
            )
        return np.abs(self.weights) * (net / size)[channel.ravel()]


def _varies(values: np.ndarray) -> bool:
    """Return whether numbers differ by more than rounding."""
    return bool(np.ptp(values) > VARIES * np.abs(values).max())


def _kind(number: int) -> int:
    """Return which group of `particles.GROUPS` a PDG number belongs to, jets apart; the number itself where to none."""
    names = [name for name, members in GROUPS.items() if number in members and name != "j"]
    return list(GROUPS).index(names[0]) - 1000 if names else number


def _alike(some: Any, others: Any) -> bool:
    """Return whether PDG numbers of one place may be of one process: fewer events show fewer of them."""
    return set(some) <= set(others) or set(others) <= set(some)
