"""matmul in PyTorch: cuBLAS, in fp32 with TF32 switched off, in tf32, and in bf16."""

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


def product_tf32(a, b):
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        return a @ b
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def oracle(a, b):
    """Row by column, some rows at a time: a[m, k] b[k, n], summed over k."""
    return torch.cat([torch.einsum("mk,kn->mn", rows, b) for rows in a.split(1024)])


# Each factor is rounded by at most 2^-10 of itself.
TF32 = 2e-3
PEERS = {
    "matmul": Peer(inputs, product, oracle=oracle, compiled=False),
    "matmul_tf32": Peer(inputs, product_tf32, oracle=oracle, compiled=False, tolerance=TF32),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
