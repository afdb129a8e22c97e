"""attention and its gradient in PyTorch: scaled_dot_product_attention.

In bf16 two more rows say whose kernels ran: `cudnn`, and `pytorch_flash`, PyTorch's own flash attention.
The row `pytorch` is whatever PyTorch picks. A backend that refuses a problem has an error in its row: no
other is measured in its place.
"""

from functools import partial

import torch
import torch.nn.functional as F
from heads import one_by_heads, three_by_heads
from measure import Peer, Way, main
from torch.nn.attention import SDPBackend, sdpa_kernel


def inputs(problem, random):
    """(B, T, heads, D) as projections leave them, seen as (B, heads, T, D)."""
    b, t, d = (problem.letter(name) for name in "BTD")
    h, k = problem.heads()
    heads = [random.normal(b, t, n, d, dtype=problem.dtype).transpose(1, 2) for n in (h, k, k)]
    return *heads, not problem.says("full")


def forward(q, k, v, causal):
    """bf16 kernels read shared heads where they lie; those of fp32 need the copies of repeat_kv first.

    Token-major copies, so that autograd adds their gradients up token-major too.
    """
    group = q.shape[1] // k.shape[1]
    if group > 1 and q.dtype != torch.bfloat16:
        k, v = (x.transpose(1, 2).repeat_interleave(group, 2).transpose(1, 2) for x in (k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])


def head_by_head(q, k, v):
    """Indices of a batch, a head of keys and its group of query heads: T^2 scores of all would not fit."""
    group = q.shape[1] // k.shape[1]
    for b in range(q.shape[0]):
        for head in range(k.shape[1]):
            yield b, head, slice(head * group, (head + 1) * group)


def probabilities(q, k, causal):
    """(G, T, T) of q (G, T, D) and k (T, D)."""
    scores = q @ k.T / q.shape[-1] ** 0.5
    if causal:
        t = scores.shape[-1]
        future = torch.ones(t, t, dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill_(future, float("-inf"))
    return scores.softmax(-1)


def formula(q, k, v, causal):
    out = torch.empty_like(q)
    for b, head, group in head_by_head(q, k, v):
        out[b, group] = probabilities(q[b, group], k[b, head], causal) @ v[b, head]
    return out


def gradient_inputs(problem, random):
    q, k, v, causal = inputs(problem, random)
    return random.normal(*q.shape, dtype=problem.dtype), q, k, v, causal


def with_graph(dout, q, k, v, causal):
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in (q, k, v)]
        return dout, leaves, forward(*leaves, causal)


def gradient(dout, leaves, out):
    return torch.autograd.grad(out, leaves, dout, retain_graph=True)


def gradient_formula(dout, q, k, v, causal):
    dq, dk, dv = (torch.zeros_like(x) for x in (q, k, v))
    for b, head, group in head_by_head(q, k, v):
        p = probabilities(q[b, group], k[b, head], causal)
        dv[b, head] = (p.mT @ dout[b, group]).sum(0)
        dp = dout[b, group] @ v[b, head].T
        dscores = p * (dp - (dp * p).sum(-1, keepdim=True)) / q.shape[-1] ** 0.5
        dq[b, group] = dscores @ k[b, head]
        dk[b, head] = (dscores.mT @ q[b, group]).sum(0)
    return dq, dk, dv


BACKENDS = {"cudnn": SDPBackend.CUDNN_ATTENTION, "pytorch_flash": SDPBackend.FLASH_ATTENTION}


def by(backend: SDPBackend, call):
    """`call` with the kernels of one backend and no others."""

    def chosen(*arguments):
        with sdpa_kernel(backend):
            return call(*arguments)

    return chosen


def by_each_backend(*ways) -> dict:
    """Row by row, for a call and what prepares it."""

    def way(backend):
        if not torch.cuda.is_available():
            raise ImportError("its kernels need a GPU")
        return Way(*(by(backend, one) for one in ways))

    return {name: partial(way, backend) for name, backend in BACKENDS.items()}


FORWARD = {"compiled": False, "layout": one_by_heads}
BACKWARD = {"compiled": False, "layout": three_by_heads}
WAY_BACK = Way(gradient, with_graph)
PEERS = {
    "attention_forward": Peer(inputs, forward, formula, tolerance=1e-4, **FORWARD),
    "attention_backward": Peer(gradient_inputs, WAY_BACK, gradient_formula, tolerance=1e-4, **BACKWARD),
    "attention_forward_bf16": Peer(inputs, forward, formula, others=by_each_backend(forward), **FORWARD),
    "attention_backward_bf16": Peer(
        gradient_inputs,
        WAY_BACK,
        gradient_formula,
        others=by_each_backend(gradient, with_graph),
        **BACKWARD,
    ),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
