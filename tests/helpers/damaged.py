"""What files of each kind are damaged, and which command lines read them."""

import gzip
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from helpers import lhe, products, results
from helpers.mutations import (
    BYTES,
    TEXT,
    Mutation,
    json_value,
    of_bytes,
    parquet_columns,
    parquet_metadata,
    parquet_rows,
    torch_value,
    yaml_value,
)
from helpers.networks import awaken
from helpers.specs import run_spec
from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.evaluation.commands import autoencoder_file
from onshell.events.augment import AUGMENTATIONS
from onshell.events.datasets import Embedding, embed_file
from onshell.events.lhe.importing import Settings, import_file
from onshell.models.build import build
from onshell.sampling.commands import SampleOptions, sample_file
from onshell.training.checkpoint import save_model

FITTED = {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
N = 100
"""Events of every table."""
RUNS = ("muon-q-diffusion", "muon-q-diffusion-double")
PARQUET = (parquet_metadata, parquet_metadata, parquet_columns, parquet_columns, parquet_rows, *of_bytes(*BYTES))
JSON = (json_value, json_value, *of_bytes(*TEXT))


@dataclass(frozen=True)
class Kind:
    """Files of one kind, how they are damaged, and the command lines that read them as `{}`.

    As many damaged files as `share` are tried, or in this proportion; none below a half. A command line finds `folder`
    where it is called.
    """

    files: tuple[str, ...]
    mutations: tuple[Mutation, ...]
    verbs: tuple[str, ...]
    share: float
    folder: str = "plain"


TABLES = (
    "show {}",
    "show {} --json",
    "show {} --metadata",
    "embed {} -o out.parquet",
    "embed {} --project -o out.parquet",
    "export {} --seed 1 -o out.lhe",
    "export {} --frame 0,0,0.5 --e-cm 91.2 -o out.lhe.gz",
)
KINDS = {
    "truth": Kind(
        ("truth.parquet",),
        PARQUET,
        (
            *TABLES,
            "metrics samples.parquet --truth {} -o out.json",
            "floor {} --sample-size 20 --replicates 2 -o out.json",
            "weights likely.parquet --truth {} -o out.parquet",
        ),
        30,
    ),
    "samples": Kind(
        ("samples.parquet", "likely.parquet"),
        PARQUET,
        (*TABLES, "metrics {} --truth truth.parquet -o out.json"),
        20,
    ),
    "likelihoods": Kind(
        ("likely.parquet",),
        PARQUET,
        ("weights {} --truth truth.parquet -o out.parquet --json out.json", "weights {} --target muon -o out.parquet"),
        16,
    ),
    "training set": Kind(("set.parquet",), PARQUET, ("show {}", "show {} --json"), 8),
    "imports": Kind(
        ("imported.parquet",),
        PARQUET,
        ("show {}", "export {} -o out.lhe", "export samples.parquet --like {} --seed 1 -o out.lhe.gz"),
        20,
    ),
    "pictures": Kind(("truth.parquet", "imported.parquet"), PARQUET, ("show {} --plot out.png",), 0.4),
    "Les Houches": Kind(
        ("events.lhe", "events.lhe.gz"),
        of_bytes(*TEXT),
        (
            "import {} -o out.parquet",
            "import {} --skip-bad -o out.parquet",
            "import {} --particles q,qbar,g -o out.parquet",
        ),
        30,
    ),
    "model": Kind(
        ("model.pt", "flow.pt"),
        (torch_value, torch_value, torch_value, *of_bytes(*BYTES)),
        ("sample {} -n 5 -o out.parquet", "sample {} -n 5 --snapshots 1,0 -o out.parquet"),
        25,
    ),
    "autoencoder": Kind(
        ("networks.pt",),
        (torch_value, torch_value, *of_bytes(*BYTES)),
        ("metrics samples.parquet --truth truth.parquet --autoencoder {} -o out.json",),
        8,
    ),
    "floor": Kind(("floor.json",), JSON, ("metrics samples.parquet --truth truth.parquet --floor {} -o out.json",), 15),
    "configuration": Kind(
        ("config.yaml",),
        (yaml_value, yaml_value, yaml_value, *of_bytes(*TEXT)),
        ("generate muon --train 5 --test 5 -o out.parquet", "embed truth.parquet -a double -o out.parquet"),
        10,
        "configured",
    ),
    "metrics": Kind(
        tuple(f"results/quick/paper/metrics/{run}.json" for run in RUNS),
        JSON,
        ("table tab2 -o out", "summary -o out", "page -o out.html"),
        5,
        "products",
    ),
    "products": Kind(
        (
            "results/quick/paper/runs/muon-q-diffusion/run.json",
            "results/quick/paper/runs/muon-q-diffusion/history.csv",
            "results/quick/paper/figures/fig03.csv",
            "results/quick/paper/figures/fig03.png",
            "results/quick/paper/tables/tab1.md",
            "results/quick/benchmarks/train/paper/muon-q-diffusion.tsv",
            "workflow/report/fig03.rst",
        ),
        of_bytes(*TEXT),
        ("page -o out.html",),
        5,
        "products",
    ),
    "figure": Kind(
        ("results/quick/paper/samples/muon-q-diffusion.parquet", "results/quick/events/muon.parquet"),
        PARQUET,
        ("figure fig03 -o out",),
        0.4,
        "products",
    ),
}


def small_config() -> dict:
    """Return the configuration of the repository with all that has to do with muon decay, and nothing else."""
    config = configuration.read(results.ROOT / "config.yaml")
    config |= {
        "studies": {},
        "forward": {},
        "processes": {name: config["processes"][name] for name in ("muon", "uniform")},
    }
    for augmentation in config["augmentations"].values():
        augmentation.pop("by_process", None)
    quick = config["scales"]["quick"]
    for sizes in ("events", "samples"):
        quick[sizes] = {"default": quick[sizes]["default"]}
    config["scales"] = {"quick": quick}
    config["runs"] = {run: {k: v for k, v in config["runs"][run].items() if k != "trajectory"} for run in RUNS}
    config["figures"] = {"fig03": config["figures"]["fig03"]}
    config["tables"] = {"tab2": config["tables"]["tab2"]}
    return config


def make(folder: Path) -> None:
    """Make the folders of inputs, whole and good, that `KINDS` names."""
    plain = folder / "plain"
    plain.mkdir()
    _tables(plain)
    autoencoder_file(plain / "truth.parquet", plain / "networks.pt", seed=1, epochs=1, progress=products.silent)
    products.make_floor(plain / "truth.parquet", plain / "floor.json", sample_size=N, replicates=2, seed=1)
    configured = folder / "configured"
    configured.mkdir()
    (configured / "config.yaml").write_text(yaml.safe_dump(small_config(), sort_keys=False))
    shutil.copy(plain / "truth.parquet", configured)
    _products(folder / "products", plain)


def _tables(folder: Path) -> None:
    truth = products.truth(folder, "muon", "muon", "muon", N).rename(folder / "truth.parquet")
    products.smeared(folder, RUNS[0], truth, 0.1, {}).rename(folder / "samples.parquet")
    embed_file(truth, folder / "set.parquet", Embedding("double", AUGMENTATIONS["double"], 1))
    for name, family in (("model", "diffusion"), ("flow", "flow")):
        spec = run_spec(
            family=family, **({"schedule": {"steps": 5}} if family == "diffusion" else {"sampling": {"steps": 4}})
        )
        weights = awaken(build(spec), scale=0.1).state_dict()
        source = {"process": "muon", "cutoff": None}
        save_model(folder / f"{name}.pt", weights, spec, provenance={}, source=source, fitted=FITTED)
    sample_file(folder / "flow.pt", folder / "likely.parquet", N, SampleOptions(likelihood={}), products.silent)
    text = lhe.real_text()
    text = "</event>".join(text.split("</event>")[:30]) + "</event>\n</LesHouchesEvents>\n"
    (folder / "events.lhe").write_text(text)
    (folder / "events.lhe.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    import_file(folder / "events.lhe", folder / "imported.parquet", Settings())


def _products(folder: Path, plain: Path) -> None:
    folder.mkdir()
    results.results(folder, presets=("paper",))
    config = small_config()
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    layout = Layout(configuration.load(folder / "config.yaml", [f"results={folder / 'results'}"]))
    compared = (plain / "samples.parquet", plain / "truth.parquet")
    for run in RUNS:
        shutil.copy(plain / "samples.parquet", layout.samples(run))
        products.make_metrics(*compared, Path(layout.metrics(run)), seed=1, replicates=2, run=run)
    shutil.copy(plain / "truth.parquet", layout.events("muon"))
    uniform = Path(layout.events("uniform_3"))
    products.truth(uniform.parent, "uniform_3", "uniform", "uniform", N, n_particles=3)
