"""Attention by three routes, and the activation with derivatives of its own."""

import math

import pytest
import torch

from onshell.models.activation import silu
from onshell.models.attention import FEW, attend


@pytest.mark.parametrize("n", [2, 3, FEW, FEW + 1, 40])
@pytest.mark.parametrize("twice", [True, False])
def test_attention_is_the_mean_of_values_under_a_softmax(n, twice):
    q, k, v = torch.randn(3, 5, 2, n, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = (torch.einsum("bhid,bhjd->bhij", q, k) / math.sqrt(4)).exp()
    expected = torch.einsum("bhij,bhjd->bhid", weights / weights.sum(-1, keepdim=True), v)
    torch.testing.assert_close(attend(q, k, v, twice=twice), expected, rtol=1e-10, atol=1e-10)


def test_large_logits_do_not_overflow():
    q = 100 * torch.randn(3, 2, 5, 4, generator=torch.Generator().manual_seed(1))
    assert torch.isfinite(attend(q, q, q, twice=True)).all()


@pytest.mark.parametrize("n", [3, FEW + 1])
def test_attention_is_twice_differentiable(n):
    generator = torch.Generator().manual_seed(1)
    parts = [torch.randn(1, 1, n, 2, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradgradcheck(lambda *qkv: attend(*qkv, twice=True), parts, fast_mode=True)


def test_the_activation_is_three_times_differentiable():
    z = torch.linspace(-6, 6, 13, dtype=torch.float64, requires_grad=True)

    def curvature(z):
        (slope,) = torch.autograd.grad(silu(z, True).sin().sum(), z, create_graph=True)
        return torch.autograd.grad(slope.sin().sum(), z, create_graph=True)[0]

    assert torch.autograd.gradcheck(lambda z: silu(z, True), z)
    assert torch.autograd.gradgradcheck(lambda z: silu(z, True), z)
    assert torch.autograd.gradcheck(curvature, z)
    assert torch.equal(silu(z, True), silu(z, False))
