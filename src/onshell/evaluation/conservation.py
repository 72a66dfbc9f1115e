"""How far events are from energy and momentum conservation."""

from torch import Tensor

from onshell.physics.kinematics import energies, violation


def conservation(p: Tensor) -> dict[str, float]:
    """Return the violation of sum E = 1 and sum p = 0 over events [n, N, 3], in units of E_cm, by name.

    ``energy_*`` is |sum E - 1|, ``momentum_*`` the length |sum p|, ``px_mean`` and so on the mean of one component's
    absolute value; ``median_energy`` is the median single-particle energy, the natural unit of all of them.
    """
    excess, total = violation(p.double())
    length = total.norm(dim=-1)
    found = {
        "energy_max": excess.abs().max(),
        "energy_mean": excess.abs().mean(),
        "momentum_max": length.max(),
        "momentum_mean": length.mean(),
        "median_energy": energies(p.double()).flatten().median(),
    }
    found |= {f"{name}_mean": total[..., i].abs().mean() for i, name in enumerate(("px", "py", "pz"))}
    return {name: float(value) for name, value in found.items()}
