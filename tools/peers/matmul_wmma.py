"""matmul_wmma in PyTorch: cuBLAS, factors in bf16, sums and results in fp32."""

import torch
from measure import Peer, main


def inputs(problem, random):
    (size,) = problem.numbers(1)
    return tuple(random.uniform(size, size, dtype=torch.bfloat16) for _ in range(2))


def product(a, b):
    # On the CPU PyTorch has no product of bf16 with a result in fp32.
    return torch.mm(a, b, out_dtype=torch.float32) if a.is_cuda else a.float() @ b.float()


def oracle(a, b):
    """Row by column, some rows at a time: a[m, k] b[k, n], summed over k."""
    return torch.cat([torch.einsum("mk,kn->mn", rows, b) for rows in a.split(1024)])


PEERS = {"matmul_wmma": Peer(inputs, product, oracle=oracle, compiled=False)}

if __name__ == "__main__":
    main(PEERS, __doc__)
