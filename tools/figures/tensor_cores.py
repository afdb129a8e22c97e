#!/usr/bin/env python3
"""Draw docs/figures/tensor_cores.svg: what a swizzle does to banks, and a ring of stages over time.

tools/figures/tensor_cores.py            write the figure
tools/figures/tensor_cores.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import BLUE, BROWN, FAINT, GRAY, GREEN, GUIDES, INK, PURPLE, RED, box, command, figure, rect, text

ROWS = PIECES = 8
COLORS = (BLUE, BROWN, GREEN, PURPLE, RED, "#2f8f9d", "#8c6d1f", "#5c5c8a")
CELL = 34


def place(row: int, piece: int, swizzled: bool) -> int:
    """Which group of four banks holds a piece of 16 bytes of a row of 128 bytes."""
    return piece ^ (row % 8) if swizzled else piece


def tile(left: float, top: float, swizzled: bool) -> list:
    """Eight rows of eight pieces; the pieces that one ldmatrix reads, piece 2 of each row, are solid."""
    words = "swizzled: piece p lies at p XOR row" if swizzled else "unchanged: piece p lies at p"
    parts = [text(left, top - 34, words, 14, INK, "start")]
    parts += [
        text(left + CELL * (g + 0.5), top - 10, f"{4 * g}-{4 * g + 3}", 10, GRAY) for g in range(PIECES)
    ]
    parts.append(text(left - 8, top - 10, "banks", 10, GRAY, "end"))
    for row in range(ROWS):
        parts.append(text(left - 8, top + CELL * (row + 0.62), f"row {row}", 11, GRAY, "end"))
        for piece in range(PIECES):
            x = left + CELL * place(row, piece, swizzled)
            wanted = piece == 2
            parts.append(
                box(
                    x + 1,
                    top + CELL * row + 1,
                    CELL - 2,
                    CELL - 2,
                    str(piece),
                    COLORS[piece],
                    solid=wanted,
                    size=12,
                )
            )
    groups = {place(row, 2, swizzled) for row in range(ROWS)}
    wavefronts = ROWS // len(groups)
    said = "one wavefront" if wavefronts == 1 else f"{wavefronts} wavefronts, one after the other"
    parts.append(text(left, top + CELL * ROWS + 22, f"piece 2 of eight rows: {said}", 12, INK, "start"))
    return parts


STAGES, STEPS, LOAD, MULTIPLY, SCALE = 4, 10, 3, 1, 52


def schedule(ring: bool) -> list:
    """(step, start and end of its load, start of its product): with one buffer, or a ring of STAGES."""
    stages = STAGES if ring else 1
    rows, free, multiplied = [], [0] * stages, 0
    for step in range(STEPS):
        begin = free[step % stages]
        arrived = begin + LOAD
        start = max(arrived, multiplied)
        multiplied = start + MULTIPLY
        free[step % stages] = multiplied
        rows.append((step, begin, arrived, start))
    return rows


def timeline(top: float, ring: bool) -> list:
    left, end = 150, 12.6
    title = (
        f"a ring of {STAGES} buffers: loads overlap, the products follow each other"
        if ring
        else ("one buffer: load, wait, multiply, and again")
    )
    parts = [text(24, top - 14, title, 14, INK, "start")]
    stages = STAGES if ring else 1
    for stage in range(stages):
        parts.append(text(left - 12, top + 24 * stage + 16, f"buffer {stage}", 11, GRAY, "end"))
    y = top + 24 * stages
    parts.append(text(left - 12, y + 16, "tensor cores", 11, GRAY, "end"))
    for step, begin, arrived, start in schedule(ring):
        if start + MULTIPLY > end:
            break
        lane = top + 24 * (step % stages)
        parts.append(
            box(
                left + SCALE * begin,
                lane + 1,
                SCALE * (arrived - begin) - 2,
                21,
                f"load {step}",
                BLUE,
                False,
                11,
            )
        )
        parts.append(rect(left + SCALE * start, lane + 1, SCALE * MULTIPLY - 2, 21, FAINT))
        parts.append(box(left + SCALE * start, y + 1, SCALE * MULTIPLY - 2, 21, str(step), GREEN, True, 11))
    return parts


def draw() -> str:
    parts = [text(24, 30, "Eight rows of a tile in shared memory: what one ldmatrix reads", 16, INK, "start")]
    parts += [*tile(80, 100, False), *tile(500, 100, True)]
    parts.append(text(24, 446, "A ring of stages over time", 16, INK, "start"))
    parts += [*timeline(490, False), *timeline(590, True)]
    return figure("A swizzle and a pipeline", 730, parts, head=None)


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "tensor_cores.svg": draw}))
