"""Why a p-space flow violates momentum: `python benchmarks/total_momentum.py --model MODEL --truth EVENTS`.

Truth has no total momentum, so on the straight paths (12) the total of the velocities is known without any model:
sum_I v_I(p_t, t) = sum_I p_t,I / t. A network that misses it by d at the times of its last steps leaves about d times
their length as total momentum of the event, whatever else it has learned. Printed in Markdown, by time: the root mean
square of what the network misses per component, in units of E_cm, and what the sample of the model violates, by the
number of steps.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from onshell.core.rng import stream
from onshell.evaluation.truth import held_out
from onshell.models import priors
from onshell.physics.kinematics import energies, violation
from onshell.sampling.sampler import Draw, sample
from onshell.training.checkpoint import network_of, read_model
from onshell.training.device import autocast

TIMES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
BLOCK = 2048


def missed(network: torch.nn.Module, p: Tensor, prior: Tensor, t: float, precision: str) -> float:
    """Return the rms of sum_I v_I - sum_I p_t,I / t per component, of states between `p` and `prior` [n, N, 3]."""
    square, n = 0.0, 0
    for a, b in zip(p.split(BLOCK), prior.split(BLOCK), strict=True):
        state = ((1.0 - t) * a + t * b).float()
        with torch.inference_mode(), autocast(torch.device("cpu"), precision):
            field = network(state, torch.full((len(state),), t)).double()
        square += float((field.sum(1) - state.double().sum(1) / t).square().sum())
        n += 3 * len(state)
    return (square / n) ** 0.5


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the model file of a flow in p-space")
    parser.add_argument("--truth", type=Path, required=True, help="the events that it is judged by")
    parser.add_argument("-n", type=int, default=4096, help="events")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--steps", type=int, nargs="*", default=[], help="numbers of steps to sample with")
    chosen = parser.parse_args()
    content = read_model(chosen.model)
    spec, network = content["spec"], network_of(content, chosen.model)
    if (spec["space"], spec["family"]) != ("p", "flow"):
        parser.error(f"{chosen.model}: is no flow in p-space")
    unit = spec["unit"]
    p = held_out(chosen.truth).momenta[: chosen.n] / unit
    prior = priors.draw(spec, content.get("fitted"), len(p), stream(spec["seed"], "total-momentum"))
    print("| t | missed, rms per component [E_cm] |\n|---:|---:|")
    for t in TIMES:
        print(f"| {t:g} | {unit * missed(network, p, prior, t, chosen.precision):.4g} |", flush=True)
    if chosen.steps:
        print("\nOver the median energy:\n\n| steps | E | p_x | p_y | p_z |\n|---:|---:|---:|---:|---:|")
    for steps in chosen.steps:
        drawn = {**spec, "sampling": {**spec["sampling"], "steps": steps}}
        how = Draw(spec["seed"], precision=chosen.precision, fitted=content.get("fitted"))
        q = unit * torch.cat(list(sample(network, drawn, len(p), how)))
        excess, total = violation(q)
        found = [excess.abs().mean(), *total.abs().mean(0)]
        median = energies(q).flatten().median()
        print(f"| {steps} | " + " | ".join(f"{float(x / median):.4f}" for x in found) + " |", flush=True)


if __name__ == "__main__":
    main()
