"""What a network sees of each particle."""

import torch
from torch import Tensor

FEATURES = 7

SOFT = 1e-7
"""Below this |q| directions fade to zero, smoothly: far under the softest particle, far above overflow in float32."""


def features(q: Tensor) -> Tensor:
    """Return q, q/|q| and ln|q|/4 of each particle [B,N,7], smooth everywhere, q = 0 included.

    A quarter of the logarithm holds all |q| from 1e-7 to 100 between -4 and 1.2, near the size of everything else.
    """
    length = lengths(q)
    return torch.cat([q, q / length, 0.25 * length.log()], dim=-1)


def lengths(q: Tensor) -> Tensor:
    """Return |q| of each particle [B,N,1], never below `SOFT`."""
    return (q.square().sum(-1, keepdim=True) + SOFT**2).sqrt()
