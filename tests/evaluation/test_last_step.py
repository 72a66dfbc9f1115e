"""Truth with the noise of the last reverse step: its size is known, and events of q-space stay on phase space."""

import pytest
import torch

from helpers.specs import run_spec
from onshell.core.errors import OnshellError
from onshell.evaluation.last_step import embedded_as, is_noisy, noisy_truth
from onshell.events.augment import frames
from onshell.physics import generators, rambo
from onshell.physics.kinematics import violation

GAMMA = 0.002


def metadata(space, **augmentation):
    """Return what a sample's metadata say of a run of two steps that is drawn with full noise."""
    spec = run_spec(space=space, schedule={"steps": 2, "gamma": [GAMMA, 0.01]}, sampling={"noise": "full"})
    spec |= {"unit": 0.1} if space == "p" else {}
    chosen = frames(augmentation or {"copies": 2}, name="a", process="muon", n_particles=3, seed=5)
    return {"spec": spec, "process": "muon", "seed": 3, "augmentation": chosen.metadata()}


def test_in_p_space_the_total_momentum_moves_by_the_noise_alone():
    n, p = 20_000, generators.events("muon", 20_000, seed=1)
    _, total = violation(noisy_truth(p, metadata("p")))
    # The sum of three components of standard deviation 0.1 sqrt(2 gamma); 4 sigma of its own error, 1/sqrt(2 n).
    assert total.std(0) == pytest.approx([0.1 * (3 * 2 * GAMMA) ** 0.5] * 3, rel=4 / (2 * n) ** 0.5)


@pytest.mark.parametrize("augmentation", [{"copies": 2}, {"per_event": True}, {"b": [0.1, 0.0, -0.2], "x": 0.2}])
def test_in_q_space_events_move_and_stay_on_phase_space(augmentation):
    p, about = generators.events("muon", 5_000, seed=1), metadata("q", **augmentation)
    moved = noisy_truth(p, about)
    excess, total = violation(moved)
    assert max(excess.abs().max(), total.abs().max()) < 1e-14
    assert (moved - p).abs().max() > 0.01
    # The embedding is that of the training set: q maps back to p, in the frames that its metadata name.
    q = embedded_as(p, about)
    torch.testing.assert_close(rambo.to_p(q), p, rtol=0, atol=1e-13)
    _, x = rambo.frame(q)
    if about["augmentation"]["x"]:
        assert torch.isclose(x[:, None], torch.tensor(about["augmentation"]["x"], dtype=torch.float64)).any(1).all()
    assert torch.equal(noisy_truth(p, about), moved)


def test_only_full_noise_reaches_the_end():
    about = metadata("q")
    for noise in ("last-step-noiseless", "posterior"):
        about["spec"]["sampling"] = {"noise": noise}
        assert not is_noisy(about["spec"])
    with pytest.raises(OnshellError, match="adds no noise to momenta"):
        noisy_truth(generators.events("muon", 10, seed=1), about)
    del about["augmentation"]["spec"]
    with pytest.raises(OnshellError, match="does not say how its training set was embedded"):
        embedded_as(generators.events("muon", 10, seed=1), about)
