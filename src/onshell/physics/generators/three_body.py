"""Three massless particles from their invariants and their orientation."""

import numpy as np

from onshell.core.errors import OnshellError


def only_three(generator: str, n_particles: int) -> None:
    """Return nothing, or raise OnshellError unless `n_particles` is 3."""
    if n_particles != 3:
        raise OnshellError(f"{generator}: n_particles = {n_particles!r}, but this process has 3 particles")


def turned(rng: np.random.Generator, y_12: np.ndarray, y_13: np.ndarray, y_23: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return events [3, 3 particles, n] with 2 p_I.p_J = y_IJ, E_cm = 1, where particle 1 has cos(theta) = `c` [n].

    The azimuth of particle 1 about z and that of the event about particle 1 are drawn uniformly from `rng`.
    """
    phi, psi = rng.uniform(0.0, 2 * np.pi, (2, *c.shape))
    s, cos_phi, sin_phi = np.sqrt((1 - c) * (1 + c)), np.cos(phi), np.sin(phi)
    e_1, e_2 = 0.5 * (1 - y_23), 0.5 * (1 - y_13)
    # The angle between 1 and 2 from its half: tan^2 = y_12 / (y_13 y_23), which never cancels nor leaves the circle.
    near, far = y_13 * y_23, y_12
    along = e_2 * (near - far) / (near + far)
    across = 2 * e_2 * np.sqrt(near * far) / (near + far)
    polar, azimuthal = across * np.cos(psi), across * np.sin(psi)
    p = np.empty((3, 3, *c.shape))
    p[:, 0] = e_1 * s * cos_phi, e_1 * s * sin_phi, e_1 * c
    in_plane = along * s + polar * c
    p[:, 1] = in_plane * cos_phi - azimuthal * sin_phi, in_plane * sin_phi + azimuthal * cos_phi, along * c - polar * s
    np.negative(p[:, 0] + p[:, 1], out=p[:, 2])
    return p


def permuted(rng: np.random.Generator, *rows: np.ndarray) -> list[np.ndarray]:
    """Return `rows`, each [N, n], with the N particles of every event in one random order, the same for all rows."""
    n_particles, size = rows[0].shape
    order = rng.permuted(np.broadcast_to(np.arange(n_particles), (size, n_particles)), axis=1)
    index = order.T * size + np.arange(size)
    return [row.reshape(-1).take(index) for row in rows]
