"""Copies of the workflow in folders of their own, and its configuration made small, or large."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from onshell import config as configuration

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "workflow", "profiles", "envs")

STUDY = {
    "title": "a small one",
    "samples": 300,
    "runs": {
        "muon-q-flow-a": {"preset": "record", "recipe": "three-body-flow", "network": "mlp"},
        "muon-q-flow-a-4": {"model": "muon-q-flow-a", "sampling": {"solver": "euler", "steps": 4}},
    },
    "figures": {"small01": {"draw": "evaluations"}},
    "tables": {"tab_small": {"draw": "comparison"}},
}
"""A study of one model, drawn from twice."""


class Clone:
    """A copy of the workflow in a folder of its own, with its configuration at hand."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
        self.config = configuration.read(folder / "config.yaml")

    def save(self) -> None:
        """Write the configuration as it stands now."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Return the finished `snakemake` call, standard output and error apart."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["snakemake", *arguments],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **environment},
            capture_output=True,
            text=True,
            timeout=1400,
            check=False,
        )

    def plan(self, *arguments: str) -> dict[str, int]:
        """Return the number of jobs by rule that a dry-run plans."""
        done = self.run("--dry-run", *arguments, "--quiet", "rules")
        assert done.returncode == 0, done.stdout + done.stderr
        return jobs(done.stdout)

    def files(self) -> set[Path]:
        """Return every file of the clone but Snakemake's own, relative to it."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*"))
        return {path for path in found if path.parts[0] != ".snakemake"}


def jobs(text: str) -> dict[str, int]:
    """Return the job table of Snakemake's output."""
    lines = text.splitlines()
    if not any(line.startswith("job  ") for line in lines):
        return {}
    start = next(i for i, line in enumerate(lines) if line.startswith("job  ")) + 2
    table = {}
    for line in lines[start:]:
        name, _, count = line.rpartition(" ")
        if not name.strip() or name.strip() == "total":
            break
        table[name.strip()] = int(count)
    return table


def shrink(config: dict) -> dict:
    """Return the configuration with everything so small that the whole DAG takes a minute."""
    config["scales"]["quick"] = {
        "events": {"default": {"train": 2000, "test": 1000}},
        "samples": {"default": 1000, "aps": 400},
        "trajectory_events": 300,
        "forward_events": 500,
        "floor_replicates": 3,
        "autoencoder": {"events": 1000, "epochs": 2},
        "recipes": {
            name: {"training": {"epochs": 2, "batch_size": 256}}
            for name in {recipe for preset in config["presets"].values() for recipe in preset}
        },
        "networks": {
            "mlp": {"width": 32, "depth": 2},
            "pet-small": {"width": 16, "blocks": 1, "heads": 2, "local_layers": 1, "neighbours": 3},
            "transformer": {"width": 16, "blocks": 1, "heads": 2},
        },
    }
    for study in config.get("studies", {}).values():
        study["samples"] = 300
        for entry in study["runs"].values():
            entry.pop("samples", None)
            if "model" not in entry:
                entry["training"] = entry.get("training", {}) | {"epochs": 2, "batch_size": 256}
    for schedule in config["schedules"].values():
        schedule["steps"] = 20
        schedule["gaussian_steps"] = min(schedule.get("gaussian_steps", 0), 4)
        if "geometric" in schedule:
            schedule["geometric"]["steps"] = 5
    return config


def minimal(config: dict) -> dict:
    """Return the configuration with a run of each loss, and a figure or table of each kind, as small as can be."""
    three, families = "qqg_1e-3-q-diffusion", ("q-diffusion", "q-flow", "p-diffusion", "p-flow")
    process = config["processes"]
    process["qqg"]["cutoffs"], process["aps"]["cutoffs"], process["aps"]["n_particles"] = ["1e-3"], [30], 4
    del process["uniform"]
    parts = {
        "augmentations": ("single", "centred", "continuous"),
        "runs": ("muon-q-diffusion", three, *(f"aps_30-{family}" for family in families)),
        "forward": ("aps_30",),
        "figures": ("fig02", "fig04", "fig09", "fig13", "fig14", "fig16", "fig20", "fig22"),
        "tables": ("tab1", "tab2"),
    }
    for part, names in parts.items():
        config[part] = {name: config[part][name] for name in names}
    config["figures"]["fig16"]["embedded"] = ["muon.single", "muon.continuous"]
    config["figures"]["fig20"]["runs"] = {"Q3": three, "S1": three}
    config["figures"]["fig22"]["forward"] = ["aps_30"]
    config["tables"]["tab2"]["runs"] = {"M1": "muon-q-diffusion"}
    config["studies"] = {"one": copy.deepcopy(STUDY)}
    return shrink(config)


def grow(config: dict) -> list[str]:
    """Add 300 runs (30 cutoffs, 5 augmentations, 2 families) to the configuration; return their names."""
    cutoffs = [f"{digit}e-{power}" for power in (2, 3, 4) for digit in range(1, 11)]
    config["processes"]["qqg"]["cutoffs"] = cutoffs
    runs = {
        f"qqg_{cutoff}-q-{family}-{augmentation}": {"recipe": f"three-body-{family}", "augmentation": augmentation}
        for cutoff in cutoffs
        for augmentation in ("single", "identity", "double", "many", "continuous")
        for family in ("diffusion", "flow")
    }
    config["runs"].update(runs)
    return list(runs)
