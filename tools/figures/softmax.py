#!/usr/bin/env python3
"""Draw 03_softmax/softmax.svg: how the threads of a block share a row, and how their values meet.

tools/figures/softmax.py            write the figure
tools/figures/softmax.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "03_softmax" / "softmax.svg"

LANES = 4  # of a warp, so that it fits; a real one has 32
VALUES = (1, 3, 0, 2, 5, 1, 4, 2, 2, 6, 1, 0, 3, 1, 7, 2)  # one row: two columns for each of eight threads
THREADS = len(VALUES) // 2

CELL, LEFT, GAP = 44, 150, 12  # pixels
COLORS = ("#2a6f97", "#b5651d")  # one a warp
INK, FAINT, PALE, RESULT = "#222222", "#8a8a8a", "#f0f0f0", "#4f772d"


def box(x: float, y: float, words: object, color: str, ink: str = "#ffffff") -> str:
    place = f'x="{x + 2:g}" y="{y:g}" width="{CELL - 4}" height="30" rx="4"'
    return f'<rect {place} fill="{color}" stroke="{FAINT}"/>' + text(
        x + CELL / 2, y + 20, str(words), color=ink
    )


def line(x1: float, y1: float, x2: float, y2: float, color: str = FAINT) -> str:
    return f'<path d="M{x1:g} {y1:g} L{x2:g} {y2:g}" stroke="{color}" fill="none"/>'


def column_left(c: int) -> float:
    return LEFT + c * CELL + c // THREADS * GAP


def thread_left(t: int) -> float:
    """Threads stand in the middle, under the row."""
    return LEFT + 4 * CELL + t * CELL + t // LANES * GAP


def row_of_boxes(y: float, values: list[int]) -> list[str]:
    return [box(thread_left(t), y, value, COLORS[t // LANES]) for t, value in enumerate(values)]


def draw() -> str:
    width = column_left(len(VALUES) - 1) + CELL + 20
    height = 512
    parts = []

    def label(y: float, words: str, more: str = "") -> None:
        parts.append(text(16, y, words, size=14, anchor="start"))
        if more:
            parts.append(text(16, y + 17, more, size=12, color=FAINT, anchor="start"))

    label(44, "one row of x", "thread t: t, t + 8")
    for c, value in enumerate(VALUES):
        thread = c % THREADS
        parts.append(box(column_left(c), 30, value, COLORS[thread // LANES]))
        parts.append(text(column_left(c) + CELL / 2, 22, str(thread), size=11, color=FAINT))

    mine = [max(VALUES[t], VALUES[t + THREADS]) for t in range(THREADS)]
    label(128, "each thread's own", "a register")
    parts += row_of_boxes(114, mine)
    for t in range(THREADS):
        for c in (t, t + THREADS):
            parts.append(line(column_left(c) + CELL / 2, 60, thread_left(t) + CELL / 2, 114, "#cccccc"))

    y, distance = 114, LANES // 2
    while distance:
        theirs = [mine[t ^ distance] for t in range(THREADS)]
        for t in range(THREADS):
            start = thread_left(t ^ distance) + CELL / 2
            parts.append(line(start, y + 30, thread_left(t) + CELL / 2, y + 84))
            parts.append(line(thread_left(t) + CELL / 2, y + 30, thread_left(t) + CELL / 2, y + 84))
        mine = [max(pair) for pair in zip(mine, theirs)]
        y += 84
        label(y + 14, f"after lane ^ {distance}", "shuffles: no barrier")
        parts += row_of_boxes(y, mine)
        distance //= 2

    shared = y + 76
    label(shared + 14, "shared memory", "one value a warp")
    middle = thread_left(LANES) - GAP / 2
    for warp in range(THREADS // LANES):
        left = middle + (warp - 1) * CELL
        parts.append(box(left, shared, mine[warp * LANES], PALE, INK))
        parts.append(line(thread_left(warp * LANES) + CELL / 2, y + 30, left + CELL / 2, shared))
    barrier = shared + 54
    label(barrier + 5, "__syncthreads()")
    dashes = f'stroke="{INK}" stroke-dasharray="6 4"'
    parts.append(f'<path d="M{LEFT} {barrier} H{width - 20}" {dashes} fill="none"/>')
    last = barrier + 24
    label(last + 14, "in every thread", "of the block")
    for t in range(THREADS):
        parts.append(box(thread_left(t), last, max(mine), RESULT))
    words = (
        f"Warps of {LANES} lanes to fit the page: real ones have 32 and take five shuffles. Likewise the sum."
    )
    parts.append(text(width / 2, height - 14, words, size=12, color=FAINT))
    return figure(
        f"The maximum of a row of {len(VALUES)} columns by {THREADS} threads in two warps",
        height,
        parts,
        width,
        head=None,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
