"""repeat_kv and its gradient in PyTorch: an expanded view, then the copy that makes it contiguous."""

import torch
from heads import layout_of_heads
from measure import Peer, laid_out, main


def inputs(problem, random):
    """x (B, T, K, D) as the projection leaves it: token-major, or feature-major as (K, D, B, T) lies."""
    b, t, d = (problem.letter(name) for name in "BTD")
    h, k = problem.heads()
    if problem.says("feature-major"):
        return random.uniform(k, d, b, t, dtype=problem.dtype).permute(2, 3, 0, 1), h // k
    return random.uniform(b, t, k, d, dtype=problem.dtype), h // k


def repeat(x, group):
    """The last step copies where the others made a view only: a group of one."""
    b, t, k, d = x.shape
    copies = x.transpose(1, 2).unsqueeze(2).expand(b, k, group, t, d)
    return copies.reshape(b, k * group, t, d).contiguous()


def repeat_oracle(x, group):
    """Head by head: head h of the result is head h / group of x."""
    return torch.stack([x[:, :, head // group] for head in range(x.shape[2] * group)], 1)


def gradient_inputs(problem, random):
    b, t, d = (problem.letter(name) for name in "BTD")
    h, k = problem.heads()
    return random.uniform(b, h, t, d, dtype=problem.dtype), h // k, layout_of_heads(problem)


def gradient(dy, group, axes):
    """dx (B, T, K, D), added up where it belongs in memory: one kernel, no copy after it."""
    b, h, t, d = dy.shape
    shape = b, t, h // group, d
    memory = torch.empty([shape[axis] for axis in axes], dtype=dy.dtype, device=dy.device)
    dx = memory.permute([axes.index(axis) for axis in range(4)])
    torch.sum(dy.view(b, h // group, group, t, d), 2, out=dx.transpose(1, 2))
    return dx


def gradient_formula(dy, group, axes):
    b, h, t, d = dy.shape
    return laid_out(dy.view(b, h // group, group, t, d).sum(2).transpose(1, 2), axes)


def gradient_oracle(dy, group, axes):
    heads = range(0, dy.shape[1], group)
    return torch.stack([sum(dy[:, head + copy] for copy in range(group)) for head in heads], 2)


PEERS = {
    "repeat_kv_forward": Peer(inputs, repeat, oracle=repeat_oracle, compiled=False),
    "repeat_kv_backward": Peer(
        gradient_inputs,
        gradient,
        gradient_formula,
        oracle=gradient_oracle,
        layout=lambda problem: [layout_of_heads(problem)],
    ),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
