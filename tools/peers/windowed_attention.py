"""windowed_attention in PyTorch, as operations that exist: both rotations, both scores, a blend, a softmax.

No fused kernel of PyTorch takes two encodings. Everything of size (B, H, T, T) goes through memory.
"""

import torch
from measure import Peer, Way, main
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
    k, v = (x.repeat_interleave(group, 1) for x in (k, v))
    near, far = (rotated(q, table) @ rotated(k, table).mT for table in tables)
    scores = torch.lerp(near, far, weight) / q.shape[-1] ** 0.5
    if causal:
        t = scores.shape[-1]
        future = torch.ones(t, t, dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(future, float("-inf"))
    return scores.softmax(-1) @ v


def gradient_inputs(problem, random):
    q, *others = inputs(problem, random)
    return random.normal(*q.shape), q, *others


def with_graph(dout, q, k, v, *others):
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in (q, k, v)]
        return dout, leaves, forward(*leaves, *others)


def gradient(dout, leaves, out):
    return torch.autograd.grad(out, leaves, dout, retain_graph=True)


def gradient_formula(*arguments):
    return gradient(*with_graph(*arguments))


PEERS = {
    "windowed_attention_forward": Peer(inputs, forward, tolerance=1e-4),
    "windowed_attention_backward": Peer(
        gradient_inputs, Way(gradient, with_graph), gradient_formula, compiled=False, tolerance=1e-4
    ),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
