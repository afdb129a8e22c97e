"""cross_entropy and its gradient in PyTorch, of a mean over rows."""

import torch
import torch.nn.functional as F
from measure import Peer, Way, main, wide


def inputs(problem, random):
    n, v = problem.numbers(2)
    return random.normal(n, v, scale=2.0, dtype=problem.dtype), random.integers(v, n)


def forward(logits, targets):
    return F.cross_entropy(logits, targets, reduction="none")


def formula(logits, targets):
    logits = wide(logits)
    return torch.logsumexp(logits, -1) - logits.gather(1, targets[:, None])[:, 0]


def with_graph(logits, targets):
    with torch.enable_grad():
        logits = logits.detach().requires_grad_()
        return logits, F.cross_entropy(logits, targets)


def backward(logits, loss):
    return torch.autograd.grad(loss, logits, retain_graph=True)


def backward_inputs(problem, random):
    logits, targets = inputs(problem, random)
    return logits, targets, torch.logsumexp(wide(logits), -1)


def backward_formula(logits, targets, lse):
    p = torch.exp(wide(logits) - lse[:, None])
    hit = torch.arange(logits.shape[1], device=logits.device) == targets[:, None]
    return ((p - hit.to(p.dtype)) / logits.shape[0]).to(logits.dtype)


PEERS = {
    "cross_entropy_forward": Peer(inputs, forward, formula),
    "cross_entropy_backward": Peer(
        backward_inputs,
        Way(backward, lambda logits, targets, _: with_graph(logits, targets)),
        backward_formula,
    ),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
