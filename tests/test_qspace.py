"""The q-space map around other libraries' models."""

import math
import runpy
from pathlib import Path

import pytest
import torch
from scipy import stats

from helpers.maps import assert_on_shell
from helpers.statistics import assert_law, assert_mean
from onshell.core.errors import OnshellError
from onshell.core.rng import torch_stream
from onshell.physics import generators, rambo
from onshell.qspace import QSpace, RamboPrior, largest_violation

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


def muon(n=2_000):
    return generators.events("muon", n, seed=1)


@pytest.mark.parametrize("name", ["zuko_flow", "torchcfm_flow"])
def test_an_example_conserves_with_the_map_and_not_without(name, capsys):
    """Flows of zuko and torchcfm, in p-space and in q-space: the text that the pages show, under 20 lines."""
    path = EXAMPLES / f"{name}.py"
    assert len(path.read_text().splitlines()) < 20
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        made = runpy.run_path(str(path))
    before, after = (float(line.split()[-1]) for line in capsys.readouterr().out.splitlines())
    assert before > 1e-2
    assert after < 1e-12
    if "log_prob" in made:
        assert torch.isfinite(made["log_prob"]).all()
        # Most of a small flow's events know the matrix element: more likely where it is large.
        density = rambo.log_volume(3) + made["log_prob"]
        assert stats.spearmanr(density, 12 * rambo_weight(made["p"][:100])).statistic > 0.5


def rambo_weight(p):
    e = p[:, 2].norm(dim=-1)
    return e * (1 - 2 * e)


@pytest.mark.parametrize("flat", [True, False], ids=["vectors", "clouds"])
@pytest.mark.parametrize("augmentation", ["continuous", "single", "many", {"b": [0.1, 0.0, -0.2], "x": 0.15}])
def test_events_come_back_whatever_their_frame(augmentation, flat):
    p, space = muon(), QSpace(3, augmentation, flat=flat, dtype=torch.float64)
    q = space.embed(p)
    assert q.shape == ((2_000, 9) if flat else (2_000, 3, 3))
    torch.testing.assert_close(space.to_p(q), p, rtol=0, atol=1e-9)
    torch.testing.assert_close(space.embed(p.flatten(1)), q)
    rounded = QSpace(3, augmentation, flat=flat).embed(p)
    assert rounded.dtype == torch.float32
    assert_on_shell(space.to_p(rounded), 1e-14)


def test_frames_can_be_chosen_and_drawn_anew():
    p, space = muon(), QSpace(3, dtype=torch.float64, flat=False)
    b, x = torch.tensor([0.3, 0.0, 0.0], dtype=torch.float64), 0.2
    found_b, found_x = rambo.frame(space.embed(p, (b, x)))
    torch.testing.assert_close(found_b, b.expand(2_000, 3))
    torch.testing.assert_close(found_x, torch.full_like(found_x, x))
    assert torch.equal(space.embed(p), space.embed(p))
    assert not torch.equal(space.embed(p), space.embed(p, draw=1))


def test_the_prior_is_a_distribution_of_torch():
    prior = RamboPrior(3, dtype=torch.float64, generator=torch_stream(1, "prior"))
    q = prior.sample((20_000,))
    assert q.shape == (20_000, 3, 3)
    for i in range(3):
        assert_law(q[:, i].norm(dim=-1), stats.gamma(2).cdf)
        assert_law(q[:, i, 2] / q[:, i].norm(dim=-1), stats.uniform(-1, 2).cdf)
    torch.testing.assert_close(prior.log_prob(q), rambo.prior_log_prob(q))
    assert_mean(-prior.log_prob(q), prior.entropy().item())
    assert_mean(q.flatten(1).T, prior.mean.flatten().tolist())
    assert_mean(q.flatten(1).square().T, prior.variance.flatten().tolist())


def test_the_prior_has_batches_and_vectors_as_other_distributions():
    prior = RamboPrior(4, flat=True)
    assert (prior.batch_shape, prior.event_shape) == ((), (12,))
    wide = prior.expand((5, 2))
    assert (wide.batch_shape, wide.event_shape, wide.mean.shape) == ((5, 2), (12,), (5, 2, 12))
    q = wide.rsample((7,))
    assert (q.shape, q.dtype, wide.log_prob(q).shape) == ((7, 5, 2, 12), torch.float32, (7, 5, 2))
    assert wide.log_prob(q[0, 0, 0]).shape == (5, 2)
    assert wide.support.check(q).all()
    assert wide.entropy().shape == (5, 2)
    assert math.isclose(prior.stddev[0].item(), 2**0.5, rel_tol=1e-6)


def test_the_density_of_a_model_is_known_on_phase_space():
    """A model that is the prior has density 1; muon decay as a model in q-space has its own, 12 E_3 (1 - 2 E_3)."""
    p, space = muon(100), QSpace(3, dtype=torch.float64)
    found, error = space.log_prob(p, space.prior.log_prob, draws=3)
    assert found.abs().max() < 1e-9
    assert error.max() < 1e-9

    def exact(q):
        e = rambo.to_p(q.view(-1, 3, 3))[:, 2].norm(dim=-1)
        return (12 * e * (1 - 2 * e)).log() + rambo.prior_log_prob(q.view(-1, 3, 3))

    found, _ = space.log_prob(p, exact, draws=3)
    torch.testing.assert_close(found, (12 * rambo_weight(p)).log(), rtol=0, atol=1e-6)
    q = space.embed(p)
    total = space.prior.log_prob(q) + space.log_measure(q)
    expected = rambo.frame_log_prob(*rambo.frame(q.view(-1, 3, 3)), 3) - rambo.log_volume(3)
    torch.testing.assert_close(total, expected)


def test_what_cannot_be_embedded_is_refused():
    space = QSpace(3)
    with pytest.raises(OnshellError, match=r"off the shell .* put them on it"):
        space.embed(2 * muon(5))
    with pytest.raises(OnshellError, match=r"give \[n, 3, 3\] or \[n, 9\] for 3 particles"):
        space.embed(torch.zeros(5, 12))
    with pytest.raises(OnshellError, match="did you mean 'single'"):
        QSpace(3, "singel")
    with pytest.raises(OnshellError, match="no phase space"):
        RamboPrior(1)
    assert largest_violation(2 * muon(5)) == pytest.approx(1)
