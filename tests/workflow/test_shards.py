"""A sampling that is dealt to several jobs: what is planned, and what is made."""

import re

import pytest
import torch

from helpers.clones import shrink
from helpers.networks import awaken
from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.events.table import read_events
from onshell.models.build import build
from onshell.sampling.commands import sample_file
from onshell.training.checkpoint import save_model

pytestmark = pytest.mark.workflow
RUN = "muon-q-diffusion"


def test_shards_of_a_run_are_jobs_with_a_gpu_each_and_the_table_needs_none(clone):
    clone.config["resources"][RUN] = {"shards": 3}
    clone.save()
    assert clone.plan("fig17") == {"generate": 1, "embed": 2, "train": 2, "shard": 3, "sample": 2, "fig17": 1}
    text = clone.run("--dry-run", "fig17").stdout
    given = dict(re.findall(r"output: \S+/samples/(\S+?)\.parquet\n(?:.*\n)*?    resources: (.*)", text))
    assert set(given) == {RUN, f"{RUN}-double", *(f"{RUN}.shard-{k}of3" for k in (1, 2, 3))}
    assert [name for name, resources in given.items() if "gpu=" not in resources] == [RUN]
    assert all("device=auto" in resources for resources in given.values())


def test_the_table_of_shards_is_that_of_one_job_and_their_number_may_change_afterwards(clone):
    config = shrink(clone.config)
    config["scales"]["quick"]["samples"]["default"] = 5000
    config["resources"]["*"]["shards"] = 3
    clone.save()
    spec, layout = configuration.run_spec(config, RUN), Layout(config)
    model, table = clone.folder / layout.model(RUN), clone.folder / layout.samples(RUN)
    model.parent.mkdir(parents=True)
    save_model(model, awaken(build(spec), scale=0.1).state_dict(), spec, provenance={})

    # The model has no training set here: only these rules are looked at.
    only = (layout.samples(RUN), "--allowed-rules", "shard", "sample")
    done = clone.run(*only, "--cores", "2", "--quiet", "rules")
    assert done.returncode == 0, done.stdout + done.stderr
    alone = read_events(sample_file(model, clone.folder / "alone.parquet", 5000, progress=lambda line: None))
    made = read_events(table)
    assert torch.equal(made.momenta, alone.momenta)
    # The code may be committed while tests run.
    assert made.metadata | {"commit": ""} == alone.metadata | {"commit": ""}
    # The tables of shards are removed when they have served, and blocks when a table is whole.
    assert [path.name for path in table.parent.iterdir()] == [table.name]

    assert clone.plan(*only) == {}
    config["resources"]["*"]["shards"] = 2
    clone.save()
    assert clone.plan(*only) == {"shard": 2, "sample": 1}
    assert clone.plan(*only, "--rerun-triggers", "mtime", "params", "code", "software-env") == {}
