"""fast_matmul in PyTorch: cuBLAS, in fp32 with TF32 switched off."""

import torch
from measure import Peer, main


def inputs(problem, random):
    (size,) = problem.numbers(1)
    return random.uniform(size, size), random.uniform(size, size)


def product(a, b):
    return a @ b


def oracle(a, b):
    """Row by column, some rows at a time: a[m, k] b[k, n], summed over k."""
    return torch.cat([torch.einsum("mk,kn->mn", rows, b) for rows in a.split(1024)])


PEERS = {"fast_matmul": Peer(inputs, product, oracle=oracle, compiled=False)}

if __name__ == "__main__":
    main(PEERS, __doc__)
