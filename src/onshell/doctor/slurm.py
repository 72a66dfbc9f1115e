"""Checks of Slurm: its commands, its controller, and whether the profile's partition, account and GPUs are there."""

import getpass
import re
import shutil

from onshell.core.format import shorten
from onshell.doctor.check import Check, Context, checker, fault, ok, warning

CLIENT = ("sbatch", "squeue", "scancel", "sinfo")


@checker(lambda context: context.on_slurm)
def client(context: Context) -> Check | None:
    """Return whether the commands of Slurm are here."""
    missing = [name for name in CLIENT if shutil.which(name) is None]
    if missing:
        return fault(f"not on PATH: {shorten(missing)}", "run on a login node of the cluster; or `module load slurm`")
    answer = context.call("sinfo", "--version")
    return ok(answer.out.strip() if answer.code == 0 else f"{shorten(CLIENT)}; their version is unknown")


@checker(lambda context: context.on_slurm and shutil.which("sinfo"))
def controller(context: Context) -> Check | None:
    """Return whether Slurm answers."""
    answer = context.call("sinfo", "-h", "-o", "%P")
    if answer.code != 0:
        return fault(f"sinfo: {answer.why}", "ask the site: its controller cannot be reached from here")
    return ok(f"answers; partitions: {shorten(context.partitions, 8)}")


@checker(lambda context: context.partitions)
def partition(context: Context) -> Check | None:
    """Return whether the partitions of the profile exist, and let jobs run as long as they need."""
    there = context.partitions
    named = context.values("slurm_partition")
    unknown = [name for name in named if name not in there]
    if unknown:
        return fault(f"{shorten(unknown)}: not known to Slurm", f"set slurm_partition to one of {shorten(there, 8)}")
    if not named and not any(there.values()):
        return fault("none in the profile, and Slurm has no default", f"set slurm_partition: {shorten(there, 8)}")
    longest = max((entry["runtime"] for entry in context.resources.values()), default=0)
    for name in named or [name for name, default in there.items() if default]:
        limit = _minutes(context.call("sinfo", "-h", "-p", name, "-o", "%l").out.strip().partition("\n")[0])
        if limit is not None and limit < longest:
            return fault(
                f"{name} ends jobs after {limit} minutes, but a run's runtime in profiles/resources.yaml is {longest}",
                f"lower it to {limit}: a training stops in time and goes on in the next job",
            )
    return ok(shorten(named) if named else "Slurm's default")


@checker(lambda context: context.values("slurm_account") and context.partitions)
def account(context: Context) -> Check | None:
    """Return whether the account of the profile is one of this user's, as the executor plugin asks too."""
    named = context.values("slurm_account")
    user = getpass.getuser()
    questions = (
        ("sacctmgr", "-n", "-s", "list", "user", user, "format=account%256"),
        ("sshare", "-U", "--format", "Account%256", "--noheader"),
    )
    answers = [context.call(*question) for question in questions]
    known = sorted({word.lower() for answer in answers if answer.code == 0 for word in answer.out.split()})
    unknown = [name for name in named if name.lower() not in known]
    if not known and all(answer.code != 0 for answer in answers):
        return fault(f"{shorten(named)}: {answers[0].why}", "without accounting, remove slurm_account from the profile")
    if known and unknown:
        return fault(
            f"{shorten(unknown)}: not an account of {user}", f"set slurm_account to one of {shorten(known, 8)}"
        )
    return ok(shorten(named) if known else f"{shorten(named)}; Slurm lists no accounts to compare with")


@checker(lambda context: context.partitions)
def gpu_models(context: Context) -> Check | None:
    """Return whether the GPUs that the profile asks for are in the cluster."""
    there = {}
    for name in re.findall(r"gpu:([A-Za-z0-9_.]+)", context.call("sinfo", "-h", "-o", "%G").out):
        there[name] = not name.isdigit()
    if not there:
        return fault("no node of the cluster has any (`sinfo -o %G`)", "trainings ask for one: use another cluster")
    models = [name for name, is_model in there.items() if is_model]
    wanted = context.values("gpu_model")
    wanted += [match[1] for gres in context.values("gres") if (match := re.match(r"gpu:([A-Za-z_]\w*)", gres))]
    unknown = [name for name in dict.fromkeys(wanted) if name not in models]
    if unknown:
        remedy = f"use one of {shorten(models, 8)}" if models else "remove gpu_model: these GPUs have no model"
        return fault(f"{shorten(unknown)}: no GPU of that model (`sinfo -o %G`)", remedy)
    return ok(
        f"{shorten(dict.fromkeys(wanted)) or 'any model'}; there are {shorten(models, 8) or 'GPUs without a model'}"
    )


@checker(lambda context: context.partitions)
def status_command(context: Context) -> Check | None:
    """Return whether Snakemake will learn how its jobs end."""
    asked = context.profile.content.get("slurm-status-command")
    settings = _settings(context)
    has_accounting = settings.get("AccountingStorageType", "(null)") not in ("(null)", "accounting_storage/none", "")
    if asked != "squeue" and not has_accounting:
        said = f"slurm-status-command: {asked}" if asked else "no slurm-status-command in the profile means sacct"
        return warning(f"{said}, which hangs where there is no accounting", "set slurm-status-command: squeue")
    age = re.match(r"\d+", settings.get("MinJobAge", ""))
    least = 3 * int(context.profile.content.get("slurm-init-seconds-before-status-checks", 40))
    if asked == "squeue" and not has_accounting and age and int(age[0]) < least:
        return warning(
            f"Slurm forgets jobs after {age[0]} s (MinJobAge), so that the plugin falls back to sacct, which hangs",
            f"set slurm-init-seconds-before-status-checks: {int(age[0]) // 3}",
        )
    return ok(f"{asked or 'sacct'}, {'with' if has_accounting else 'without'} accounting")


@checker(lambda context: context.partitions)
def preemption(context: Context) -> Check | None:
    """Return whether jobs that are pushed aside start again."""
    mode = _settings(context).get("PreemptMode", "OFF").upper()
    if "CANCEL" in mode:
        return warning("jobs are cancelled (PreemptMode), and Snakemake waits for them for ever", "ask for REQUEUE")
    return ok(f"PreemptMode {mode}")


def _settings(context: Context) -> dict[str, str]:
    """Return the settings of Slurm's controller."""
    pairs = (line.partition("=") for line in context.call("scontrol", "show", "config").out.splitlines())
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


def _minutes(text: str) -> int | None:
    """Return a time limit of Slurm, [days-]hours:minutes:seconds or minutes:seconds, in minutes; None: no limit."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text)
    if match is None:
        return None
    days, hours, minutes, _ = (int(part or 0) for part in match.groups())
    return 1440 * days + 60 * hours + minutes
