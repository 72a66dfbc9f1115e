"""Matrix elements and exact densities of the example processes, on events p [..., N, 3] with E_cm = 1.

Particle orders are those of the paper: electron, neutrino, electron antineutrino for the muon; quark, antiquark, gluon
for e+ e-; and 1, 2, ..., N along the antenna.
"""

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from onshell.physics.kinematics import dot, energies, pair_products

# Electroweak parameters of (17): sin^2 of the weak mixing angle, Z mass and width in GeV, fine-structure constant.
SW2 = 0.2222465
M_Z = 91.188
GAMMA_Z = 2.441404
ALPHA = 1 / 132.507

# Electric charge and third component of the weak isospin.
ELECTRON = (-1.0, -0.5)
QUARKS = {"u": (2 / 3, 0.5), "d": (-1 / 3, -0.5), "s": (-1 / 3, -0.5), "c": (2 / 3, 0.5)}


def muon_weight(p: Tensor) -> Tensor:
    """Return w = E_3 (1 - 2 E_3) [...] of muon decay (15), p [..., 3, 3]; 96 w is the density in (E_1, E_2)."""
    return 2 * energies(p)[..., 2] * pair_products(p)[..., 0]


def helicity_rates(sqrt_s: float = 1000.0, quarks: tuple[str, ...] = tuple(QUARKS)) -> tuple[float, float]:
    """Return s^2 (|G_LL|^2 + |G_RR|^2) and s^2 (|G_LR|^2 + |G_RL|^2) of (17), summed over `quarks`; sqrt_s in GeV."""
    s = sqrt_s**2
    propagator = s / complex(s - M_Z**2, M_Z * GAMMA_Z)
    lepton = _z_couplings(*ELECTRON)
    equal = opposite = 0.0
    for name in quarks:
        quark = _z_couplings(*QUARKS[name])
        photon = ELECTRON[0] * QUARKS[name][0]
        g = [[4 * math.pi * ALPHA * (photon + e * q * propagator) for q in quark] for e in lepton]
        equal += abs(g[0][0]) ** 2 + abs(g[1][1]) ** 2
        opposite += abs(g[0][1]) ** 2 + abs(g[1][0]) ** 2
    return equal, opposite


def qqg_weight(p: Tensor, sqrt_s: float = 1000.0, quarks: tuple[str, ...] = tuple(QUARKS)) -> Tensor:
    """Return w [...] of e+ e- -> q qbar g with the electron along +z, (17), summed over `quarks`; p [..., 3, 3].

    `p` has E_cm = 1 and G stands for s G, so that w is a pure number: the spin-averaged, colour-summed
    |M|^2 is 8 g_s^2 w / s.
    """
    equal, opposite = helicity_rates(sqrt_s, quarks)
    e, z = energies(p), p[..., 2]
    # 2 k.p = E - p_z for the electron's momentum k and 2 k'.p = E + p_z for the positron's.
    electron, positron = 0.5 * (e - z), 0.5 * (e + z)
    t_equal = electron[..., 1].square() + positron[..., 0].square()
    t_opposite = electron[..., 0].square() + positron[..., 1].square()
    _, quark_gluon, antiquark_gluon = pair_products(p).unbind(-1)
    return (equal * t_equal + opposite * t_opposite) / (quark_gluon * antiquark_gluon)


def qqg_energy_weight(p: Tensor) -> Tensor:
    """Return (x_1^2 + x_2^2) / ((1 - x_1)(1 - x_2)) [...], (17) integrated over the orientation; p [..., 3, 3]."""
    x = 2 * energies(p)
    _, quark_gluon, antiquark_gluon = pair_products(p).unbind(-1)
    return (x[..., 0].square() + x[..., 1].square()) / (4 * quark_gluon * antiquark_gluon)


def aps_weight(p: Tensor) -> Tensor:
    """Return the antenna pole structure w [...], (21): the sum over all N! orders of 1/[(p_1.p_2)...(p_N.p_1)].

    Every closed chain is counted 2N times. The distinct ones are summed set by set (Held and Karp), 2^N N^2 steps in
    place of N!; memory is 2^(N-1) (N-1) numbers an event.
    """
    n = p.shape[-2]
    inverse = dot(p).diagonal_scatter(torch.ones_like(p[..., 0]), dim1=-2, dim2=-1).reciprocal()
    last = n - 1
    # paths[visited][end]: sum over paths from the last particle through the set `visited` that stop at `end`.
    paths = {1 << end: {end: inverse[..., last, end]} for end in range(last)}
    for visited in sorted(range(1, 1 << last), key=int.bit_count):
        if visited.bit_count() < 2:
            continue
        ends = [end for end in range(last) if visited >> end & 1]
        paths[visited] = {
            end: total([value * inverse[..., start, end] for start, value in paths[visited ^ 1 << end].items()])
            for end in ends
        }
    closed = total([value * inverse[..., end, last] for end, value in paths[(1 << last) - 1].items()])
    return n * closed


def total(terms: Sequence[Tensor]) -> Tensor:
    """Return the sum of tensors of one shape, in their order."""
    return functools.reduce(torch.add, terms)


def sarge_density(p: Tensor, cutoff: float) -> Tensor:
    """Return the exact density [...] of unpermuted SARGE events `p` [..., N, 3] with cutoff xi, per dPhi_N of (2).

    It is [2 pi^(N-1)]^-1 / [(p_1.p_2)...(p_N.p_1)] / (2 ln xi)^(2(N-2)) where every antenna ratio lies in [1/xi, xi],
    and zero elsewhere.
    """
    n = p.shape[-2]
    s = dot(p)
    chain = torch.stack([s[..., i, (i + 1) % n] for i in range(n)], -1)
    whole = s[..., : n - 2, n - 1]
    ratios = torch.cat([chain[..., : n - 2] / whole, s[..., 1 : n - 1, n - 1] / whole], -1)
    inside = ((ratios >= 1 / cutoff) & (ratios <= cutoff)).all(-1)
    log_constant = -math.log(2) - (n - 1) * math.log(math.pi) - 2 * (n - 2) * math.log(2 * math.log(cutoff))
    return torch.where(inside, (log_constant - chain.log().sum(-1)).exp(), 0.0)


def _z_couplings(charge: float, isospin: float) -> tuple[float, float]:
    """Return the left- and right-handed couplings to the Z in units of e."""
    norm = math.sqrt(SW2 * (1 - SW2))
    return (isospin - charge * SW2) / norm, -charge * SW2 / norm
