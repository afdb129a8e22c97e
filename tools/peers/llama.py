"""The Llama of 07_tinyllama/trainer in PyTorch, for peers; its presets by the same names."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    sys.exit("this peer needs PyTorch: pip install torch, or run the journey with --no-pytorch")


@dataclass(frozen=True)
class Config:
    """Letters as everywhere in the workbook."""

    c: int  # model width
    layers: int
    h: int  # query heads
    k: int  # key/value heads
    f: int  # feed-forward width
    v: int  # vocabulary
    b: int  # sequences in a batch
    t: int  # tokens in a sequence


# As 07_tinyllama/trainer/config.cpp.
PRESETS = {
    "nano": Config(128, 2, 4, 2, 1024, 1000, 4, 64),
    "nano_long": Config(256, 2, 2, 1, 432, 256, 1, 768),
    "small_long": Config(512, 8, 8, 4, 1024, 1000, 1, 3328),
    "small": Config(512, 8, 8, 4, 2048, 1000, 8, 128),
    "medium": Config(1024, 12, 16, 8, 4096, 1000, 16, 512),
    "tinyllama": Config(2048, 22, 32, 4, 5632, 32000, 4, 2048),
}


class RMSNorm(nn.Module):
    def __init__(self, width: int, fused: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.fused = fused

    def forward(self, x):  # (B, T, C)
        if self.fused:
            return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-5)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


def rope_table(t: int, d: int):
    """Cosines and sines, (T, D): the half-split pairing, each angle twice."""
    angles = torch.outer(torch.arange(t).double(), 10000.0 ** (-torch.arange(0, d, 2).double() / d))
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().float(), angles.sin().float()


def rotate(x, cosine, sine):  # x (B, heads, T, D)
    low, high = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-high, low], dim=-1) * sine


class Attention(nn.Module):
    def __init__(self, config: Config, fused: bool):
        super().__init__()
        self.config, self.fused, self.d = config, fused, config.c // config.h
        self.q_proj = nn.Linear(config.c, config.h * self.d, bias=False)
        self.k_proj = nn.Linear(config.c, config.k * self.d, bias=False)
        self.v_proj = nn.Linear(config.c, config.k * self.d, bias=False)
        self.o_proj = nn.Linear(config.h * self.d, config.c, bias=False)

    def heads(self, x, heads: int):  # (B, T, heads * D) -> (B, heads, T, D)
        return x.view(x.shape[0], x.shape[1], heads, self.d).transpose(1, 2)

    def forward(self, x, cosine, sine, mask):
        b, t, c = x.shape
        q = rotate(self.heads(self.q_proj(x), self.config.h), cosine, sine)
        k = rotate(self.heads(self.k_proj(x), self.config.k), cosine, sine)
        v = self.heads(self.v_proj(x), self.config.k)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            group = self.config.h // self.config.k
            k = k.repeat_interleave(group, dim=1)  # repeat_kv: a copy, (B, H, T, D)
            v = v.repeat_interleave(group, dim=1)
            scores = q @ k.transpose(-2, -1) / math.sqrt(self.d)  # (B, H, T, T), in memory
            out = scores.masked_fill(mask, -math.inf).softmax(dim=-1) @ v
        return self.o_proj(out.transpose(1, 2).reshape(b, t, c))


class Layer(nn.Module):
    def __init__(self, config: Config, fused: bool):
        super().__init__()
        self.input_norm = RMSNorm(config.c, fused)
        self.attention = Attention(config, fused)
        self.attention_norm = RMSNorm(config.c, fused)
        self.gate_proj = nn.Linear(config.c, config.f, bias=False)
        self.up_proj = nn.Linear(config.c, config.f, bias=False)
        self.down_proj = nn.Linear(config.f, config.c, bias=False)

    def forward(self, x, cosine, sine, mask):
        x = x + self.attention(self.input_norm(x), cosine, sine, mask)
        y = self.attention_norm(x)
        return x + self.down_proj(F.silu(self.gate_proj(y)) * self.up_proj(y))


class Llama(nn.Module):
    def __init__(self, config: Config, fused: bool):
        super().__init__()
        self.embedding = nn.Embedding(config.v, config.c)  # also the head: tied
        self.layers = nn.ModuleList(Layer(config, fused) for _ in range(config.layers))
        self.norm = RMSNorm(config.c, fused)
        cosine, sine = rope_table(config.t, config.c // config.h)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        mask = torch.ones(config.t, config.t, dtype=torch.bool).triu(1)
        self.register_buffer("mask", mask, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens, targets):  # (B, T) each; returns the mean loss
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, self.cosine, self.sine, self.mask)
        logits = self.norm(x) @ self.embedding.weight.T
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
