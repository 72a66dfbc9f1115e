"""Flow matching in charts, and the velocity of a diffusion: what networks see and learn."""

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.specs import run_spec
from helpers.statistics import assert_law, assert_uniform
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models import priors
from onshell.models.build import build, objective
from onshell.models.charts import CHARTS
from onshell.models.flows import draw_times
from onshell.physics import rambo
from onshell.physics.kinematics import norm

TIMES = {"uniform": 0.5, "smallest": 1e-3}
BLOCKS = {"width": 16, "blocks": 1, "heads": 2}
NETWORKS = {
    "mlp": {"width": 32, "depth": 2},
    "transformer": BLOCKS,
    "pet": BLOCKS | {"local_layers": 1, "neighbours": 2},
    "equivariant-mlp": {"width": 32, "depth": 2},
    "equivariant-transformer": BLOCKS | {"pair_width": 8},
}


def flow_spec(chart, prior="rambo", **loss):
    return run_spec(family="flow", prior=prior, loss={"type": "flow", "chart": chart, **loss})


def diffusion_spec(**loss):
    return run_spec() | {"loss": {"type": "velocity", "chart": "spinor", **loss}, "schedule": None}


def rows(spec, data, *name):
    return objective(spec, priors.fit(spec, data)).draw(data, stream(1, *name), torch_stream(1, *name))


def soft(n, size=0.3):
    """p_ref at a smaller scale: as spinors Gaussian, so that every mean velocity is known."""
    return size**2 * rambo.sample_prior(n, 3, stream(2, "data"))


def test_times_are_uniform_or_in_part_log_uniform():
    assert torch.equal(draw_times(50, None, stream(3)), torch.from_numpy(stream(3).random(50)))
    t = draw_times(40_000, TIMES, stream(4)).numpy()
    assert_law(t, lambda x: 0.5 * x + 0.5 * np.clip(1 - np.log(x) / np.log(1e-3), 0, 1))
    assert_law(
        draw_times(5_000, {"uniform": 0.0, "smallest": 0.1}, stream(5)).log(),
        stats.uniform(np.log(0.1), -np.log(0.1)).cdf,
    )
    assert_uniform(draw_times(5_000, {"uniform": 1.0, "smallest": 0.1}, stream(6)))


@pytest.mark.parametrize("prior", ["rambo", "gaussian"])
@pytest.mark.parametrize("chart", CHARTS)
def test_rows_are_on_paths_between_data_and_prior(chart, prior):
    """Near t = 0 events are the data, near t = 1 those of the prior; rows are float32, of the data's order."""
    data = soft(20_000)
    spec = flow_spec(chart, prior, times={"uniform": 0.7, "smallest": 1e-9})
    fitted = priors.fit(spec, data)
    x, t, u = rows(spec, data, chart, prior)
    assert x.dtype == t.dtype == u.dtype == torch.float32
    assert x.is_contiguous()
    assert u.shape == data.shape
    early = t < 1e-7
    assert early.sum() > 500
    # Phases of spinors move momenta by the square root of t at most.
    assert (norm(x - data)[early].double() / norm(data)[early] < 1e-2).float().mean() > 0.99
    late = t > 0.99
    expected = priors.draw(spec, fitted, 20_000, stream(7, "prior"))
    ratio = x[late].square().mean() / expected.square().mean()
    assert 0.6 < ratio < 1.4


CASES = [
    *((flow_spec(chart, times=TIMES), "mlp") for chart in CHARTS),
    *((diffusion_spec(times=TIMES), network) for network in NETWORKS),
]


@pytest.mark.parametrize(("spec", "network"), CASES)
def test_a_network_learns(spec, network):
    """A new network of this type returns zero, and gets better in a few steps."""
    spec = spec | {"network": {"type": network, **NETWORKS[network]}}
    learner, task = build(spec), objective(spec)
    batch = rows(spec, soft(512), "learn")
    optimizer, losses = torch.optim.AdamW(learner.parameters(), 3e-3), []
    for _ in range(40):
        optimizer.zero_grad()
        losses.append(task.loss(learner, *batch))
        losses[-1].backward()
        optimizer.step()
    # A new network returns zero: its loss is the mean square of the velocity, of the size of 1 in every chart.
    torch.testing.assert_close(losses[0], batch[2].square().mean())
    assert 0.1 < losses[0] < 10
    assert losses[-1] < 0.9 * losses[0]


def test_the_velocity_of_spinors_is_no_larger_for_the_softest_momenta():
    """Its mean square is at most that of the way between two spinors, at any |q|; that of ln|q| grows with decades."""
    decades = 10 ** torch.from_numpy(stream(8).uniform(-9, 0, (20_000, 3, 1)))
    x, _, u = rows(flow_spec("spinor", times=TIMES), soft(20_000) * decades, "size")
    for low, high in ((0, 1e-6), (1e-6, 1e-3), (1e-3, 1)):
        here = (norm(x) > low) & (norm(x) <= high)
        assert here.sum() > 100
        assert u[here].square().sum(1).mean() < 5


def test_faults_are_named():
    with pytest.raises(OnshellError, match=r"loss\.times\.uniform: 1\.5 is not a share"):
        draw_times(5, {"uniform": 1.5, "smallest": 0.1}, stream(9))
    with pytest.raises(OnshellError, match=r"loss\.times\.smallest: 0 is not a time"):
        draw_times(5, {"uniform": 0.5, "smallest": 0}, stream(9))
    with pytest.raises(OnshellError, match="a loss of type velocity needs the chart 'spinor'"):
        objective(diffusion_spec(chart="q"))
