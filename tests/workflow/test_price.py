"""`onshell plan` against Snakemake itself: the same jobs, and nothing written."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from helpers.clones import Clone, grow, shrink
from onshell.core.errors import OnshellError
from onshell.planning.plan import make_plan

pytestmark = pytest.mark.workflow


def cpu_seconds() -> float:
    """User and system time of this process and of its children that are over."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def tree(folder: Path) -> dict[str, tuple]:
    """Kind, size, times and content of everything in a folder."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path)] = (status.st_mode, status.st_ino, status.st_mtime_ns, content)
    return found


@pytest.fixture
def priced(clone, monkeypatch):
    """A function that plans in the clone, checks that nothing was written there, and returns the plan."""
    monkeypatch.chdir(clone.folder)

    def plan(*targets, settings=(), **options):
        before = tree(clone.folder)
        found = make_plan(Path("config.yaml"), settings, targets, **options)
        assert tree(clone.folder) == before
        return found

    return plan


def by_rule(plan) -> dict[str, int]:
    """The number of jobs to run by rule."""
    return dict(Counter(job.rule for job in plan.jobs if not job.built))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small clone in which the truth of muon decay was generated."""
    clone = Clone(tmp_path_factory.mktemp("built") / "clone")
    shrink(clone.config)
    clone.save()
    done = clone.run("--cores", "2", "results/quick/events/muon.parquet")
    assert done.returncode == 0, done.stdout + done.stderr
    return clone


def test_it_agrees_with_snakemake_on_every_job_and_writes_nothing(clone, priced):
    plan = priced(settings=["scale=paper"])
    assert not (clone.folder / ".snakemake").exists()
    assert by_rule(plan) == clone.plan("--config", "scale=paper")
    assert plan.totals["all"].built == 0
    assert plan.totals["all"].gpu_s > 0


def test_a_target_is_priced_with_its_cone(clone, priced):
    plan = priced("fig10", settings=["presets.paper.three-body-diffusion.training.epochs=7"])
    assert by_rule(plan) == {"generate": 3, "embed": 3, "train": 3, "sample": 3, "fig10": 1}
    assert [job.rule for job in plan.critical_path] == ["generate", "embed", "train", "sample", "fig10"]
    assert plan.least_s == 60 * sum(job.resources["runtime"] for job in plan.critical_path)
    waits = {job.name: job.depends_on for job in plan.jobs}
    assert waits["train:qqg_1e-2-q-diffusion"] == ("embed:qqg_1e-2,single",)


def test_what_is_built_is_known_and_a_changed_parameter_plans_as_snakemake_does(built, monkeypatch):
    monkeypatch.chdir(built.folder)
    before = tree(built.folder)
    plan = make_plan(Path("config.yaml"), [], ["fig04"])
    assert {job.name for job in plan.jobs if job.built} == {"generate:muon"}
    changed = make_plan(Path("config.yaml"), ["scales.quick.events.default.train=1999"], ["fig04"], measured=True)
    (generate,) = (job for job in changed.jobs if job.rule == "generate")
    assert "Params have changed" in generate.reason
    assert changed.costs[generate.name].measured_from == "results/quick/benchmarks/generate/muon.tsv"
    assert tree(built.folder) == before
    built.config["scales"]["quick"]["events"]["default"]["train"] = 1999
    built.save()
    assert by_rule(changed) == built.plan("fig04")


def test_under_a_profile_for_slurm_without_slurm(clone, tmp_path):
    for name in ("which", "bash", "sh"):
        (tmp_path / name).symlink_to(shutil.which(name))
    environment = {**os.environ, "PATH": str(tmp_path)}
    before = tree(clone.folder)
    command = [sys.executable, "-P", "-m", "onshell", "plan", "fig02", "--profile", "profiles/slurm", "--json"]
    done = subprocess.run(command, cwd=clone.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tree(clone.folder) == before
    plan = json.loads(done.stdout)
    assert plan["executor"] == "slurm"
    local = {job["rule"] for job in plan["jobs"] if job["local"]}
    assert local == {"autoencoder", "floor", "compare", "fig02"}
    here, there, total = (plan["totals"][kind] for kind in ("local", "cluster", "all"))
    assert here["gpu_s"] == 0 < there["gpu_s"] == total["gpu_s"]
    assert here["wall_s"] + there["wall_s"] == total["wall_s"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((["fig99"],), r"^'fig99' is not a target; did you mean 'fig\d9'\? \(nearest of \d+: fig"),
        (([], ["scale=dsk"]), r"^config.yaml: scale: 'dsk' is not a scale; did you mean 'desk'\?"),
    ],
)
def test_a_fault_is_one_line(clone, priced, arguments, said):
    targets, settings = (*arguments, [])[:2]
    with pytest.raises(OnshellError, match=said) as caught:
        priced(*targets, settings=settings)
    assert "\n" not in str(caught.value)


def test_a_broken_snakefile_is_told_in_snakemakes_words(clone, priced):
    with (clone.folder / "Snakefile").open("a") as handle:
        handle.write("\n\nrule broken:\n    what: 1\n")
    with pytest.raises(OnshellError, match=r"^snakemake: SyntaxError in file .*Unexpected keyword what"):
        priced()
    # Without a workflow of its own a folder is planned for with that of the package.
    (clone.folder / "Snakefile").unlink()
    assert "train" in by_rule(priced("fig02"))


def test_results_above_the_folder_are_seen(clone, priced):
    made = clone.folder.parent / "shared" / "quick" / "events" / "muon.parquet"
    made.parent.mkdir(parents=True)
    made.touch()
    os.utime(made, (1e9, 1e9))
    plan = priced("../shared/quick/embedded/muon.single.parquet", settings=["results=../shared"])
    assert {job.name: job.built for job in plan.jobs} == {"generate:muon": True, "embed:muon,single": False}


def test_300_runs_plan_in_less_than_a_minute(clone, priced):
    grow(clone.config)
    clone.save()
    start = cpu_seconds()
    plan = priced()
    assert by_rule(plan)["train"] == 316
    # Of two dry-runs and all the rest: 11 s on a fast core, 25 on a slow one that others use too.
    assert cpu_seconds() - start < 60
