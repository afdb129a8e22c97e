"""LayerNorm forward as one Triton kernel: a program a row, which it keeps in registers while it needs it.

The idea is the one of Triton's fused layer normalization tutorial (Tillet et al., 2019): one reading and one
writing of the row. Rows wider than a block of registers allows are read in pieces, three times.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

WIDEST_BLOCK = 16384  # elements that the warps of a program keep in registers without spilling


@triton.jit
def _row_in_registers(x, gamma, beta, y, mean, rstd, columns, epsilon, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, block)
    inside = at < columns
    values = tl.load(x + row * columns + at, mask=inside, other=0.0).to(tl.float32)
    average = tl.sum(values, 0) / columns
    deviation = tl.where(inside, values - average, 0.0)
    inverse = tl.rsqrt(tl.sum(deviation * deviation, 0) / columns + epsilon)
    scale = tl.load(gamma + at, mask=inside, other=0.0).to(tl.float32)
    shift = tl.load(beta + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(y + row * columns + at, deviation * inverse * scale + shift, mask=inside)
    tl.store(mean + row, average)
    tl.store(rstd + row, inverse)


@triton.jit
def _row_in_pieces(x, gamma, beta, y, mean, rstd, columns, epsilon, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x += row * columns
    y += row * columns
    total = tl.zeros([block], tl.float32)
    for start in range(0, columns, block):
        at = start + tl.arange(0, block)
        total += tl.load(x + at, mask=at < columns, other=0.0).to(tl.float32)
    average = tl.sum(total, 0) / columns
    squares = tl.zeros([block], tl.float32)
    for start in range(0, columns, block):
        at = start + tl.arange(0, block)
        values = tl.load(x + at, mask=at < columns, other=0.0).to(tl.float32)
        deviation = tl.where(at < columns, values - average, 0.0)
        squares += deviation * deviation
    inverse = tl.rsqrt(tl.sum(squares, 0) / columns + epsilon)
    for start in range(0, columns, block):
        at = start + tl.arange(0, block)
        inside = at < columns
        values = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        scale = tl.load(gamma + at, mask=inside, other=0.0).to(tl.float32)
        shift = tl.load(beta + at, mask=inside, other=0.0).to(tl.float32)
        tl.store(y + at, (values - average) * inverse * scale + shift, mask=inside)
    tl.store(mean + row, average)
    tl.store(rstd + row, inverse)


def layernorm(x, gamma, beta, epsilon: float):
    """y of x (N, C), contiguous, fp32 or bf16; mean and rstd are written as well, as a backward pass needs
    them."""
    n, c = x.shape
    y = torch.empty_like(x)
    mean, rstd = (torch.empty(n, dtype=torch.float32, device=x.device) for _ in range(2))
    block = min(triton.next_power_of_2(c), WIDEST_BLOCK)
    kernel = _row_in_registers if c <= block else _row_in_pieces
    warps = min(max(block // 256, 1), 16)
    kernel[(n,)](x, gamma, beta, y, mean, rstd, c, epsilon, block=block, num_warps=warps)
    return y
