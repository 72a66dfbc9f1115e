"""The blocks of a sampling: how one is drawn, and the files in which they are kept until the table is whole.

The files lie in a hidden folder beside the table, named by all that their numbers depend on. A block has the same
numbers whoever draws it: processes that draw the same table at once may take each other's, and one that is missing or
damaged is drawn again when it is needed.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from onshell.core.custom import describe
from onshell.core.errors import OnshellError
from onshell.core.files import reason, save_whole, sweep
from onshell.core.progress import Progress
from onshell.core.reading import load
from onshell.models import custom
from onshell.sampling.densities import density_block
from onshell.sampling.sampler import Draw, sample_block
from onshell.training.checkpoint import network_of, read_model
from onshell.training.device import hold_memory

Block = dict[float | str, Any]
"""States [n, N, 3] by time, columns [n] by name, and how they were made: EVALUATIONS of the network, PRECISION."""
EVALUATIONS, PRECISION = "n_evaluations", "precision"


@dataclass(frozen=True)
class Job:
    """What the numbers of all blocks depend on: a model file with its digest, the spec, and how events are drawn.

    With a `likelihood`, see `likelihood_options`, blocks have columns. `network` is the import path of a custom network
    that the user names too.
    """

    model: Path
    digest: str
    spec: Mapping[str, Any]
    seed: int
    precision: str
    times: Sequence[float]
    likelihood: Mapping[str, Any] | None = None
    network: str | None = None


class Sampler:
    """Draws blocks of a `job` on a `device`; the network is read when the first of them is drawn."""

    def __init__(self, job: Job, device: torch.device) -> None:
        self.job, self.device = job, device

    @cached_property
    def _model(self) -> tuple[nn.Module, Mapping[str, Any] | None]:
        """The network, in float64 for likelihoods, and what its prior was fitted to."""
        content, digest = read_named(self.job.model)
        if digest != self.job.digest:
            raise OnshellError(f"{self.job.model}: changed while it was sampled; run again")
        network = network_of(content, self.job.model, self.device, network=self.job.network)
        hold_memory()
        return network.double() if self.job.likelihood else network, content.get("fitted")

    def draw(self, k: int, size: int) -> Block:
        """Return block `k`; a processor draws on one thread, since the last digits can depend on their number."""
        job, (network, fitted) = self.job, self._model
        calls, threads = 0, torch.get_num_threads()

        def counted(*inputs: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            found: Tensor = network(*inputs)
            return found

        draw, block = Draw(job.seed, self.device, job.precision, job.times, fitted), Block()
        try:
            if self.device.type == "cpu":
                torch.set_num_threads(1)
            with custom.at_work(job.spec, "sampling"), _faults_of(job.model):
                if job.likelihood:
                    block.update(density_block(counted, job.spec, k, size, draw, job.likelihood))
                else:
                    block.update(sample_block(counted, job.spec, k, size, draw).items())
        finally:
            torch.set_num_threads(threads)
        return {**block, EVALUATIONS: calls, PRECISION: job.precision}


class BlockFiles:
    """The files of the blocks (k, size) in `sizes` of the table `out`; the folder is named by their `settings`.

    Every block has states [size, `n_particles`, 3] at the `times`.
    """

    def __init__(
        self,
        out: Path,
        sizes: Sequence[tuple[int, int]],
        settings: Mapping[str, Any],
        times: Sequence[float],
        n_particles: int,
    ) -> None:
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
        self.out, self.sizes, self.times, self.n_particles = out, dict(sizes), times, n_particles
        self.folder = out.with_name(f".{out.name}.parts-{key}")

    def make(self) -> None:
        """Make the folder: a place that cannot be written shows before anything is drawn."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise reason(self.out, error) from error

    def read(self, k: int) -> Block | None:
        """Return block `k`, or None if it is not there.

        Raises
        ------
        OnshellError
            For a file that is damaged in any bit, or not a block of this sampling.
        """
        path, remedy = self._path(k), "it is drawn again"
        try:
            block: Block = dict(load(path, "block of a sampling", remedy).items())
        except OnshellError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        shape = (self.sizes[k], self.n_particles, 3)
        fits = all(getattr(block.get(time), "shape", None) == shape for time in self.times)
        if not (fits and isinstance(block.get(EVALUATIONS), int) and isinstance(block.get(PRECISION), str)):
            raise OnshellError(f"{path}: a foreign or damaged block of a sampling; {remedy}")
        return block

    def find(self, k: int, progress: Progress) -> Block | None:
        """Return block `k`, or None if it is not there or is damaged, which goes to `progress`."""
        try:
            return self.read(k)
        except OnshellError as error:
            progress(str(error))
            return None

    def write(self, k: int, block: Block) -> None:
        """Write block `k`."""
        save_whole(block, self._path(k))

    def all(self, sampler: Sampler, progress: Progress) -> Iterator[Block]:
        """Yield every block; what another process took away meanwhile, or a disk has lost, is drawn by `sampler`."""
        for k, size in self.sizes.items():
            yield self.find(k, progress) or sampler.draw(k, size)

    def sweep(self) -> None:
        """Remove what processes that were killed had begun to write."""
        for k in self.sizes:
            sweep(self._path(k))

    def remove(self) -> None:
        """Remove the folder, and those of other settings for the same table."""
        for folder in self.out.parent.iterdir():
            if folder.name.startswith(f".{self.out.name}.parts-"):
                shutil.rmtree(folder, ignore_errors=True)

    def _path(self, k: int) -> Path:
        return self.folder / f"{k:06}.pt"


def read_named(path: Path) -> tuple[dict[str, Any], str]:
    """Return the content of a model file, and twelve hexadecimal digits that depend on every byte of it."""
    digest, content = _digest(path), read_model(path)
    # Events must not be drawn from one model under the name of another, which took its place meanwhile.
    if digest is None or _digest(path) != digest:
        raise OnshellError(f"{path}: changed while it was read; run again")
    return content, digest


def _digest(path: Path) -> str | None:
    """Return twelve hexadecimal digits that depend on every byte of a file, or None where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return None


@contextlib.contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    """Say of which model file it is that its settings are not ones that can be sampled."""
    try:
        yield
    except OnshellError as error:
        # What is wrong with a model shows when it draws, in words that do not name its file.
        raise OnshellError(f"{path}: {error}") from error
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise OnshellError(
            f"{path}: its settings describe nothing that can be sampled ({describe(error)}); train it again"
        ) from error
