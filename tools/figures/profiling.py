#!/usr/bin/env python3
"""Draw docs/figures/profiling.svg: from "it is slow" to a cause, by tool and by what to read first.

tools/figures/profiling.py            write the figure
tools/figures/profiling.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import (
    BLUE,
    BROWN,
    FAINT,
    GRAY,
    GREEN,
    GUIDES,
    INK,
    PURPLE,
    RED,
    arrow,
    box,
    command,
    figure,
    line,
    text,
)

QUESTIONS = (
    ("Is the GPU busy at all?", "nsys: gaps between kernels", "fewer launches, fewer waits", PURPLE),
    (
        "Which kernel takes the time?",
        "the workbook's profile CSV, or nsys stats",
        "start with the first line",
        BLUE,
    ),
    ("How far from which roof is it?", "ncu: Speed of Light", "see below", GREEN),
)
CASES = (
    (
        "memory is high",
        ["compute is low"],
        ["Are bytes wasted?", "sectors per request", "ideal 4, for floats"],
        BLUE,
    ),
    (
        "compute is high",
        ["memory is low"],
        ["Which unit is full?", "ALU, FMA, or the", "special functions"],
        BROWN,
    ),
    ("both are low", ["the GPU waits"], ["What do warps wait for?", "occupancy, then", "stall reasons"], RED),
)
FIXES = (
    ["coalesce; fuse;", "smaller types"],
    ["fewer instructions;", "tensor cores"],
    ["more loads in flight;", "fewer barriers"],
)


def questions() -> list:
    parts = [text(24, 30, "From the whole to one kernel: ask in this order", 16, INK, "start")]
    for i, (question, tool, then, color) in enumerate(QUESTIONS):
        y = 50 + 62 * i
        parts.append(box(24, y, 250, 42, question, color, size=14))
        parts.append(box(302, y, 296, 42, tool, color, solid=False))
        parts.append(text(616, y + 26, then, 13, GRAY, "start"))
        parts.append(arrow(276, y + 21, 299, y + 21))
        if i + 1 < len(QUESTIONS):
            parts.append(arrow(149, y + 43, 149, y + 60))
    return parts


def cases() -> list:
    top, wide, step = 290, 236, 288
    parts = [
        text(
            24,
            top - 20,
            "Speed of Light: two bars, memory and compute, in percent of their peaks",
            16,
            INK,
            "start",
        )
    ]
    parts.append(line([(149, 218), (149, top - 40)], FAINT, 1.5))
    levels = ((0.9, 0.25), (0.3, 0.9), (0.3, 0.2))
    for i, ((first, second, reads, color), fix, (memory, compute)) in enumerate(zip(CASES, FIXES, levels)):
        x = 24 + step * i
        parts.append(text(x, top + 16, "memory", 13, GRAY, "start"))
        parts.append(text(x, top + 38, "compute", 13, GRAY, "start"))
        for level, y in ((memory, top + 4), (compute, top + 26)):
            parts.append(
                f'<rect x="{x + 70}" y="{y}" width="166" height="15" fill="#ffffff" stroke="{FAINT}"/>'
            )
            parts.append(f'<rect x="{x + 70}" y="{y}" width="{166 * level:g}" height="15" fill="{color}"/>')
        parts.append(box(x, top + 54, wide, 46, [first, *second], color))
        parts.append(arrow(x + wide / 2, top + 102, x + wide / 2, top + 122))
        parts.append(box(x, top + 124, wide, 64, reads, color, solid=False))
        parts.append(arrow(x + wide / 2, top + 190, x + wide / 2, top + 210))
        parts += [text(x + wide / 2, top + 228 + 18 * k, words, 14, color) for k, words in enumerate(fix)]
    return parts


def draw() -> str:
    return figure("Which profiler answers which question", 560, [*questions(), *cases()])


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "profiling.svg": draw}))
