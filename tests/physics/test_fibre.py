"""Laws of the fibre, and densities on phase space by averages over it."""

import pytest
import torch

from helpers.maps import log_fibre_jacobian
from helpers.statistics import assert_mean
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.physics import fibre, rambo


def fitted(n_particles=3, **options):
    """A law around frames of q-space points half the usual size."""
    b, x = rambo.frame(0.5 * rambo.sample_prior(2_000, n_particles, stream(1, "fit")))
    return fibre.FittedFrames(b, x, n_particles, **options)


LAWS = {
    "prior": fibre.PriorFrames(3),
    "normal": fitted(),
    "t": fitted(dof=5.0),
    "mixture": fitted(dof=5.0, prior=0.3),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_law_of_frames_is_normalised_and_drawn_from(law):
    """The mean of a normal law's density over the drawn one is 1, wherever the draws' own density is the larger."""
    reference = fitted(dof=3.0, prior=0.2)
    b, x = reference.sample(100_000, stream(2, "reference"))
    ratio = (law.log_prob(b, x) - reference.log_prob(b, x)).exp()
    assert ratio.max() < 100
    assert_mean(ratio, 1.0)
    drawn_b, drawn_x = law.sample(100_000, stream(3, "law"))
    for value in (lambda b, x: 1 / (1 + b.square().sum(1)), lambda b, x: x / (0.1 + x), lambda b, x: b[:, 0].tanh()):
        mean = (value(b, x) * ratio).mean().item()
        error = (value(b, x) * ratio).std().item() / len(x) ** 0.5
        assert_mean(value(drawn_b, drawn_x), [(mean, error)])


@pytest.mark.parametrize("n_particles", [2, 3, 5])
def test_the_measure_of_q_space_is_its_jacobian(n_particles):
    """By autograd, and as the factor between p_ref, uniform phase space and the law of its frames."""
    q = rambo.sample_prior(5, n_particles, stream(4, "q"))
    found = fibre.log_measure(q)
    expected = [log_fibre_jacobian(rambo.to_p, rambo.frame, one) + (2 * one.norm(dim=-1)).log().sum() for one in q]
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-6, atol=1e-6)
    uniform = rambo.frame_log_prob(*rambo.frame(q), n_particles) - rambo.log_volume(n_particles)
    torch.testing.assert_close(rambo.prior_log_prob(q) + found, uniform)


@pytest.mark.parametrize("law", [None, *list(LAWS.values())[2:]], ids=["prior", "t", "mixture"])
def test_the_density_of_uniform_phase_space_at_another_scale_is_one(law):
    """q = RAMBO points times 0.7: another density in q, the same events."""
    p = rambo.to_p(rambo.sample_prior(400, 3, stream(5, "p")))
    scale = torch.tensor(0.7, dtype=torch.float64)

    def log_rho(q):
        return rambo.prior_log_prob(q / scale) - 9 * scale.log()

    density, error = fibre.log_density(log_rho, p, 200, stream(6, "draws"), law)
    assert_mean(density.exp(), 1.0)
    assert (error < 0.5).all()
    # The stated errors are those that are made.
    assert 0.8 < (density / error).square().mean() < 1.3


def test_the_prior_itself_has_density_one_without_error():
    p = rambo.to_p(rambo.sample_prior(50, 4, stream(7, "p")))
    density, error = fibre.log_density(rambo.prior_log_prob, p, 3, stream(8, "draws"))
    assert density.abs().max() < 1e-12
    assert error.max() < 1e-12


def test_a_gaussian_in_q_space_integrates_to_one():
    def log_rho(q):
        return torch.distributions.Normal(0.1, 2.0).log_prob(q).sum((1, 2))

    p = rambo.to_p(rambo.sample_prior(4_000, 3, stream(9, "p")))
    density, _ = fibre.log_density(log_rho, p, 40, stream(10, "draws"))
    assert_mean(density.exp(), 1.0)


def test_what_cannot_be_averaged_is_refused():
    p = rambo.to_p(rambo.sample_prior(5, 3, stream(11, "p")))
    with pytest.raises(OnshellError, match="1 draws of"):
        fibre.log_density(rambo.prior_log_prob, p, 1, stream(1, "x"))
    with pytest.raises(OnshellError, match="5 events are too few"):
        fibre.FittedFrames(*rambo.frame(p), 3)


@pytest.mark.parametrize("size", [1e160, float("inf"), float("nan")])
def test_frames_that_no_law_fits_are_refused(size):
    b, x = rambo.sample_frames(20, 3, stream(1, "test", "frames"))
    b[3, 1] = size
    with pytest.raises(OnshellError, match=r"fibre: no law fits the \(b, x\) of these events"):
        fibre.FittedFrames(b, x, 3)
