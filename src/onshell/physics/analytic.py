"""Every closed curve that a figure draws, as densities and cumulative distributions in units of E_cm = 1.

Arguments are NumPy arrays or numbers, results are NumPy arrays of the same shape. Densities are normalised unless the
docstring says otherwise, and zero outside their range.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import kv, spence

Array = NDArray[np.float64]
PairForm = Literal["paper", "pairs", "improved"]

TAU_MAX = 1.0 / 6.0
"""Largest tau of three massless particles: three equal energies at 120 degrees."""


def _on(x: ArrayLike, low: float, high: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return `x` as float64 clipped to [low, high], and where it was inside."""
    x = np.asarray(x, dtype=np.float64)
    return np.clip(x, low, high), (x >= low) & (x <= high)


# -------- muon decay (15), (16)


def electron_pdf(energy: ArrayLike) -> Array:
    """Return the density of E_1 (and of E_2) in muon decay, 16 E^2 (3 - 4E) on [0, 1/2] (16)."""
    e, inside = _on(energy, 0.0, 0.5)
    return np.where(inside, 16.0 * e**2 * (3.0 - 4.0 * e), 0.0)


def electron_cdf(energy: ArrayLike) -> Array:
    """Return the distribution function of E_1 in muon decay; it is u_1 of (16)."""
    e, _ = _on(energy, 0.0, 0.5)
    return 16.0 * e**3 * (1.0 - e)


def antineutrino_pdf(energy: ArrayLike) -> Array:
    """Return the density of E_3 in muon decay, 96 E^2 (1 - 2E) on [0, 1/2]."""
    e, inside = _on(energy, 0.0, 0.5)
    return np.where(inside, 96.0 * e**2 * (1.0 - 2.0 * e), 0.0)


def antineutrino_cdf(energy: ArrayLike) -> Array:
    """Return the distribution function of E_3 in muon decay."""
    e, _ = _on(energy, 0.0, 0.5)
    return 16.0 * e**3 * (2.0 - 3.0 * e)


def muon_dalitz_pdf(e_1: ArrayLike, e_2: ArrayLike) -> Array:
    """Return the Dalitz density f(E_1, E_2) = 96 E_3 (1 - 2 E_3) of muon decay; zero outside the triangle."""
    e_1, e_2 = np.asarray(e_1, dtype=np.float64), np.asarray(e_2, dtype=np.float64)
    e_3 = 1.0 - e_1 - e_2
    inside = (e_1 <= 0.5) & (e_2 <= 0.5) & (e_3 <= 0.5)
    return np.where(inside, 96.0 * e_3 * (1.0 - 2.0 * e_3), 0.0)


def log_dalitz_cdf(log_f: ArrayLike) -> Array:
    """Return the distribution function of ln f in muon decay, 1 - (3s - s^3)/2 with s^2 = 1 - f/12.

    f has its maximum 12 at E_3 = 1/4 and takes each smaller value at two energies.
    """
    s = np.sqrt(np.clip(1.0 - np.exp(np.asarray(log_f, dtype=np.float64)) / 12.0, 0.0, 1.0))
    return 1.0 - s * (3.0 - s**2) / 2.0


# -------- uniform phase space, finite N


def uniform_energy_pdf(energy: ArrayLike, n_particles: int) -> Array:
    """Return the density of one particle's energy on uniform phase space, 4 (N-1)(N-2) E (1 - 2E)^(N-3) on [0, 1/2]."""
    e, inside = _on(energy, 0.0, 0.5)
    norm = 4.0 * (n_particles - 1) * (n_particles - 2)
    return np.where(inside, norm * e * (1.0 - 2.0 * e) ** (n_particles - 3), 0.0)


def uniform_energy_cdf(energy: ArrayLike, n_particles: int) -> Array:
    """Return the distribution function of one particle's energy on uniform phase space."""
    e, _ = _on(energy, 0.0, 0.5)
    x = 2.0 * e
    return 1.0 - (1.0 - x) ** (n_particles - 2) * (1.0 + (n_particles - 2) * x)


