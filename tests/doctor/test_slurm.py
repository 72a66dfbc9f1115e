"""Checks of Slurm, against commands that answer as a cluster does."""

import pytest

from onshell.doctor import check, slurm

GPU = {"slurm_partition": "gpu", "slurm_account": "physics"}


CHECKS = [one for one in check.CHECKS if one.__module__ == slurm.__name__]


@pytest.fixture
def cluster(slurm):
    """See `slurm`, whose name is that of the module here."""
    return slurm


@pytest.fixture
def site(context, cluster):
    """A function that makes the context of a profile for Slurm with these resources and options."""

    def make(resources=GPU, by_rule=None, **options):
        return context(executor="slurm", default_resources=resources, set_resources=by_rule or {}, **options)

    return make


def test_a_cluster_in_order(site):
    found = [one(site(by_rule={"train": {"gpu_model": "a100"}}, slurm_status_command="squeue")) for one in CHECKS]
    assert [one.level for one in found] == ["ok"] * len(CHECKS), found


def test_nothing_is_asked_where_jobs_do_not_go_to_slurm(context, cluster):
    assert all(one(context()) is None for one in CHECKS)
    assert all(one(context(jobs=4)) is None for one in CHECKS)


def test_commands_that_are_missing_are_named(context, programs, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    programs("sbatch", "exit 0")
    here = context(executor="slurm")
    assert slurm.client(here).found == "not on PATH: squeue, scancel, sinfo"
    assert all(one(here) is None for one in CHECKS[1:])


def test_a_controller_that_does_not_answer_is_told(site, cluster, monkeypatch):
    cluster("sinfo", 'echo "slurm_load_partitions: Unable to contact slurm controller" >&2; exit 1')
    found = slurm.controller(site())
    assert found.level == "fault"
    assert "Unable to contact slurm controller" in found.found
    assert all(one(site()) is None for one in CHECKS[2:])
    monkeypatch.setattr(check, "PATIENCE", 0.2)
    cluster("sinfo", "exec sleep 30")
    assert slurm.controller(site()).found == "sinfo: no answer in time"


def test_a_partition_that_is_not_there_is_named(site):
    found = slurm.partition(site({"slurm_partition": "gpus"}))
    assert (found.level, found.found, found.remedy) == (
        "fault",
        "gpus: not known to Slurm",
        "set slurm_partition to one of cpu, gpu",
    )
    assert slurm.partition(site({"slurm_partition": "'gpu'"})).level == "ok"
    assert slurm.partition(site(GPU, {"train": {"slurm_partition": "long"}})).found == "long: not known to Slurm"


def test_without_a_partition_slurm_needs_a_default(site, cluster, config):
    config["resources"] = {"*": {"runtime": 30}}
    assert slurm.partition(site({})).found == "Slurm's default"
    cluster("sinfo", 'printf "cpu\\ngpu\\n"')
    assert slurm.partition(site({})).level == "fault"


def test_a_partition_that_ends_jobs_too_early_is_told(site):
    found = slurm.partition(site({"slurm_partition": "cpu"}))
    assert found.level == "fault"
    assert "cpu ends jobs after 120 minutes, but a run's runtime in profiles/resources.yaml is 720" in found.found


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("2:00:00", 120), ("1-00:00:00", 1440), ("7-12:30:00", 10830), ("30:00", 30), ("infinite", None), ("n/a", None)],
)
def test_time_limits_are_read(text, minutes):
    assert slurm._minutes(text) == minutes


def test_an_account_of_others_is_told_as_the_plugin_would(site, cluster):
    assert slurm.account(site()).found == "physics"
    found = slurm.account(site({"slurm_account": "biology"}))
    assert found.level == "fault"
    assert found.remedy == "set slurm_account to one of physics, theory"
    cluster("sacctmgr", 'echo "You are not running a supported accounting_storage plugin" >&2; exit 1')
    found = slurm.account(site())
    assert (found.level, found.remedy) == ("fault", "without accounting, remove slurm_account from the profile")
    assert slurm.account(site({})) is None
    cluster("sacctmgr", "exit 0")
    assert slurm.account(site()).level == "ok"


def test_gpu_models_are_those_of_the_nodes(site, cluster):
    assert slurm.gpu_models(site(by_rule={"train": {"gpu_model": "h100"}})).level == "ok"
    found = slurm.gpu_models(site(by_rule={"train": {"gpu_model": "v100"}}))
    assert (found.level, found.remedy) == ("fault", "use one of a100, h100")
    assert slurm.gpu_models(site(by_rule={"train": {"gres": "gpu:v100:1"}})).level == "fault"
    assert slurm.gpu_models(site(by_rule={"train": {"gres": "gpu:1"}})).level == "ok"
    cluster("sinfo", 'case "$*" in *%P) echo gpu;; *) printf "gpu:4\\n";; esac')
    assert slurm.gpu_models(site()).found == "any model; there are GPUs without a model"
    found = slurm.gpu_models(site(by_rule={"train": {"gpu_model": "a100"}}))
    assert found.remedy == "remove gpu_model: these GPUs have no model"
    cluster("sinfo", 'case "$*" in *%P) echo gpu;; *) echo "(null)";; esac')
    assert slurm.gpu_models(site()).level == "fault"


def test_a_status_command_that_hangs_is_told(site, cluster):
    for options in ({}, {"slurm_status_command": "sacct"}):
        found = slurm.status_command(site(**options))
        assert (found.level, found.remedy) == ("warning", "set slurm-status-command: squeue")
    cluster("scontrol", 'printf "AccountingStorageType = (null)\\nMinJobAge = 60 sec\\n"')
    found = slurm.status_command(site(slurm_status_command="squeue"))
    assert (found.level, found.remedy) == ("warning", "set slurm-init-seconds-before-status-checks: 20")
    quick = {"slurm_status_command": "squeue", "slurm_init_seconds_before_status_checks": 20}
    assert slurm.status_command(site(**quick)).level == "ok"
    cluster("scontrol", 'printf "AccountingStorageType = accounting_storage/slurmdbd\\nMinJobAge = 60 sec\\n"')
    assert slurm.status_command(site()).level == "ok"


def test_preemption_that_cancels_is_told(site, cluster):
    cluster("scontrol", 'printf "PreemptMode = GANG,CANCEL\\n"')
    assert slurm.preemption(site()).level == "warning"
    cluster("scontrol", 'printf "PreemptMode = REQUEUE\\n"')
    assert slurm.preemption(site()).level == "ok"
