"""Where sampling starts."""

import pytest
import torch
from scipy import stats

from helpers.specs import run_spec
from helpers.statistics import assert_law
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.models import priors
from onshell.physics import rambo


def test_a_gaussian_has_the_mean_and_spread_of_the_data_by_component():
    data = rambo.sample_prior(2_000, 3, stream(1, "q")) * torch.tensor([1.0, 2.0, 0.1]) + torch.tensor([0.0, 5.0, -1.0])
    spec = run_spec(family="flow")
    fitted = priors.fit(spec, data)
    assert fitted["mean"] == pytest.approx(data.mean((0, 1)).tolist())
    assert fitted["std"] == pytest.approx(data.flatten(0, 1).std(0, correction=0).tolist())
    x = priors.draw(spec, fitted, 20_000, stream(2, "x"))
    assert x.shape == (20_000, 3, 3)
    assert x.dtype == torch.float64
    for i in range(3):
        assert_law(x[..., i].flatten(), stats.norm(fitted["mean"][i], fitted["std"][i]).cdf)


@pytest.mark.parametrize(
    "spec", [run_spec(), run_spec(family="flow", prior="rambo")], ids=["diffusion", "flow with rambo"]
)
def test_q_space_starts_at_p_ref(spec):
    assert priors.fit(spec, torch.ones(5, 3, 3)) == {}
    q = priors.draw(spec, {}, 20_000, stream(3, "q"))
    assert_law(q.norm(dim=-1).flatten(), stats.gamma(2).cdf)
    assert torch.equal(q, rambo.sample_prior(20_000, 3, stream(3, "q")))


def test_a_p_space_diffusion_starts_at_unit_normal_components():
    spec = run_spec("p", loss="noise")
    assert priors.fit(spec, torch.ones(5, 3, 3)) == {}
    assert_law(priors.draw(spec, None, 20_000, stream(4, "p")).flatten(), stats.norm.cdf)


@pytest.mark.parametrize("space", ["q", "p"])
def test_the_draws_are_those_of_their_stream(space):
    spec, fitted = run_spec(space, "flow"), {"mean": [0.0] * 3, "std": [1.0] * 3}
    one, again, other = (priors.draw(spec, fitted, 10, stream(5, name)) for name in ("a", "a", "b"))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_faults_are_named():
    with pytest.raises(OnshellError, match="prior: 'rambo' is a law in q-space, but small-p-flow is in p-space"):
        priors.fit(run_spec("p", "flow", prior="rambo"), torch.ones(5, 3, 3))
    with pytest.raises(OnshellError, match="prior: 'gauss' is not known; use 'rambo' or 'gaussian'"):
        priors.draw(run_spec(family="flow", prior="gauss"), {}, 5, stream(1))
    with pytest.raises(OnshellError, match="has no mean and standard deviation"):
        priors.draw(run_spec(family="flow"), {}, 5, stream(1))
    with pytest.raises(OnshellError, match="no gaussian can be fitted"):
        priors.fit(run_spec(family="flow"), torch.ones(5, 3, 3))
