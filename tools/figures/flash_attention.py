#!/usr/bin/env python3
"""Draw docs/figures/flash_attention.svg: tiles of scores, what a block keeps, bytes by length.

tools/figures/flash_attention.py            write the figure
tools/figures/flash_attention.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import math
import sys

from svg import (
    BLUE,
    BROWN,
    FAINT,
    GRAY,
    GREEN,
    GUIDES,
    INK,
    PALE,
    PURPLE,
    RED,
    arrow,
    box,
    command,
    dot,
    figure,
    line,
    rect,
    text,
)

QUERIES, KEYS = 64, 32  # of a tile, in the forward kernel of chapter 06 at longer sequences
T, D = 384, 64
LENGTHS = tuple(2**k for k in range(7, 15))
FULL, CUT = "#9dbfd3", "#e2b887"


def tile_class(row: int, column: int) -> str:
    """Of the tile of queries 64 row ... and keys 32 column ..., under a causal mask."""
    first_query, last_query = QUERIES * row, QUERIES * row + QUERIES - 1
    first_key, last_key = KEYS * column, KEYS * column + KEYS - 1
    if first_key > last_query:
        return "skipped"
    return "full" if last_key <= first_query else "cut"


def scores() -> list:
    left, top, wide, high = 90, 92, 26, 40
    rows, columns = T // QUERIES, T // KEYS
    parts = [
        text(24, 30, f"Causal scores, T = {T}: tiles of {QUERIES} queries and {KEYS} keys", 16, INK, "start")
    ]
    counts = {"full": 0, "cut": 0, "skipped": 0}
    colors = {"full": FULL, "cut": CUT, "skipped": PALE}
    for r in range(rows):
        for c in range(columns):
            kind = tile_class(r, c)
            counts[kind] += 1
            parts.append(rect(left + c * wide, top + r * high, wide - 2, high - 2, colors[kind], FAINT))
    parts.append(text(left + columns * wide / 2, top - 10, "keys"))
    parts.append(text(left - 12, top + rows * high / 2, "queries", 13, INK, "end"))
    outline = 'fill="none" stroke-width="3" rx="3"'
    row, column = 3, 4
    reach = wide * QUERIES * (row + 1) / KEYS
    place = f'x="{left - 3}" y="{top + row * high - 3}" width="{reach + 4:g}" height="{high + 4}"'
    parts.append(f'<rect {place} stroke="{GREEN}" {outline}/>')
    start = top + column // 2 * high
    reach = top + rows * high - start
    place = f'x="{left + column * wide - 3}" y="{start - 3}" width="{2 * wide + 4}" height="{reach + 4}"'
    parts.append(f'<rect {place} stroke="{PURPLE}" {outline}/>')
    y = top + rows * high + 24
    for i, (kind, words) in enumerate(
        (("full", "computed"), ("cut", "partly masked"), ("skipped", "skipped"))
    ):
        x = 24 + i * 152
        parts.append(rect(x, y - 12, 14, 14, colors[kind], FAINT))
        parts.append(text(x + 20, y, f"{words}: {counts[kind]}", 13, INK, "start"))
    parts.append(text(24, y + 24, "a block of forward, and of dQ: keys pass by", 13, GREEN, "start"))
    parts.append(text(24, y + 44, "a block of dK and dV: queries pass by", 13, PURPLE, "start"))
    return parts


def block() -> list:
    x, top = 500, 62
    parts = [text(x, 30, "What one block of forward keeps", 16, INK, "start")]
    parts.append(rect(x, top, 336, 108, "#ffffff", GRAY, 6))
    parts.append(text(x + 12, top + 20, "memory: HBM, and the L2 cache before it", 13, GRAY, "start"))
    for i, name in enumerate(("Q", "K", "V", "out", "lse")):
        parts.append(box(x + 14 + i * 64, top + 36, 56, 52, name, (BLUE, BROWN, BROWN, GREEN, GREEN)[i]))
    lower = top + 158
    parts.append(rect(x, lower, 336, 144, "#ffffff", GRAY, 6))
    parts.append(text(x + 12, lower + 132, "one SM: shared memory and registers", 13, GRAY, "start"))
    parts.append(box(x + 14, lower + 14, 96, 48, ["Q tile", f"{QUERIES} x D"], BLUE))
    parts.append(box(x + 120, lower + 14, 96, 48, ["K, V tile", f"{KEYS} x D each"], BROWN))
    parts.append(box(x + 226, lower + 14, 82, 48, ["scores", f"{QUERIES} x {KEYS}"], RED))
    parts.append(
        box(
            x + 14,
            lower + 70,
            310,
            46,
            ["per query: m, l, and o, a sum of D values", "rescaled when m grows"],
            GREEN,
        )
    )
    parts.append(arrow(x + 42, top + 90, x + 42, lower + 12))
    parts.append(text(x + 36, lower - 18, "once", 13, BLUE, "end"))
    parts.append(arrow(x + 138, top + 90, x + 160, lower + 12))
    parts.append(text(x + 168, lower - 18, "tile by tile", 13, BROWN, "start"))
    parts.append(arrow(x + 318, lower + 68, x + 300, top + 92))
    parts.append(text(x + 296, lower - 18, "once", 13, GREEN, "end"))
    return parts


def materialized(t: int) -> float:
    return 4.0 * (4 * t * D + 4 * t * t)


def tile_loads(t: int) -> float:
    return 4.0 * (2 * t * D + t + 2 * t * D * t / QUERIES)


def once(t: int) -> float:
    return 4.0 * (4 * t * D + t)


def traffic() -> list:
    left, top, width, height = 110, 496, 500, 200
    y0, y1 = 1e5, 1e10

    def place(t: float, moved: float) -> tuple:
        x = left + width * math.log(t / LENGTHS[0]) / math.log(LENGTHS[-1] / LENGTHS[0])
        return x, top + height * (1 - math.log(moved / y0) / math.log(y1 / y0))

    title = f"Bytes of one head by sequence length: forward, fp32, D = {D}, no mask; counted, not measured"
    parts = [text(24, top - 36, title, 16, INK, "start")]
    for exponent in range(5, 11):
        y = place(LENGTHS[0], 10.0**exponent)[1]
        parts.append(line([(left, y), (left + width, y)], PALE))
        parts.append(text(left - 8, y + 4, f"1e{exponent}", 13, GRAY, "end"))
    for t in LENGTHS:
        parts.append(text(place(t, y0)[0], top + height + 20, str(t), 13, GRAY))
    parts.append(line([(left, top), (left, top + height), (left + width, top + height)], FAINT))
    parts.append(text(left + width / 2, top + height + 42, "T"))
    curves = (
        (materialized, RED, ["materialized:", "scores written and read"]),
        (tile_loads, BROWN, ["flash: loads of all blocks,", "most served by L2"]),
        (once, GREEN, ["flash: each input once,", "the least from HBM"]),
    )
    for moved, color, words in curves:
        points = [place(t, moved(t)) for t in LENGTHS]
        parts.append(line(points, color, 2))
        parts += [dot(x, y, color, 3) for x, y in points]
        x, y = points[-1]
        shift = -8 if moved is materialized else 14
        parts += [text(x + 12, y + shift + 16 * i, w, 13, color, "start") for i, w in enumerate(words)]
    return parts


def draw() -> str:
    return figure("Flash attention: tiles, one block, bytes", 756, [*scores(), *block(), *traffic()])


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "flash_attention.svg": draw}))
