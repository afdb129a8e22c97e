"""adamw in PyTorch: its own fused kernel; with a copy in bf16, the rounding is a launch of its own."""

import math

import torch
from measure import Peer, main
from torch.optim.adamw import adamw

STEP = 3
CONFIG = {"lr": 3e-4, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01}


def inputs(problem, random):
    (n,) = problem.numbers(1)
    p, g, m = random.normal(n), random.normal(n, scale=0.1), random.normal(n, scale=0.1)
    v = random.uniform(n, low=0.001, high=0.02)
    return p, g, m, v, random.stored(torch.tensor(float(STEP - 1)), torch.float32)


def fused(p, g, m, v, step):
    """In place; the step counts up by one per call."""
    adamw([p], [g], [m], [v], [], [step], fused=True, amsgrad=False, maximize=False, **CONFIG)
    return p, m, v


def formula(p, g, m, v, step):
    beta1, beta2 = CONFIG["beta1"], CONFIG["beta2"]
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    root = torch.sqrt(v / (1 - math.pow(beta2, STEP))) + CONFIG["eps"]
    update = m / (1 - math.pow(beta1, STEP)) / root
    return p - CONFIG["lr"] * (CONFIG["weight_decay"] * p + update), m, v


def inputs_with_copy(problem, random):
    state = inputs(problem, random)
    return *state, random.stored(state[0], torch.bfloat16)


def fused_with_copy(p, g, m, v, step, copy):
    fused(p, g, m, v, step)
    copy.copy_(p)
    return p, m, v, copy


def formula_with_copy(p, g, m, v, step, copy):
    p, m, v = formula(p, g, m, v, step)
    return p, m, v, p


PEERS = {
    "adamw": Peer(inputs, fused, formula, compiled=False),
    "adamw_bf16": Peer(inputs_with_copy, fused_with_copy, formula_with_copy, compiled=False),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
