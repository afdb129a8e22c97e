"""A linear layer with bias and GELU (the form with tanh) in PyTorch."""

import math

import torch
import torch.nn.functional as F
from measure import Peer, main


def inputs(problem, random):
    """The three numbers of "1024x512x2048" are M, N and K."""
    m, n, k = problem.numbers(3)
    return tuple(random.uniform(*shape, dtype=problem.dtype) for shape in ((m, k), (n, k), (n,)))


def eager(x, w, bias):
    return F.gelu(torch.addmm(bias, x, w.T), approximate="tanh")


def oracle(x, w, bias):
    z = torch.cat([torch.einsum("mk,nk->mn", rows, w) for rows in x.split(1024)]) + bias
    return 0.5 * z * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


PEERS = {"matmul_bias_gelu": Peer(inputs, eager, oracle=oracle)}

if __name__ == "__main__":
    main(PEERS, __doc__)
