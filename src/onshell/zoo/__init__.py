"""Trained models that come with the package: `zoo:muon` and so on, by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, cat, float64, nn, tensor

from onshell.core.errors import OnshellError, unknown_name
from onshell.physics import rambo
from onshell.physics.masses import to_massive
from onshell.sampling.sampler import Draw, sample
from onshell.training.checkpoint import network_of, read_model

PREFIX = "zoo:"
FOLDER = Path(__file__).parent / "models"


def names() -> list[str]:
    """Return the names of all models, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.pt"))


def path_of(model: str | Path) -> Path:
    """Return the model file that `model` names: one of the zoo, "zoo:NAME", or any other by its path."""
    text = str(model)
    if not text.startswith(PREFIX):
        return Path(model)
    name = text.removeprefix(PREFIX)
    if name not in names():
        raise OnshellError(f"{text}: {unknown_name(name, 'model of the zoo', names())}")
    return FOLDER / f"{name}.pt"


class Model:
    """A trained model that draws events of phase space.

    Attributes
    ----------
    network
        Its network, ready to evaluate.
    spec
        Everything that defines it.
    card
        How it was trained and how good it is, in Markdown; empty for a model that is not of the zoo.
    """

    def __init__(self, path: Path):
        content = read_model(path)
        self.network: nn.Module = network_of(content, path)
        self.spec: Mapping[str, Any] = content["spec"]
        self.card = path.with_suffix(".md").read_text(encoding="utf-8") if path.parent == FOLDER else ""
        self._fitted, self._masses = content.get("fitted"), (content["source"] or {}).get("masses")

    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        """Return the momenta of `n` events [n, N, 3], float64, in units of E_cm; equal seeds give equal events.

        Those of massive particles are [n, N, 4]: px, py, pz and the mass.

        Raises
        ------
        OnshellError
            For no events, and states that are not finite.
        """
        states = self.spec["unit"] * cat(list(sample(self.network, self.spec, n, Draw(seed, fitted=self._fitted))))
        p = rambo.to_p(states) if self.spec["space"] == "q" else states
        return p if self._masses is None else to_massive(p, tensor(self._masses, dtype=float64))


def load(model: str | Path) -> Model:
    """Return the model that `model` names: one that comes with the package, "zoo:muon", or the path of a model file."""
    return Model(path_of(model))
