"""The cluster, the clones of the workflow on it, and what an undisturbed run on this machine leaves."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from slurm import faults
from slurm.campaign import Campaign, Local
from slurm.cluster import missing, private_cluster
from slurm.jobs import OVER, Job, Slurm
from slurm.settings import Settings
from slurm.small import FIGURE, LATE, PET, variant
from slurm.storm import Storm

Campaigns = Callable[[str], Campaign]


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark of these tests known."""
    config.addinivalue_line("markers", "slurm: needs Slurm's programs, and brings up a cluster of its own")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        item.add_marker(pytest.mark.slurm)


def pytest_sessionstart() -> None:
    """Say what to install where there is no Slurm."""
    if fault := missing():
        pytest.exit(f"test-slurm: {fault}", returncode=3)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A cluster of six nodes; trainings that lose theirs share them with nobody."""
    partitions = {"main": "n[1-2]", "low": "n3", "grace": "n4", "spare": "n[5-6]", "high": "ALL"}
    with private_cluster(Settings(nodes=6, cpus=8, gpus=4, partitions=partitions)) as cluster:
        yield Slurm(cluster)


@pytest.fixture(scope="session")
def workers() -> Iterator[ThreadPoolExecutor]:
    """Threads that watch jobs; they give up when the tests are over."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        yield pool
        OVER.set()


@pytest.fixture(scope="session")
def local(tmp_path_factory, slurm) -> Iterator[Local]:
    """The undisturbed clone: its training sets are there, all else comes while the tests run."""
    clone = Local(tmp_path_factory.mktemp("local") / "clone", slurm)
    layout = clone.layout
    clone.make(layout.embedded("muon.single"), layout.embedded("aps_30.single"))
    clone.start(*map(layout.model, clone.config["runs"]), layout.samples(PET), FIGURE)
    yield clone
    clone.stop()


@pytest.fixture(scope="session")
def undisturbed(local) -> Local:
    """The undisturbed clone, with everything in it."""
    assert local.finish() == 0, local.told()[-6000:]
    return local


@pytest.fixture(scope="session")
def campaign(tmp_path_factory, slurm) -> Iterator[Campaigns]:
    """A function that makes a clone for the cluster, of this name."""
    made: list[Campaign] = []

    def make(name: str, data: Local | None = None) -> Campaign:
        clone = Campaign(tmp_path_factory.mktemp(name) / "clone", slurm)
        made.append(clone)
        if data:
            clone.take(data)
        return clone

    yield make
    for clone in made:
        clone.stop()


@pytest.fixture(scope="session")
def late(campaign, local, workers) -> tuple[Campaign, Future[Job]]:
    """A clone with one training, whose job has too little time for it, and that job when it has ended."""
    clone = campaign("late", local)
    clone.start(clone.layout.model(variant(LATE)))
    return clone, workers.submit(faults.late, clone)


@pytest.fixture(scope="session")
def figure(campaign) -> Campaign:
    """A clone in which one figure was asked for, from nothing."""
    clone = campaign("figure")
    clone.make(FIGURE)
    return clone


@pytest.fixture(scope="session")
def storm(campaign, local, workers) -> Storm:
    """A clone with a training for every fault that befalls jobs."""
    return Storm(campaign("storm", local), workers)


@pytest.fixture(scope="session", autouse=True)
def begun(request) -> None:
    """Start what takes long before the first test, so that waiting for it costs little."""
    for name in ("late", "storm"):
        if any(name in item.fixturenames for item in request.session.items):
            request.getfixturevalue(name)
