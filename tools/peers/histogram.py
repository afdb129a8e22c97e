"""histogram in PyTorch: bincount."""

import torch
from measure import Peer, main


def inputs(problem, random):
    n, bins = problem.numbers(2)
    x = random.integers(bins, n)
    if problem.says("skewed"):  # nine of ten elements are in bin 0
        x = x * (random.integers(10, n) == 9)
    return x.int(), bins


def count(x, bins):
    return torch.bincount(x, minlength=bins)


def oracle(x, bins):
    """Where each bin begins and ends among the sorted elements."""
    borders = torch.arange(bins + 1, device=x.device, dtype=x.dtype)
    return torch.searchsorted(x.sort().values, borders).diff()


# Counts are exact, and bincount's are of 64 bits.
PEERS = {"histogram": Peer(inputs, count, oracle=oracle, compiled=False, tolerance=1e-12)}

if __name__ == "__main__":
    main(PEERS, __doc__)
