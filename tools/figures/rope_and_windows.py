#!/usr/bin/env python3
"""Draw docs/figures/rope_and_windows.svg: pairs, rotation, weight by distance, tiles by encoding.

tools/figures/rope_and_windows.py            write the figure
tools/figures/rope_and_windows.py --check    exit 1 when the committed figure differs
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
    box,
    command,
    dot,
    figure,
    line,
    rect,
    text,
)

PAIRS = (BLUE, BROWN, GREEN, PURPLE)
D = 2 * len(PAIRS)
T, WINDOW, BAND = 512, 128, 96
QUERIES, KEYS = 64, 32  # of a tile, as in chapter 06
NEAR, BLENDED, FAR = "#9dbfd3", "#c9a3c9", "#e2b887"


def weight(distance: int) -> float:
    """Of the far encoding."""
    return min(max((distance - WINDOW) / BAND, 0.0), 1.0)


def encodings(row: int, column: int) -> str:
    """Which encodings have a weight above 0 in a tile; two comparisons, no look at single scores."""
    first_query, last_query = QUERIES * row, QUERIES * row + QUERIES - 1
    first_key, last_key = KEYS * column, KEYS * column + KEYS - 1
    if first_key > last_query:
        return "skipped"
    nearest, farthest = max(0, first_query - last_key), last_query - first_key
    near, far = nearest < WINDOW + BAND, farthest > WINDOW
    return "blended" if near and far else "near" if near else "far"


def pairs() -> list:
    parts = [text(24, 30, f"Which features make a pair, D = {D}", 16, INK, "start")]
    layouts = (
        ("half-split: (c, c + D/2)", lambda f: f % len(PAIRS)),
        ("interleaved: (2c, 2c + 1)", lambda f: f // 2),
    )
    for i, (name, pair_of) in enumerate(layouts):
        y = 58 + 66 * i
        parts.append(text(24, y + 8, name, 13, INK, "start"))
        parts += [box(24 + 44 * f, y + 16, 40, 28, str(f), PAIRS[pair_of(f)]) for f in range(D)]
    parts.append(
        text(24, 204, "each pair turns by its own angle, position × base^(−2c/D)", 13, GRAY, "start")
    )
    return parts


def rotation() -> list:
    x, y, radius = 520, 122, 74
    parts = [text(436, 30, "One pair: positions turn it", 16, INK, "start")]
    parts.append(f'<circle cx="{x}" cy="{y}" r="{radius}" fill="none" stroke="{FAINT}"/>')
    for angle, words, color in ((0.35, "k at j = 2", BROWN), (1.25, "q at i = 7", BLUE)):
        tip = (x + radius * math.cos(angle), y - radius * math.sin(angle))
        parts.append(line([(x, y), tip], color, 2.5))
        parts.append(dot(*tip, color))
        parts.append(text(tip[0] + 12, tip[1] + 4, words, 13, color, "start"))
    arc = [(x + 30 * math.cos(a / 20), y - 30 * math.sin(a / 20)) for a in range(7, 26)]
    parts.append(line(arc, GRAY, 1.5))
    lines = ("the angle between", "them, and so q · k,", "depends on i − j alone")
    parts += [text(624, 136 + 19 * n, words, 13, GRAY, "start") for n, words in enumerate(lines)]
    return parts


def weights() -> list:
    left, top, width, height, most = 60, 276, 300, 120, 320
    parts = [text(24, 246, "Weight of the far encoding by distance", 16, INK, "start")]

    def place(distance: float, w: float) -> tuple:
        return left + width * distance / most, top + height * (1 - w)

    for w in (0, 1):
        parts.append(text(left - 10, place(0, w)[1] + 4, str(w), 13, GRAY, "end"))
        parts.append(line([place(0, w), place(most, w)], PALE))
    parts.append(line([place(0, 1), place(0, 0), place(most, 0)], FAINT))
    parts.append(line([place(d, weight(d)) for d in range(most + 1)], PURPLE, 2.5))
    for distance, words in ((WINDOW, "window"), (WINDOW + BAND, "window + band")):
        parts.append(line([place(distance, 0), place(distance, 1)], GRAY, 1, "4 4"))
        parts.append(text(place(distance, 0)[0], top + height + 20, words, 13, GRAY))
    labels = ((64, 22, "near", BLUE), (190, height - 10, "blended", PURPLE), (272, 22, "far", BROWN))
    for distance, down, words, color in labels:
        parts.append(text(place(distance, 0)[0], top + down, words, 13, color))
    parts.append(text(left + width / 2, top + height + 42, "distance |i − j|"))
    parts.append(
        text(
            24,
            top + height + 84,
            f"picture: window {WINDOW}, band {BAND}, T = {T}, causal",
            13,
            GRAY,
            "start",
        )
    )
    words = f"a tile: {QUERIES} queries, {KEYS} keys"
    parts.append(text(24, top + height + 104, words, 13, GRAY, "start"))
    return parts


def tiles() -> list:
    left, top, wide, high = 436, 292, 25, 30
    rows, columns = T // QUERIES, T // KEYS
    parts = [text(436, 246, "Tiles of scores, by the encodings they need", 16, INK, "start")]
    colors = {"near": NEAR, "blended": BLENDED, "far": FAR, "skipped": PALE}
    counts = dict.fromkeys(colors, 0)
    for r in range(rows):
        for c in range(columns):
            kind = encodings(r, c)
            counts[kind] += 1
            parts.append(rect(left + c * wide, top + r * high, wide - 2, high - 2, colors[kind], FAINT))
    parts.append(text(left + columns * wide / 2, top - 12, "keys"))
    parts.append(text(left - 8, top + rows * high / 2, "queries", 13, INK, "end"))
    y = top + rows * high + 22
    named = (("near", "near only"), ("blended", "both"), ("far", "far only"), ("skipped", "skipped"))
    for x, (kind, words) in zip((436, 552, 638, 744), named):
        parts.append(rect(x, y - 12, 14, 14, colors[kind], FAINT))
        parts.append(text(x + 19, y, f"{words}: {counts[kind]}", 13, INK, "start"))
    return parts


def draw() -> str:
    return figure(
        "Rotary pairs, and tiles of windowed attention", 570, [*pairs(), *rotation(), *weights(), *tiles()]
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "rope_and_windows.svg": draw}))
