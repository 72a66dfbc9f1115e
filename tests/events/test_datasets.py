"""Truth tables and training sets as files: their metadata, their bytes, and what happens when writing fails."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from helpers.disk import file_size_limit, names, read_only, small_disk
from onshell.cli import app
from onshell.core.errors import OnshellError
from onshell.events import datasets, table
from onshell.events.augment import AUGMENTATIONS
from onshell.events.datasets import Embedding, Truth, embed_file, generate_file
from onshell.events.table import read_events, read_metadata, split, write_events
from onshell.physics import generators, rambo

PARAMETERS = {"cutoff": 1e-3, "sqrt_s": 1000.0}
QQG = Truth("qqg_1e-3", "qqg", "qqg", PARAMETERS, 7, n_train=300, n_test=100, cutoff=1e-3, config_hash="0123456789ab")
MUON = Truth("muon", "muon", "muon", {}, 7, n_train=10, n_test=10)
SINGLE = Embedding("single", {"copies": 1}, 7)


@pytest.fixture
def truth(tmp_path):
    """Return the path of a truth table of 300 + 100 events."""
    generate_file(tmp_path / "events" / "qqg_1e-3.parquet", QQG)
    return tmp_path / "events" / "qqg_1e-3.parquet"


def test_the_metadata_of_truth_say_how_to_draw_it_and_more(truth):
    metadata = read_metadata(truth)
    identity = {key: metadata.pop(key) for key in ("commit", "version")}
    assert all(identity.values())
    assert metadata == {
        "dataset": "qqg_1e-3",
        "process": "qqg",
        "cutoff": 1e-3,
        "n_particles": 3,
        "e_cm": 1.0,
        "seed": 7,
        "generator": "qqg",
        "parameters": {"cutoff": 1e-3, "sqrt_s": 1000.0},
        "stream": {"train": ["qqg_1e-3", "train"], "test": ["qqg_1e-3", "test"]},
        "split": {"train": [0, 300], "test": [300, 400]},
        "augmentation": None,
        "conserves": True,
        "config_hash": "0123456789ab",
    }
    options = {"seed": metadata["seed"], **metadata["parameters"]}
    for part, n in (("train", 300), ("test", 100)):
        again = generators.events(metadata["generator"], n, name=tuple(metadata["stream"][part]), **options)
        assert torch.equal(read_events(truth, rows=part).momenta, again)
    more = generators.events(metadata["generator"], 100, name=(metadata["dataset"], "floor", 0), **options)
    assert not torch.equal(more, again)


def test_the_test_events_do_not_depend_on_the_number_of_training_events(tmp_path, truth):
    generate_file(tmp_path / "x.parquet", replace(QQG, n_train=20))
    few, many = (read_events(path).momenta for path in (tmp_path / "x.parquet", truth))
    assert torch.equal(few[20:], many[300:])
    assert torch.equal(few[:20], many[:20])


def test_the_same_call_gives_the_same_bytes_on_any_number_of_threads(tmp_path, truth):
    embed_file(truth, tmp_path / "q.parquet", SINGLE)
    again = tmp_path / "again"
    generate_file(again / "p.parquet", QQG, threads=3)
    embed_file(again / "p.parquet", again / "q.parquet", SINGLE)
    assert (again / "p.parquet").read_bytes() == truth.read_bytes()
    assert (again / "q.parquet").read_bytes() == (tmp_path / "q.parquet").read_bytes()


@pytest.mark.parametrize("split_sizes", [(0, 50), (50, 0)])
def test_one_split_may_be_empty(tmp_path, split_sizes):
    n_train, n_test = split_sizes
    metadata = generate_file(tmp_path / "x.parquet", replace(MUON, n_train=n_train, n_test=n_test))
    assert len(read_events(tmp_path / "x.parquet", rows="train")) == n_train
    assert split(metadata, "test") == slice(n_train, 50)
    if n_train == 0:
        with pytest.raises(OnshellError, match=r"x\.parquet: no events to embed"):
            embed_file(tmp_path / "x.parquet", tmp_path / "q.parquet", SINGLE)


@pytest.mark.parametrize(("name", "spec"), AUGMENTATIONS.items())
def test_training_sets_hold_the_training_events_in_their_frames(tmp_path, truth, name, spec):
    out = tmp_path / "embedded" / f"qqg_1e-3.{name}.parquet"
    metadata = embed_file(truth, out, Embedding(name, spec, 7, config_hash="ba9876543210"))
    events = read_events(out, space="q", n_particles=3, rows="train")
    train = read_events(truth, rows="train").momenta
    assert len(events) == len(train) == 300
    event = torch.from_numpy(events.columns["event"])
    assert int(event.max()) < 300
    assert (rambo.to_p(events.momenta) - train[event]).abs().max() < 1e-12
    assert metadata == read_metadata(out)
    for key in ("dataset", "process", "cutoff", "generator", "parameters", "seed", "e_cm", "n_particles", "stream"):
        assert metadata[key] == read_metadata(truth)[key]
    assert metadata["augmentation"]["name"] == name
    assert metadata["augmentation"]["spec"] == spec
    assert metadata["split"] == {"train": [0, 300]}
    assert metadata["config_hash"] == "ba9876543210"
    assert metadata["source"]["config_hash"] == "0123456789ab"
    assert pd.read_parquet(out)["qx"].map(len).eq(3).all()


def test_all_cutoffs_of_a_process_share_the_frames(tmp_path, truth):
    other = replace(QQG, dataset="qqg_1e-2", parameters={"cutoff": 1e-2, "sqrt_s": 1000.0}, cutoff=1e-2, n_test=0)
    generate_file(tmp_path / "other.parquet", other)
    assert not torch.equal(read_events(tmp_path / "other.parquet").momenta, read_events(truth, rows="train").momenta)
    for name, spec in AUGMENTATIONS.items():
        paths = tmp_path / f"here.{name}.parquet", tmp_path / f"there.{name}.parquet"
        tables = [
            embed_file(source, path, Embedding(name, spec, 7))
            for source, path in zip((truth, tmp_path / "other.parquet"), paths, strict=True)
        ]
        assert tables[0]["augmentation"] == tables[1]["augmentation"]
        one, two = (read_events(path).columns for path in paths)
        assert all(np.array_equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("copies", [1, 3, 1000])
def test_the_training_set_does_not_depend_on_the_row_groups_of_the_truth(tmp_path, truth, copies, monkeypatch):
    many = Embedding("many", {"copies": copies}, 7)
    embed_file(truth, tmp_path / "one.parquet", many)
    events = read_events(truth)
    monkeypatch.setattr(table, "ROWS", 16)
    write_events(tmp_path / "groups.parquet", [events.momenta], events.metadata)
    monkeypatch.undo()
    monkeypatch.setattr(datasets, "ROWS", 7)
    embed_file(tmp_path / "groups.parquet", tmp_path / "two.parquet", many)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_one_command_embeds_by_several_augmentations(tmp_path, truth, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def embedded(*names):
        files = [word for name in names for word in ("-a", name, "-o", f"{'-'.join(names)}.{name}.parquet")]
        return CliRunner().invoke(app, ["embed", str(truth), *files])

    assert embedded("single", "continuous").exit_code == 0
    for name in ("single", "continuous"):
        assert embedded(name).exit_code == 0
        together, alone = Path(f"single-continuous.{name}.parquet"), Path(f"{name}.{name}.parquet")
        assert together.read_bytes() == alone.read_bytes()
    for words, message in (
        (["-a", "single", "-a", "double", "-o", "x.parquet"], "-a single, double: 1 files for 2 augmentations"),
        (["-a", "single", "-a", "double", *["-o", "x.parquet"] * 2], "-o x.parquet: named twice"),
    ):
        assert str(CliRunner().invoke(app, ["embed", str(truth), *words]).exception).startswith(message)
    assert not Path("x.parquet").exists()


def test_a_table_made_elsewhere_is_embedded_whole(tmp_path):
    p = generators.events("uniform", 50, seed=1, name=("elsewhere",), n_particles=4)
    columns = {f"p{axis}": list(part.numpy()) for axis, part in zip("xyz", p.unbind(-1), strict=True)}
    pd.DataFrame({**columns, "weight": np.arange(50.0)}).to_parquet(tmp_path / "x.parquet")
    continuous = Embedding("continuous", {"per_event": True}, 1)
    metadata = embed_file(tmp_path / "x.parquet", tmp_path / "q.parquet", continuous)
    assert (metadata["process"], metadata["n_particles"], metadata["e_cm"]) == ("unknown", 4, 1.0)
    assert metadata["source"] is None
    events = read_events(tmp_path / "q.parquet", space="q", rows="train")
    assert (rambo.to_p(events.momenta) - p).abs().max() < 1e-12
    assert np.array_equal(events.columns["weight"], np.arange(50.0))
    named = embed_file(tmp_path / "x.parquet", tmp_path / "r.parquet", replace(SINGLE, process="mine"))
    assert named["process"] == "mine"


def test_a_custom_generator(tmp_path, monkeypatch):
    (tmp_path / "my_process.py").write_text(
        "from onshell.physics import rambo\n"
        "def block(rng, size, *, n_particles):\n"
        "    return rambo.to_p(rambo.sample_prior(size, n_particles, rng))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    mine = Truth("mine", "mine", "my_process:block", {"n_particles": 5}, 1, n_train=40, n_test=10)
    assert generate_file(tmp_path / "x.parquet", mine)["n_particles"] == 5
    assert len(read_events(tmp_path / "x.parquet", n_particles=5)) == 50


def test_progress_reaches_the_end(tmp_path):
    seen = []
    path = tmp_path / "x.parquet"
    truth = replace(MUON, n_train=70_000, n_test=500)
    generate_file(path, truth, progress=lambda done, n: seen.append((done, n)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (70_500, 70_500)
    assert len(seen) > 2
    seen.clear()
    embed_file(path, tmp_path / "q.parquet", SINGLE, progress=lambda done, n: seen.append((done, n)))
    assert seen == [(65_536, 70_000), (70_000, 70_000)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_train": -1}, "n_train: -1 is not a number of events"),
        ({"n_test": 1.5}, "n_test: 1.5 is not"),
        ({"n_train": 0, "n_test": 0}, r"x\.parquet: n_train, n_test and n_final are all 0"),
        ({"generator": "muons"}, "muons.*did you mean 'muon'"),
        ({"parameters": {"cutoff": 1}}, "muon.*cutoff"),
    ],
)
def test_bad_arguments_write_nothing(tmp_path, change, message):
    with pytest.raises(OnshellError, match=message) as caught:
        generate_file(tmp_path / "x.parquet", replace(MUON, **change))
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


def test_bad_truth_gives_no_training_set(tmp_path, truth):
    events = read_events(truth)
    events.momenta[299] *= 2
    write_events(tmp_path / "bad.parquet", [events.momenta], events.metadata, check=False)
    embed_file(truth, tmp_path / "q.parquet", SINGLE)
    out = tmp_path / "embedded" / "q.parquet"
    for source, message in (
        ("bad", r"bad\.parquet: event 299 \(1 of 300\): off the massless"),
        ("absent", r"absent\.parquet: no such file"),
        ("q", r"q\.parquet: a table of q-space events .* where p-space"),
    ):
        with pytest.raises(OnshellError, match=message):
            embed_file(tmp_path / f"{source}.parquet", out, SINGLE)
    with pytest.raises(OnshellError, match=r"qqg_1e-3\.parquet: is the input itself"):
        embed_file(truth, truth.parent / ".." / "events" / truth.name, SINGLE)
    assert names(out.parent) == []


@pytest.mark.parametrize("numbers", [[2, 1, 0, 3], [0, 1, 0, 1]])
def test_a_table_whose_events_are_not_in_order_gives_no_training_set(tmp_path, numbers, monkeypatch):
    monkeypatch.setattr(datasets, "ROWS", 2)
    momenta = generators.events("uniform", 4, seed=1, name=("x",), n_particles=3)
    write_events(tmp_path / "e.parquet", [(momenta, {"event": np.array(numbers)})], {})
    with pytest.raises(OnshellError, match=r"e\.parquet: its column event does not rise"):
        embed_file(tmp_path / "e.parquet", tmp_path / "q.parquet", SINGLE)
    assert names(tmp_path) == ["e.parquet"]


def test_an_unwritable_results_folder(tmp_path, truth):
    with read_only(tmp_path / "results") as results:
        for command in (
            lambda: generate_file(results / "events" / "x.parquet", MUON),
            lambda: embed_file(truth, results / "q.parquet", SINGLE),
        ):
            with pytest.raises(OnshellError, match=r"results/.*parquet: cannot write here .*change the permissions"):
                command()


def test_a_full_disk_or_a_file_size_limit_while_events_are_written(tmp_path):
    many = replace(MUON, n_train=100_000)
    with file_size_limit(1_000_000), pytest.raises(OnshellError, match=r"x\.parquet: larger than .*ulimit -f"):
        generate_file(tmp_path / "x.parquet", many)
    assert names(tmp_path) == []
    with small_disk(tmp_path / "disk") as disk:
        with pytest.raises(OnshellError, match=r"disk/x\.parquet: no space left on the device"):
            generate_file(disk / "x.parquet", many)
        assert names(disk) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_generation_leaves_no_product_and_can_be_run_again(tmp_path, number):
    code = (
        # Tests that run in the background ignore Ctrl-C, and so would their children.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from onshell.events.datasets import Truth, generate_file; "
        "generate_file(sys.argv[1], Truth('muon', 'muon', 'muon', {}, 7, n_train=10**9, n_test=0), "
        "progress=lambda done, n: print(done, flush=True))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    path = tmp_path / "x.parquet"
    pipe = subprocess.PIPE
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    while int(writer.stdout.readline()) < 140_000:
        time.sleep(0.01)
    (part,) = tmp_path.iterdir()
    assert part.stat().st_size > 2_000_000, "the file is written as it is made"
    writer.send_signal(number)
    writer.communicate()
    assert writer.returncode != 0
    assert not path.exists()
    generate_file(path, MUON)
    assert names(tmp_path) == ["x.parquet"]
