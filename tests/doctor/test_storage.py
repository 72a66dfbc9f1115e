"""Checks of disks: full ones, locked ones, those that cannot do what is needed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from types import SimpleNamespace

import pytest

from helpers.disk import names, read_only, small_disk
from onshell.config.layout import Layout
from onshell.doctor import check, storage


def test_a_clone_is_in_order_and_nothing_is_left_in_it(context, clone):
    before = sorted(clone.rglob("*"))
    found = [one(context()) for one in check.CHECKS if one.__module__ == storage.__name__]
    assert [one.level for one in found] == ["ok"] * len(found), found
    assert sorted(clone.rglob("*")) == before


def test_results_that_cannot_be_written_are_told(context, config, clone):
    (clone / "results").write_text("a file")
    assert "is a file" in storage.results(context()).found
    (clone / "results").unlink()
    with read_only(clone / "results") as folder:
        found = storage.results(context())
        assert found.level == "fault"
        assert f"{folder}: cannot write" in found.found


@pytest.mark.parametrize(("function", "missing"), [("link", "hard links"), ("fsync", "fsync")])
def test_a_file_system_without_an_ability_is_told(function, missing, context, monkeypatch):
    def refuse(*arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, function, refuse)
    found = storage.results(context())
    assert found.level == "fault"
    assert found.found.endswith(f"no {missing}")


def test_a_full_disk_is_told(context, tmp_path, config):
    with small_disk(tmp_path / "disk") as folder:
        config["results"] = str(folder / "results")
        (folder / "ballast").write_bytes(b"0" * 1_000_000)
        assert storage.space(context()).level == "fault"
        shutil.rmtree(folder / "ballast", ignore_errors=True)


def test_room_is_weighed_against_what_the_scale_needs(context, config, clone, monkeypatch):
    need = storage.need(context())
    for room, level in ((0.9, "fault"), (1.5, "warning"), (2.5, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda place, room=room: SimpleNamespace(free=room * need))
        assert storage.space(context()).level == level
    # What is there already needs no room.
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=0.9 * need))
    there = clone / "results" / "quick" / "events"
    there.mkdir(parents=True)
    with (there / "muon.parquet").open("wb") as handle:
        handle.truncate(int(0.5 * need))
    assert storage.space(context()).level == "warning"


def test_the_need_is_that_of_the_tables(context, config):
    config["processes"] = {"muon": config["processes"]["muon"]}
    config["augmentations"] = {"single": {"copies": 1}, "many": {"copies": 10}}
    config["runs"], config["forward"] = {"muon-q-diffusion": {"recipe": "muon-diffusion", "trajectory": [1, 0]}}, {}
    sizes = config["scales"]["quick"]
    sizes["events"] = {"default": {"train": 1000, "test": 500}}
    sizes["samples"], sizes["trajectory_events"] = {"default": 300}, 10
    rows = 1000 * 12 + 500 + 2 * (300 + 2 * 10)
    assert storage.need(context()) == storage.OTHER + storage.RUN + rows * 80


def test_a_lock_is_a_fault_unless_its_snakemake_runs(context, clone):
    locks = clone / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    assert storage.snakemake(context()).level == "ok"
    (locks / "0.output.lock").write_text("results\n")
    found = storage.snakemake(context())
    assert (found.level, found.remedy) == ("fault", "if none runs elsewhere: make unlock")
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, "snakemake"]
    with subprocess.Popen(command, cwd=clone, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        found = storage.snakemake(context())
        assert found.level == "warning"
        assert f"process {process.pid}" in found.found
        process.stdin.close()
        process.wait()


def test_outputs_that_were_cut_off_are_counted(context, clone):
    folder = clone / ".snakemake" / "incomplete"
    folder.mkdir(parents=True)
    (folder / "cmVzdWx0cw==").write_text("")
    assert "1 outputs of jobs that were cut off" in storage.snakemake(context()).found


def test_a_repository_of_someone_else_is_told(context, clone):
    with read_only(clone / ".snakemake"):
        assert storage.snakemake(context()).level == "fault"


def test_a_scratch_folder_that_is_full_or_closed_is_told(context, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1e8))
    assert storage.scratch(context()).remedy == "set TMPDIR to a larger place"
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "none"))
    assert storage.scratch(context()).remedy == "set TMPDIR to a folder of your own"


def test_leftovers_are_counted_and_orphans_named(context, clone, config):
    layout = Layout(config)
    run, samples = clone / layout.run("muon-q-diffusion"), (clone / layout.samples("x")).parent
    run.mkdir(parents=True)
    (run / "state-0123456789ab.pt").write_text("")
    (samples / ".muon-q-diffusion.parquet.parts-0123456789ab").mkdir(parents=True)
    found = storage.leftovers(context())
    assert (found.level, found.found[:56]) == ("ok", "1 trainings and 1 samplings were cut off; they go on whe")
    (samples / ".gone-q-diffusion.parquet.parts-0123456789ab").mkdir()
    found = storage.leftovers(context())
    assert found.level == "warning"
    assert found.found.endswith(f"{samples}/.gone-q-diffusion.parquet.parts-*")


def test_whoever_writes_a_model_is_named(context, clone, config):
    path = clone / Layout(config).run("muon-q-diffusion") / storage.CLAIM
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"pid": 7, "host": "n1", "job": "42"}) + "\n000000000003\n")
    found = storage.writers(context())
    assert found.level == "warning"
    assert "muon-q-diffusion (process 7 on n1, Slurm job 42)" in found.found
    path.write_text("half a cl")
    assert "it does not say who" in storage.writers(context()).found


def test_the_claim_is_that_of_the_trainings(tmp_path):
    from onshell.training import lease

    assert lease.HOLDER == storage.CLAIM
    with lease.claimed(tmp_path, print):
        assert storage._claim(tmp_path / lease.HOLDER).startswith(f"process {os.getpid()} on ")
    assert names(tmp_path) == []
