"""Kinematics, maps, exact generators, observables and closed forms."""
