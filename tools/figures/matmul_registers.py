#!/usr/bin/env python3
"""Draw 02_matmul/matmul_registers.svg: a thread's reads of shared memory, with one output and with (8, 4).

tools/figures/matmul_registers.py            write the figure
tools/figures/matmul_registers.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import BLUE, BROWN, GRAY, GREEN, INK, ROOT, command, figure, rect, text

TARGET = ROOT / "02_matmul" / "matmul_registers.svg"

CELL, GAP, TOP, HEIGHT = 24, 10, 96, 360
PANELS = ((110, 1, 1, "one output per thread"), (480, 8, 4, "(8, 4) outputs per thread"))


def panel(left: int, rows: int, columns: int, title: str) -> list:
    """The thread's outputs, the column of A's tile on their left, the row of B's tile above."""
    x, y = left + CELL + GAP, TOP + CELL + GAP
    parts = [text(x + columns * CELL / 2, 30, title, 15)]
    parts += [rect(left, y + i * CELL, CELL - 2, CELL - 2, BLUE) for i in range(rows)]
    parts += [rect(x + j * CELL, TOP, CELL - 2, CELL - 2, BROWN) for j in range(columns)]
    parts += [
        rect(x + j * CELL, y + i * CELL, CELL - 2, CELL - 2, GREEN)
        for i in range(rows)
        for j in range(columns)
    ]
    reads, products = rows + columns, rows * columns
    plural = "" if products == 1 else "s"
    parts.append(text(left - 10, y + rows * CELL / 2 + 4, f"{rows} of A", 13, BLUE, "end"))
    parts.append(text(x + columns * CELL / 2, TOP - 10, f"{columns} of B", 13, BROWN))
    right = x + columns * CELL + 14
    parts.append(text(right, y + 14, f"{reads} reads for", 13, INK, "start"))
    parts.append(text(right, y + 32, f"{products} multiply-add{plural}:", 13, INK, "start"))
    parts.append(text(right, y + 50, f"{reads / products:g} reads each", 13, INK, "start"))
    return parts


def draw() -> str:
    parts = [part for arguments in PANELS for part in panel(*arguments)]
    words = "one step along K: blue and brown are read from shared memory"
    parts.append(text(430, HEIGHT - 12, words, 13, GRAY))
    title = "Reads of shared memory per multiply-add, with one and with 32 outputs per thread"
    return figure(title, HEIGHT, parts)


if __name__ == "__main__":
    sys.exit(command(__doc__, {TARGET: draw}))
