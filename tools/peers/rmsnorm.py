"""rmsnorm and its gradient in PyTorch, fp32 and bf16."""

import torch
import torch.nn.functional as F
from measure import Peer, Way, main, wide

EPSILON = 1e-5


def inputs(problem, random):
    n, c = problem.numbers(2)
    x = random.uniform(n, c, high=2.0, dtype=problem.dtype)
    return x, random.uniform(c, low=0.5, high=1.5, dtype=problem.dtype)


def forward(x, weight):
    return F.rms_norm(x, weight.shape, weight, EPSILON)


def oracle(x, weight):
    return x / torch.sqrt(x.square().mean(-1, keepdim=True) + EPSILON) * weight


def backward_inputs(problem, random):
    x, weight = inputs(problem, random)
    return random.uniform(*x.shape, dtype=problem.dtype), x, weight


def with_graph(dy, x, weight):
    with torch.enable_grad():
        x, weight = x.detach().requires_grad_(), weight.detach().requires_grad_()
        return dy, x, weight, forward(x, weight)


def backward(dy, x, weight, y):
    return torch.autograd.grad(y, (x, weight), dy, retain_graph=True)


def backward_formula(dy, x, weight):
    dy, x, weight, stored = wide(dy), wide(x), wide(weight), x.dtype
    rstd = torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON)
    xhat, g = x * rstd, dy * weight
    dx = rstd * (g - xhat * (g * xhat).mean(-1, keepdim=True))
    return dx.to(stored), (dy * xhat).sum(0)


PEERS = {
    "rmsnorm_forward": Peer(inputs, forward, oracle=oracle),
    "rmsnorm_backward": Peer(backward_inputs, Way(backward, with_graph), backward_formula),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
