#!/usr/bin/env python3
"""Draw 02_matmul/fast_matmul.svg: which outputs of a block's tile belong to which warp, and to which lane.

tools/figures/fast_matmul.py            write the figure
tools/figures/fast_matmul.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import BLUE, BROWN, GRAY, GREEN, INK, PALE, PURPLE, ROOT, command, figure, rect, text

TARGET = ROOT / "02_matmul" / "fast_matmul.svg"

ACROSS, DOWN, ROWS, COLUMNS = 16, 8, 8, 4  # threads of the block; outputs of a thread
PIXELS = 5  # per output
LEFT, TOP, LANES_LEFT = 60, 70, 450
WARPS = (BLUE, BROWN, GREEN, PURPLE)


def block() -> list:
    """The (64, 64) tile: a rectangle per thread, a color per warp."""
    width, height = COLUMNS * PIXELS, ROWS * PIXELS
    parts = [
        rect(LEFT + x * width, TOP + y * height, width - 1, height - 1, WARPS[y // 2])
        for y in range(DOWN)
        for x in range(ACROSS)
    ]
    parts += [
        text(LEFT + ACROSS * width + 8, TOP + (2 * warp + 1) * height + 4, f"warp {warp}", 13, color, "start")
        for warp, color in enumerate(WARPS)
    ]
    parts.append(text(LEFT + ACROSS * width / 2, 30, "64 x 64 outputs, 16 x 8 threads", 15))
    parts.append(text(LEFT + ACROSS * width / 2, TOP - 10, "threadIdx.x: 0 to 15", 13, GRAY))
    parts += [text(LEFT - 8, TOP + y * height + height / 2 + 4, y, 12, GRAY, "end") for y in range(DOWN)]
    parts.append(text(LEFT, TOP + DOWN * height + 18, "on the left: threadIdx.y", 13, GRAY, "start"))
    return parts


def warp() -> list:
    """The lanes of warp 0, and what they read in one step of depth."""
    side, gap = 23, 30
    y0 = TOP + 2 * side
    parts = [text(LANES_LEFT + 8 * side, 30, "warp 0 at one depth", 15)]
    parts += [rect(LANES_LEFT + x * side, TOP, side - 1, 18, BROWN) for x in range(ACROSS)]
    words = "b_tile[depth]: 16 float4, one for each threadIdx.x"
    parts.append(text(LANES_LEFT, TOP - 8, words, 13, BROWN, "start"))
    for y in range(2):
        top = y0 + y * (side + gap)
        parts += [rect(LANES_LEFT + x * side, top, side - 1, side - 1, BLUE) for x in range(ACROSS)]
        lanes = [text(LANES_LEFT + x * side + 11, top + 16, 16 * y + x, 11, "#ffffff") for x in range(ACROSS)]
        words = f"lanes {16 * y} to {16 * y + 15}: the same 8 values, a_tile[depth][{8 * y}] to [{8 * y + 7}]"
        parts += [*lanes, text(LANES_LEFT, top + side + 16, words, 13, GREEN, "start")]
    y1 = y0 + 2 * (side + gap) + 26
    parts.append(text(LANES_LEFT, y1, "one lane: 8 + 4 values read, 32 multiply-adds", 15, INK, "start"))
    for i in range(ROWS):
        parts.append(rect(LANES_LEFT, y1 + 30 + i * 14, 12, 12, GREEN))
        parts += [rect(LANES_LEFT + 20 + j * 14, y1 + 30 + i * 14, 12, 12, BLUE) for j in range(COLUMNS)]
    parts += [rect(LANES_LEFT + 20 + j * 14, y1 + 12, 12, 12, BROWN) for j in range(COLUMNS)]
    return parts


def draw() -> str:
    title = "The outputs of a block, of its warps and of their lanes"
    return figure(title, 440, [rect(20, 44, 418, 376, PALE, r=6), *block(), *warp()])


if __name__ == "__main__":
    sys.exit(command(__doc__, {TARGET: draw}))
