"""All checks, one after the other."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from onshell.doctor import accelerator, profile, slurm, software, storage
from onshell.doctor.check import Context, Finding, fault

Check = Callable[[Context], Finding | None]
TOPICS = (software, accelerator, storage, profile, slurm)


def examine(context: Context) -> Iterator[Finding]:
    """Yield what each check finds, named by it; those that do not apply find nothing."""
    for check in (check for topic in TOPICS for check in topic.CHECKS):
        found = _found(check, context)
        if found is not None:
            yield replace(found, check=check.__name__.replace("_", " "))


def _found(check: Check, context: Context) -> Finding | None:
    """Return what a check finds; one that breaks is a fault of its own."""
    try:
        return check(context)
    except Exception as error:  # a check must never keep others from being made
        text = " ".join(str(error).split())
        return fault(f"this check broke off ({type(error).__name__}: {text:.150})", "report it, and look by hand")
