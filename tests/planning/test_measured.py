"""Costs from earlier runs: what is comparable, and how times scale."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.plans import job
from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.core.provenance import provenance
from onshell.planning.costs import ASSUMED, MEASURED
from onshell.planning.measured import Measurements

ROOT = Path(__file__).parents[2]
RUN = "muon-q-diffusion"
START = 2.5
"""Seconds of the shortest job there is: the start of a process."""


class Earlier:
    """Earlier runs in a folder, and the prices that they give."""

    def __init__(self, config):
        self.config = config

    def at(self, scale):
        """The configuration and layout of a scale."""
        config = {**self.config, "scale": scale}
        return config, Layout(config)

    def benchmark(self, layout, *name, seconds, cpu=None, memory=500.0):
        """Write a benchmark file as Snakemake does."""
        path = Path(layout.benchmark(*name))
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {"s": seconds, "h:m:s": "0:00:00", "max_rss": memory, "cpu_time": cpu or seconds}
        path.write_text("\t".join(columns) + "\n" + "\t".join(map(str, columns.values())) + "\n")

    def table(self, path, rows, **metadata):
        """Write an event table without events' columns but one."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        table = pa.table({"event": range(rows)})
        pq.write_table(table.replace_schema_metadata({"onshell": json.dumps(metadata)}), path)

    def generated(self, dataset="muon", scale="quick", rows=1000, seconds=START, **more):
        """Truth that was generated."""
        _, layout = self.at(scale)
        self.table(layout.events(dataset), rows, n_particles=3, split={"train": [0, rows // 2]})
        self.benchmark(layout, "generate", dataset, seconds=seconds, **more)

    def trained(self, run=RUN, scale="quick", n_events=1000, epochs=10, seconds=100.0, processor=None, **changes):
        """A model that was trained."""
        config, layout = self.at(scale)
        record = {
            "spec": configuration.run_spec(config, run),
            "epochs": epochs,
            "device": "cpu",
            "processes": 1,
            "n_events": n_events,
            "seconds": seconds,
            "cpu_seconds": seconds / 2,
            "provenance": {"processor": processor or provenance()["processor"]},
        }
        record.update(changes)
        folder = Path(layout.run(run))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(json.dumps(record))
        (folder / "model.pt").write_bytes(bytes(3_000_000))
        (folder / "history.csv").write_text("epoch\n")
        self.benchmark(layout, "train", config["preset"], run, seconds=seconds + START)
        return record["spec"]

    def sampled(self, run=RUN, scale="quick", rows=1000, seconds=40.0, part="", table=True):
        """Events of a model that was trained; of a shard, `part` is the end of its name."""
        config, layout = self.at(scale)
        spec = configuration.run_spec(config, run)
        if table:
            self.table(layout.samples(run), rows, spec=spec, sampling=spec["sampling"], times=[0.0])
        self.benchmark(layout, "sample", config["preset"], run + part, seconds=seconds)

    def price(self, scale, *name, **resources):
        """The cost of the job with this benchmark file at a scale."""
        config, layout = self.at(scale)
        return Measurements(config).cost(job(f"{name[0]}:{name[-1]}", benchmark=layout.benchmark(*name), **resources))


@pytest.fixture
def earlier(tmp_path):
    """No earlier runs yet; scales of 1,000 and 4,000 training events, 10 and 30 epochs, 1,000 and 5,000 samples."""
    config = configuration.read(ROOT / "config.yaml")
    config["results"] = str(tmp_path / "results")
    for scale, (events, samples, epochs) in {"quick": (1000, 1000, 10), "desk": (4000, 5000, 30)}.items():
        sizes = config["scales"][scale]
        sizes["events"] = {"default": {"train": events, "test": events}}
        sizes["samples"] = {"default": samples}
        sizes["recipes"] = {"muon-diffusion": {"training": {"epochs": epochs}}}
        sizes["networks"] = {"mlp": {"width": 32}}
    return Earlier(config)


def test_a_training_scales_with_events_times_epochs(earlier):
    earlier.generated()
    earlier.trained()
    cost = earlier.price("desk", "train", "paper", RUN, gpu=4)
    assert cost.source == MEASURED
    assert cost.measured_from.endswith(f"quick/benchmarks/train/paper/{RUN}.tsv")
    assert cost.wall_s == pytest.approx(START + 100 * 4 * 3)
    assert cost.cpu_s == pytest.approx(cost.wall_s / 2)
    assert cost.gpu_s == 0  # it ran on the CPU, whatever it asks for
    assert cost.mem_mb == 3000  # more events than were measured: the memory is that of the resources
    assert cost.disk_mb == pytest.approx(3, rel=0.01)
    assert earlier.price("quick", "train", "paper", RUN).mem_mb == 500


def test_another_run_of_the_same_kind_serves(earlier):
    earlier.generated()
    earlier.trained()
    assert earlier.price("quick", "train", "paper", f"{RUN}-identity").wall_s == pytest.approx(100 + START)


def test_the_nearest_in_size_serves_and_of_these_the_run_itself(earlier):
    earlier.generated()
    earlier.trained(seconds=100)
    earlier.trained(f"{RUN}-identity", seconds=200)
    earlier.trained(scale="desk", n_events=4000, epochs=30, seconds=1000)
    assert earlier.price("quick", "train", "paper", RUN).wall_s == pytest.approx(100 + START)
    assert earlier.price("quick", "train", "paper", f"{RUN}-double").wall_s == pytest.approx(200 + START)
    assert earlier.price("desk", "train", "paper", RUN).wall_s == pytest.approx(1000 + START)


@pytest.mark.parametrize(
    "change",
    [
        {"network": {"type": "mlp", "width": 64, "depth": 4, "time_dim": 64}},
        {"n_particles": 10},
        {"schedule": {"steps": 20, "gamma": [0.1, 0.2]}},
        {"training": {"batch_size": 64, "precision": "auto", "compile": False, "ema": 0.0}},
        {"loss": {"type": "noise", "target": "step", "times_per_event": 1}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_network_loss_or_batch_is_not_comparable(earlier, change):
    spec = earlier.trained()
    earlier.trained(spec={**spec, **change})
    cost = earlier.price("quick", "train", "paper", RUN)
    assert (cost.source, cost.wall_s) == (ASSUMED, 600)


@pytest.mark.parametrize("change", [{"lr": 1.0, "epochs": 99, "keep": "last"}, {"clip": 7.0}])
def test_what_takes_no_time_does_not_matter(earlier, change):
    spec = earlier.trained()
    earlier.trained(spec={**spec, "seed": 3, "augmentation": "many", "training": {**spec["training"], **change}})
    assert earlier.price("quick", "train", "paper", RUN).source == MEASURED


@pytest.mark.parametrize(
    ("made", "asks", "gpu_s"),
    [
        ({"device": "cuda:0", "processes": 4}, {"device": "cuda", "gpu": 4}, 400),
        ({"device": "cuda", "processes": 4}, {"device": "auto", "gpu": 4}, 400),
        ({"device": "cuda", "processes": 2}, {"device": "cuda", "gpu": 4}, None),
        ({"device": "cpu", "processes": 1}, {"device": "cuda", "gpu": 4}, None),
        ({"device": "cpu", "processes": 1}, {"device": "auto", "gpu": 4}, 0),
        ({"device": "cpu", "processes": 2}, {"device": "cpu", "gpu": 2}, 0),
    ],
)
def test_devices_are_compared_by_kind_and_number(earlier, made, asks, gpu_s):
    earlier.trained(**made)
    cost = earlier.price("quick", "train", "paper", RUN, **asks)
    assert cost.source == (ASSUMED if gpu_s is None else MEASURED)
    if gpu_s is not None:
        assert cost.gpu_s == pytest.approx(gpu_s)


def test_what_ran_on_another_machine_does_not_count_and_is_told(earlier):
    earlier.generated()
    earlier.trained(processor="Another Chip 9000")
    measured = Measurements(earlier.at("quick")[0])
    assert not measured.by_key
    assert any("Another Chip 9000" in note for note in measured.notes)


def test_a_sampling_scales_with_its_events(earlier):
    earlier.generated()
    earlier.trained()
    earlier.sampled(seconds=40)
    assert earlier.price("desk", "sample", "paper", RUN).wall_s == pytest.approx(START + 5 * (40 - START))
    assert earlier.price("desk", "sample", "paper", RUN, device="cuda").source == ASSUMED


def test_the_start_of_a_job_does_not_shrink_with_its_size(earlier):
    earlier.generated()
    earlier.trained()
    earlier.sampled(rows=4000, seconds=START + 40)
    assert earlier.price("quick", "sample", "paper", RUN).wall_s == pytest.approx(START + 10)


def test_shards_are_measured_as_parts_of_a_sampling_and_their_gathering_apart(earlier):
    earlier.generated()
    earlier.trained()
    earlier.sampled(seconds=4)
    for k in (1, 2):
        earlier.sampled(part=f".shard-{k}of2", seconds=20, table=False)
    assert earlier.price("quick", "sample", "paper", f"{RUN}.shard-1of2").wall_s == pytest.approx(20)
    assert earlier.price("quick", "sample", "paper", RUN).wall_s == pytest.approx(
        START + 2 * (20 - START)
    )  # in one job: not 4
    earlier.config["resources"][RUN] = {"shards": 2}
    assert earlier.price("quick", "sample", "paper", RUN).wall_s == pytest.approx(4)


def test_truth_and_training_sets_scale_with_their_events(earlier):
    earlier.generated(rows=2000, seconds=10.0)
    earlier.generated("uniform_3")
    _, layout = earlier.at("quick")
    earlier.table(layout.embedded("muon.single"), 1000, n_particles=3)
    earlier.benchmark(layout, "embed", "muon.single", seconds=3.0)
    assert earlier.price("desk", "generate", "muon").wall_s == pytest.approx(START + 4 * (10 - START))
    assert earlier.price("desk", "generate", "aps_20").source == ASSUMED
    assert earlier.price("desk", "embed", "qqg_1e-3.single").wall_s == pytest.approx(START + 4 * (3 - START))
    assert earlier.price("desk", "embed", "muon.double").source == ASSUMED
    assert earlier.price("desk", "embed", "aps_20.single").source == ASSUMED


def test_a_figure_scales_with_the_events_that_it_shows(earlier):
    earlier.generated(rows=2000)
    earlier.trained()
    earlier.sampled(rows=1000)
    _, layout = earlier.at("quick")
    for path in layout.product("figures", "fig04").values():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(bytes(1000))
    earlier.benchmark(layout, "figures", "paper", "fig04", seconds=6.0)
    assert earlier.price("desk", "figures", "paper", "fig04").wall_s == pytest.approx(START + (6 - START) * 13 / 3)


def test_a_product_that_is_gone_or_cut_short_is_told_and_does_not_count(earlier):
    earlier.generated()
    earlier.trained()
    config, layout = earlier.at("quick")
    Path(layout.record(RUN)).write_text("{")
    Path(layout.events("muon")).unlink()
    measured = Measurements(config)
    assert not measured.by_key
    assert any("and 2 more: the product is gone" in note for note in measured.notes)


def test_without_earlier_runs_all_is_assumed_and_that_is_told(earlier):
    measured = Measurements(earlier.at("quick")[0])
    assert measured.notes == [f"nothing comparable was measured under {earlier.config['results']}"]
    assert measured.cost(job()).source == ASSUMED
