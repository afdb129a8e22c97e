#!/usr/bin/env python3
"""Draw 05_rmsnorm_rope/rmsnorm.svg: what each version moves through memory, and how rows meet in dweight.

tools/figures/rmsnorm.py            write the figure
tools/figures/rmsnorm.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "05_rmsnorm_rope" / "rmsnorm.svg"

BYTES = 4  # of a float
# For each version its launches; of a launch, the arrays of (N, C) that it reads and writes.
VERSIONS = (
    (
        "forward, unfused",
        (("x", "x²"), ("x²", ""), ("x", "x̂"), ("x̂", "y")),
    ),
    ("forward, fused", (("x", "y"),)),
    (
        "backward, unfused",
        (("x", "x̂"), ("x̂ dy", "p"), ("p", ""), ("dy", "g"), ("g x", ""), ("g x", "dx")),
    ),
    ("dx and dweight apart", (("dy x", "dx"), ("dy x", ""))),
    ("backward, fused", (("dy x", "dx"),)),
    ("residual, then norm", (("x res", "sum"), ("sum", "y"))),
    ("residual and norm", (("x res", "sum y"),)),
)

ROWS, COLUMNS, BLOCKS, AT_A_TIME = 8, 8, 2, 2

COLORS = ("#2a6f97", "#b5651d")
INK, FAINT = "#222222", "#8a8a8a"
WIDTH, HEIGHT = 860, 700


def box(x: float, y: float, width: float, height: float, words: str, color: str, solid: bool = True) -> str:
    fill, ink = (color, "#ffffff") if solid else ("#ffffff", color)
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4"'
    rectangle = f'<rect {place} fill="{fill}" stroke="{color}"/>'
    return rectangle + (text(x + width / 2, y + height / 2 + 5, words, color=ink) if words else "")


def arrow(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<path d="M{x0:g} {y0:g} L{x1:g} {y1:g}" stroke="{FAINT}" fill="none" marker-end="url(#head)"/>'


def traffic() -> list:
    """A line for each version, a box for each crossing of a whole array, a gap between launches."""
    parts = [text(24, 28, "What crosses memory, 4 bytes per element in each box", size=16, anchor="start")]
    left, top, cell, pitch, gap = 176, 46, 38, 40, 12
    for line, (name, launches) in enumerate(VERSIONS):
        y = top + line * pitch
        parts.append(text(left - 12, y + 20, name, anchor="end"))
        x, boxes = left, 0
        for reads, writes in launches:
            for arrays, solid in ((reads, True), (writes, False)):
                for array in arrays.split():
                    parts.append(box(x + 1, y, cell - 2, 28, array, COLORS[not solid], solid))
                    x, boxes = x + cell, boxes + 1
            x += gap
        parts.append(text(x + 2, y + 20, f"{boxes * BYTES} bytes", color=FAINT, anchor="start"))
    y = top + len(VERSIONS) * pitch + 8
    parts.append(box(left + 1, y, cell - 2, 22, "read", COLORS[0]))
    parts.append(box(left + cell + 13, y, cell + 14, 22, "written", COLORS[1], solid=False))
    note = "a gap: another launch.  x̂ = x rstd, g = dy weight, p = x̂ dy; weight, rstd left out"
    parts.append(text(left + 2 * cell + 40, y + 16, note, color=FAINT, anchor="start"))
    return parts


def matrix(x: float, y: float, rows: int, color) -> list:
    size = 22
    return [
        box(x + i * size + 1, y + r * size + 1, size - 2, size - 2, "", color(r))
        for r in range(rows)
        for i in range(COLUMNS)
    ]


def block_of(row: int) -> int:
    return row // AT_A_TIME % BLOCKS


def backward() -> list:
    """Blocks walk down the rows; sums of dweight stay with them."""
    top, size, left = 462, 22, 122
    side = COLUMNS * size
    parts = [
        text(24, top - 42, "Backward, fused: a block takes many rows and keeps its sums", 16, anchor="start"),
        text(left + side / 2, top - 10, "dy and x, two rows at a time", size=14),
    ]
    parts += matrix(left, top, ROWS, lambda r: COLORS[block_of(r)])
    for first in range(0, ROWS, AT_A_TIME):
        which = block_of(first)
        y = top + first * size + AT_A_TIME * size / 2 + 5
        words = f"block {which}, step {first // AT_A_TIME // BLOCKS}"
        parts.append(text(left - 10, y, words, 12, COLORS[which], "end"))

    middle = left + side + 76
    parts.append(text(middle + side / 2, top - 10, "shared memory: dweight so far", size=14))
    for block in range(BLOCKS):
        y = top + block * 4 * size + size
        parts += matrix(middle, y, AT_A_TIME, lambda r, block=block: COLORS[block])
        parts.append(arrow(left + side + 8, y + size, middle - 8, y + size))
        parts.append(arrow(middle + side + 8, y + size, middle + side + 54, top + (3.5 + block) * size))

    right = middle + side + 62
    parts.append(text(right + side / 2, top - 10, "scratch: a row a block", size=14))
    parts += matrix(right, top + 3 * size, BLOCKS, lambda r: COLORS[r])
    parts.append(arrow(right + side / 2, top + 5 * size + 6, right + side / 2, top + 7 * size - 6))
    parts += matrix(right, top + 7 * size, 1, lambda r: INK)
    parts.append(text(right + side / 2, top + 8 * size + 22, "second launch: dweight +=", size=14))

    bottom = top + ROWS * size
    parts.append(arrow(left + side / 2, bottom + 4, left + side / 2, bottom + 30))
    parts.append(text(left + side / 2, bottom + 50, "dx, as soon as the mean of a row is known", size=14))
    return parts


def draw() -> str:
    return figure(
        "RMSNorm: what each version moves through memory, and how rows meet in dweight",
        HEIGHT,
        [*traffic(), *backward()],
        WIDTH,
        head=FAINT,
        reach=4,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
