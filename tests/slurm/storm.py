"""One Snakemake whose trainings are all struck, each by a fault of its own."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from slurm.campaign import Campaign
from slurm.faults import STRIKES
from slurm.small import FAULTS, variant

PARTITIONS = {"node": "spare", "requeued": "low", "graced": "grace"}
"""Where a training must be so that its fault is nobody else's; the rest share the nodes of `main`."""


class Storm:
    """A campaign under way, and what the faults have seen of it."""

    def __init__(self, clone: Campaign, workers: ThreadPoolExecutor):
        self.clone = clone
        train, fault = clone.profile["set-resources"]["train"], "wildcards.run.rpartition('-')[2]"
        train["slurm_partition"] = f"{PARTITIONS}.get({fault}, 'main')"
        clone.save_profile()
        clone.start(*(clone.layout.model(variant(fault)) for fault in FAULTS))
        self.strikes = {fault: workers.submit(STRIKES[fault], clone) for fault in FAULTS}

    def struck(self, fault: str) -> Any:
        """Return what a fault's function saw, when it has struck."""
        return self.strikes[fault].result()
