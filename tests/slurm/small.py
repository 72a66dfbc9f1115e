"""The small workflow of these tests: muon decay, antennas of ten particles, and a run for every fault."""

from helpers.clones import shrink

EPOCHS = 30
"""So many that a training is caught in the middle, at a tenth of a second or less an epoch."""

MUON = "muon-q-diffusion"
PET = "aps_30-q-flow"
NODES = f"{PET}-nodes"
FIGURE = "fig04"

FAULTS = ("cancelled", "limit", "memory", "node", "requeued", "graced", "killed", "inner", "outer", "shared")
"""What befalls the trainings of these variants of the muon run while one Snakemake looks after all of them."""

LATE, ORPHAN, STOPPED = "late", "orphan", "stopped"

LITTLE = 800
"""MB of memory, the least that a run may ask for: too little for a network so wide, and twice as much is enough."""

GIVEN = {"gpus": 1, "nodes": 1, "shards": 1, "runtime": 20, "mem_mb": 1500}


def variant(fault: str) -> str:
    """Return the run that a fault is for."""
    return f"{MUON}-{fault}"


def small(config: dict, *, spread: bool) -> dict:
    """Return the configuration with these runs and sizes; `spread` over nodes and shards, or all in one place."""
    # Every job of a cluster reads the whole configuration three times.
    del config["studies"]
    shrink(config)
    muon = {"recipe": "muon-diffusion"}
    runs = {name: muon for name in (MUON, *map(variant, (*FAULTS, LATE, ORPHAN, STOPPED)))}
    wide = {"network": "wide", "training": {"epochs": 3, "batch_size": 2000}}
    runs[variant("memory")] = {**muon, **wide}
    several = 2 if spread else 1
    runs[PET] = runs[NODES] = {"recipe": "ten-body-flow"}
    config["runs"] = runs
    config["resources"] = {
        "*": GIVEN,
        variant("memory"): {"mem_mb": LITTLE},
        variant("shared"): {"gpus": 2},
        variant(LATE): {"runtime": 8},
        PET: {"gpus": 2, "shards": several},
        NODES: {"gpus": 2, "nodes": several},
    }
    config["networks"]["wide"] = {"type": "mlp", "width": 1024, "depth": 4, "time_dim": 64}
    sizes = config["scales"]["quick"]
    sizes["recipes"]["muon-diffusion"]["training"]["epochs"] = EPOCHS
    config["figures"] = {name: config["figures"][name] for name in (FIGURE, "fig06")}
    config["tables"], config["forward"] = {}, {}
    return config
