#!/usr/bin/env python3
"""Draw 03_softmax/scan.svg: a warp's scan by shuffles, and a tile that looks back at the tiles before it.

tools/figures/scan.py            write the figure
tools/figures/scan.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import BLUE, BROWN, FAINT, GRAY, GREEN, INK, PALE, ROOT, arrow, command, figure, line, rect, text

TARGET = ROOT / "03_softmax" / "scan.svg"
X = (3, 1, 4, 1, 5, 9, 2, 6)  # a warp of eight lanes
SUMS = (12, 5, 9, 4, 7, 6)  # of six tiles
PREFIXES_KNOWN = 3  # tiles 0 to 2; tiles 3 and 4 have only their sums; tile 5 looks back
LEFT, CELL, STEP = 170, 76, 62
TILE = 104


def middle(lane: int) -> float:
    return LEFT + lane * CELL + CELL / 2


def warp_rows() -> list:
    parts = [
        text(
            20,
            30,
            "Scan of a warp (eight lanes shown): each step adds the value of a lower lane",
            14,
            INK,
            "start",
        )
    ]
    values = list(X)
    distance = 0
    top = 50
    while True:
        words = "values" if not distance else f"distance {distance}"
        parts.append(text(LEFT - 16, top + 20, words, 13, INK, "end"))
        for lane, value in enumerate(values):
            changed = 0 < distance <= lane
            parts.append(rect(LEFT + lane * CELL + 8, top, CELL - 16, 30, BLUE if changed else PALE, r=4))
            parts.append(text(middle(lane), top + 20, value, 14, "#ffffff" if changed else INK))
        distance = distance * 2 or 1
        if distance >= len(X):
            break
        for lane in range(distance, len(X)):
            parts.append(arrow(middle(lane - distance), top + 32, middle(lane) - 6, top + STEP - 2, FAINT))
        values = [
            value + (values[lane - distance] if lane >= distance else 0) for lane, value in enumerate(values)
        ]
        top += STEP
    assert values == [sum(X[: lane + 1]) for lane in range(len(X))]
    return parts


def tiles(top: float) -> list:
    title = "Decoupled look-back: tile 5 adds what the tiles before it have published, nearest first"
    parts = [text(20, top, title, 14, INK, "start")]
    mine = len(SUMS) - 1
    for row, name in enumerate(("state", "sum", "prefix")):
        parts.append(text(LEFT - 16, top + 80 + row * 24, name, 13, INK, "end"))
    for tile, own in enumerate(SUMS):
        x = LEFT + tile * TILE
        known = tile < PREFIXES_KNOWN
        color = GREEN if known else BROWN
        parts.append(text(x + TILE / 2, top + 48, f"tile {tile}", 13, color if tile < mine else BLUE))
        parts.append(rect(x + 6, top + 58, TILE - 12, 84, "#ffffff", color if tile < mine else BLUE, 4))
        prefix = str(sum(SUMS[: tile + 1])) if known else "not yet"
        cells = ("prefix" if known else "sum", str(own), prefix)
        for row, words in enumerate(cells):
            used = tile < mine and row == (2 if known else 1) and tile >= PREFIXES_KNOWN - 1
            ink = (color if used else GRAY) if tile < mine else INK
            parts.append(text(x + TILE / 2, top + 80 + row * 24, words, 15 if used else 13, ink))
    last = LEFT + mine * TILE + TILE / 2
    for tile in range(mine - 1, PREFIXES_KNOWN - 2, -1):
        x = LEFT + tile * TILE + TILE / 2
        y = top + 158
        parts.append(line([(x, top + 144), (x, y), (last, y)], FAINT, 1.2))
    parts.append(arrow(last, top + 158, last, top + 145, FAINT))
    stop = PREFIXES_KNOWN - 1
    found = [SUMS[t] for t in range(mine - 1, stop, -1)] + [sum(SUMS[: stop + 1])]
    before = sum(found)
    assert before == sum(SUMS[:mine])
    words = f"before tile {mine}: {' + '.join(map(str, found))} = {before}. "
    words += f"Then it publishes its prefix: {before} + {SUMS[mine]} = {before + SUMS[mine]}"
    parts.append(text(LEFT + len(SUMS) * TILE / 2, top + 184, words, 14))
    return parts


def draw() -> str:
    return figure(
        "A scan by shuffles within a warp, and look-back over tiles",
        510,
        [*warp_rows(), *tiles(312)],
        head=FAINT,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
