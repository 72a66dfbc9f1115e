"""Checks that any network must pass, and small runs to train in tests."""

import torch

from onshell.models.divergence import by_autograd, with_divergence


def small_spec(**over):
    """A run that trains in seconds: a narrow network, a short process."""
    spec = {
        "run": "small-q-diffusion",
        "dataset": "muon",
        "process": "muon",
        "n_particles": 3,
        "space": "q",
        "family": "diffusion",
        "augmentation": "single",
        "seed": 11,
        "preset": "paper",
        "network": {"type": "mlp", "width": 32, "depth": 3, "time_dim": 8},
        "schedule": {"steps": 20, "gamma": [0.01, 0.05], "gaussian_steps": 0, "gaussian_gamma": 0.01},
        "loss": {
            "type": "ism",
            "divergence": "exact",
            "time_weight_power": 2,
            "loss_weight_power": 1,
            "time_floor": 0.01,
        },
        "training": {
            "epochs": 3,
            "batch_size": 64,
            "lr": 1e-3,
            "weight_decay": 1e-4,
            "betas": [0.9, 0.999],
            "clip": 1.0,
            "lr_schedule": "cosine",
            "keep": "lowest-loss",
            "precision": "fp32",
        },
        "sampling": {"precision": "fp32"},
    }
    for key, value in over.items():
        spec[key] = {**spec[key], **value} if isinstance(value, dict) else value
    return spec


def awaken(network, scale=0.3, seed=1):
    """`network` with all its weights drawn anew, so that nothing in it is zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(scale * torch.randn(weight.shape, generator=generator, dtype=weight.dtype))
    return network


def assert_starts_at_zero(network, n_particles):
    """A new network returns zero everywhere, in the shape of its events."""
    x = torch.randn(5, n_particles, 3, generator=torch.Generator().manual_seed(2))
    field = network(x, torch.rand(5, generator=torch.Generator().manual_seed(3)))
    assert field.shape == x.shape
    assert (field == 0).all()


def assert_exact_divergence(network, n_particles, tolerance=1e-11):
    """Field, divergence and their gradients in the weights agree with autograd, in float64."""
    network = awaken(network.double())
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(6, n_particles, 3, generator=generator, dtype=torch.float64)
    t, mix = torch.rand(2, 6, generator=generator, dtype=torch.float64)

    def jacobian(event, time):
        return torch.func.jacrev(lambda y: network(y.view(1, -1, 3), time[None]).flatten())(event.flatten())

    expected = torch.stack([jacobian(*pair).trace() for pair in zip(x, t, strict=True)])
    field, divergence = with_divergence(network, x, t)
    torch.testing.assert_close(divergence, expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(field, network(x, t), rtol=tolerance, atol=tolerance)

    def gradients(pair):
        objective = (mix * (pair[1] + pair[0].square().sum((1, 2)))).sum()
        return torch.autograd.grad(objective, list(network.parameters()))

    for own, reference in zip(gradients((field, divergence)), gradients(by_autograd(network, x, t)), strict=True):
        torch.testing.assert_close(own, reference, rtol=1e3 * tolerance, atol=1e3 * tolerance)
