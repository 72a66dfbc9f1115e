"""The chart `log-polar`: ln|q| and the direction of each particle."""

import numpy as np
import torch
from torch import Tensor

from onshell.models.charts.chart import Chart, per_event
from onshell.physics.kinematics import norm

TINY = torch.finfo(torch.float64).tiny


class LogPolar(Chart):
    """y = (ln|q|, q/|q|) [n, N, 4]: paths are straight in the first, great circles in the second; u = (dq/dt)/|q|."""

    def to_chart(self, q: Tensor, rng: np.random.Generator | None = None) -> Tensor:
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
        up, side, _ = decompose(y[..., 1:], u)
        return torch.cat([up, side], -1)

    def project(self, y: Tensor) -> Tensor:
        """Return `y` with directions of length 1."""
        return torch.cat([y[..., :1], y[..., 1:] / norm(y[..., 1:]).clamp_min(TINY).unsqueeze(-1)], -1)

    def speed(self, length: Tensor) -> tuple[Tensor, Tensor]:
        """Return |q| and 1."""
        return length, torch.ones_like(length)

    def distance2(self, start: Tensor, end: Tensor) -> Tensor:
        """Return the squared difference of the logarithms plus the squared angle."""
        angle, _ = _towards(start[..., 1:], end[..., 1:])
        return (end[..., 0] - start[..., 0]).square() + angle.squeeze(-1).square()


def decompose(n: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the part of `v` [..., 3] along the directions `n`, that across them, and the length of the latter."""
    # Component by component, which keeps arrays in whatever order they are.
    vx, vy, vz = v.unbind(-1)
    nx, ny, nz = n.unbind(-1)
    up = (vx * nx + vy * ny + vz * nz).unsqueeze(-1)
    side = v - up * n
    return up, side, norm(side).unsqueeze(-1)


def rotate_towards(n: Tensor, side: Tensor, angle: Tensor) -> Tensor:
    """Return the directions `n` [..., 3] rotate_towards towards `side`, which is across them, by its length `angle`."""
    return angle.cos() * n + torch.sinc(angle / torch.pi) * side


def _towards(n: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return the angle [..., 1] between directions, and the direction [..., 3] at `n` in which `other` lies."""
    along = (n * other).sum(-1, keepdim=True)
    side = other - along * n
    size = norm(side).unsqueeze(-1)
    return torch.atan2(size, along), side / size.clamp_min(TINY)
