"""matmul in PyTorch: cuBLAS, in fp32 with TF32 switched off, and in bf16."""

import torch
from measure import NoPeer, Peer, main

LAYOUTS = ("NN", "NT", "TN")


def inputs(problem, random):
    """Operands, transposed as views: what a library may read as it lies. "4096 NN" is a square, the three
    numbers of "1024x512x2048 NT" are M, N and K."""
    m, n, k = problem.numbers(3) if "x" in problem.text else 3 * problem.numbers(1)
    layout = problem.text.split()[-1]
    if layout not in LAYOUTS:
        raise NoPeer(f"'{problem.text}' names no layout")
    a = random.uniform(*((k, m) if layout == "TN" else (m, k)), dtype=problem.dtype)
    b = random.uniform(*((n, k) if layout == "NT" else (k, n)), dtype=problem.dtype)
    return (a.T if layout == "TN" else a), (b.T if layout == "NT" else b)


def product(a, b):
    return a @ b


def oracle(a, b):
    """Row by column, some rows at a time: a[m, k] b[k, n], summed over k."""
    return torch.cat([torch.einsum("mk,kn->mn", rows, b) for rows in a.split(1024)])


PEERS = {"matmul": Peer(inputs, product, oracle=oracle, compiled=False)}

if __name__ == "__main__":
    main(PEERS, __doc__)