def uniform_tau_pdf(tau: ArrayLike) -> Array:
    """Return the density of tau on uniform three-particle phase space, 12 (1 - 6 tau) on [0, 1/6] (20)."""
    t, inside = _on(tau, 0.0, TAU_MAX)
    return np.where(inside, 12.0 * (1.0 - 6.0 * t), 0.0)


def uniform_tau_cdf(tau: ArrayLike) -> Array:
    """Return the distribution function of tau on uniform three-particle phase space."""
    t, _ = _on(tau, 0.0, TAU_MAX)
    return 12.0 * t * (1.0 - 3.0 * t)


# -------- e+ e- -> q qbar g (19)


def thrust_tau(tau: ArrayLike) -> Array:
    """Return dsigma/dtau of e+e- -> q qbar g with T = 1 - 2 tau, unnormalised, on (0, 1/6] (19)."""
    tau = np.asarray(tau, dtype=np.float64)
    inside = (tau > 0.0) & (tau <= TAU_MAX)
    T = 1.0 - 2.0 * np.where(inside, tau, TAU_MAX)
    log = np.log((2.0 * T - 1.0) / (1.0 - T))
    shape = 2.0 * (3.0 * T**2 - 3.0 * T + 2.0) / (T * (1.0 - T)) * log - 3.0 * (3.0 * T - 2.0) * (2.0 - T) / (1.0 - T)
    return np.where(inside, shape, 0.0)


def _thrust_integral(tau: ArrayLike) -> Array:
    """Return an antiderivative of (19), by partial fractions in t = 1 - T = 2 tau and dilogarithms."""
    t = 2.0 * np.asarray(tau, dtype=np.float64)
    w = 2.0 * (1.0 - t)
    poles = -4.0 * spence(1.0 - 2.0 * t) - 2.0 * np.log(t) ** 2
    poles -= 4.0 * (spence(w) + np.log(w) * np.log(w - 1.0) + spence(t))
    regular = 3.0 * (1.0 - 2.0 * t) * (np.log(1.0 - 2.0 * t) - 1.0) + 6.0 * t * (np.log(t) - 1.0)
    return (poles + regular - 3.0 * (np.log(t) - 2.0 * t - 1.5 * t**2)) / 2.0


def thrust_tau_pdf(tau: ArrayLike, tau_min: float) -> Array:
    """Return (19) normalised on [tau_min, 1/6]; a pair-mass cutoff m^2_cut means tau_min = m^2_cut / 2 exactly."""
    t, inside = _on(tau, tau_min, TAU_MAX)
    norm = _thrust_integral(TAU_MAX) - _thrust_integral(tau_min)
    return np.where(inside, thrust_tau(t) / norm, 0.0)


def thrust_tau_cdf(tau: ArrayLike, tau_min: float) -> Array:
    """Return the distribution function of (19) on [tau_min, 1/6]."""
    t, _ = _on(tau, tau_min, TAU_MAX)
    start, end = _thrust_integral(tau_min), _thrust_integral(TAU_MAX)
    return (_thrust_integral(t) - start) / (end - start)


def qqg_plane_pdf(cos_theta: ArrayLike) -> Array:
    """Return the density of the cosine of the qqg event-plane normal to the beam, (9/16)(1 - c^2/3) on [-1, 1]."""
    c, inside = _on(cos_theta, -1.0, 1.0)
    return np.where(inside, 9.0 / 16.0 * (1.0 - c**2 / 3.0), 0.0)


# -------- q-space prior, antennas, large N


def prior_radius_pdf(radius: ArrayLike) -> Array:
    """Return the density of |q| under p_ref, r exp(-r) (6)."""
    r, inside = _on(radius, 0.0, np.inf)
    return np.where(inside, r * np.exp(-r), 0.0)


def prior_radius_cdf(radius: ArrayLike) -> Array:
    """Return the distribution function of |q| under p_ref, 1 - (1 + r) exp(-r) (6)."""
    r, _ = _on(radius, 0.0, np.inf)
    return -np.expm1(-r) - r * np.exp(-r)


