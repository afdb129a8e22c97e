#!/usr/bin/env python3
"""Draw 07_tinyllama/journey/tape.svg: a forward pass, its tape with one operation missing, and its reach.

tools/figures/tape.py            write the figure
tools/figures/tape.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "07_tinyllama" / "journey" / "tape.svg"

OPERATIONS = 6  # each with a weight of its own; the loss comes after the last
NOT_RECORDED = 4  # counted from 1

REACHED, LOST = "#2a6f97", "#b5651d"
INK, FAINT = "#222222", "#8a8a8a"
WIDTH, HEIGHT = 860, 420
LEFT, PITCH, BOX = 120, 112, 68
ROWS = {"forward": 86, "tape": 196, "weights": 306}
TALL = 36


def box(x: float, y: float, words: str, color: str, solid: bool = True, dashed: bool = False) -> str:
    fill, ink = (color, "#ffffff") if solid else ("#ffffff", color)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    place = f'x="{x:g}" y="{y:g}" width="{BOX}" height="{TALL}" rx="4"'
    return f'<rect {place} fill="{fill}" stroke="{color}"{dash}/>' + text(x + BOX / 2, y + 23, words, 14, ink)


def arrow(x0: float, y0: float, x1: float, y1: float, color: str = FAINT) -> str:
    line = f'd="M{x0:g} {y0:g} L{x1:g} {y1:g}" stroke="{color}"'
    return f'<path {line} stroke-width="2" marker-end="url(#head)"/>'


def reached() -> set:
    """Play the tape backward: an operation that is not on it passes nothing on."""
    found = set()
    for operation in range(OPERATIONS, 0, -1):
        if operation == NOT_RECORDED:
            break
        found.add(operation)
    return found


def row_names() -> list:
    names = {"forward": "forward", "tape": "the tape", "weights": "dW"}
    return [text(LEFT - 24, ROWS[row] + 23, words, 15, anchor="end") for row, words in names.items()]


def columns() -> list:
    got = reached()
    parts = []
    for operation in range(1, OPERATIONS + 1):
        x = LEFT + (operation - 1) * PITCH
        recorded = operation != NOT_RECORDED
        right, middle = x + BOX, x + BOX / 2
        parts.append(box(x, ROWS["forward"], f"f{operation}", INK))
        if operation < OPERATIONS:
            parts.append(
                arrow(right + 4, ROWS["forward"] + TALL / 2, x + PITCH - 10, ROWS["forward"] + TALL / 2)
            )
        color = REACHED if operation in got else LOST
        words = f"f{operation} back" if recorded else "nothing"
        parts.append(box(x, ROWS["tape"], words, color, solid=operation in got, dashed=not recorded))
        if recorded:
            parts.append(arrow(middle, ROWS["forward"] + TALL + 4, middle, ROWS["tape"] - 10))
        if operation in got:
            y = ROWS["tape"] + TALL / 2
            parts.append(arrow(x - 4, y, x - PITCH + BOX + 10, y, REACHED))
            parts.append(arrow(middle, ROWS["tape"] + TALL + 4, middle, ROWS["weights"] - 10, REACHED))
        words = f"dW{operation}" if operation in got else "0"
        parts.append(box(x, ROWS["weights"], words, color, solid=operation in got))
    return parts


def notes() -> list:
    got = len(reached())
    last = LEFT + OPERATIONS * PITCH - 12
    gap = LEFT + (NOT_RECORDED - 1) * PITCH + BOX / 2
    return [
        text(24, 34, "Forward needs no tape. Backward is nothing else.", 17, anchor="start"),
        text(last - 20, ROWS["forward"] + 23, "loss", 14, anchor="start"),
        text(gap, ROWS["tape"] - 14, "launched directly", 13, LOST),
        text(
            24,
            HEIGHT - 32,
            f"{got} of {OPERATIONS} weights receive a gradient. The loss is right, and it falls.",
            15,
            anchor="start",
        ),
    ]


def draw() -> str:
    return figure(
        "A forward pass, its tape with one operation missing, and how far the gradient gets",
        HEIGHT,
        [*row_names(), *columns(), *notes()],
        WIDTH,
        head=FAINT,
        reach=4,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
