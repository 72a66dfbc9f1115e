"""`make gpu-check`: what it measures, tried small on the CPU, and on a GPU where there is one."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu_check.py"
NETWORK = {"width": 16, "depth": 2, "blocks": 1, "heads": 2, "pair_width": 8, "local_layers": 1, "time_dim": 8}
SCHEDULE = {"steps": 3, "gaussian_steps": 0, "gamma": [0.01, 0.05]}
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=[pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")]
    ),
]


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("gpu_check", SCRIPT)
    module = sys.modules["gpu_check"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["gpu_check"]


@pytest.fixture
def sizes(check):
    return check.Sizes(batch=8, steps=2, events=16, network=NETWORK, schedule=SCHEDULE)


@pytest.mark.parametrize("device", DEVICES)
def test_every_network_is_measured(check, sizes, device, monkeypatch):
    plain = [(about, make) for about, make in check.measurements(torch.device(device), sizes) if "compile" not in about]
    plain += [
        (about, make)
        for about, make in check.measurements(torch.device(device), sizes)
        if about.get("compile") is False and about["precision"] == "fp32"
    ]
    monkeypatch.setattr(check, "measurements", lambda *_: iter(plain))
    results = check.measure(torch.device(device), sizes, time.monotonic() + 300)
    assert not [row for row in results if "failed" in row]
    assert {row["network"] for row in results if row["what"] == "training"} == set(check.NETWORKS)
    assert all(row["finite"] and row["steps_per_second"] > 0 for row in results if row["what"] == "training")
    assert all(row["off_shell"] < 1e-12 for row in results if row["what"] == "sampling")
    for row in results:
        if row["what"] == "agreement with the CPU":
            assert max(row["loss_fp32"], row["gradient_fp32"]) < 1e-3
            assert row["field_bf16"] < 0.1
    text = check.table({"device": device, "torch": torch.__version__, "measurements": results})
    assert "### training" in text
    assert "| pet" in text


def test_what_is_out_of_time_is_listed_and_the_paper_sizes_are_whole(check):
    results = check.measure(torch.device("cpu"), check.Sizes(), time.monotonic() - 1)
    assert all(row["left_out"] == "out of time" for row in results)
    assert len(results) == 5 + 4 + 20
    found = check.specs(check.Sizes())
    assert found["pet"]["network"]["blocks"] == 8
    assert found["mlp"]["network"]["width"] == 256
    assert (found["mlp"]["n_particles"], found["pet"]["n_particles"]) == (3, 10)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_says_what_is_missing():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("gpu-check: ")
    assert "CUDA" in done.stderr
    assert done.stderr.count("\n") == 1
