#!/usr/bin/env python3
"""Draw 04_layernorm/histogram.svg: twelve elements counted straight, and by blocks that count for themselves.

tools/figures/histogram.py            write the figure
tools/figures/histogram.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import BLUE, FAINT, GRAY, GREEN, INK, PURPLE, ROOT, arrow, command, figure, rect, text

TARGET = ROOT / "04_layernorm" / "histogram.svg"
X = (2, 0, 0, 1, 0, 2, 0, 0, 1, 0, 0, 2)
BINS, BLOCK = 3, 4
COLORS = (BLUE, GREEN, PURPLE)
CELL = 44


def cells(values: list, left: float, top: float, colors: list, name: str) -> list:
    parts = [text(left - 12, top + 20, name, 12, GRAY, "end")]
    for i, (value, color) in enumerate(zip(values, colors)):
        parts.append(rect(left + i * CELL, top, CELL - 4, 28, color, r=3))
        parts.append(text(left + i * CELL + CELL / 2 - 2, top + 19, value, 13, "#ffffff"))
    return parts


def counts(values: tuple) -> list:
    return [values.count(bin_) for bin_ in range(BINS)]


def middle(left: float, i: int) -> float:
    return left + i * CELL + CELL / 2 - 2


def draw() -> str:
    left = 150
    total_left = left + (len(X) - BINS) * CELL / 2
    owners = [COLORS[i // BLOCK] for i in range(len(X))]
    parts = [
        text(20, 28, "Straight: twelve additions meet at three counts in global memory", 14, INK, "start")
    ]
    parts += cells(list(X), left, 48, owners, "x")
    parts += cells(counts(X), total_left, 138, [INK] * BINS, "counts")
    parts += [arrow(middle(left, i), 78, middle(total_left, v), 134, FAINT) for i, v in enumerate(X)]

    title = "Privatized: each block adds in its own shared memory, and then one number per bin to the counts"
    parts.append(text(20, 210, title, 14, INK, "start"))
    parts += cells(list(X), left, 230, owners, "x")
    for block in range(len(X) // BLOCK):
        own = X[block * BLOCK : (block + 1) * BLOCK]
        own_left = left + block * BLOCK * CELL + CELL / 2
        label = "shared" if block == 0 else ""
        parts += cells(counts(own), own_left, 300, [COLORS[block]] * BINS, label)
        for i, value in enumerate(own):
            parts.append(arrow(middle(left, block * BLOCK + i), 260, middle(own_left, value), 296, FAINT))
        for bin_, count in enumerate(counts(own)):
            if count:
                parts.append(arrow(middle(own_left, bin_), 330, middle(total_left, bin_), 376, FAINT))
    parts += cells(counts(X), total_left, 380, [INK] * BINS, "counts")
    return figure("A histogram with and without counts of each block", 424, parts, head=FAINT, reach=4)


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
