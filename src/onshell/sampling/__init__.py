"""Events from trained models."""
