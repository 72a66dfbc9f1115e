"""What every generator must do: conserve, be reproducible block by block, refuse bad input."""

import math
import runpy
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.maps import assert_on_shell
from helpers.statistics import assert_law, assert_uniform
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.physics.generators import EVENTS_PER_BLOCK, events, find, generate
from onshell.physics.generators.rejection import accept
from onshell.physics.kinematics import energies
from onshell.physics.process import PROCESSES

CASES = {
    "uniform-2": ("uniform", {"n_particles": 2}),
    "uniform-3": ("uniform", {"n_particles": 3}),
    "uniform-10": ("uniform", {"n_particles": 10}),
    "muon": ("muon", {}),
    "qqg-1e-4": ("qqg", {"cutoff": 1e-4}),
    "qqg-1e-8": ("qqg", {"cutoff": 1e-8, "sqrt_s": 91.2}),
    "sarge-3": ("sarge", {"cutoff": 20, "n_particles": 3}),
    "sarge-10": ("sarge", {"cutoff": 40, "n_particles": 10}),
    "sarge-30": ("sarge", {"cutoff": 1e4, "n_particles": 30}),
}
every_case = pytest.mark.parametrize(("generator", "parameters"), CASES.values(), ids=CASES)


@every_case
def test_events_conserve_to_1e_12_and_have_no_preferred_azimuth(generator, parameters):
    p = events(generator, 50_000, seed=1, name=("conservation",), **parameters)
    assert p.dtype == torch.float64
    assert_on_shell(p)
    assert_uniform(torch.atan2(p[:, 0, 1], p[:, 0, 0]), -math.pi, math.pi)
    if not PROCESSES[generator].oriented:
        assert_uniform(p[:, 0, 2] / energies(p)[:, 0], -1, 1)


@every_case
def test_bytes_depend_on_neither_chunk_nor_threads(generator, parameters):
    n, skip = 2 * EVENTS_PER_BLOCK + 777, 100
    whole = events(generator, skip + n, seed=2, name=("bytes",), **parameters)
    for chunk, threads in ((5000, 1), (EVENTS_PER_BLOCK, 2), (100_000, 3)):
        parts = list(
            generate(generator, n, seed=2, name=("bytes",), chunk=chunk, threads=threads, skip=skip, **parameters)
        )
        assert all(len(part) == chunk for part in parts[:-1])
        assert torch.equal(torch.cat(parts), whole[skip:])
    far = next(generate(generator, 10, seed=2, name=("bytes",), skip=EVENTS_PER_BLOCK + 5, **parameters))
    assert torch.equal(far, whole[EVENTS_PER_BLOCK + 5 : EVENTS_PER_BLOCK + 15])


@every_case
def test_block_k_comes_from_its_named_stream(generator, parameters):
    p = events(generator, EVENTS_PER_BLOCK + 1, seed=3, name=("a", 1), **parameters)
    assert torch.equal(
        p[EVENTS_PER_BLOCK:], find(generator)(stream(3, "generate", "a", 1, 1), EVENTS_PER_BLOCK, **parameters)[:1]
    )
    for seed, name in ((4, ("a", 1)), (3, ("a", 2)), (3, ())):
        assert not torch.equal(events(generator, 1, seed=seed, name=name, **parameters), p[:1])


def test_torch_threads_leave_the_bytes_alone():
    before, expected = torch.get_num_threads(), events("sarge", 20_000, seed=5, cutoff=30)
    try:
        torch.set_num_threads(3)
        assert torch.equal(events("sarge", 20_000, seed=5, cutoff=30), expected)
    finally:
        torch.set_num_threads(before)


def test_no_events_and_abandoned_streams():
    assert events("uniform", 0, seed=1, n_particles=4).shape == (0, 4, 3)
    assert list(generate("muon", 0, seed=1)) == []
    endless = generate("muon", 10**12, seed=1, chunk=10, threads=2)
    assert next(endless).shape == (10, 3, 3)
    endless.close()


@pytest.mark.parametrize(
    ("generator", "parameters", "message"),
    [
        ("unifrom", {}, "did you mean 'uniform'"),
        ("nothing", {}, "known: uniform, muon, qqg, sarge"),
        ("no_such_package:block", {}, "cannot be imported"),
        ("math:no_such_function", {}, "cannot be imported"),
        ("uniform", {"n_particles": 1}, "at least 2"),
        ("uniform", {"n_particles": 2.5}, "must be an integer"),
        ("uniform", {}, "'n_particles' is missing"),
        ("uniform", {"n_particle": 3}, "did you mean 'n_particles'"),
        ("muon", {"cutoff": 1e-3}, r"known: n_particles\)"),
        ("qqg", {"cutoff": 0.5}, "below 1/3"),
        ("qqg", {"cutoff": 0.0}, "above 0"),
        ("qqg", {"cutoff": "1e-4"}, "wrong type"),
        ("qqg", {"cutoff": 1e-3, "sqrt_s": -1.0}, "sqrt_s"),
        ("qqg", {"cutoff": math.nan}, "cutoff"),
        ("sarge", {"cutoff": 30, "n_particles": 2}, "at least 3"),
        ("muon", {"n_particles": 4}, "has 3 particles"),
        ("qqg", {"cutoff": 1e-3, "n_particles": 4}, "has 3 particles"),
        ("sarge", {"cutoff": 0.5}, "above 1"),
    ],
)
def test_bad_input_is_refused_in_one_line(generator, parameters, message):
    with pytest.raises(OnshellError, match=message) as caught:
        generate(generator, 10, seed=1, **parameters)
    assert "\n" not in str(caught.value)


