"""Checks that any map onto phase space must pass."""

import torch

from onshell.physics.kinematics import energies, random_rotations, rotate, violation


def assert_on_shell(p, tolerance=1e-12, e_cm=1.0):
    """No event is off the massless centre-of-mass shell by more than `tolerance` times the energy."""
    assert torch.isfinite(p).all()
    for off in violation(p, e_cm):
        assert off.abs().max() <= tolerance * e_cm, f"off the shell by {off.abs().max():.1e}"


def assert_permutation_equivariant(function, q, tolerance=1e-12):
    """Renaming the particles of the input renames those of the output."""
    order = torch.randperm(q.shape[-2], generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(function(q[..., order, :]), function(q)[..., order, :], rtol=tolerance, atol=tolerance)


def assert_rotation_equivariant(function, q, rng, tolerance=1e-11):
    """Turning the input turns the output."""
    turn = random_rotations(len(q), rng)
    torch.testing.assert_close(function(rotate(q, turn)), rotate(function(q), turn), rtol=tolerance, atol=tolerance)


def log_fibre_jacobian(to_p, frame, q):
    """ln K of one point q [N, 3], prod d^3q/(2|q|) = dPhi_N(p) K d^3b dx, from the Jacobians of the maps by autograd.

    dPhi_N is the area of the surface sum E = 1, sum p = 0 over the root of det(G G^T), G the constraints' gradients.
    """
    n = q.shape[0]
    p = to_p(q)
    d_p = torch.autograd.functional.jacobian(lambda flat: to_p(flat.view(n, 3)).flatten(), q.flatten())
    d_b, d_x = torch.autograd.functional.jacobian(lambda flat: frame(flat.view(n, 3)), q.flatten())
    gradients = torch.cat([(p / energies(p)[:, None]).flatten()[None], torch.eye(3, dtype=q.dtype).repeat(1, n)])
    tangent = torch.linalg.svd(gradients).Vh[4:]
    log_det = torch.linalg.slogdet(torch.cat([tangent @ d_p, d_b, d_x[None]])).logabsdet
    log_gram = torch.linalg.slogdet(gradients @ gradients.T).logabsdet
    return (2 * energies(p)).log().sum() + 0.5 * log_gram - (2 * energies(q)).log().sum() - log_det
