"""newton_schulz in PyTorch: the quintic iteration of Muon (Jordan et al., 2024) in fp32."""

import torch
from measure import Peer, main

A, B, C = 3.4445, -4.7750, 2.0315
STEPS = 5


def inputs(problem, random):
    rows, columns = problem.numbers(2)
    return (random.normal(rows, columns),)


def orthogonalize(x):
    """The same products as 02_matmul/newton_schulz_solution.cu: tall matrices transposed."""
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(STEPS):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=B, alpha=C), x, beta=A)
    return x.T.contiguous() if tall else x


def oracle(x):
    """a X + b (X X^T) X + c (X X^T)^2 X as it stands, without a transposed case."""
    x = x / (x.square().sum().sqrt() + 1e-7)
    for _ in range(STEPS):
        cubed = x @ (x.T @ x)
        x = A * x + B * cubed + C * (cubed @ (x.T @ x))
    return x


PEERS = {"newton_schulz": Peer(inputs, orthogonalize, oracle=oracle, compiled=False, tolerance=1e-3)}

if __name__ == "__main__":
    main(PEERS, __doc__)
