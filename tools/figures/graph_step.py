#!/usr/bin/env python3
"""Draw 07_tinyllama/graph_step.svg: host and device in two steps, launch by launch and as a graph.

tools/figures/graph_step.py            write the figure
tools/figures/graph_step.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import BLUE, FAINT, GRAY, GREEN, INK, PURPLE, ROOT, arrow, command, figure, rect, text

TARGET = ROOT / "07_tinyllama" / "graph_step.svg"
LEFT, LAUNCH, KERNEL, GRAPH = 120, 56, 30, 72
KERNELS, STEPS = 4, 2
COLORS = (BLUE, GREEN)


def lane(top: float, name: str) -> str:
    return text(LEFT - 16, top + 20, name, 13, GRAY, "end")


def draw() -> str:
    parts = [text(20, 28, "Launch by launch: the device waits for the host", 14, INK, "start")]
    parts += [lane(44, "host"), lane(104, "device")]
    for i in range(KERNELS * STEPS):
        x, color = LEFT + i * LAUNCH, COLORS[i // KERNELS]
        parts.append(rect(x, 44, LAUNCH - 4, 30, FAINT, r=3))
        parts.append(text(x + LAUNCH / 2 - 2, 64, "launch", 11, INK))
        parts.append(rect(x + LAUNCH, 104, KERNEL, 30, color, r=3))
        parts.append(arrow(x + LAUNCH - 4, 76, x + LAUNCH + 2, 101))

    parts.append(text(20, 182, "As a graph: one launch per step, prepared once", 14, INK, "start"))
    parts += [lane(198, "host"), lane(258, "device")]
    for step in range(STEPS):
        x = LEFT + step * GRAPH
        parts.append(rect(x, 198, GRAPH - 4, 30, PURPLE, r=3))
        parts.append(text(x + GRAPH / 2 - 2, 218, "graph", 11, "#ffffff"))
        begin = LEFT + GRAPH + step * KERNELS * (KERNEL + 3)
        for kernel in range(KERNELS):
            parts.append(rect(begin + kernel * (KERNEL + 3), 258, KERNEL, 30, COLORS[step], r=3))
        parts.append(arrow(x + GRAPH - 4, 230, begin + 2, 255))
    return figure("Host and device in two steps of four small kernels, without and with a graph", 320, parts)


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
