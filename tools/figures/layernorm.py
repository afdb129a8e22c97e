#!/usr/bin/env python3
"""Draw 04_layernorm/layernorm.svg: moments of a row merged, and column sums over rows in two stages.

tools/figures/layernorm.py            write the figure
tools/figures/layernorm.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import struct
import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "04_layernorm" / "layernorm.svg"

ROW = (10001, 10003, 10002, 10000, 10004, 10002, 10001, 10003)
THREADS, ROWS, COLUMNS, BLOCKS = 4, 6, 6, 2

COLORS = ("#2a6f97", "#b5651d", "#4f772d", "#7b4b94")
INK, FAINT = "#222222", "#8a8a8a"
WIDTH, HEIGHT = 860, 690


def single(value: float) -> float:
    """The nearest number that a float (32 bits) can hold."""
    return struct.unpack("f", struct.pack("f", value))[0]


def moments(values: tuple) -> tuple:
    mean = sum(values) / len(values)
    return len(values), mean, sum((value - mean) ** 2 for value in values)


def merge(a: tuple, b: tuple) -> tuple:
    count, delta = a[0] + b[0], b[1] - a[1]
    return count, a[1] + delta * b[0] / count, a[2] + b[2] + delta**2 * a[0] * b[0] / count


def variance_by_squares() -> float:
    """E[x^2] - E[x]^2 with every step rounded to float."""
    total = squares = 0.0
    for value in ROW:
        total = single(total + value)
        squares = single(squares + single(value * value))
    mean = single(total / len(ROW))
    return single(single(squares / len(ROW)) - single(mean * mean))


def box(x: float, y: float, width: float, height: float, words: str, color: str, solid: bool = True) -> str:
    fill, ink = (color, "#ffffff") if solid else ("#ffffff", color)
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4"'
    rectangle = f'<rect {place} fill="{fill}" stroke="{color}"/>'
    return rectangle + (text(x + width / 2, y + height / 2 + 5, words, color=ink) if words else "")


def arrow(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<path d="M{x0:g} {y0:g} L{x1:g} {y1:g}" stroke="{FAINT}" fill="none" marker-end="url(#head)"/>'


def two_lines(x: float, y: float, m: tuple, color: str) -> str:
    first = text(x, y + 20, f"n {m[0]}, mean {m[1]:g}", color=color)
    return first + text(x, y + 38, f"M₂ {m[2]:g}", color=color)


def words_of(m: tuple) -> str:
    return f"n {m[0]}, mean {m[1]:g}, M₂ {m[2]:g}"


def forward() -> list:
    """A row, the moments of its threads, and their merging."""
    parts = [text(24, 28, "Forward: the moments of a row", size=16, anchor="start")]
    cell, left = 72, 150
    parts.append(text(left - 14, 72, "a row of x", anchor="end"))
    for i, value in enumerate(ROW):
        parts.append(box(left + i * cell + 2, 50, cell - 4, 34, str(value), COLORS[i % THREADS]))

    wide, top = 144, 128
    center = [left + (2 * t + 1) * cell for t in range(THREADS)]
    parts.append(text(left - 14, top + 22, "each thread", anchor="end"))
    level = [moments(ROW[t::THREADS]) for t in range(THREADS)]
    for t, m in enumerate(level):
        parts.append(box(center[t] - wide / 2 + 3, top, wide - 6, 46, "", COLORS[t], solid=False))
        parts.append(two_lines(center[t], top, m, COLORS[t]))
    for i in range(len(ROW)):
        parts.append(arrow(left + (i + 0.5) * cell, 86, center[i % THREADS], top - 6))

    for name, distance in (("merged", 1), ("merged", 2)):
        last, top = top + (14 if distance == 1 else 0), top + (84 if distance == 1 else 70)
        pairs = range(0, len(level), 2)
        level = [merge(level[p], level[p + 1]) for p in pairs]
        middle = [(center[p] + center[p + 1]) / 2 for p in pairs]
        parts.append(text(left - 14, top + 22, name if distance == 1 else "the row", anchor="end"))
        for p, m in enumerate(level):
            parts.append(box(middle[p] - 95, top, 190, 34, words_of(m), INK, solid=distance == 2))
            for side in (0, 1):
                parts.append(arrow(center[2 * p + side], last + 36, middle[p] + 40 * (2 * side - 1), top - 6))
        center = middle
    true = level[0][2] / level[0][0]
    wrong = variance_by_squares()
    parts.append(
        text(
            left + 4 * cell,
            top + 62,
            f"variance = M₂ / n = {true:g}, exactly. E[x²] − E[x]², every step rounded to a float: {wrong:g}",
            size=14,
        )
    )
    return parts


def matrix(x: float, y: float, rows: int, color) -> list:
    size = 24
    return [
        box(x + i * size + 1, y + r * size + 1, size - 2, size - 2, "", color(r))
        for r in range(rows)
        for i in range(COLUMNS)
    ]


def backward() -> list:
    """Column sums over rows that belong to different blocks."""
    top, size = 428, 24
    side = COLUMNS * size
    parts = [
        text(24, top - 36, "Backward: dγ sums over all rows, which several blocks share", 16, anchor="start")
    ]
    for which, x in (("two stages: scratch, then a second launch", 96), ("atomics: one launch", 540)):
        parts.append(text(x + side / 2, top - 8, "dy · x̂", size=14))
        parts += matrix(x, top, ROWS, lambda r: COLORS[r % BLOCKS])
        for r in range(ROWS):
            parts.append(
                text(x - 8, top + r * size + 17, f"block {r % BLOCKS}", 12, COLORS[r % BLOCKS], "end")
            )
        below = top + ROWS * size
        out = below + 36
        if which.startswith("two"):
            parts.append(arrow(x + side + 8, top + side / 2, x + side + 52, top + side / 2))
            parts.append(text(x + 1.5 * side + 62, top + side / 2 - 32, "scratch", size=14))
            parts += matrix(x + side + 62, top + side / 2 - BLOCKS * size / 2, BLOCKS, lambda r: COLORS[r])
            parts.append(arrow(x + 1.5 * side + 62, top + side / 2 + 30, x + 1.5 * side + 62, out - 6))
            parts += matrix(x + side + 62, out, 1, lambda r: INK)
            parts.append(text(x + side + 54, out + 17, "dγ +=", 14, anchor="end"))
            parts.append(text(x + side + 30, out + 54, which, size=14))
        else:
            for b in range(BLOCKS):
                parts.append(arrow(x + side * (b + 1) / 3, below + 4, x + side * (b + 1) / 3, out - 6))
            parts += matrix(x, out, 1, lambda r: INK)
            parts.append(text(x - 8, out + 17, "dγ +=", 14, anchor="end"))
            parts.append(text(x + side / 2, out + 54, which + ", in any order", size=14))
    return parts


def draw() -> str:
    return figure(
        "Layer normalization: merging moments along a row, adding gradients over rows",
        HEIGHT,
        [*forward(), *backward()],
        WIDTH,
        head=FAINT,
        reach=4,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
