"""Divergence of a network's field with respect to its events."""

import torch
from torch import Tensor, nn

from onshell.errors import OnshellError


def with_divergence(network: nn.Module, x: Tensor, t: Tensor, method: str = "exact") -> tuple[Tensor, Tensor]:
    """Return the field [B,N,3] of `network` at x [B,N,3], t [B] and its divergence [B], differentiable in the weights.

    A network with a `with_divergence` of its own, such as the MLP, makes it in one pass; any other is differentiated
    3N times.
    """
    if method != "exact":
        raise OnshellError(f"loss.divergence: {method!r} is not known; use 'exact'")
    own = getattr(network, "with_divergence", None)
    return own(x, t) if own is not None else by_autograd(network, x, t)


def by_autograd(network: nn.Module, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the field [B,N,3] and its exact divergence [B], by one backward pass per component of the events."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        field = network(x, t)
        outputs, divergence = field.flatten(1), 0
        for i in range(outputs.shape[1]):
            (row,) = torch.autograd.grad(outputs[:, i].sum(), x, create_graph=True)
            divergence = divergence + row.flatten(1)[:, i]
    return field, divergence
