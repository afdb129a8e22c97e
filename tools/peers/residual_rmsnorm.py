"""residual_rmsnorm in PyTorch, fp32 and bf16: eager reads the sum back, torch.compile need not."""

import torch.nn.functional as F
from measure import Peer, main
from rmsnorm import oracle as normalized

EPSILON = 1e-5


def inputs(problem, random):
    n, c = problem.numbers(2)
    x = random.uniform(n, c, high=2.0, dtype=problem.dtype)
    residual = random.uniform(n, c, dtype=problem.dtype)
    return x, residual, random.uniform(c, low=0.5, high=1.5, dtype=problem.dtype)


def forward(x, residual, weight):
    """The sum, which the next residual connection needs, and its norm."""
    total = x + residual
    return total, F.rms_norm(total, weight.shape, weight, EPSILON)


def oracle(x, residual, weight):
    return x + residual, normalized(x + residual, weight)


PEERS = {"residual_rmsnorm_forward": Peer(inputs, forward, oracle=oracle)}

if __name__ == "__main__":
    main(PEERS, __doc__)
