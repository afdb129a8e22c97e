"""layernorm and its gradient in PyTorch, fp32 and bf16; forward also in a Triton kernel of our own."""

import torch
import torch.nn.functional as F
from measure import Peer, Way, main, wide

EPSILON = 1e-5


def inputs(problem, random):
    n, c = problem.numbers(2)
    gamma = random.uniform(c, low=0.5, high=1.5, dtype=problem.dtype)
    beta = random.uniform(c, dtype=problem.dtype)
    return random.uniform(n, c, high=2.0, dtype=problem.dtype), gamma, beta


def forward(x, gamma, beta):
    return F.layer_norm(x, gamma.shape, gamma, beta, EPSILON)


def oracle(x, gamma, beta):
    deviation = x - x.mean(-1, keepdim=True)
    return deviation / torch.sqrt(deviation.square().mean(-1, keepdim=True) + EPSILON) * gamma + beta


def backward_inputs(problem, random):
    x, gamma, beta = inputs(problem, random)
    _, mean, rstd = torch.native_layer_norm(x, list(gamma.shape), gamma, beta, EPSILON)
    return random.uniform(*x.shape, dtype=problem.dtype), x, gamma, beta, mean, rstd


def backward(dy, x, gamma, beta, mean, rstd):
    """The kernels that autograd would call, without autograd's own time."""
    wanted = [True, True, True]
    return torch.ops.aten.native_layer_norm_backward(
        dy, x, list(gamma.shape), mean, rstd, gamma, beta, wanted
    )


def backward_formula(dy, x, gamma, beta, mean, rstd):
    dy, x, gamma, stored = wide(dy), wide(x), wide(gamma), x.dtype
    xhat, g = (x - mean) * rstd, dy * gamma
    along = g.mean(-1, keepdim=True), (g * xhat).mean(-1, keepdim=True)
    return (rstd * (g - along[0] - xhat * along[1])).to(stored), (dy * xhat).sum(0), dy.sum(0)


def triton_forward():
    if not torch.cuda.is_available():
        raise ImportError("Triton needs a GPU")
    from triton_layernorm import layernorm

    return Way(lambda x, gamma, beta: layernorm(x, gamma, beta, EPSILON))


PEERS = {
    "layernorm_forward": Peer(inputs, forward, oracle=oracle, others={"triton": triton_forward}),
    "layernorm_backward": Peer(backward_inputs, backward, backward_formula),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
