"""Named streams: the same name gives the same numbers, other names independent ones."""

import itertools
import threading

import numpy as np
import torch

from onshell.core.rng import stream, torch_stream

NAMES = [(), ("a",), ("b",), ("a", 1), ("a", "1"), ("a", 11), ("a1",), (1, "a"), ("a", 1, 1), ("ab",), ("a", "b")]


def test_a_stream_depends_on_its_name_alone():
    first = stream(7, "generate", "muon", 12).random(5)
    stream(7, "other").random(1000)
    np.random.default_rng(0).random(3)
    assert np.array_equal(first, stream(7, "generate", "muon", 12).random(5))


def test_streams_are_the_same_on_every_machine():
    # Frozen numbers: another platform or version of NumPy that gave others would change every product.
    assert stream(7, "generate", "muon", 12).integers(1 << 32, size=3).tolist() == [2480343328, 2402909576, 2597090190]
    assert torch.randint(1 << 32, (3,), generator=torch_stream(7, "train", 1)).tolist() == [
        3210500741,
        1477235991,
        2635050111,
    ]


def test_different_names_and_seeds_give_different_streams():
    starts = [stream(seed, *names).integers(1 << 62) for seed in (0, 1) for names in NAMES]
    assert len(set(starts)) == len(starts)
    seeds = [torch_stream(seed, *names).initial_seed() for seed in (0, 1) for names in NAMES]
    assert len(set(seeds)) == len(seeds)


def test_streams_are_uncorrelated():
    # 55 correlations of 1e5 normal numbers, each of standard deviation 1/sqrt(1e5): beyond 6 of them once in 1e7 runs.
    n = 100_000
    draws = [stream(3, *names).standard_normal(n) for names in NAMES]
    for one, other in itertools.combinations(draws, 2):
        assert abs(np.dot(one, other)) / n < 6 / np.sqrt(n)


def test_threads_do_not_disturb_one_another():
    found = {}

    def draw(k):
        found[k] = stream(1, "thread", k).random(1000)

    threads = [threading.Thread(target=draw, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[k], stream(1, "thread", k).random(1000)) for k in range(8))