SIZES = {"n": 1, "chunk": 10, "threads": 1, "skip": 0}


@pytest.mark.parametrize("bad", [{"n": -1}, {"n": 1.5}, {"chunk": 0}, {"threads": 0}, {"skip": -1}])
def test_bad_sizes(bad):
    with pytest.raises(OnshellError, match="must be an integer"):
        generate("muon", **(SIZES | bad), seed=1)


@pytest.fixture
def own(monkeypatch):
    module = types.ModuleType("my_process")
    monkeypatch.setitem(sys.modules, "my_process", module)
    return module


def back_to_back(rng, size, *, energy=0.5):
    z = np.where(rng.random(size) < 0.5, energy, -energy)
    p = np.zeros((size, 2, 3))
    p[:, 0, 2], p[:, 1, 2] = z, -z
    return p


def test_a_process_of_the_user(own):
    own.block = back_to_back
    p = events("my_process:block", EVENTS_PER_BLOCK + 5, seed=1)
    assert p.shape == (EVENTS_PER_BLOCK + 5, 2, 3)
    assert_on_shell(p)


def test_a_faulty_process_of_the_user(own):
    own.block = back_to_back
    with pytest.raises(OnshellError, match="off the shell"):
        events("my_process:block", 5, seed=1, energy=1.0)
    own.block = lambda rng, size: torch.zeros(size + 1, 2, 3)
    with pytest.raises(OnshellError, match="returned shape"):
        events("my_process:block", 5, seed=1)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (7, "is 7, no function"),
        (lambda rng, size: torch.zeros(size, 2, 3).to_sparse(), r"returned torch\.float32 \(torch\.sparse_coo, cpu\)"),
        (lambda rng, size: torch.zeros(size, 2, 3, dtype=torch.complex64), r"returned torch\.complex64"),
        (lambda rng, size: torch.zeros(size, 2, 3, device="meta"), "returned .*meta"),
        (lambda rng, size: np.full((size, 2, 3), "a"), "returned <U1"),
        (lambda rng, size: np.full((size, 2, 3), None), "returned object"),
        (lambda rng, size: np.full((size, 2, 3), np.nan), "returned events off the shell .* by nan"),
        (lambda rng, size: [[0.0]], "returned list"),
        (lambda rng, size: sys.exit(3), "failed: SystemExit: 3"),
        (lambda rng, size: len(3), "failed: TypeError: "),
        (lambda rng: None, "failed: TypeError: "),
        (lambda rng, size, n_particles=3: back_to_back(rng, size), "returned events of 2 particles, not 3"),
    ],
)
def test_what_is_no_generator_is_refused_in_one_line(own, block, message):
    own.block = block
    options = {"n_particles": 3} if "not 3" in message else {}
    with pytest.raises(OnshellError, match=f"generator 'my_process:block' {message}") as caught:
        events("my_process:block", 5, seed=1, **options)
    assert "\n" not in str(caught.value)


def test_gradients_of_a_generator_are_left_behind(own):
    own.block = lambda rng, size: torch.from_numpy(back_to_back(rng, size)).requires_grad_()
    assert not events("my_process:block", 5, seed=1).requires_grad


def test_benchmark_runs(monkeypatch, capsys):
    script = Path(__file__).parents[2] / "benchmarks" / "generators.py"
    threads = torch.get_num_threads()
    monkeypatch.setattr(sys, "argv", [str(script), "--scale", "1e-4", "--repeat", "1", "--threads", str(threads)])
    runpy.run_path(str(script), run_name="__main__")
    assert "| SARGE, N = 10, xi = 40 | 100 |" in capsys.readouterr().out


def test_rejection_gives_the_closed_form_of_muon_decay():
    def weight(p):
        return 8 * energies(p)[:, 2] * (0.5 - energies(p)[:, 2])

    e_1, e_2, e_3 = energies(accept(stream(1, "accept"), 50_000, 3, weight, 0.5)).unbind(-1)
    assert_law(e_3, lambda e: 32 * e**3 - 48 * e**4)
    for e in (e_1, e_2):
        assert_law(e, lambda e: 16 * e**3 * (1 - e))


def test_rejected_events_conserve_and_have_the_size_asked_for():
    p = accept(stream(2, "accept"), 777, 5, lambda p: energies(p).amin(-1), 0.2)
    assert p.shape == (777, 5, 3)
    assert_on_shell(p)


@pytest.mark.parametrize(
    ("weight", "maximum", "message"),
    [
        (lambda p: energies(p)[:, 0], 0.1, "exceeds maximum"),
        (lambda p: energies(p)[:, 0] - 1, 1.0, "negative"),
        (lambda p: energies(p)[:, 0] * torch.nan, 1.0, "not a number"),
        (lambda p: energies(p)[:, 0], 1e9, "accepted"),
    ],
)
def test_a_weight_that_is_no_density_under_its_maximum_is_refused(weight, maximum, message):
    with pytest.raises(OnshellError, match=message):
        accept(stream(3, "accept"), 1000, 3, weight, maximum)
