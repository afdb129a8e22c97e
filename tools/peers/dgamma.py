"""dgamma in PyTorch: the gradient of layer_norm's weight, and nothing else of its backward."""

import torch
from measure import Peer, main

EPSILON = 1e-5


def inputs(problem, random):
    n, c = problem.numbers(2)
    x = random.uniform(n, c, high=2.0)
    gamma, beta = random.uniform(c), random.uniform(c)
    _, mean, rstd = torch.native_layer_norm(x, [c], gamma, beta, EPSILON)
    return random.uniform(n, c), x, gamma, beta, mean, rstd


def dgamma(dy, x, gamma, beta, mean, rstd):
    """The kernels that autograd would call where only the weight needs a gradient."""
    wanted = [False, True, False]
    return torch.ops.aten.native_layer_norm_backward(
        dy, x, list(gamma.shape), mean, rstd, gamma, beta, wanted
    )[1]


def formula(dy, x, gamma, beta, mean, rstd):
    return (dy * (x - mean) * rstd).sum(0)


PEERS = {"dgamma": Peer(inputs, dgamma, formula)}

if __name__ == "__main__":
    main(PEERS, __doc__)
