"""Exact generators of phase-space points, by the name of a process or the import path of a custom function."""

from onshell.physics.generators.blocks import EVENTS_PER_BLOCK, check_parameters, events, find, generate

__all__ = ["EVENTS_PER_BLOCK", "check_parameters", "events", "find", "generate"]
