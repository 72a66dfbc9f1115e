"""Distances, two-sample tests and the statistical floor."""
