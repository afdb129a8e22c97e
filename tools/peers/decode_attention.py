"""decode_attention in PyTorch: scaled_dot_product_attention of one query per head."""

import torch
import torch.nn.functional as F
from measure import Peer, main


def inputs(problem, random):
    """q (B, H, D), and the cache (B, S, K, D) as a decoder fills it."""
    b, s, d = (problem.letter(name) for name in "BSD")
    h, k = problem.heads()
    return random.normal(b, h, d), random.normal(b, s, k, d), random.normal(b, s, k, d)


def attend(q, keys, values):
    """Query heads that share keys need a copy of them in fp32, which PyTorch makes itself."""
    shared = q.shape[1] != keys.shape[2]
    out = F.scaled_dot_product_attention(
        q.unsqueeze(2), keys.transpose(1, 2), values.transpose(1, 2), enable_gqa=shared
    )
    return out.squeeze(2)


def formula(q, keys, values):
    b, h, d = q.shape
    groups = q.view(b, keys.shape[2], -1, d)
    p = (torch.einsum("bkgd,bskd->bkgs", groups, keys) / d**0.5).softmax(-1)
    return torch.einsum("bkgs,bskd->bkgd", p, values).reshape(b, h, d)


PEERS = {"decode_attention": Peer(inputs, attend, formula, compiled=False, tolerance=1e-4)}

if __name__ == "__main__":
    main(PEERS, __doc__)
