"""bias_layernorm in PyTorch: eager writes the sum to memory first, torch.compile need not."""

import torch.nn.functional as F
from layernorm import oracle as normalized
from measure import Peer, main

EPSILON = 1e-5


def inputs(problem, random):
    n, c = problem.numbers(2)
    gamma, beta = random.uniform(c, low=0.5, high=1.5), random.uniform(c)
    return random.uniform(n, c, high=2.0), random.uniform(c), gamma, beta


def forward(x, bias, gamma, beta):
    return F.layer_norm(x + bias, gamma.shape, gamma, beta, EPSILON)


def oracle(x, bias, gamma, beta):
    return normalized(x + bias, gamma, beta)


PEERS = {"bias_layernorm_forward": Peer(inputs, forward, oracle=oracle)}

if __name__ == "__main__":
    main(PEERS, __doc__)
