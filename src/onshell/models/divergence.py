"""Divergence of a network's field with respect to its events."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from onshell.core.errors import OnshellError


def with_divergence(
    network: nn.Module, x: Tensor, t: Tensor, method: str = "exact", probe: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the field [B,N,3] of `network` at x [B,N,3], t [B] and its divergence [B], differentiable in the weights.

    exact: a network with a `with_divergence` of its own, such as the MLP, makes it in one pass; any other is
    differentiated 3N times. hutchinson: an unbiased estimate by one backward pass along `probe` [B,N,3], random signs.
    """
    if method == "hutchinson":
        if probe is None:
            raise TypeError("hutchinson: the divergence needs a probe; draw one with `random_signs`")
        return hutchinson(network, x, t, probe)
    if method != "exact":
        raise OnshellError(f"loss.divergence: {method!r} is not known; use 'exact' or 'hutchinson'")
    in_one_pass = getattr(network, "with_divergence", None)
    return in_one_pass(x, t) if in_one_pass is not None else by_autograd(network, x, t)


def by_autograd(network: nn.Module, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the field [B,N,3] and its exact divergence [B], by one backward pass per component of the events."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        field = network(x, t)
        outputs, divergence = field.flatten(1), torch.zeros_like(field[:, 0, 0])
        for i in range(outputs.shape[1]):
            (row,) = torch.autograd.grad(outputs[:, i].sum(), x, create_graph=True)
            divergence = divergence + row.flatten(1)[:, i]
    return field, divergence


def hutchinson(network: nn.Module, x: Tensor, t: Tensor, probe: Tensor) -> tuple[Tensor, Tensor]:
    """Return the field [B,N,3] and v J v [B], J its Jacobian and v the `probe`: of mean div if E[v v] = 1."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        field = network(x, t)
        (row,) = torch.autograd.grad(field, x, probe.to(field.dtype), create_graph=True)
    return field, (row * probe).sum((1, 2))


def random_signs(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return +-1 in float32, each with probability 1/2: of all probes those of the least variance."""
    bits = torch.randint(0, 2, tuple(shape), generator=generator, device=generator.device)
    return (2 * bits - 1).to(torch.float32)