def antenna_tau(tau: ArrayLike, n_particles: int) -> Array:
    """Return the antennas' tau density at leading logarithm, ln^(2N-5)(1/tau) / tau, unnormalised (23)."""
    tau = np.asarray(tau, dtype=np.float64)
    inside = (tau > 0.0) & (tau < 1.0)
    t = np.where(inside, tau, 0.5)
    return np.where(inside, np.log(1.0 / t) ** (2 * n_particles - 5) / t, 0.0)


def thermal_energy_pdf(energy: ArrayLike, n_particles: int) -> Array:
    """Return the large-N density of one particle's energy, (2N)^2 E exp(-2NE), of mean 1/N (32)-(33)."""
    beta = 2.0 * n_particles
    return beta * prior_radius_pdf(beta * np.asarray(energy, dtype=np.float64))


def _scale(n_particles: int, form: PairForm) -> tuple[float, float]:
    """Return (beta, n_pairs) of (34)-(36) in one of three forms.

    ``paper``: beta = 2N and N^2/2 pairs. ``pairs``: beta = 2N and N(N-1)/2 pairs. ``improved``: N(N-1)/2 pairs and
    beta = 2 sqrt((N-1)(N-2)), which makes the density of one pair exact at t -> 0.
    """
    n = n_particles
    exact = n * (n - 1) / 2.0
    table = {
        "paper": (2.0 * n, n * n / 2.0),
        "pairs": (2.0 * n, exact),
        "improved": (2.0 * ((n - 1) * (n - 2)) ** 0.5, exact),
    }
    return table[form]


def _survival(z: Array) -> Array:
    """Return (z^2 / 2) K_2(z), which is 1 at z = 0."""
    tiny = z < 1e-8
    safe = np.where(tiny, 1.0, z)
    return np.where(tiny, 1.0, safe**2 / 2.0 * kv(2, safe))


def pair_tau_pdf(t: ArrayLike, n_particles: int, form: PairForm = "paper") -> Array:
    """Return the large-N density of t = p_1 . p_2 for one pair, (beta^3 / 2) sqrt(2t) K_1(beta sqrt(2t)) (34)."""
    t = np.asarray(t, dtype=np.float64)
    beta, _ = _scale(n_particles, form)
    z = beta * np.sqrt(2.0 * np.clip(t, 0.0, None))
    tiny = z < 1e-8
    z_k1 = np.where(tiny, 1.0, z * kv(1, np.where(tiny, 1.0, z)))
    return np.where(t >= 0.0, beta**2 / 2.0 * z_k1, 0.0)


def pair_tau_cdf(t: ArrayLike, n_particles: int, form: PairForm = "paper") -> Array:
    """Return the large-N distribution function of a pair's t = p_1 . p_2, 1 - (z^2/2) K_2(z), z^2 = 2 beta^2 t (35)."""
    beta, _ = _scale(n_particles, form)
    return 1.0 - _survival(beta * np.sqrt(2.0 * np.clip(np.asarray(t, dtype=np.float64), 0.0, None)))


def thermal_tau_cdf(tau: ArrayLike, n_particles: int, form: PairForm = "paper") -> Array:
    """Return the large-N distribution function of tau on uniform phase space, 1 - [(z^2/2) K_2(z)]^n_pairs (36)."""
    beta, pairs = _scale(n_particles, form)
    return 1.0 - _survival(beta * np.sqrt(2.0 * np.clip(np.asarray(tau, dtype=np.float64), 0.0, None))) ** pairs


def thermal_tau_pdf(tau: ArrayLike, n_particles: int, form: PairForm = "paper") -> Array:
    """Return the large-N density of tau on uniform phase space: (24) = (37), the derivative of (36)."""
    tau = np.asarray(tau, dtype=np.float64)
    beta, pairs = _scale(n_particles, form)
    survival = _survival(beta * np.sqrt(2.0 * np.clip(tau, 0.0, None)))
    return pairs * survival ** (pairs - 1.0) * pair_tau_pdf(tau, n_particles, form)
