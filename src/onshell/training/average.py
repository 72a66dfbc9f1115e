"""The exponential moving average of a network's weights."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


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
