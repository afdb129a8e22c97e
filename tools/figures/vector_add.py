#!/usr/bin/env python3
"""Draw 01_vector_add/vector_add.svg: which thread owns which element, and the threads that own none.

tools/figures/vector_add.py            write the figure
tools/figures/vector_add.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "01_vector_add" / "vector_add.svg"

N = 10  # elements
THREADS = 4  # of a block
BLOCKS = (N + THREADS - 1) // THREADS

CELL, GAP, LEFT, TOP = 52, 22, 92, 26  # pixels; GAP separates blocks
COLORS = ("#2a6f97", "#b5651d", "#4f772d")
INK, FAINT, IDLE = "#222222", "#8a8a8a", "#f0f0f0"
ROWS = {"threads": 44, "a": 142, "b": 196, "out": 284}


def left(i: int) -> int:
    """The left edge of thread i, and of the element that it owns."""
    return LEFT + i * CELL + (i // THREADS) * GAP


def box(i: int, y: int, words: str, color: str | None) -> str:
    """A cell above index i; without a color it is a thread with nothing to do."""
    fill, ink = (color, "#ffffff") if color else (IDLE, FAINT)
    dash = "" if color else ' stroke-dasharray="4 3"'
    edge = color or FAINT
    place = f'x="{left(i) + 2}" y="{y}" width="{CELL - 4}" height="34" rx="4"'
    rectangle = f'<rect {place} fill="{fill}" stroke="{edge}"{dash}/>'
    return rectangle + text(left(i) + CELL / 2, y + 22, words, color=ink)


def arrow(i: int, start: int, end: int) -> str:
    x = left(i) + CELL / 2
    return f'<path d="M{x:g} {start} V{end - 6}" stroke="{FAINT}" fill="none" marker-end="url(#head)"/>'


def draw() -> str:
    width = left(BLOCKS * THREADS - 1) + CELL + 16
    height = 376
    parts = []
    parts.append(text(LEFT - 14, ROWS["threads"] + 22, "threadIdx.x", anchor="end"))
    for name in ("a", "b", "out"):
        parts.append(text(LEFT - 14, ROWS[name] + 22, name, size=15, anchor="end"))
    parts.append(text(LEFT - 14, ROWS["a"] - 16, "i", size=15, anchor="end"))

    for block in range(BLOCKS):
        middle = (left(block * THREADS) + left(block * THREADS + THREADS - 1) + CELL) / 2
        parts.append(text(middle, TOP, f"blockIdx.x = {block}", color=COLORS[block % len(COLORS)], size=15))
    for i in range(BLOCKS * THREADS):
        color = COLORS[i // THREADS % len(COLORS)] if i < N else None
        parts.append(box(i, ROWS["threads"], str(i % THREADS), color))
        parts.append(arrow(i, ROWS["threads"] + 36, ROWS["a"] - 28))
        parts.append(text(left(i) + CELL / 2, ROWS["a"] - 14, str(i), color=INK if i < N else FAINT))
        if i < N:
            parts += [box(i, ROWS[name], f"{name}[{i}]", color) for name in ("a", "b", "out")]
            parts.append(text(left(i) + CELL / 2, ROWS["b"] - 5, "+", size=16))
            parts.append(arrow(i, ROWS["b"] + 36, ROWS["out"] - 2))
        else:
            parts.append(text(left(i) + CELL / 2, ROWS["a"] + 36, "i ≥ n", color=FAINT))
            parts.append(text(left(i) + CELL / 2, ROWS["a"] + 54, "idle", color=FAINT))
    sizes = f"n = {N}, blockDim.x = {THREADS}, gridDim.x = ⌈{N}/{THREADS}⌉ = {BLOCKS}"
    formula = f"i = blockIdx.x · blockDim.x + threadIdx.x, with {sizes}"
    parts.append(text(width / 2, height - 18, formula, size=14))
    return figure(
        f"Vector addition of {N} elements by {BLOCKS} blocks of {THREADS} threads",
        height,
        parts,
        width,
        head=FAINT,
        reach=4,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
