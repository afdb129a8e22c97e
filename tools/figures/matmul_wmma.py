#!/usr/bin/env python3
"""Draw 02_matmul/matmul_wmma.svg: the warps of a block, their fragments, and what a fragment serves.

tools/figures/matmul_wmma.py            write the figure
tools/figures/matmul_wmma.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import BLUE, BROWN, GRAY, GREEN, INK, PALE, PURPLE, ROOT, command, figure, rect, text

TARGET = ROOT / "02_matmul" / "matmul_wmma.svg"

SIDE = 52  # pixels of a fragment
OWNED = 2  # fragments per warp, each way
LEFT, TOP = 150, 150
WARPS = (BLUE, BROWN, GREEN, PURPLE)
ONE_LEFT, ONE_TOP = 590, 150


def cell(x: float, y: float, words: str, color: str, ink: str = "#ffffff", side: int = SIDE) -> list:
    """A fragment."""
    return [
        rect(x, y, side - 3, side - 3, color),
        text(x + side / 2 - 1, y + side / 2 + 4, words, 13, ink),
    ]


def block() -> list:
    """C in the middle, the tile of A at its left, the tile of B above it; one step of 16 of K."""
    count = 2 * OWNED
    parts = [text(LEFT + count * SIDE / 2, 30, "a block: 64 x 64 outputs, 4 warps, 16 of K", 15)]
    for i in range(count):
        parts += cell(LEFT - 70, TOP + i * SIDE, "A", PALE, INK)
        parts += cell(LEFT + i * SIDE, TOP - 70, "B", PALE, INK)
    for i in range(count):
        for j in range(count):
            warp = i // OWNED * 2 + j // OWNED
            parts += cell(LEFT + j * SIDE, TOP + i * SIDE, f"warp {warp}", WARPS[warp])
    parts.append(text(LEFT - 70, TOP - 16, "tile of A", 13, GRAY, "start"))
    parts.append(text(LEFT + count * SIDE + 6, TOP - 42, "tile of B", 13, GRAY, "start"))
    parts.append(text(LEFT, TOP + count * SIDE + 20, "each square: a fragment of 16 x 16", 13, GRAY, "start"))
    return parts


def one_warp() -> list:
    """The fragments of warp 0: four are loaded, four products follow."""
    parts = [text(ONE_LEFT + SIDE, 30, "warp 0", 15)]
    for i in range(OWNED):
        parts += cell(ONE_LEFT - 70, ONE_TOP + i * SIDE, f"A{i}", PALE, INK)
        parts += cell(ONE_LEFT + i * SIDE, ONE_TOP - 70, f"B{i}", PALE, INK)
        for j in range(OWNED):
            parts += cell(ONE_LEFT + j * SIDE, ONE_TOP + i * SIDE, f"A{i} B{j}", BLUE)
    below = ONE_TOP + OWNED * SIDE
    words = (
        "4 fragments are loaded, and",
        "each of them is used twice:",
        "4 products, one mma_sync each",
    )
    parts += [text(ONE_LEFT - 70, below + 26 + 20 * i, w, 14, INK, "start") for i, w in enumerate(words)]
    return parts


def draw() -> str:
    return figure("The fragments of a block and of a warp", 390, [*block(), *one_warp()])


if __name__ == "__main__":
    sys.exit(command(__doc__, {TARGET: draw}))
