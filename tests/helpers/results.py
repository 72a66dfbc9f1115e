"""A results folder as the workflow leaves it, but tiny: what the page of a scale is made of."""

import json
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.core.rng import stream

ROOT = Path(__file__).parents[2]
RUNS = ("muon-q-diffusion", "muon-q-diffusion-double", "aps_30-q-flow", "aps_30-p-flow")
FIGURES = ("fig01", "fig03", "fig13")
TABLE = """\
| Model |  | abs(ΣE − 1) | abs(Σp_x) |
|:---|---:|---:|---:|
| p-space flow | ours | 0.712 | (6.3 ± 1.9)e-4 |
| q-space flow | ours | 1.90e-15 | 3.67e-16 |

Means over events.
"""
BENCHMARK = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
OBSERVABLES = {
    "muon": ("ln_f", "E_1", "E_3", "cos_theta_3", "u_1", "u_2"),
    "aps": ("log10_tau", "E_max", "log10_E_min", "log10_E"),
}


def results(folder, presets=("paper", "record"), scale="quick"):
    """Return the layout of the first preset of a results folder with products of each, the configuration beside it."""
    config = configuration.read(ROOT / "config.yaml") | {"results": str(folder / "results")}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    for name in ("fig01", "fig03", "tab1"):
        write(folder / "workflow" / "report" / f"{name}.rst", f"What {name} shows of E_1 and\n\\|q\\|. It says more.\n")
    loaded = configuration.load(folder / "config.yaml", [f"scale={scale}"])
    layout = Layout(loaded)
    for preset in reversed(presets):
        layout = Layout(loaded | {"preset": preset})
        for name in FIGURES if preset == "paper" else FIGURES[:1]:
            figure(layout, name)
        for kind, text in (("md", TABLE), ("tex", "a & b"), ("csv", "a,b\n1,2\n")):
            write(layout.product("tables", "tab1")[kind], text)
        for k, run in enumerate(RUNS):
            training(layout, run, 3 + k)
            write(layout.metrics(run), json.dumps(metrics(run, 10.0 ** (k - 1))))
            write(layout.samples(run), "events")
            write(layout.benchmark("train", preset, run), f"{BENCHMARK}{60 + k}\t0:01:00\t500.0{'	-' * 6}\t55.5\n")
    write(layout.events("muon"), "events")
    write(layout.benchmark("generate", "muon"), f"{BENCHMARK}2.5\t0:00:02{'	-' * 8}\n")
    write(layout.benchmark("embed", "cut.short"), BENCHMARK)
    return layout


def write(path, text):
    """Write a text, and the folders above it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def figure(layout, name):
    """Write a figure: a picture, a PDF of sorts, and drawn numbers of two panels."""
    paths = layout.product("figures", name)
    lines = [
        f"{name},{panel},histogram,{series},0,1,2" for panel in ("E_1", "E_2") for series in ("truth", "q-space <b>")
    ]
    write(paths["csv"], "\n".join(["figure,panel,kind,series,x_lo,x_hi,value", *lines, f"{name},E_1,w1,told,0,0,1"]))
    write(paths["pdf"], "%PDF-")
    pixels = stream(1, "test", "exhibits", name).integers(0, 256, (60, 140, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(paths["png"])


def training(layout, run, epochs):
    """Write the record and the history of a training whose loss falls to its end."""
    origin = {"processor": "A <fast> one", "cores": 2, "platform": "Linux", "python": "3.12", "commit": "a" * 40}
    spec = {"run": run, "network": {"type": "mlp", "width": 8, "depth": 2}, "loss": {"type": "ism"}}
    sizes = {"epochs": epochs, "n_events": 1000 * epochs, "n_parameters": 1234, "kept_epoch": epochs}
    record = {"spec": spec, **sizes, "seconds": 60.0, "cpu_seconds": 55.0, "device": "cpu", "provenance": origin}
    write(layout.record(run), json.dumps(record))
    lines = [f"{n},{-n / 2},0.001,1.0,2.0,{500 + n}" for n in range(1, epochs + 1)]
    header = "epoch,loss,lr,grad_norm,seconds,events_per_s"
    write(Path(layout.record(run)).with_name("history.csv"), "\n".join([header, *lines]))
    write(layout.model(run), "weights")


def metrics(run, over):
    """Return metrics of a run that are `over` times their floor, but the largest KS."""
    process = "muon" if run.startswith("muon") else "aps"
    low = {"floor_w1_mean": 0.002, "floor_w1_sd": 0.0001, "floor_ks_mean": 0.004, "floor_ks_sd": 0.0002}
    low |= {"floor_w1_low": 0.0011, "floor_w1_high": 0.0032, "w1_over_floor_error": 0.04 * over}
    observables = {name: {"w1": 0.002 * over, "ks": 0.004, **low} for name in OBSERVABLES[process]}
    observables["E_1" if process == "muon" else "E_max"]["ks"] = 0.1
    auc = {"mean": 0.6, "sd": 0.01, "floor_mean": 0.5, "floor_sd": 0.002}
    worst = {"observable": "E_1", "value": over, "error": 0.04 * over, "floor_mean": 1.6, "floor_sd": 0.2}
    worst |= {"floor_low": 1.2, "floor_high": 2.2}
    violation = 0.1 if "-p-" in run else 1e-16
    return {
        "run": run, "dataset": run.split("-")[0], "process": process, "observables": observables,
        "features": {"invariant": {"auc": auc}}, "all": {"worst": worst}, "counts": {"sample": 1000, "truth": 5000},
        "conservation": {"energy_mean": violation, "momentum_mean": violation, "median_energy": 0.5},
    }  # fmt: skip
