#!/usr/bin/env python3
"""Draw docs/figures/memory_model.svg: a message between two multiprocessors, unordered and ordered.

tools/figures/memory_model.py            write the figure
tools/figures/memory_model.py --check    exit 1 when the committed figure differs

The accesses of docs/memory_model/message_passing.cu, from top to bottom in time.
"""

from __future__ import annotations

import sys

from svg import BLUE, FAINT, GRAY, GREEN, GUIDES, INK, RED, arrow, box, command, figure, line, rect, text

TARGET = GUIDES / "memory_model.svg"
PANEL, TOP, ROW, BOTTOM = 430, 96, 42, 344
LANES = (("writer", 62), ("L2 cache", 172), ("L1 cache", 282), ("reader", 384))
WRITER, L2, L1, READER = range(4)
# (from, to, what stands above the arrow, color)
BEFORE = ((READER, L1, "load neighbor", INK), (L1, L2, "its sector", INK))
FLAG = ((WRITER, L2, "flag = 1", INK), (READER, L2, "flag is 1", INK))
PLAIN = (*BEFORE, (WRITER, L2, "number = 42", INK), *FLAG, (READER, L1, "load number", RED))
ORDERED = (
    *BEFORE,
    (WRITER, L2, "number = 42", INK),
    (WRITER, L2, "release flag = 1", GREEN),
    (READER, L2, "acquire flag", GREEN),
    (READER, L2, "load number", BLUE),
)


def panel(left: float, title: str, steps: tuple, ends: tuple, forgets: bool) -> list:
    parts = [text(left + 20, 26, title, 15, INK, "start")]
    for name, x in LANES:
        parts.append(box(left + x - 42, 44, 84, 26, name, GRAY, False, 12))
        parts.append(line([(left + x, 70), (left + x, BOTTOM)], FAINT, 1))
    for i, (start, end, words, color) in enumerate(steps):
        y = TOP + i * ROW
        x0, x1 = left + LANES[start][1], left + LANES[end][1]
        parts.append(arrow(x0, y, x1, y, color))
        middle = (x0 + x1) / 2 if abs(start - end) == 1 else left + (LANES[L2][1] + LANES[L1][1]) / 2
        parts += [
            rect(middle - 2.9 * len(words), y - 17, 5.8 * len(words), 14, "#ffffff"),
            text(middle, y - 6, words, 12, color),
        ]
    y = TOP + ROW + 12
    last = TOP + (4 if forgets else 5) * ROW
    parts.append(
        rect(
            left + LANES[L1][1] - 7,
            y,
            14,
            last - y + (6 if forgets else 8),
            RED if not forgets else FAINT,
            r=2,
        )
    )
    if forgets:
        parts.append(text(left + LANES[L1][1] + 12, last + 18, "invalidated", 12, GREEN, "start"))
    parts.append(text(left + LANES[L1][1] + 12, y + 14, "old number", 12, GRAY, "start"))
    words, color = ends
    parts.append(text(left + LANES[READER][1], BOTTOM + 18, words, 14, color))
    return parts


def draw() -> str:
    parts = panel(0, "No order: the reader may use an old copy", PLAIN, ("number is 0", RED), False)
    parts += panel(
        PANEL, "Release and acquire: it gets the new number", ORDERED, ("number is 42", BLUE), True
    )
    parts.append(line([(PANEL, 14), (PANEL, BOTTOM + 18)], FAINT, 1))
    return figure("A message between two multiprocessors, without and with an order", BOTTOM + 30, parts)


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
