"""rope and its gradient in PyTorch: eager as Hugging Face's Llama rotates, in several launches."""

import torch
from heads import queries_and_keys
from measure import Peer, main, wide

BASE = 10000.0


def angles(t, d, base=BASE):
    """(T, D/2), in double."""
    return torch.outer(torch.arange(t).double(), base ** (-torch.arange(0, d, 2).double() / d))


def inputs(problem, random):
    """q (B, T, H, D) and k (B, T, K, D), which may lie feature-major, as (K, D, B, T)."""
    b, t, d = (problem.letter(name) for name in "BTD")
    h, k = problem.heads()
    table = angles(t, d)
    queries = random.uniform(b, t, h, d, dtype=problem.dtype)
    if problem.says("feature-major"):
        keys = random.uniform(k, d, b, t, dtype=problem.dtype).permute(2, 3, 0, 1)
    else:
        keys = random.uniform(b, t, k, d, dtype=problem.dtype)
    cosine, sine = (random.stored(f(table), torch.float32) for f in (torch.cos, torch.sin))
    return queries, keys, cosine, sine, problem.says("interleaved")


def pair_partner(x, interleaved):
    """(-x_j, x_i) in the place of each pair (x_i, x_j)."""
    if interleaved:
        return torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    low, high = x.chunk(2, -1)
    return torch.cat([-high, low], -1)


def over_heads(table, interleaved):
    """(T, D/2) -> (T, 1, D), each angle at both elements of its pair."""
    both = table.repeat_interleave(2, -1) if interleaved else torch.cat([table, table], -1)
    return both.unsqueeze(1)


def forward(queries, keys, cosine, sine, interleaved):
    """Rotates in the number format that is stored, as eager models do."""
    cosine, sine = (over_heads(table, interleaved).to(queries.dtype) for table in (cosine, sine))
    return tuple(x * cosine + pair_partner(x, interleaved) * sine for x in (queries, keys))


def backward(dqueries, dkeys, cosine, sine, interleaved):
    return forward(dqueries, dkeys, cosine, -sine, interleaved)


def formula(queries, keys, cosine, sine, interleaved):
    rotated = forward(wide(queries), wide(keys), cosine, sine, interleaved)
    return tuple(x.to(queries.dtype) for x in rotated)


def backward_formula(dqueries, dkeys, cosine, sine, interleaved):
    return formula(dqueries, dkeys, cosine, -sine, interleaved)


PEERS = {
    "rope_forward": Peer(inputs, forward, formula, layout=queries_and_keys),
    "rope_backward": Peer(inputs, backward, backward_formula, layout=queries_and_keys),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
