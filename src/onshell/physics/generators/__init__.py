"""Exact generators of phase-space points: uniform, muon decay, e+ e- -> q qbar g, SARGE, and the user's own."""

from onshell.physics.generators.blocks import BLOCK, GENERATORS, check_parameters, events, find, generate

__all__ = ["BLOCK", "GENERATORS", "check_parameters", "events", "find", "generate"]
