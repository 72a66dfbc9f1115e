"""Snakemake in the background, in clones of the workflow: on this machine, or on the cluster by a site's profile."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from helpers.clones import Clone
from onshell.config.layout import Layout
from slurm.jobs import Slurm, wait_for
from slurm.processes import die_with_parent
from slurm.small import small
from slurm.supervisor import MARK

PROFILE = "profiles/slurm"
PACE = ("--latency-wait=5", "--max-status-checks-per-second=10")
"""The file system is local here, and jobs take seconds; see also paced.py."""


class Local(Clone):
    """A clone of the small workflow; its Snakemake says everything in `log`, and ends with this process."""

    spread = False
    program: Sequence[str] = ("snakemake",)
    # As on the cluster, processes share the CPU as if each had a GPU.
    options: Sequence[str] = ("--cores", "2", "--set-resources", "train:device=cpu")

    def __init__(self, folder: Path, slurm: Slurm):
        super().__init__(folder)
        self.slurm = slurm
        self.log = folder.parent / f"{folder.name}.log"
        self.running: list[subprocess.Popen] = []
        small(self.config, spread=self.spread)
        self.save()

    @property
    def layout(self) -> Layout:
        """Where this clone's products lie, relative to its folder."""
        return Layout(self.config)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Return the Snakemake that makes what `arguments` ask for; it ends with the thread that calls this."""
        variables = {**self.slurm.environment, MARK: self.slurm.cluster.name, "OMP_NUM_THREADS": "1"}
        with self.log.open("a") as log:
            snakemake = subprocess.Popen(
                [*self.program, *arguments, *self.options],
                cwd=self.folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        self.running.append(snakemake)
        return snakemake

    def onshell(self, *arguments: str) -> str:
        """Return what a verb of the package's own command prints when it is called by hand in this clone."""
        command = [str(Path(sys.executable).with_name("onshell")), *arguments]
        variables = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def finish(self, seconds: float = 540) -> int:
        """Return the exit code of the latest Snakemake, when it has come to its end."""
        wait_for(lambda: self.running[-1].poll() is not None, seconds, f"Snakemake in {self.folder} to end", pause=0.1)
        return self.running[-1].returncode

    def make(self, *arguments: str) -> None:
        """Run a Snakemake to its end, which must be a good one."""
        self.start(*arguments)
        assert self.finish() == 0, self.told()[-6000:]

    def stop(self) -> None:
        """End every Snakemake that still runs, outright."""
        for snakemake in self.running:
            snakemake.kill()
            snakemake.wait()

    def keep(self, run: str, number: int) -> Path:
        """Return another name for the log of a run's training in a job: a later attempt removes the log, not this."""
        kept = self.folder / "kept" / f"{run}.{number}.log"
        kept.parent.mkdir(exist_ok=True)
        kept.hardlink_to(self.training_log(run))
        return kept

    def training_log(self, run: str) -> Path:
        """Return the path of the log of a run's training, the latest attempt."""
        return self.folder / self.layout.log("train", "paper", run)

    def fresh_log(self, run: str) -> str:
        """Return what the latest attempt at a run's training has said, if its log was not kept already."""
        log = self.training_log(run)
        try:
            return log.read_text() if log.stat().st_nlink == 1 else ""
        except FileNotFoundError:
            return ""

    def training_told(self, run: str) -> str:
        """Return what all attempts at a run's training have said that were caught, and the latest."""
        kept = sorted((self.folder / "kept").glob(f"{run}.*.log"), key=lambda path: path.stat().st_mtime)
        return "".join(path.read_text() for path in [*kept, self.training_log(run)])

    def told(self) -> str:
        """Return what the Snakemakes of this clone have said so far."""
        return self.log.read_text()


class Campaign(Local):
    """A clone of the small workflow whose jobs go to the cluster by profiles/slurm, edited as a site does."""

    spread = True
    program = (sys.executable, str(Path(__file__).with_name("paced.py")))
    options = ("--workflow-profile", PROFILE, *PACE)

    def __init__(self, folder: Path, slurm: Slurm):
        super().__init__(folder, slurm)
        self.profile = yaml.safe_load((folder / PROFILE / "config.yaml").read_text())
        # A site's five lines: its partition, no account, its GPU model; number of jobs and flags stay.
        self.profile["default-resources"]["slurm_partition"] = "main"
        del self.profile["default-resources"]["slurm_account"]
        asked = self.profile["set-resources"]
        assert {resources["gpu_model"] for resources in asked.values()} == {"a100"}
        # CPUs play the GPUs.
        self.profile["set-resources"] = {rule: {**resources, "device": "cpu"} for rule, resources in asked.items()}
        self.save_profile()

    def save_profile(self) -> None:
        """Write the profile as it stands now."""
        (self.folder / PROFILE / "config.yaml").write_text(yaml.safe_dump(self.profile, sort_keys=False))

    def take(self, other: Local) -> None:
        """Copy events and training sets from another clone."""
        for part in ("events", "embedded"):
            shutil.copytree(other.folder / other.layout.scale / part, self.folder / self.layout.scale / part)

    def names(self) -> list[str]:
        """Return the names that the jobs of each Snakemake so far carry in Slurm, oldest first."""
        return re.findall(r"SLURM run ID: (\S+)", self.told())

    def slurm_logs(self, number: int) -> str:
        """Return what the batch script and the steps of a job have said."""
        folder = self.folder / self.profile["slurm-logdir"]
        return "".join(path.read_text() for path in folder.rglob(f"{number}.log"))

    def submitted(self) -> list[str]:
        """Return the rules of all jobs submitted so far, in alphabetical order."""
        names = self.names()
        return sorted(job.rule for job in self.slurm.jobs() if job.name in names)
