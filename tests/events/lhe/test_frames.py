"""Light masses and rounded digits: what counts as massless, and where E_cm, boost and incoming particles stay."""

from dataclasses import replace

import numpy as np
import pylhe
import pytest
import torch

from helpers.lhe import file_text, uniform, write
from onshell.core.errors import OnshellError
from onshell.events.lhe.checks import Limits
from onshell.events.lhe.importing import Settings, import_file
from onshell.events.lhe.write import export_file
from onshell.events.table import read_events
from onshell.physics.kinematics import boost

PROTONS = {"beams": (2212, 2212), "energies": (6500.0, 6500.0), "pdf": 10042}
WHOLE = Settings(held_out=0.0)


def line(number, status, p, energy, mass, digits):
    """Return the line of a particle, its momentum printed with so many digits."""
    numbers = " ".join(f"{value:.{digits - 1}e}" for value in (*p, energy))
    return f"{number} {status} {1 if status == 1 else 0} {2 if status == 1 else 0} 0 0 {numbers} {mass} 0.0 9.0\n"


def event(p, masses, digits=17, column=None):
    """Return the text of an event of momenta [N, 3] and masses [N]; incoming massless particles along z fit it."""
    energies = np.sqrt((p**2).sum(1) + np.square(masses))
    energy, pz = energies.sum(), p[:, 2].sum()
    ids = [11, -11, 21, 21][: len(p)]
    lines = [line(2, -1, (0, 0, (energy + pz) / 2), (energy + pz) / 2, 0.0, digits)]
    lines += [line(-2, -1, (0, 0, (pz - energy) / 2), (energy - pz) / 2, 0.0, digits)]
    shown = masses if column is None else column
    lines += [line(i, 1, q, e, m, digits) for i, q, e, m in zip(ids, p, energies, shown, strict=True)]
    return f"<event>\n{len(lines)} 1 1.0 100.0 0.0073 0.118\n{''.join(lines)}</event>\n"


def boosted(n, velocity, e_cm=60.0):
    """Return uniform events [n, 3, 3] of this energy, moving along z."""
    back = torch.tensor([0.0, 0.0, velocity / np.sqrt(1 - velocity**2)], dtype=torch.float64)
    return boost(torch.from_numpy(uniform(n)) * e_cm, back.expand(n, 3)).numpy()


@pytest.mark.parametrize("digits", [7, 8, 11])
@pytest.mark.parametrize("velocity", [0.0, 0.995, 0.9999])
def test_particles_of_mass_0_are_massless_whatever_their_boost(tmp_path, digits, velocity):
    events = [event(p, np.zeros(3), digits) for p in boosted(20, velocity)]
    import_file(write(tmp_path / "x.lhe", file_text(events, **PROTONS)), tmp_path / "x.parquet", WHOLE)
    found = read_events(tmp_path / "x.parquet")
    assert len(found) == 20
    assert np.allclose(found.columns["e_cm"], 60.0, rtol=1e-3)


def test_a_mass_column_that_contradicts_energy_and_momentum_is_not_believed(tmp_path):
    p = 60.0 * uniform(1)[0]
    heavy = np.array([4.7, 0.0, 0.0])
    p[2] = -p[0] - p[1]
    path = write(tmp_path / "x.lhe", file_text([event(p, heavy, column=np.zeros(3))], **PROTONS))
    with pytest.raises(
        OnshellError, match=r"particle 1 \(PDG 11\) has 0 GeV in its mass column, but 4\.7 GeV by energy"
    ):
        import_file(path, tmp_path / "x.parquet")
    # At 5 TeV no digit is left of it in energy and momentum, only in the column.
    path = write(tmp_path / "y.lhe", file_text([event(100.0 * p, heavy, 8)], **PROTONS))
    import_file(path, tmp_path / "y.parquet", replace(WHOLE, limits=Limits(massless=1e-5)))
    found = read_events(tmp_path / "y.parquet")
    assert (found.momenta[0, :, 3] * found.columns["e_cm"][0]).tolist() == pytest.approx([4.7, 0.0, 0.0], rel=1e-12)


def test_light_masses_leave_the_energy_and_the_incoming_particles_alone(tmp_path):
    # One of 0.33 GeV all but at rest in the laboratory, in an event of 400 GeV that moves.
    p = np.array([[0.02, -0.01, 0.03], [150.0, 20.0, 300.0], [-150.02, -19.99, -120.0]])
    masses = np.array([0.33, 0.0, 0.105])
    import_file(write(tmp_path / "x.lhe", file_text([event(p, masses)], **PROTONS)), tmp_path / "x.parquet", WHOLE)
    energy = np.sqrt((p**2).sum(1) + masses**2)
    found = read_events(tmp_path / "x.parquet")
    e_cm = np.sqrt(energy.sum() ** 2 - (p.sum(0) ** 2).sum())
    assert found.columns["e_cm"][0] == pytest.approx(e_cm, rel=1e-13)
    assert found.columns["boost_z"][0] == pytest.approx(p.sum(0)[2] / e_cm, rel=1e-12)
    export_file(tmp_path / "x.parquet", tmp_path / "out.lhe")
    particles = pylhe.LHEFile.fromfile(tmp_path / "out.lhe", generator=False).events[0].particles
    pz = p.sum(0)[2]
    expected = [(energy.sum() + pz) / 2, (energy.sum() - pz) / 2]
    assert [q.e for q in particles[:2]] == pytest.approx(expected, rel=1e-12)
    final = np.array([[q.px, q.py, q.pz, q.e] for q in particles[2:]])
    assert np.allclose(final.sum(0), [*p.sum(0), energy.sum()], atol=1e-9)
    assert np.allclose(np.linalg.norm(final[:, :3], axis=1), final[:, 3], rtol=1e-12)
    assert np.abs(final[:, :3] - p).max() < 0.4
    assert np.abs(final[1, :3] / p[1] - 1).max() < 1e-2
