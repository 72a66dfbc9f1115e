"""What the shell proposes for names: those of the configuration in this folder."""

from collections.abc import Callable, Iterable

from onshell import config as configuration
from onshell.config.studies import named
from onshell.core.errors import OnshellError

NAMES: dict[str, Callable[[configuration.Config], Iterable[str]]] = {
    "dataset": configuration.datasets,
    "augmentation": lambda config: config["augmentations"],
    "run": lambda config: named(config, "runs"),
    "forward": lambda config: config.get("forward", {}),
    "figure": lambda config: named(config, "figures"),
    "table": lambda config: named(config, "tables"),
    "scale": lambda config: config["scales"],
    "preset": lambda config: config["presets"],
}


def names(kind: str) -> Callable[[str], list[str]]:
    """Return the function that proposes the names of a `kind`, one of `NAMES`, that begin with what is typed.

    With a faulty config.yaml in the folder nothing is proposed: completion must never fail or speak.
    """

    def propose(incomplete: str) -> list[str]:
        try:
            config = configuration.load()
        except OnshellError:
            return []
        return [name for name in NAMES[kind](config) if name.startswith(incomplete)]

    return propose
