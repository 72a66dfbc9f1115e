"""Flows whose velocity is known exactly."""

from onshell.models.charts.mixtures import mixture_of
from onshell.physics.kinematics import norm


def soft(spec, size=0.3):
    """The exact velocity of a run whose data are p_ref at a smaller scale, |q| -> size^2 |q|: z is Gaussian."""
    mixture = mixture_of(spec)

    def network(q, t):
        a, b, da, db = mixture.at(t[0].item())
        pace = (a * da * size**2 + b * db) / (a**2 * size**2 + b**2)
        return pace * (2 / norm(q)).sqrt().unsqueeze(-1) * q

    return network
