"""vector_add in PyTorch."""

import torch
from measure import Peer, main


def inputs(problem, random):
    (n,) = problem.numbers(1)
    return random.uniform(n), random.uniform(n)


def oracle(a, b):
    return a + b


PEERS = {"vector_add": Peer(inputs, torch.add, oracle=oracle, compiled=False)}

if __name__ == "__main__":
    main(PEERS, __doc__)
