#!/usr/bin/env python3
"""Draw 04_layernorm/dgamma.svg: a column of twelve terms, added up in three ways.

tools/figures/dgamma.py            write the figure
tools/figures/dgamma.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import BLUE, FAINT, GRAY, GREEN, INK, PURPLE, ROOT, arrow, command, figure, rect, text

TARGET = ROOT / "04_layernorm" / "dgamma.svg"
ROWS, BLOCK, WARPS = 12, 4, 2
COLORS = (BLUE, GREEN, PURPLE)
CELL, LEFT = 44, 130


def middle(i: float) -> float:
    return LEFT + i * CELL + CELL / 2 - 2


def cells(labels: list, at: list, top: float, colors: list, name: str) -> list:
    parts = [text(LEFT - 12, top + 19, name, 12, GRAY, "end")]
    for label, i, color in zip(labels, at, colors):
        parts.append(rect(LEFT + i * CELL, top, CELL - 4, 28, color, r=3))
        parts.append(text(middle(i), top + 19, label, 13, "#ffffff"))
    return parts


def terms(top: float, colors: list) -> list:
    return cells([f"{row}" for row in range(ROWS)], list(range(ROWS)), top, colors, "rows")


def target(top: float) -> list:
    return cells(["+="], [(ROWS - 1) / 2], top, [INK], "dgamma")


def heading(top: float, words: str) -> list:
    return [text(20, top, words, 14, INK, "start")]


def draw() -> str:
    goal = middle((ROWS - 1) / 2)
    blocks = [COLORS[row // BLOCK] for row in range(ROWS)]

    parts = heading(28, "column_loop: one thread adds up all rows in a register, and adds to dgamma once")
    parts += terms(44, [BLUE] * ROWS) + target(104)
    for row in range(ROWS - 1):
        parts.append(arrow(middle(row) + 16, 78, middle(row + 1) - 16, 78, FAINT))
    parts.append(arrow(middle(ROWS - 1), 80, goal + 24, 116, INK))

    parts += heading(168, "atomics_per_row: a thread per row, and as many atomic additions to one address")
    parts += terms(184, blocks) + target(264)
    parts += [arrow(middle(row), 214, goal, 260, INK) for row in range(ROWS)]

    parts += heading(328, "solution: registers, then shared memory, then one atomic addition per block")
    parts += terms(344, blocks)
    for block in range(ROWS // BLOCK):
        first = block * BLOCK
        at = [first + 1, first + 2]
        parts += cells(["", ""], at, 404, [COLORS[block]] * WARPS, "shared" if block == 0 else "")
        for row in range(first, first + BLOCK):
            parts.append(arrow(middle(row), 374, middle(at[row % WARPS]), 400, FAINT))
        parts += cells([""], [first + 1.5], 464, [COLORS[block]], "")
        parts += [arrow(middle(i), 434, middle(first + 1.5), 460, FAINT) for i in at]
        parts.append(arrow(middle(first + 1.5), 494, goal, 540, INK))
    parts += target(544)
    return figure("Three ways to add up a column of dgamma", 590, parts, head=GRAY, reach=4)


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
