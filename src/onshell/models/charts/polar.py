"""The chart `log-polar`: ln|q| and the direction of each particle."""

import numpy as np
import torch
from torch import Tensor

from onshell.models.charts.chart import Chart, per_event
from onshell.physics.kinematics import norm

TINY = torch.finfo(torch.float64).tiny


class LogPolar(Chart):
    """y = (ln|q|, q/|q|) [n, N, 4]: paths are straight in the first, great circles in the second; u = (dq/dt)/|q|."""

    def lift(self, q: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        """Return the logarithm and the direction of the events `q` [n, N, 3]."""
        length = norm(q).clamp_min(TINY).unsqueeze(-1)
        return torch.cat([length.log(), q / length], -1)

    def to_q(self, y: Tensor) -> Tensor:
        """Return q [n, N, 3] of the states `y`."""
        return y[..., :1].exp() * y[..., 1:]

    def path(self, start: Tensor, end: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the state at `t` [n] and its velocity u [n, N, 3], whose angular part has constant length."""
        t, n = per_event(t, start), start[..., 1:]
        angle, side = _towards(n, end[..., 1:])
        sine, cosine = (t * angle).sin(), (t * angle).cos()
        here = cosine * n + sine * side
        up = end[..., :1] - start[..., :1]
        state = torch.cat([start[..., :1] + t * up, here], -1)
        return state, up * here + angle * (cosine * side - sine * n)

    def tangent(self, y: Tensor, u: Tensor) -> Tensor:
        """Return the rates [n, N, 4] of logarithm and direction."""
        n = y[..., 1:]
        up = (u * n).sum(-1, keepdim=True)
        return torch.cat([up, u - up * n], -1)

    def settle(self, y: Tensor) -> Tensor:
        """Return `y` with directions of length 1."""
        return torch.cat([y[..., :1], y[..., 1:] / norm(y[..., 1:]).clamp_min(TINY).unsqueeze(-1)], -1)

    def move(self, y: Tensor, u: Tensor, h: float) -> Tensor:
        """Return the states after a step `h`: |q| grows by e^(h u_r), the direction moves along a great circle."""
        rates = h * self.tangent(y, u)
        side = rates[..., 1:]
        angle = norm(side).unsqueeze(-1)
        turned = angle.cos() * y[..., 1:] + torch.sinc(angle / torch.pi) * side
        return self.settle(torch.cat([y[..., :1] + rates[..., :1], turned], -1))

    def apart(self, start: Tensor, end: Tensor) -> Tensor:
        """Return the squared difference of the logarithms plus the squared angle."""
        angle, _ = _towards(start[..., 1:], end[..., 1:])
        return (end[..., 0] - start[..., 0]).square() + angle.squeeze(-1).square()


def _towards(n: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return the angle [..., 1] between directions, and the direction [..., 3] at `n` in which `other` lies."""
    along = (n * other).sum(-1, keepdim=True)
    side = other - along * n
    size = norm(side).unsqueeze(-1)
    return torch.atan2(size, along), side / size.clamp_min(TINY)
