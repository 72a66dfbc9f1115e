"""What Snakemake is told of the configuration, on its command line and by the file, arrives or is one line."""

import re
import subprocess

import pytest

from helpers.clones import shrink

pytestmark = pytest.mark.workflow
EVENTS = "results/quick/events/muon.parquet"


def test_numbers_within_a_mapping_are_taken(clone):
    asked = "presets={paper: {muon-diffusion: {training: {lr: 0.5, epochs: 3}}}}"
    done = clone.run("--dry-run", "--config", asked, "--", EVENTS)
    assert done.returncode == 0, done.stderr
    done = clone.run("--dry-run", "--config", asked.replace("0.5", "-0.5"), "--", EVENTS)
    assert "onshell: error: config.yaml: presets.paper.muon-diffusion.training.lr: -0.5 is too small" in done.stderr


def test_a_file_that_snakemake_could_not_read_is_told_in_one_line(clone):
    (clone.folder / "config.yaml").write_text("seed: !!int abc")
    done = clone.run("--dry-run", "--", EVENTS)
    assert done.returncode != 0
    assert "onshell: error: config.yaml: not valid YAML: line 1: 'abc' is no int of YAML's" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_workflow_is_a_module_of_another(clone, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    shrink(clone.config)
    clone.save()
    (clone.folder / "config.yaml").rename(outer / "config.yaml")
    lines = (
        'configfile: "config.yaml"',
        "module inner:",
        f'    snakefile: "{clone.folder}/Snakefile"',
        "    config: config",
    )
    (outer / "Snakefile").write_text("\n".join([*lines, "use rule * from inner as inner_*", ""]))
    clone.folder = outer
    done = clone.run("--cores", "1", "--", EVENTS)
    assert done.returncode == 0, done.stderr
    assert clone.plan(EVENTS) == {}
    (outer / "config.yaml").unlink()
    (outer / "Snakefile").write_text("\n".join([*lines[1:3], "use rule * from inner as inner_*", ""]))
    # Without a configuration anywhere it is that of the package.
    assert clone.plan(EVENTS) == {"inner_generate": 1}


def test_overrides_stand_in_the_logged_line_and_plan_again_only_what_they_change(clone):
    shrink(clone.config)
    clone.save()
    seed, other = "seed=7", "runs={muon-q-diffusion: {training: {lr: 0.5}}}"
    done = clone.run("--cores", "1", "--config", seed, "judge=final", "--", EVENTS)
    assert done.returncode == 0, done.stderr
    (line,) = re.findall(r"^ *(?:Shell command: )?(onshell generate .*)$", done.stdout + done.stderr, re.MULTILINE)
    assert "--set=seed=7 --set=judge=final" in line
    made = clone.folder / EVENTS
    first = made.read_bytes()
    made.unlink()
    subprocess.run(["bash", "-c", line], cwd=clone.folder, check=True)
    assert made.read_bytes() == first
    assert clone.plan(EVENTS, "--config", seed, other) == {}
    assert clone.plan(EVENTS, "--config", other) == {"generate": 1}
