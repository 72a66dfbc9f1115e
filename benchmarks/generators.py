"""Time the exact generators and print a table: `taskset -c 0 env OMP_NUM_THREADS=1 python benchmarks/generators.py`."""

import argparse
import time

import torch

from onshell.physics.generators import generate
from onshell.physics.kinematics import violation

# Name, generator, parameters, events at full size, seconds allowed on one core.
CASES = [
    ("uniform, N = 10", "uniform", {"n_particles": 10}, 1_000_000, 1.5),
    ("SARGE, N = 10, xi = 40", "sarge", {"cutoff": 40, "n_particles": 10}, 1_000_000, 5.0),
    ("q qbar g, cutoff 1e-4", "qqg", {"cutoff": 1e-4}, 500_000, 4.0),
    ("muon", "muon", {}, 1_000_000, None),
    ("uniform, N = 3", "uniform", {"n_particles": 3}, 1_000_000, None),
]


def measure(generator: str, parameters: dict, n: int, threads: int) -> tuple[float, float]:
    """Return the seconds for `n` events and the largest violation of sum E = 1 or sum p = 0 (checked untimed)."""
    seconds, worst = 0.0, 0.0
    stream = generate(generator, n, seed=1, threads=threads, **parameters)
    while True:
        start = time.perf_counter()
        p = next(stream, None)
        seconds += time.perf_counter() - start
        if p is None:
            return seconds, worst
        worst = max(worst, *(v.abs().max().item() for v in violation(p)))


def main() -> None:
    """Print one line a generator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of the full number of events (default 1)")
    parser.add_argument("--threads", type=int, default=1, help="threads that generate (default 1)")
    parser.add_argument("--repeat", type=int, default=3, help="keep the fastest of so many runs (default 3)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print("| generator | events | seconds | million events/s | target, s | largest violation |")
    print("|---|---|---|---|---|---|")
    for label, generator, parameters, full, target in CASES:
        n = max(1, round(full * args.scale))
        seconds, worst = min(measure(generator, parameters, n, args.threads) for _ in range(args.repeat))
        allowed = f"{target * args.scale:.2f}" if target else "-"
        print(f"| {label} | {n} | {seconds:.2f} | {n / seconds / 1e6:.2f} | {allowed} | {worst:.1e} |")


if __name__ == "__main__":
    main()
