"""softmax and its gradient in PyTorch, fp32 and bf16."""

import torch
from measure import Peer, main, wide


def inputs(problem, random):
    return (random.uniform(*problem.numbers(2), low=-4.0, high=4.0, dtype=problem.dtype),)


def softmax(x):
    return torch.softmax(x, -1)


def oracle(x):
    e = torch.exp(x - x.max(-1, keepdim=True).values)
    return e / e.sum(-1, keepdim=True)


def gradient_inputs(problem, random):
    rows, columns = problem.numbers(2)
    y = softmax(random.uniform(rows, columns, low=-4.0, high=4.0, dtype=problem.dtype))
    return random.uniform(rows, columns, dtype=problem.dtype), random.stored(y, problem.dtype)


def gradient(dy, y):
    """The kernel that autograd would call, without autograd's own time."""
    return torch.ops.aten._softmax_backward_data(dy, y, -1, y.dtype)


def gradient_formula(dy, y):
    dy, y, stored = wide(dy), wide(y), y.dtype
    return (y * (dy - (dy * y).sum(-1, keepdim=True))).to(stored)


PEERS = {
    "softmax_forward": Peer(inputs, softmax, oracle=oracle),
    "softmax_backward": Peer(gradient_inputs, gradient, gradient_formula),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
