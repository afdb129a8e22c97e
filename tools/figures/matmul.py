#!/usr/bin/env python3
"""Draw 02_matmul/matmul.svg: a tile of C, the tiles of A and B that it needs, and the walk along K.

tools/figures/matmul.py            write the figure
tools/figures/matmul.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "02_matmul" / "matmul.svg"

TILE = 4  # elements, to draw; 16 in the starter
M, N, K = 12, 16, 10  # K is no multiple of TILE: the last tile sticks out
CELL, GAP = 18, 34  # pixels
LEFT, TOP = 92, 56
TILE_ROW, TILE_COLUMN = 1, 2  # the block that is drawn
STEP = 1  # and the step along K

INK, FAINT, GRID = "#222222", "#8a8a8a", "#d8d8d8"
BLUE, ORANGE, GREEN = "#2a6f97", "#b5651d", "#4f772d"


def rectangle(x: float, y: float, width: float, height: float, fill: str, edge: str, extra: str = "") -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect {place} fill="{fill}" stroke="{edge}"{extra}/>'


def matrix(x: int, y: int, rows: int, columns: int) -> list[str]:
    """An empty matrix, its elements ruled."""
    lines = [f"M{x + j * CELL} {y} v{rows * CELL}" for j in range(columns + 1)]
    lines += [f"M{x} {y + i * CELL} h{columns * CELL}" for i in range(rows + 1)]
    return [
        rectangle(x, y, columns * CELL, rows * CELL, "#ffffff", INK),
        f'<path d="{" ".join(lines)}" stroke="{GRID}" fill="none"/>',
        rectangle(x, y, columns * CELL, rows * CELL, "none", INK),
    ]


def tile(x: int, y: int, row: int, column: int, color: str, strong: bool, outside: bool = False) -> str:
    """A tile of (TILE, TILE) elements whose first element is (row, column)."""
    opacity = ' fill-opacity="0.85"' if strong else ' fill-opacity="0.2"'
    dash = ' stroke-dasharray="4 3"' if outside else ""
    side = TILE * CELL
    return rectangle(x + column * CELL, y + row * CELL, side, side, color, color, opacity + dash)


def draw() -> str:
    a_x, a_y = LEFT, TOP + K * CELL + GAP + 2 * CELL
    b_x, b_y = LEFT + K * CELL + GAP + 2 * CELL, TOP
    width, height = b_x + N * CELL + 150, a_y + M * CELL + 66
    steps = (K + TILE - 1) // TILE
    row, column = TILE_ROW * TILE, TILE_COLUMN * TILE
    parts = [
        *matrix(a_x, a_y, M, K),
        *matrix(b_x, b_y, K, N),
        *matrix(b_x, a_y, M, N),
    ]
    for step in range(steps):
        start = step * TILE
        outside = start + TILE > K
        parts.append(tile(a_x, a_y, row, start, BLUE, step == STEP, outside))
        parts.append(tile(b_x, b_y, start, column, ORANGE, step == STEP, outside))
    parts.append(tile(b_x, a_y, row, column, GREEN, True))

    # One output, and the strips that it needs.
    y, x = a_y + (row + 2) * CELL, b_x + (column + 1) * CELL
    parts.append(rectangle(a_x, y, K * CELL, CELL, "none", INK, ' stroke-width="2"'))
    parts.append(rectangle(x, b_y, CELL, K * CELL, "none", INK, ' stroke-width="2"'))
    parts.append(rectangle(x, y, CELL, CELL, "#ffffff", INK, ' stroke-width="2"'))

    parts.append(text(a_x + K * CELL / 2, a_y - 12, "A (M, K)", 15))
    parts.append(text(b_x + N * CELL / 2, b_y - 30, "B (K, N)", 15))
    parts.append(text(b_x + N * CELL / 2, a_y + M * CELL + 24, "C (M, N)", 15))
    parts.append(text(b_x + (column + TILE / 2) * CELL, b_y - 10, "the block's columns", color=ORANGE))
    parts.append(text(a_x - 8, a_y + (row + TILE / 2) * CELL - 2, "the block's", color=BLUE, anchor="end"))
    parts.append(text(a_x - 8, a_y + (row + TILE / 2) * CELL + 14, "rows", color=BLUE, anchor="end"))
    for step in range(steps):
        middle = (step * TILE + TILE / 2) * CELL
        color = INK if step == STEP else FAINT
        parts.append(text(a_x + middle, a_y + row * CELL - 6, f"step {step}", 12, color))
        parts.append(text(b_x + N * CELL + 12, b_y + middle + 4, f"step {step}", 12, color, "start"))
    note_x = b_x + N * CELL + 12
    parts.append(text(note_x, b_y + (steps * TILE - 1) * CELL + 6, "sticks out of K:", 12, FAINT, "start"))
    parts.append(text(note_x, b_y + (steps * TILE - 1) * CELL + 22, "fill with zeros", 12, FAINT, "start"))
    parts.append(text(note_x, y + CELL - 5, "one thread's output", 12, INK, "start"))
    parts.append(
        text(
            width / 2,
            height - 12,
            "C tile = Σ over steps of (blue tile) × (orange tile), both in shared memory",
            14,
        )
    )
    return figure(
        "A tile of C is the sum of products of tiles of A and of B, one for each step along K",
        height,
        parts,
        width,
        head=None,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
