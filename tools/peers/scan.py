"""scan in PyTorch: cumsum of ints."""

import torch
from measure import Peer, main


def inputs(problem, random):
    (n,) = problem.numbers(1)
    return ((random.integers(201, n) - 100).int(),)


def scan(x):
    return torch.cumsum(x, 0, dtype=torch.int32)


def oracle(x):
    """Each element plus the one 1, 2, 4, ... places before it."""
    sums, distance = x.long(), 1
    while distance < len(sums):
        sums = torch.cat([sums[:distance], sums[distance:] + sums[:-distance]])
        distance *= 2
    return sums


# Sums are exact.
PEERS = {"scan": Peer(inputs, scan, oracle=oracle, compiled=False, tolerance=1e-12)}

if __name__ == "__main__":
    main(PEERS, __doc__)
