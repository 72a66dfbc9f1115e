"""A network with all that changes while it learns: optimiser, gradient, moving average."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from onshell.models import custom
from onshell.models.build import build, objective
from onshell.training.compiled import compiled
from onshell.training.device import autocast
from onshell.training.distributed import ProcessGroup
from onshell.training.optimizers import Optimizers


class Learner:
    """The network of the run `spec`, the same in every process of `group`, and how it makes one step.

    `fitted` is what the prior takes from the data; the network computes in `precision`.
    """

    def __init__(self, spec: Mapping[str, Any], fitted: Mapping[str, Any], group: ProcessGroup, precision: str):
        options = spec["training"]
        self.spec, self.group, self.precision, self.clip = spec, group, precision, options["clip"]
        self.network, self.task = build(spec).to(group.device), objective(spec, fitted)
        self.field = compiled(self.network, spec, group.device) if options["compile"] else self.network
        self.optimizer = Optimizers(self.network, options)
        self.average = Average(self.network, options["ema"]) if options["ema"] else None
        self.gradient = _flat_gradient(self.network)

    def step(
        self,
        rows: tuple[Tensor, ...],
        size: int,
        lr: float,
        done: int,
        *,
        should_stop: bool = False,
        weighted: bool = False,
    ) -> Tensor:
        """Return loss, gradient norm and stop [3], float64, of one step on a batch of `size` events, `rows` those here.

        `done` is the number of steps of the training before this one. The last number counts who wants to stop. The
        last of the rows of `weighted` events are their weights.
        The gradient of a process is that of its rows' share of the mean loss, so the sum over processes is the batch's,
        however the batch is shared out. Loss, gradient and stop travel together. Nothing here waits for a GPU.
        """
        self.gradient.zero_()
        # A process without rows of its own still takes part in the sum.
        if rows and len(rows[0]):
            share, weights = len(rows[0]) / size, {}
            if weighted:
                rows, weights["weights"] = rows[:-1], rows[-1]
            with custom.at_work(self.spec, "training"):
                with autocast(self.group.device, self.precision):
                    loss = self.task.loss(self.field, *rows, **weights) * share
                loss.backward()
            self.gradient[-2] = loss.detach()
        self.gradient[-1] = float(should_stop)
        self.group.sum(self.gradient)
        gradient = self.gradient[:-2]
        norm = gradient.norm()
        seen = torch.stack([self.gradient[-2], norm, self.gradient[-1]]).double()
        gradient.mul_((self.clip / (norm + 1e-6)).clamp(max=1.0))
        self.optimizer.step(lr)
        if self.average is not None:
            self.average.update(done)
        return seen

    def weights(self) -> dict[str, Any]:
        """Return copies on the CPU of the weights and of their moving average (None if there is none)."""
        average = None if self.average is None else _copied(self.average.state_dict())
        return {"weights": _copied(self.network.state_dict()), "ema": average}

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": None if self.average is None else self.average.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["ema"])


def _flat_gradient(network: nn.Module) -> Tensor:
    """Return one tensor of which the gradients of all weights are views, with places for loss and stop at its end."""
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    sizes = [weight.numel() for weight in weights]
    flat = torch.zeros(sum(sizes) + 2, dtype=weights[0].dtype, device=weights[0].device)
    for weight, piece in zip(weights, flat[:-2].split(sizes), strict=True):
        weight.grad = piece.view_as(weight)
    return flat


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies on the CPU of all tensors of `state`."""
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


class Average:
    """The moving average of the weights of `network`: average <- d average + (1 - d) weights after each step.

    It begins as a copy of the weights. d is `decay`, but no more than (1 + n)/(10 + n) after n steps: else a short
    training would leave much of the weights that it began with in the average.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.decay = decay
        # The tensors themselves and not copies: whatever changes the network changes these.
        self.live = network.state_dict()
        self.mean = {name: tensor.clone() for name, tensor in self.live.items() if tensor.is_floating_point()}

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Move the average towards the weights after one step more than `steps`, all tensors at once."""
        decay = min(self.decay, (1 + steps) / (10 + steps))
        torch._foreach_lerp_(list(self.mean.values()), [self.live[name] for name in self.mean], 1 - decay)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the average as a state of the network; what is no float is the network's own."""
        return {**self.live, **self.mean}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from an average that `state_dict` returned."""
        for name, tensor in self.mean.items():
            tensor.copy_(state[name])
