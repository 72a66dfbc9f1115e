"""Events by name, block by block: the same bytes whatever the chunk size and the number of threads.

A generator is a function `block(rng, size, **parameters)` that returns `size` independent events [size, N, 3] in the
centre-of-mass frame with E_cm = 1. Every block of a sample has EVENTS_PER_BLOCK events and its own random stream, so
that any part of a sample can be made alone, in any order.
"""

import inspect
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core import custom
from onshell.core.errors import OnshellError, nearest
from onshell.core.rng import stream
from onshell.physics.kinematics import violation
from onshell.physics.process import PROCESSES

EVENTS_PER_BLOCK = 8192

Generator = Callable[..., Tensor]
"""block(rng, size, **parameters) -> events [size, N, 3]."""


def find(generator: str) -> Generator:
    """Return the block function called `generator`: a name of PROCESSES or a custom "package.module:function"."""
    if generator in PROCESSES:
        return PROCESSES[generator].block()
    if ":" not in str(generator):
        hint = nearest(generator, [*PROCESSES, "package.module:function"])
        raise OnshellError(f"generator {generator!r} is unknown; {hint}")
    found = custom.find(generator, "generator")
    if not callable(found):
        raise OnshellError(f"generator {generator!r} is {found!r:.40}, no function; it must return events [size, N, 3]")
    return found


def check_parameters(generator: str, parameters: Mapping[str, Any]) -> None:
    """Return nothing, or raise OnshellError where `parameters` are not what the generator takes; it makes one event."""
    block = find(generator)
    with custom.guarded(f"generator {generator!r} does not say what it takes"):
        signature = inspect.signature(block)
    known = [name for name, p in signature.parameters.items() if p.kind is not p.VAR_KEYWORD][2:]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    takes = f"it takes {', '.join(known) or 'no parameters'}"
    for name in parameters:
        if name not in known and not open_ended:
            raise OnshellError(f"generator {generator!r}: unknown parameter {name!r}; {nearest(name, known)}")
    for name in known:
        if name not in parameters and signature.parameters[name].default is inspect.Parameter.empty:
            raise OnshellError(f"generator {generator!r}: parameter {name!r} is missing; {takes}")
    try:
        _call(generator, block, stream(0, "check"), 1, parameters)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise OnshellError(
            f"generator {generator!r}: a parameter of {parameters} has the wrong type: {error}"
        ) from error


def generate(
    generator: str,
    n: int,
    *,
    seed: int,
    name: tuple[str | int, ...] = (),
    chunk: int = 65536,
    threads: int = 1,
    skip: int = 0,
    **parameters: Any,
) -> Iterator[Tensor]:
    """Return an iterator over `n` events in tensors [<= chunk, N, 3], float64, E_cm = 1, after leaving out `skip`.

    The events depend on `generator`, `parameters`, `seed` and `name` alone; memory is that of one chunk and of a few
    blocks for every thread. Events are stored component by component: `p.unbind(-1)` gives contiguous arrays.
    """
    for key, value, least in (("n", n, 0), ("chunk", chunk, 1), ("threads", threads, 1), ("skip", skip, 0)):
        if not isinstance(value, int | np.integer) or value < least:
            raise OnshellError(f"generate: {key} = {value!r} must be an integer of at least {least}")
    check_parameters(generator, parameters)
    block = find(generator)

    def one(k: int) -> Tensor:
        return _call(generator, block, stream(seed, "generate", *name, k), EVENTS_PER_BLOCK, parameters)

    first, last = skip // EVENTS_PER_BLOCK, -(-(skip + n) // EVENTS_PER_BLOCK)
    return _cut(_ordered(one, range(first, last), threads), n, skip - first * EVENTS_PER_BLOCK, chunk)


def events(generator: str, n: int, *, seed: int, name: tuple[str | int, ...] = (), **parameters: Any) -> Tensor:
    """Return `n` events [n, N, 3], float64, E_cm = 1; arguments as in `generate`."""
    for chunk in generate(generator, n, seed=seed, name=name, chunk=max(n, 1), **parameters):
        return chunk
    return _call(generator, find(generator), stream(seed, "check"), 1, parameters)[:0]


def _ordered(one: Callable[[int], Tensor], numbers: range, threads: int) -> Iterator[Tensor]:
    """Return an iterator over one(k), k in `numbers`, in that order, made on `threads` threads a few blocks ahead."""
    if threads == 1:
        yield from map(one, numbers)
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[Tensor]] = deque()
        try:
            for k in numbers:
                ahead.append(pool.submit(one, k))
                if len(ahead) >= 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def _cut(blocks: Iterator[Tensor], n: int, skip: int, chunk: int) -> Iterator[Tensor]:
    """Return an iterator over `n` events of `blocks`, from event `skip` on, in tensors of `chunk` events."""
    out, filled, done = None, 0, 0
    for events in blocks:
        start, skip = skip, 0
        while start < len(events) and done + filled < n:
            if out is None:
                out = torch.empty(3, min(chunk, n - done), events.shape[1], dtype=torch.float64).permute(1, 2, 0)
            take = min(len(events) - start, len(out) - filled)
            out[filled : filled + take] = events[start : start + take]
            start, filled = start + take, filled + take
            if filled == len(out):
                yield out
                out, filled, done = None, 0, done + filled


def _call(
    generator: str, block: Generator, rng: np.random.Generator, size: int, parameters: Mapping[str, Any]
) -> Tensor:
    """Return block(rng, size), checked where the function is custom."""
    if generator in PROCESSES:
        return block(rng, size, **parameters)
    with custom.guarded(f"generator {generator!r} failed"):
        p = block(rng, size, **parameters)
    if not isinstance(p, Tensor | np.ndarray):
        raise OnshellError(f"generator {generator!r} returned {type(p).__name__}; it must return events [size, N, 3]")
    p = _real(generator, p)
    if size and p.ndim == 3 and p.shape[1] != parameters.get("n_particles", p.shape[1]):
        raise OnshellError(
            f"generator {generator!r} returned events of {p.shape[1]} particles, not {parameters['n_particles']}"
        )
    if p.ndim != 3 or p.shape[0] != size or p.shape[2] != 3:
        raise OnshellError(f"generator {generator!r} returned shape {tuple(p.shape)}; it must be ({size}, N, 3)")
    off = max(v.abs().max().item() for v in violation(p)) if size else 0.0
    if not off <= 1e-9:
        raise OnshellError(
            f"generator {generator!r} returned events off the shell sum E = 1, sum p = 0 by {off:.1e}; "
            "scale them to E_cm = 1 in the centre-of-mass frame, or end with onshell.physics.rambo.to_p"
        )
    return p


def _real(generator: str, p: Tensor | np.ndarray) -> Tensor:
    """Return what a custom generator returned as a float64 tensor on the processor, or raise."""
    kind = f"{p.dtype}" if isinstance(p, np.ndarray) else f"{p.dtype} ({p.layout}, {p.device.type})"
    plain = p.dtype.kind in "fiu" if isinstance(p, np.ndarray) else p.layout is torch.strided and not p.is_complex()
    if not plain or (isinstance(p, Tensor) and (p.is_quantized or p.device.type == "meta")):
        raise OnshellError(f"generator {generator!r} returned {kind}; it must return events [size, N, 3] in float64")
    with custom.guarded(f"generator {generator!r} returned {kind}"):
        return torch.as_tensor(p.detach() if isinstance(p, Tensor) else p, dtype=torch.float64, device="cpu")
