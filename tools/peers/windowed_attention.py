"""windowed_attention in PyTorch, as operations that exist: both rotations, both scores, a blend, a softmax.

No fused kernel of PyTorch takes two encodings. Everything of size (B, H, T, T) goes through memory.
"""

import math

import torch
from heads import TOKEN_MAJOR_BY_HEADS, one_by_heads, three_by_heads
from measure import Peer, Way, laid_out, main
from rope import angles, over_heads, pair_partner

BASES = 10000.0, 500000.0  # near and far; they change no time


def inputs(problem, random):
    """q, k and v seen as (B, heads, T, D), cosines and sines of both encodings, and their weights (T, T)."""
    b, t, d = (problem.letter(name) for name in "BTD")
    h, k = problem.heads()
    window, band = (problem.letter(name, t) for name in ("window", "band"))  # "all near", "all band"
    heads = [random.normal(b, t, n, d).transpose(1, 2) for n in (h, k, k)]
    tables = []
    for base in BASES:
        table = over_heads(angles(t, d, base), interleaved=False).squeeze(1)
        tables.append([random.stored(f(table), torch.float32) for f in (torch.cos, torch.sin)])
    position = torch.arange(t)
    distance = (position[:, None] - position).abs().double()
    weight = random.stored(((distance - window) / max(band, 1)).clamp(0, 1), torch.float32)
    return *heads, tables, weight, not problem.says("full")


def rotated(x, table):
    cosine, sine = table
    return x * cosine + pair_partner(x, interleaved=False) * sine


def forward(q, k, v, tables, weight, causal):
    group = q.shape[1] // k.shape[1]
    k, v = (x.transpose(1, 2).repeat_interleave(group, 2).transpose(1, 2) for x in (k, v))
    near, far = (rotated(q, table) @ rotated(k, table).mT for table in tables)
    scores = torch.lerp(near, far, weight) / q.shape[-1] ** 0.5
    if causal:
        t = scores.shape[-1]
        future = torch.ones(t, t, dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(future, float("-inf"))
    return laid_out(scores.softmax(-1) @ v, TOKEN_MAJOR_BY_HEADS)


def one_pair_of_heads(q, k, v, tables, weight, causal):
    """(T, D) of one query head: complex numbers turned by their angles, and scores entry by entry."""
    half = q.shape[-1] // 2
    turns = [torch.complex(cosine[:, :half], sine[:, :half]) for cosine, sine in tables]
    pairs = [torch.complex(x[:, :half], x[:, half:]) for x in (q, k)]
    near, far = ((pairs[0] * turn) @ (pairs[1] * turn).mH for turn in turns)
    scores = ((1 - weight) * near.real + weight * far.real) / q.shape[-1] ** 0.5
    if causal:
        scores = scores.where(torch.ones_like(scores).tril() > 0, -math.inf)
    e = torch.exp(scores - scores.max(-1, keepdim=True).values)
    return e / e.sum(-1, keepdim=True) @ v


def query_heads(q, k):
    """(sequence, query head, its key head): one at a time, since T^2 scores of all would not fit."""
    group = q.shape[1] // k.shape[1]
    for sequence in range(q.shape[0]):
        for head in range(q.shape[1]):
            yield sequence, head, head // group


def oracle(q, k, v, tables, weight, causal):
    out = torch.empty_like(q)
    for b, h, g in query_heads(q, k):
        out[b, h] = one_pair_of_heads(q[b, h], k[b, g], v[b, g], tables, weight, causal)
    return out


def gradient_inputs(problem, random):
    q, *others = inputs(problem, random)
    return random.normal(*q.shape), q, *others


def with_graph(dout, q, k, v, *others):
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in (q, k, v)]
        return dout, leaves, forward(*leaves, *others)


def gradient(dout, leaves, out):
    gradients = torch.autograd.grad(out, leaves, dout, retain_graph=True)
    return [laid_out(x, TOKEN_MAJOR_BY_HEADS) for x in gradients]


def gradient_oracle(dout, q, k, v, *others):
    dq, dk, dv = (torch.zeros_like(x) for x in (q, k, v))
    for b, h, g in query_heads(q, k):
        with torch.enable_grad():
            leaves = [x.detach().requires_grad_() for x in (q[b, h], k[b, g], v[b, g])]
            found = torch.autograd.grad(one_pair_of_heads(*leaves, *others), leaves, dout[b, h])
        dq[b, h] = found[0]
        dk[b, g] += found[1]
        dv[b, g] += found[2]
    return dq, dk, dv


PEERS = {
    "windowed_attention_forward": Peer(inputs, forward, oracle=oracle, layout=one_by_heads, tolerance=1e-4),
    "windowed_attention_backward": Peer(
        gradient_inputs,
        Way(gradient, with_graph),
        oracle=gradient_oracle,
        layout=three_by_heads,
        compiled=False,
        tolerance=1e-4,
    ),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
