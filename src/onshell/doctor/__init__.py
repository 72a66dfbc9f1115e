"""What a run needs, checked before it is queued."""

from importlib import import_module

TOPICS = ("software", "accelerator", "storage", "profile", "slurm")
"""The modules of checks, in the order in which they are made."""

for topic in TOPICS:
    import_module(f"onshell.doctor.{topic}")
