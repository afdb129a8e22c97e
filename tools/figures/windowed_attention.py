#!/usr/bin/env python3
"""Draw 06_flash_attention/windowed_attention.svg: tiles by the encodings they need, a block's walk, one tile.

tools/figures/windowed_attention.py            write the figure
tools/figures/windowed_attention.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "06_flash_attention" / "windowed_attention.svg"

T, WINDOW, BAND = 320, 64, 48
TILE = 32  # queries and keys of a tile, as in the starter
WALK = 7  # the row of tiles whose block is followed
ZOOM = 4  # and the column of it that is looked into

NEAR, BOTH, FAR, MASKED = "#2a6f97", "#7b4b94", "#b5651d", "#eeeeee"
NAMES = {NEAR: "near", BOTH: "both", FAR: "far"}
INK, FAINT = "#222222", "#8a8a8a"
WIDTH, HEIGHT = 860, 672


def weight(i: int, j: int) -> float:
    """Of the far encoding, in the score of query i and key j."""
    return min(max((abs(i - j) - WINDOW) / max(BAND, 1), 0.0), 1.0)


def color_of(row: int, column: int) -> str:
    """By the nearest and the farthest distance in a tile."""
    if column > row:
        return MASKED
    nearest = max(0, TILE * (row - column) - TILE + 1)
    farthest = TILE * (row - column) + TILE - 1
    near, far = nearest - WINDOW < max(BAND, 1), farthest > WINDOW
    return BOTH if near and far else NEAR if near else FAR


def rect(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none") -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect {place} rx="2" fill="{fill}" stroke="{stroke}"/>'


def box(x: float, y: float, width: float, height: float, words: str, color: str) -> str:
    return rect(x, y, width, height, color) + text(x + width / 2, y + height / 2 + 5, words, 13, "#ffffff")


def arrow(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<path d="M{x0:g} {y0:g} L{x1:g} {y1:g}" stroke="{FAINT}" fill="none" marker-end="url(#head)"/>'


def tiles() -> list:
    """The score matrix, causal."""
    left, top, size = 84, 78, 31
    count = T // TILE
    parts = [text(24, 28, "Tiles of scores, by the encodings they need", 16, anchor="start")]
    parts.append(text(left + count * size / 2, top - 14, "keys"))
    parts.append(text(left - 12, top + count * size / 2, "queries", anchor="end"))
    for r in range(count):
        for c in range(count):
            parts.append(rect(left + c * size, top + r * size, size - 2, size - 2, color_of(r, c)))
    y = top + WALK * size
    parts.append(
        f'<rect x="{left - 3}" y="{y - 3}" width="{(WALK + 1) * size + 3}" height="{size + 4}" '
        f'rx="3" fill="none" stroke="{INK}" stroke-width="2"/>'
    )
    below = top + count * size + 24
    parts.append(text(left - 60, below, f"causal, T {T}, window {WINDOW}, band {BAND};", anchor="start"))
    parts.append(
        text(left - 60, below + 20, f"a tile: {TILE} x {TILE} scores. Framed: one block", anchor="start")
    )
    return parts


def walk() -> list:
    """What the block of the framed row does, tile by tile."""
    left, top = 452, 78
    parts = [text(left, 28, "The framed block", 16, anchor="start")]
    parts.append(text(left, top - 14, "keeps its queries twice", anchor="start"))
    parts.append(box(left, top, 176, 26, "q rotated by near", NEAR))
    parts.append(box(left + 186, top, 176, 26, "q rotated by far", FAR))
    row = [color_of(WALK, c) for c in range(WALK + 1)]
    head = top + 64
    parts.append(text(left, head - 10, "tile", 12, FAINT, "start"))
    parts.append(text(left + 64, head - 10, "keys rotated by, and multiplied", 12, FAINT, "start"))
    parts.append(text(left + 362, head - 10, "products", 12, FAINT, "end"))
    products = 0
    for c, color in enumerate(row):
        y = head + 25 * c
        parts.append(box(left, y, 48, 21, NAMES[color], color))
        encodings = [NEAR, FAR] if color == BOTH else [color]
        for n, encoding in enumerate(encodings):
            parts.append(box(left + 64 + 130 * n, y, 124, 21, f"k {NAMES[encoding]}", encoding))
        parts.append(text(left + 350, y + 15, str(len(encodings)), anchor="end"))
        products += len(encodings)
    y = head + 25 * len(row) + 20
    parts.append(text(left + 350, y, f"{products} products for {len(row)} tiles", anchor="end"))
    parts.append(text(left + 350, y + 20, f"both everywhere: {2 * len(row)}", anchor="end"))
    return parts


def inside() -> list:
    """Weights inside one tile that the band crosses."""
    left, top, cell, step = 84, 502, 17, 4
    count = TILE // step
    first_i, first_j = WALK * TILE, ZOOM * TILE
    assert color_of(WALK, ZOOM) == BOTH
    low, high = first_i - first_j - TILE + 1, first_i - first_j + TILE - 1
    parts = [text(24, 478, "Inside a tile that needs both: the weight of far", 16, anchor="start")]
    for r in range(count):
        for c in range(count):
            w = weight(first_i + r * step, first_j + c * step)
            square = f'x="{left + c * cell}" y="{top + r * cell}" width="{cell - 1}" height="{cell - 1}"'
            parts.append(f'<rect {square} fill="{NEAR}"/>')
            parts.append(f'<rect {square} fill="{FAR}" fill-opacity="{w:.3f}"/>')
    x = left + count * cell + 28
    words = (
        f"distances {low} to {high}: up to {WINDOW} all near, from {WINDOW + BAND} on all far,",
        "in between linear. s = scale ((1 − w) near + w far), element by element.",
        "Backward: (1 − w) dS goes to the near sum, w dS to the far sum,",
        "and each sum is rotated back once, at the end.",
    )
    parts += [text(x, top + 26 + 26 * n, line, anchor="start") for n, line in enumerate(words)]
    parts.append(arrow(left + 4, top + count * cell + 8, left + count * cell - 8, top + count * cell + 8))
    parts.append(text(left + count * cell / 2, top + count * cell + 25, "key", 12, FAINT))
    return parts


def draw() -> str:
    return figure(
        "Windowed attention: tiles that need the near encoding, the far one, or both",
        HEIGHT,
        [*tiles(), *walk(), *inside()],
        WIDTH,
        head=FAINT,
        reach=4,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
