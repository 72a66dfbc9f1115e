"""Checks of Slurm: its commands, its controller, and whether the profile's partition, account and GPUs are there."""

import getpass
import re
import shutil

from onshell.doctor.check import Context, Finding, fault, ok, some, warning

CLIENT = ("sbatch", "squeue", "scancel", "sinfo")
UNKNOWN = "ask `sinfo`; this check needs its answer"


def client(context: Context) -> Finding | None:
    """Return whether the commands of Slurm are here."""
    if not context.on_slurm:
        return None
    missing = [name for name in CLIENT if shutil.which(name) is None]
    if missing:
        return fault(f"not on PATH: {some(missing)}", "run on a login node of the cluster; or `module load slurm`")
    answer = context.call("sinfo", "--version")
    return ok(answer.out.strip() if answer.code == 0 else f"{some(CLIENT)}; their version is not told")


def controller(context: Context) -> Finding | None:
    """Return whether Slurm answers."""
    if not context.on_slurm or shutil.which("sinfo") is None:
        return None
    answer = context.call("sinfo", "-h", "-o", "%P")
    if answer.code != 0:
        return fault(f"sinfo: {answer.why}", "ask the site: its controller cannot be reached from here")
    return ok(f"answers; partitions: {some(_partitions(context), 8)}")


def partition(context: Context) -> Finding | None:
    """Return whether the partitions of the profile exist, and let jobs run as long as they need."""
    there = _partitions(context)
    if not there:
        return None
    named = _named(context, "slurm_partition")
    unknown = [name for name in named if name not in there]
    if unknown:
        return fault(f"{some(unknown)}: not known to Slurm", f"set slurm_partition to one of {some(there, 8)}")
    if not named and not any(there.values()):
        return fault("none in the profile, and Slurm has no default", f"set slurm_partition: {some(there, 8)}")
    longest = max((entry["runtime"] for entry in context.resources.values()), default=0)
    for name in named or [name for name, default in there.items() if default]:
        limit = _minutes(context.call("sinfo", "-h", "-p", name, "-o", "%l").out.strip().partition("\n")[0])
        if limit is not None and limit < longest:
            return fault(
                f"{name} ends jobs after {limit} minutes, but a run's runtime in profiles/resources.yaml is {longest}",
                f"lower it to {limit}: a training stops in time and goes on in the next job",
            )
    return ok(some(named) if named else "Slurm's default")


def account(context: Context) -> Finding | None:
    """Return whether the account of the profile is one of this user's, as the executor plugin asks too."""
    named = _named(context, "slurm_account") if _partitions(context) else []
    if not named:
        return None
    user = getpass.getuser()
    questions = (
        ("sacctmgr", "-n", "-s", "list", "user", user, "format=account%256"),
        ("sshare", "-U", "--format", "Account%256", "--noheader"),
    )
    answers = [context.call(*question) for question in questions]
    known = sorted({word.lower() for answer in answers if answer.code == 0 for word in answer.out.split()})
    unknown = [name for name in named if name.lower() not in known]
    if not known and all(answer.code != 0 for answer in answers):
        return fault(f"{some(named)}: {answers[0].why}", "without accounting, remove slurm_account from the profile")
    if known and unknown:
        return fault(f"{some(unknown)}: not an account of {user}", f"set slurm_account to one of {some(known, 8)}")
    return ok(some(named) if known else f"{some(named)}; Slurm lists no accounts to compare with")


def gpu_models(context: Context) -> Finding | None:
    """Return whether the GPUs that the profile asks for are in the cluster."""
    if not _partitions(context):
        return None
    there = {}
    for name in re.findall(r"gpu:([A-Za-z0-9_.]+)", context.call("sinfo", "-h", "-o", "%G").out):
        there[name] = not name.isdigit()
    if not there:
        return fault("no node of the cluster has any (`sinfo -o %G`)", "trainings ask for one: use another cluster")
    models = [name for name, is_model in there.items() if is_model]
    wanted = _named(context, "gpu_model")
    wanted += [match[1] for gres in _named(context, "gres") if (match := re.match(r"gpu:([A-Za-z_]\w*)", gres))]
    unknown = [name for name in dict.fromkeys(wanted) if name not in models]
    if unknown:
        remedy = f"use one of {some(models, 8)}" if models else "remove gpu_model: these GPUs have no model"
        return fault(f"{some(unknown)}: no GPU of that model (`sinfo -o %G`)", remedy)
    return ok(f"{some(dict.fromkeys(wanted)) or 'any model'}; there are {some(models, 8) or 'GPUs without a model'}")


def status_command(context: Context) -> Finding | None:
    """Return whether Snakemake will learn how its jobs end."""
    if not _partitions(context):
        return None
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


def preemption(context: Context) -> Finding | None:
    """Return whether jobs that are pushed aside start again."""
    mode = _settings(context).get("PreemptMode", "OFF").upper() if _partitions(context) else ""
    if not mode:
        return None
    if "CANCEL" in mode:
        return warning("jobs are cancelled (PreemptMode), and Snakemake waits for them for ever", "ask for REQUEUE")
    return ok(f"PreemptMode {mode}")


def _partitions(context: Context) -> dict[str, bool]:
    """Return the partitions by name, and whether each is the default; none where Slurm does not answer."""
    if not context.on_slurm or shutil.which("sinfo") is None:
        return {}
    answer = context.call("sinfo", "-h", "-o", "%P")
    return {word.rstrip("*"): word.endswith("*") for word in answer.out.split()} if answer.code == 0 else {}


def _settings(context: Context) -> dict[str, str]:
    """Return the settings of Slurm's controller."""
    pairs = (line.partition("=") for line in context.call("scontrol", "show", "config").out.splitlines())
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


def _named(context: Context, resource: str) -> list[str]:
    """Return the different values of a resource in the profile; several may stand with commas between them."""
    values = (str(value) for _, value in context.profile.resource(resource))
    return list(dict.fromkeys(word for value in values for word in value.split(",") if word))


def _minutes(text: str) -> int | None:
    """Return a time limit of Slurm, [days-]hours:minutes:seconds or minutes:seconds, in minutes; None: no limit."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text)
    if match is None:
        return None
    days, hours, minutes, _ = (int(part or 0) for part in match.groups())
    return 1440 * days + 60 * hours + minutes


CHECKS = (client, controller, partition, account, gpu_models, status_command, preemption)
