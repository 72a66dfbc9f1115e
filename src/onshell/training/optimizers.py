"""The optimisers and their learning rate: AdamW, or Muon on the weights of hidden layers, AdamW on everything else."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn


class Optimizers:
    """One or two optimisers that step together, each at a fixed multiple of the rate of AdamW."""

    def __init__(self, network: nn.Module, options: Mapping[str, Any]):
        hidden = hidden_weights(network) if options.get("optimizer", "adamw") == "muon" else []
        theirs = {id(weight) for weight in hidden}
        others = [weight for weight in network.parameters() if id(weight) not in theirs]
        rate, decay = options["lr"], options["weight_decay"]
        adamw = torch.optim.AdamW(others, rate, tuple(options["betas"]), weight_decay=decay, fused=True)
        self.members: list[tuple[torch.optim.Optimizer, float]] = [(adamw, 1.0)]
        if hidden:
            muon = torch.optim.Muon(hidden, options["muon_lr"], weight_decay=decay)
            self.members.append((muon, options["muon_lr"] / rate))

    def step(self, lr: float) -> None:
        """Make one step; `lr` is the rate of AdamW."""
        for optimizer, factor in self.members:
            for group in optimizer.param_groups:
                group["lr"] = lr * factor
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on, besides the weights: the state of AdamW, and in it that of Muon."""
        (adamw, _), *more = self.members
        state = adamw.state_dict()
        for muon, _ in more:
            state["muon"] = muon.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned."""
        (adamw, _), *more = self.members
        adamw.load_state_dict({key: value for key, value in state.items() if key != "muon"})
        for muon, _ in more:
            muon.load_state_dict(state["muon"])


def hidden_weights(network: nn.Module) -> list[nn.Parameter]:
    """Return the matrices of the hidden layers of a network: what it says by its own `hidden_weights`.

    Of one that says nothing, all matrices but the first and the last, which see the inputs and make the outputs.
    """
    own = getattr(network, "hidden_weights", None)
    if own is not None:
        return list(own())
    return [weight for weight in network.parameters() if weight.ndim == 2][1:-1]


def cosine(step: int, steps: int) -> float:
    """Return half a cosine, from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def constant(step: int, steps: int) -> float:
    """Return 1."""
    return 1.0


def onecycle(step: int, steps: int, rise: float = 0.3, first: float = 25.0, last: float = 1e4) -> float:
    """Return one cycle (Smith, arXiv:1708.07120): up from 1/first in a share `rise` of the steps, down to 1/first/last.

    Both ways along half a cosine, as torch's OneCycleLR has it; the betas of Adam are left alone.
    """
    top = rise * steps - 1
    if step <= top:
        start, end, done = 1 / first, 1.0, step / top
    else:
        start, end, done = 1.0, 1 / first / last, (step - top) / (steps - 1 - top)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * done))


LR_SCHEDULES: dict[str, Callable[[int, int], float]] = {"cosine": cosine, "constant": constant, "onecycle": onecycle}
