#!/usr/bin/env python3
"""Draw docs/figures/glossary.svg: grid, block, warp and thread, with the index arithmetic of one thread.

tools/figures/glossary.py            write the figure
tools/figures/glossary.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import (
    BLUE,
    BROWN,
    FAINT,
    GRAY,
    GREEN,
    GUIDES,
    INK,
    PALE,
    PURPLE,
    box,
    command,
    figure,
    line,
    rect,
    text,
)

ELEMENTS, THREADS, WARP = 1000, 256, 32
ELEMENT = 650  # the one whose thread is shown


def zoom(x0: float, x1: float, y0: float, left: float, right: float, y1: float) -> list:
    """Two lines from a cell to the row that shows it in detail."""
    return [line([(x0, y0), (left, y1)], FAINT), line([(x1, y0), (right, y1)], FAINT)]


def label(y: float, name: str, words: str, color: str) -> list:
    return [text(24, y + 16, name, 15, color, "start"), text(24, y + 36, words, 13, GRAY, "start")]


def draw() -> str:
    blocks = (ELEMENTS + THREADS - 1) // THREADS
    block, thread = divmod(ELEMENT, THREADS)
    warp, lane = divmod(thread, WARP)
    warps = THREADS // WARP
    left, width = 210, 626
    parts = [
        text(
            24,
            30,
            f"Which thread owns element {ELEMENT} of {ELEMENTS}, with {THREADS} threads a block?",
            16,
            INK,
            "start",
        )
    ]

    y = 56
    parts += label(y, "grid", f"{blocks} blocks", BLUE)
    cell = width / blocks
    for b in range(blocks):
        first, last = b * THREADS, min(b * THREADS + THREADS, ELEMENTS) - 1
        words = [f"block {b}", f"elements {first} to {last}"]
        parts.append(box(left + b * cell + 2, y, cell - 4, 46, words, BLUE, solid=b == block))
    parts += zoom(left + block * cell + 2, left + (block + 1) * cell - 2, y + 48, left, left + width, 138)

    y = 140
    parts += label(y, "block", f"{THREADS} threads, {warps} warps", GREEN)
    cell = width / warps
    for w in range(warps):
        words = [f"warp {w}", f"{w * WARP}–{w * WARP + WARP - 1}"]
        parts.append(box(left + w * cell + 2, y, cell - 4, 46, words, GREEN, solid=w == warp))
    parts += zoom(left + warp * cell + 2, left + (warp + 1) * cell - 2, y + 48, left, left + width, 222)

    y = 224
    parts += label(y, "warp", f"{WARP} lanes", BROWN)
    cell = width / WARP
    for t in range(WARP):
        chosen = t == lane
        parts.append(rect(left + t * cell + 1, y, cell - 2, 34, BROWN if chosen else PALE, BROWN, 3))
        if t in (0, lane, WARP - 1):
            parts.append(text(left + (t + 0.5) * cell, y + 22, t, 13, "#ffffff" if chosen else BROWN))
    parts.append(line([(left + (lane + 0.5) * cell, y + 36), (left + (lane + 0.5) * cell, y + 58)], FAINT))

    y = 284
    parts += label(y, "thread", "one lane, its registers", PURPLE)
    sums = (
        f"blockIdx.x = {block},  blockDim.x = {THREADS},  threadIdx.x = {thread},  gridDim.x = {blocks}",
        f"i = blockIdx.x * blockDim.x + threadIdx.x = {block} * {THREADS} + {thread} = {ELEMENT}",
        f"warp = threadIdx.x / 32 = {warp},  lane = threadIdx.x % 32 = {lane}",
        f"blocks = ({ELEMENTS} + {THREADS} - 1) / {THREADS} = {blocks};  "
        f"threads without an element: {blocks * THREADS} - {ELEMENTS} = {blocks * THREADS - ELEMENTS}",
    )
    parts.append(rect(left, y, width, 104, "#ffffff", PURPLE, 4))
    parts += [text(left + 16, y + 25 + 23 * k, words, 14, INK, "start") for k, words in enumerate(sums)]
    return figure("Grid, block, warp, thread", 410, parts)


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "glossary.svg": draw}))
