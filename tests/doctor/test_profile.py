"""Checks of profiles, broken in many ways."""

from pathlib import Path

import pytest

from helpers.clones import ROOT
from onshell.config.profile import read_profile
from onshell.core.errors import OnshellError
from onshell.doctor import check, profile
from onshell.doctor.check import Context
from onshell.doctor.rules import rules

CHECKS = [one for one in check.CHECKS if one.__module__ == profile.__name__]
SLURM = {"executor": "slurm", "jobs": 20, "retries": 3, "rerun_incomplete": True}


@pytest.mark.parametrize("key", ["executor", "jobs", "default-resources"])
def test_the_default_profile_must_not_choose_a_machine(key, context, clone):
    assert profile.default_profile(context()).level == "ok"
    path = clone / "profiles" / "default" / "config.yaml"
    path.write_text(f"{key}: slurm\n")
    found = profile.default_profile(context())
    assert found.level == "fault"
    assert f"sets {key}, which wins over --profile" in found.found
    path.write_text("a: [")
    assert "not valid YAML" in profile.default_profile(context()).found
    path.unlink()
    assert profile.default_profile(context()).level == "ok"


def test_without_a_profile_only_the_default_one_is_checked(context):
    assert [one.__name__ for one in CHECKS if one(context())] == ["default_profile"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        # Asking Snakemake takes seconds: of two faults the name goes first.
        (
            {"slurm_lgodir": "logs", "retries": "many"},
            "slurm-lgodir: not an option of Snakemake; did you mean 'slurm-logdir'?",
        ),
        ({"retries": "many"}, "Snakemake refuses it: "),
        ({"retries": {"train": 3}}, "retries: Snakemake ignores a mapping there"),
    ],
)
def test_an_option_that_snakemake_does_not_take_is_named(options, message, context):
    found = profile.options(context(**(SLURM | options)))
    assert found.level == "fault"
    assert message in found.found


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "not valid YAML: "), ("- a", "holds no mapping"), ("\xe9: 1", "not valid YAML")]
)
def test_a_profile_that_is_no_yaml_is_a_fault(text, message, config, clone):
    (clone / "profiles" / "broken.yaml").write_bytes(text.encode("latin-1"))
    found = profile.options(Context(config, clone, read_profile(Path("broken.yaml"), clone)))
    assert found.level == "fault"
    assert message in found.found


def test_a_profile_that_is_not_there_is_an_error(clone):
    with pytest.raises(OnshellError, match="--profile profiles/slrum: no such profile; name a folder with"):
        read_profile(Path("profiles/slrum"), clone)


def test_a_profile_is_found_as_snakemake_finds_it(clone):
    folder = clone / "profiles" / "site"
    folder.mkdir()
    for name in ("config.yaml", "config.v8+.yaml", "other.yaml"):
        (folder / name).write_text("jobs: 1\n")
    for name in ("profiles/site", "site", "profiles/site/config.v8+.yaml"):
        assert read_profile(Path(name), clone).path.name == "config.v8+.yaml"


def test_resources_may_be_written_as_lists(context):
    here = context(
        executor="slurm",
        default_resources=["slurm_partition=gpu", "mem_mb=500"],
        set_resources=["train:mem_mb=700", "train:gpu=2"],
    )
    assert [*here.profile.resource("mem_mb")] == [("default-resources", 500), ("train", 700)]
    assert here.profile.by_rule == {"train": {"mem_mb": 700, "gpu": 2}}


def test_rules_that_are_not_in_the_workflow_are_named(context, clone):
    found = profile.rule_names(context(**SLURM, set_resources={"train": {"gpu": 1}, "trian": {"gpu": 1}}))
    assert found.level == "fault"
    assert found.found == "trian: not in the workflow, and ignored; did you mean 'train'?"
    found = profile.rule_names(context(**SLURM, set_resources={"fig03": {"mem_mb": 900}}))
    assert (found.level, found.found[:14]) == ("warning", "fig03 run here")
    assert profile.rule_names(context(**SLURM, set_threads={"sampel": 2})).level == "fault"
    (clone / "Snakefile").unlink()
    for path in (clone / "workflow" / "rules").iterdir():
        path.unlink()
    assert profile.rule_names(context(**SLURM)).level == "warning"


def test_the_rules_are_those_of_the_workflow(config):
    found = rules(ROOT, config["figures"])
    assert {"all", "generate", "embed", "train", "shard", "sample", "trajectory", "forward", "fig03"} <= set(found)
    assert not found["train"].local
    assert found["train"].timed
    assert all(found[name].local for name in ("all", "truth", "summary", "fig03"))


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("'--gres=gpu:1'", "--gres (generic resources (GRES))"),
        ("'-p long'", "-p (partition)"),
        ("'--time=10'", "--time (runtime/time limit)"),
        ("'--exclusive --mail-type=FAIL'", None),
        ("''", None),
    ],
)
def test_flags_that_the_plugin_sets_itself_are_refused(text, refused, context):
    found = profile.slurm_extra(context(**SLURM, set_resources={"train": {"slurm_extra": text}}))
    assert found.level == ("fault" if refused else "ok")
    assert refused is None or found.found.startswith(f"train: {refused} is set by the plugin")


def test_jobs_with_less_memory_than_snakemake_takes_are_told(context, config):
    assert profile.memory(context(**SLURM, default_resources={"mem_mb": 800})).level == "ok"
    found = profile.memory(context(**SLURM, default_resources={"mem_mb": 500}))
    assert (found.level, found.found) == ("warning", "mem_mb below 800: default-resources 500")
    config["resources"]["*"]["mem_mb"] = 700
    assert "muon-q-diffusion 700" in profile.memory(context(**SLURM)).found


def test_every_job_needs_a_runtime(context, clone):
    assert profile.runtime(context(**SLURM)).level == "ok"
    path = clone / "workflow" / "rules" / "data.smk"
    path.write_text(path.read_text().replace("        runtime=30,\n", ""))
    assert profile.runtime(context(**SLURM)).found == "rules without: generate, generate_final, embed"
    found = profile.runtime(
        context(**SLURM, set_resources={rule: {"runtime": 5} for rule in ("generate", "generate_final", "embed")})
    )
    assert found.level == "ok"
    assert profile.runtime(context(**SLURM, default_resources={"runtime": 60})).level == "ok"


def test_a_training_that_stops_in_time_must_be_started_again(context):
    assert profile.going_on(context(**SLURM)).found == "3 retries, 20 jobs at once"
    assert "no retries" in profile.going_on(context(executor="slurm", jobs=2)).found
    assert "cut off" in profile.going_on(context(**SLURM | {"rerun_incomplete": False})).found
    assert "no limit of jobs" in profile.going_on(context(executor="slurm", retries=2, rerun_incomplete=True)).found


def test_the_profile_of_the_repository_is_in_order(config, clone):
    here = Context(config, clone, read_profile(Path("profiles/slurm"), clone))
    found = [one(here) for one in CHECKS]
    assert [one.level for one in found] == ["ok"] * len(found), found
