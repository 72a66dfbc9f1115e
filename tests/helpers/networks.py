"""Checks that any network must pass, and small runs to train in tests."""

import torch

from helpers.maps import assert_permutation_equivariant
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
        "unit": 1.0,
        "seed": 11,
        "preset": "paper",
        "network": {"type": "mlp", "width": 32, "depth": 3, "time_dim": 8},
        "schedule": {"steps": 20, "gamma": [0.01, 0.05], "gaussian_steps": 0, "gaussian_gamma": 0.01},
        "prior": None,
        "loss": {
            "type": "ism",
            "divergence": "exact",
            "preconditioning": "none",
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
            "ema": 0.0,
            "precision": "fp32",
            "compile": False,
        },
        "sampling": {"precision": "fp32", "noise": "full"},
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


def seeded(make, seed):
    """A network from `make()`, its weights drawn under `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()


def events_and_times(n, n_particles, dtype=torch.float32, seed=6):
    """Events [n,N,3] like those of q-space, and times [n] in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    x = 2 * torch.randn(n, n_particles, 3, generator=generator, dtype=dtype)
    return x, torch.rand(n, generator=generator, dtype=dtype)


def hutchinson_loss(network, x, t, seed=7):
    """The mean of |s|^2/2 + v.(ds/dx) v with one probe v = +-1: the loss that needs second derivatives."""
    probe = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype).sign()
    x = x.clone().requires_grad_()
    field = network(x, t).to(x.dtype)
    (turned,) = torch.autograd.grad(field, x, probe, create_graph=True)
    return (0.5 * field.square() + turned * probe).sum((1, 2)).mean()


def returns_a_field(network, n_particles):
    """One finite 3-vector per particle, in the type of the events, different for different events."""
    x, t = events_and_times(5, n_particles)
    field = awaken(network)(x, t)
    assert field.shape == x.shape
    assert field.dtype == x.dtype
    assert torch.isfinite(field).all()
    assert torch.pdist(field.flatten(1)).min() > 0


def starts_at_zero(network, n_particles):
    assert_starts_at_zero(network, n_particles)


def sees_the_time(network, n_particles):
    """Every event is answered differently at different times, and by itself: others in the batch do not matter."""
    network = awaken(network.double(), scale=0.1)
    x, t = events_and_times(4, n_particles, torch.float64)
    assert ((network(x, t) - network(x, 0.9 * t)).abs().amax((1, 2)) > 1e-6).all()
    torch.testing.assert_close(network(x, t)[2:3], network(x[2:3], t[2:3]), rtol=1e-10, atol=1e-10)


def teaches_every_weight(network, n_particles):
    """The loss of a network that is awake has a gradient in each of its weight tensors."""
    network = awaken(network.double(), scale=0.1)
    hutchinson_loss(network, *events_and_times(6, n_particles, torch.float64)).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name


def is_twice_differentiable(network, n_particles):
    """The gradient of a loss with derivatives by the events in it agrees with finite differences along the weights."""
    network = awaken(network.double(), scale=0.1)
    x, t = events_and_times(4, n_particles, torch.float64)
    weights = list(network.parameters())
    gradients = torch.autograd.grad(hutchinson_loss(network, x, t), weights)
    generator = torch.Generator().manual_seed(8)
    way = [torch.randn(weight.shape, generator=generator, dtype=weight.dtype) for weight in weights]

    def moved(step):
        with torch.no_grad():
            for weight, along in zip(weights, way, strict=True):
                weight.add_(along, alpha=step)
        loss = hutchinson_loss(network, x, t).detach()
        with torch.no_grad():
            for weight, along in zip(weights, way, strict=True):
                weight.sub_(along, alpha=step)
        return loss

    h = 1e-4
    # Five points: the error of the difference is of order h^4.
    slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
    expected = sum((gradient * along).sum() for gradient, along in zip(gradients, way, strict=True))
    torch.testing.assert_close(slope, expected, rtol=1e-6, atol=1e-8)


def stays_finite(network, n_particles):
    """At q = 0, and for |q| over twelve decades, field, derivatives and second derivatives are finite in float32."""
    network = awaken(network, scale=0.1)
    decades = torch.logspace(-8, 4, 49)[:, None, None]
    x = torch.cat([decades * events_and_times(49, n_particles)[0], torch.zeros(1, n_particles, 3)])
    x = torch.cat([x, x])
    x[50:, 0] = 0
    loss = hutchinson_loss(network, x, torch.linspace(0, 1, len(x)))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(weight.grad).all() for weight in network.parameters())


def agrees_with_bfloat16(network, n_particles):
    """Under autocast, the field and the gradient of a loss with second derivatives are near those of float32."""
    awaken(network, scale=0.05)
    x, t = events_and_times(256, n_particles)
    weights = list(network.parameters())

    def everything():
        loss = hutchinson_loss(network, x, t)
        return torch.cat([part.flatten().float() for part in torch.autograd.grad(loss, weights)]), network(x, t)

    exact = everything()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = everything()
    for a, b in zip(rough, exact, strict=True):
        assert (a.float() - b).norm() < 0.05 * b.norm()


def can_be_compiled(network, n_particles):
    """The whole network is one graph, with no break."""
    x, t = events_and_times(3, n_particles)
    compiled = torch.compile(awaken(network, scale=0.1), fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x, t), network(x, t))


def keeps_no_order(network, n_particles):
    """Renaming the particles of an event renames its answer."""
    network = awaken(network.double(), scale=0.1)
    x, t = events_and_times(6, n_particles, torch.float64)
    assert_permutation_equivariant(lambda y: network(y, t), x)


def takes_any_number(network, n_particles):
    """The same weights serve 2, 3, 10 and 50 particles."""
    network = awaken(network, scale=0.1)
    for n in (2, 3, 10, 50):
        x, t = events_and_times(3, n)
        field = network(x, t)
        assert field.shape == x.shape
        assert torch.isfinite(field).all()
        torch.testing.assert_close(field, network(x.clone().requires_grad_(), t), rtol=1e-4, atol=1e-5)


EVERY_NETWORK = (
    returns_a_field,
    starts_at_zero,
    sees_the_time,
    teaches_every_weight,
    is_twice_differentiable,
    stays_finite,
    agrees_with_bfloat16,
    can_be_compiled,
)
"""What any network must do: check(network, n_particles)."""

NETWORK_OF_PARTICLES = (*EVERY_NETWORK, keeps_no_order, takes_any_number)
"""What a network must do whose particles have no order and no fixed number."""


def assert_drawn_from_seed(make):
    """The same seed gives the same weights, another seed others."""
    one, same, other = (seeded(make, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
