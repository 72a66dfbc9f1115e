"""Colour lines: every one begins and ends once, and the simplest flow is the one that generators write."""

from collections import Counter

import pytest

from onshell.core.errors import OnshellError
from onshell.events.lhe.select import GROUPS, PARTICLES, colour_lines, pdg_numbers, selection


@pytest.mark.parametrize(
    "ids", [(1, -1), (21, 21), (1, -1, 21), (21, 3, 21, -3), (1, -1, 2, -2, 21), (21,) * 10, (11, -11, 22), (1, 22, -2)]
)
def test_every_line_begins_and_ends_once(ids):
    lines = colour_lines(ids)
    begin, end = (Counter(line for line in side if line) for side in zip(*lines, strict=True))
    assert begin == end
    assert set(begin.values()) <= {1}
    for number, (colour, anticolour) in zip(ids, lines, strict=True):
        assert (colour > 0) == (number == 21 or 0 < number <= 6)
        assert (anticolour > 0) == (number == 21 or -6 <= number < 0)
        assert colour != anticolour or not colour


def test_quark_antiquark_gluon_as_madgraph_writes_it():
    assert colour_lines((4, -4, 21)) == [(501, 0), (0, 502), (502, 501)]


@pytest.mark.parametrize("ids", [(21,), (1, 21), (1, 2, -1), (21, 11)])
def test_states_that_carry_colour_are_refused(ids):
    with pytest.raises(OnshellError, match="carry colour together"):
        colour_lines(ids)


def test_places_are_filled_from_left_to_right():
    assert selection("q,qbar,g").fill([21, -2, 2]) == [2, 1, 0]
    assert selection("j,j").fill([21, 22, -1]) == [0, 2]
    assert selection("11|13,22").fill([22, 13]) == [1, 0]
    assert selection("g,g").fill([21, 1]) == "no particle for 'g' among 21, 1"
    assert selection("q,qbar,g").ordered
    assert not selection("j,j,a").ordered


def test_particles_have_the_names_that_generators_write():
    names = "e-,e+,mu-,ta+,tau-,u,u~,ubar,b~,t,ve,vm~,nu_e,nu_mubar,g,a,gamma,z,Z0,w+,W-,h"
    numbers = (11, -11, 13, -15, 15, 2, -2, -2, -5, 6, 12, -14, 12, -14, 21, 22, 22, 23, 23, 24, -24, 25)
    assert pdg_numbers("--ids", names) == numbers
    assert pdg_numbers("--ids", "1, -1, 21") == (1, -1, 21)
    assert selection("w+,u~|d~,gamma").fill([22, -1, 24]) == [2, 1, 0]
    assert all(GROUPS[name] == (PARTICLES[name],) for name in GROUPS.keys() & PARTICLES.keys())


@pytest.mark.parametrize("word", ["q", "", "0", "1.5", "99999999999", "U", "e"])
def test_what_names_no_particle_is_refused(word):
    with pytest.raises(OnshellError, match=f"^--ids 1,{word}: '{word}' is no PDG number; "):
        pdg_numbers("--ids", f"1,{word}")


def test_names_are_those_of_pdg_numbers():
    from particle import Particle

    for name, number in PARTICLES.items():
        plain = name.rstrip("~").removesuffix("bar").removesuffix("_").lower()
        assert Particle.from_pdgid(number).name.lower()[0] == {"v": "n", "a": "g"}.get(plain[0], plain[0]), name
