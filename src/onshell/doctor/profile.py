"""Checks of the profile: that Snakemake and its plugin take it, and that it says what jobs need."""

import json
import re
import sys
from collections.abc import Mapping

from onshell.config.profile import read_profile
from onshell.core.errors import nearest
from onshell.core.format import shorten
from onshell.doctor.check import Check, Context, checker, fault, ok, warning

LEAST = 800
"""MB of memory that a job needs at least: two Snakemake processes live in it."""
MAPPINGS = {
    "set-threads", "set-resources", "resources", "set-scatter", "batch", "set-resource-scopes", "default-resources",
    "config", "groups", "group-components", "consider-ancient",
}  # fmt: skip
"""Options that may be mappings; Snakemake leaves out any other without a word."""
OF_MACHINES = ("executor", "cores", "jobs", "local-cores", "default-resources", "set-resources")
OPTIONS = """
import json, sys
from snakemake.cli import get_argument_parser
names = [text[2:] for action in get_argument_parser()._actions for text in action.option_strings if text[:2] == "--"]
print(json.dumps(names), flush=True)
get_argument_parser(profiles=[sys.argv[1]]).parse_args([])
"""


@checker()
def default_profile(context: Context) -> Check:
    """Return whether the profile that is used by itself leaves machines to others."""
    path = context.folder / "profiles" / "default" / "config.yaml"
    if not path.is_file():
        return ok("there is none")
    default = read_profile(path, context.folder)
    if default.fault:
        return fault(f"{path}: {default.fault}", "correct it")
    wrong = [key for key in OF_MACHINES if key in default.content]
    if wrong:
        return fault(
            f"{path} sets {shorten(wrong)}, which wins over --profile",
            "move that to a profile of the machine, used with --workflow-profile",
        )
    return ok(f"{path}: nothing about machines")


@checker(lambda context: context.profile)
def options(context: Context) -> Check | None:
    """Return whether the profile is YAML whose keys and values Snakemake takes."""
    profile = context.profile
    if profile.fault:
        return fault(f"{profile.path}: {profile.fault}", "correct it")
    unheard = [key for key, value in profile.content.items() if isinstance(value, Mapping) and key not in MAPPINGS]
    if unheard:
        return fault(
            f"{profile.path}: {shorten(unheard)}: Snakemake ignores a mapping there", "write one value, or a list"
        )
    answer = context.call(sys.executable, "-P", "-c", OPTIONS, str(profile.path.absolute()), patience=120)
    try:
        known = json.loads(answer.out.splitlines()[0])
    except (IndexError, ValueError):
        return warning(
            f"{profile.path}: Snakemake does not tell its options ({answer.why})", "look at its installation"
        )
    unknown = [key for key in profile.content if key not in known and not key.startswith("__")]
    if unknown:
        return fault(f"{profile.path}: {unknown[0]}: not an option of Snakemake; {nearest(unknown[0], known)[:60]}",
                     "remove or correct it")  # fmt: skip
    if answer.code != 0:
        return fault(f"{profile.path}: Snakemake refuses it: {answer.why}", "correct it")
    return ok(f"{profile.path}: {len(profile.content)} options, all known to Snakemake")


@checker(lambda context: context.profile)
def rule_names(context: Context) -> Check | None:
    """Return whether the rules that the profile names are in the workflow."""
    if not context.rules:
        return warning(f"{context.folder.absolute()}: no workflow here", "run in the repository")
    threads = context.profile.content.get("set-threads") or {}
    named = [*context.profile.by_rule, *(threads if isinstance(threads, Mapping) else ())]
    unknown = [name for name in named if name not in context.rules]
    if unknown:
        hint = nearest(unknown[0], context.rules).partition(" (")[0]
        return fault(f"{shorten(unknown)}: not in the workflow, and ignored; {hint}", "correct it in set-resources")
    local = [name for name in context.profile.by_rule if context.rules[name].local]
    if local:
        return warning(f"{shorten(local)} run here and not in jobs, whatever set-resources says", "remove them")
    return ok(f"{shorten(dict.fromkeys(named)) or 'none'}")


@checker(lambda context: context.on_slurm)
def slurm_extra(context: Context) -> Check | None:
    """Return whether further flags of sbatch are such as the executor plugin lets pass."""
    try:
        from snakemake_executor_plugin_slurm.validation import (  # type: ignore[import-untyped]
            get_forbidden_slurm_options,
        )
    except ImportError:
        return warning("cannot be checked: the executor plugin does not tell what it refuses", "try a dry-run")
    extra = [*context.profile.resource("slurm_extra")]
    for place, text in extra:
        for pattern, what in get_forbidden_slurm_options().items():
            if match := re.search(pattern, str(text)):
                flag = match[0].strip(" =")
                return fault(f"{place}: {flag} ({what}) is set by the plugin, which refuses it", "use its resource")
    return ok(shorten(repr(text) for _, text in extra if text) or "none")


@checker(lambda context: context.on_slurm)
def memory(context: Context) -> Check | None:
    """Return whether jobs have the memory that two Snakemake processes take."""
    small = [f"{place} {value}" for place, value in context.profile.resource("mem_mb") if _below(value, LEAST)]
    small += [f"{run} {entry['mem_mb']}" for run, entry in context.resources.items() if entry["mem_mb"] < LEAST]
    if small:
        return warning(f"mem_mb below {LEAST}: {shorten(small)}", "raise it: two Snakemake processes live in each job")
    return ok(f"{LEAST} MB or more")


@checker(lambda context: context.on_slurm and context.rules)
def runtime(context: Context) -> Check | None:
    """Return whether every job says how long it takes."""
    if any(place == "default-resources" for place, _ in context.profile.resource("runtime")):
        return ok("a default in the profile")
    given = {place for place, _ in context.profile.resource("runtime")}
    missing = [name for name, rule in context.rules.items() if not (rule.local or rule.timed or name in given)]
    if missing:
        return warning(f"rules without: {shorten(missing)}", "set runtime in default-resources")
    return ok("every rule that is a job has one")


@checker(lambda context: context.on_slurm)
def going_on(context: Context) -> Check | None:
    """Return whether Snakemake submits a job again that stopped in time, and how many at once."""
    content = context.profile.content
    if not any(content.get(key) for key in ("retries", "restart-times")):
        return warning("no retries: a training that stops in time is not started again", "set retries: 5")
    if not content.get("rerun-incomplete"):
        return warning("a job that was cut off stops the next call; this profile replaces the default one",
                       "set rerun-incomplete: true")  # fmt: skip
    if "jobs" not in content:
        return warning("no limit of jobs in the profile", "set jobs: 50, or say --jobs 50 with every call")
    return ok(f"{_first(content, 'retries', 'restart-times')} retries, {content['jobs']} jobs at once")


def _below(value: object, least: int) -> bool:
    """Return whether `value` is a plain number below `least`."""
    return str(value).isdigit() and int(str(value)) < least


def _first(content: Mapping, *keys: str) -> object:
    return next(content[key] for key in keys if content.get(key))
