#!/usr/bin/env python3
"""Draw 06_flash_attention/attention.svg: the tiles of a causal score matrix, a row's softmax carried along.

tools/figures/attention.py            write the figure
tools/figures/attention.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import math
import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "06_flash_attention" / "attention.svg"

T, TILE, BLOCK_OF_INTEREST = 8, 2, 2
# One query, scaled scores and the one feature of each value, tile by tile. The maximum grows at the second.
SCORES = ((1.0, 0.0), (3.0, 2.0), (2.5, 1.0))
VALUES = ((4.0, 8.0), (2.0, 6.0), (-2.0, 4.0))

COLORS = ("#2a6f97", "#b5651d", "#4f772d", "#7b4b94")
INK, FAINT, PALE = "#222222", "#8a8a8a", "#eeeeee"
WIDTH, HEIGHT = 860, 690


def box(x: float, y: float, width: float, height: float, fill: str, stroke: str = "#ffffff") -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" stroke="{stroke}"/>'
    )


def arrow(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<path d="M{x0:g} {y0:g} L{x1:g} {y1:g}" stroke="{INK}" fill="none" marker-end="url(#head)"/>'


def tiles() -> list:
    """The score matrix that never exists: a block owns some rows and walks along them."""
    cell, left, top = 34, 150, 96
    parts = [text(24, 28, "A block keeps its queries and walks over the keys", size=16, anchor="start")]
    first = BLOCK_OF_INTEREST * TILE
    for t in range(T):
        for s in range(T):
            mine = first <= t < first + TILE
            visible = s <= t
            fill = PALE if not visible else (COLORS[s // TILE] if mine else "#c9d6df")
            parts.append(box(left + s * cell, top + t * cell, cell, cell, fill))
    for s in range(0, T, TILE):
        x = left + (s + TILE / 2) * cell
        seen = s <= first
        color = COLORS[s // TILE] if seen else FAINT
        parts.append(text(x, top - 28, f"K, V {s // TILE}", color=color))
        parts.append(text(x, top - 11, f"step {s // TILE + 1}" if seen else "skipped", 12, color))
    for t in range(0, T, TILE):
        mine = t == first
        words = f"Q {t // TILE}"
        parts.append(
            text(left - 16, top + (t + TILE / 2) * cell + 5, words, 13, INK if mine else FAINT, "end")
        )
    below = top + T * cell + 24
    parts.append(text(left + T * cell / 2, below, "scores, causal: T × T, in registers a tile at a time", 13))

    x = left + T * cell + 60
    lines = (
        ("in shared memory", INK, True),
        ("Q 2 for the whole walk; K and V of one step", FAINT, False),
        ("in registers, for each query", INK, True),
        ("m: maximum so far", FAINT, False),
        ("l: sum of exp(score − m) so far", FAINT, False),
        ("o: sum of exp(score − m) v so far", FAINT, False),
        ("written, once", INK, True),
        ("out = o / l, D floats per query", FAINT, False),
        ("m + log l, one float a query", FAINT, False),
        ("never written", INK, True),
        ("scores and probabilities, T floats per query", FAINT, False),
    )
    y = top
    for words, color, heading in lines:
        y += 26 if heading else 21
        parts.append(text(x if heading else x + 14, y, words, 14 if heading else 13, color, "start"))
    return parts


def row_walk() -> list:
    """m, l and o of one query after each tile."""
    top, left = 452, 150
    parts = [text(24, top - 32, "One query's softmax, carried along", size=16, anchor="start")]
    maximum, weights, out = -math.inf, 0.0, 0.0
    wide, gap = 196, 34
    names = ("scores", "values", "new m", "old sums ×", "weights", "l", "o")
    for row, name in enumerate(names):
        parts.append(text(left - 18, top + 30 + row * 24, name, 13, INK, "end"))
    for step, (scores, values) in enumerate(zip(SCORES, VALUES)):
        x = left + step * (wide + gap)
        new = max(maximum, *scores)
        correction = math.exp(maximum - new)
        weight = [math.exp(score - new) for score in scores]
        weights = weights * correction + sum(weight)
        out = out * correction + sum(w * v for w, v in zip(weight, values))
        grown = "grows" if new > maximum and step else ("first" if not step else "stays")
        maximum = new
        cells = (
            ",  ".join(f"{score:g}" for score in scores),
            ",  ".join(f"{value:g}" for value in values),
            f"{maximum:g}  ({grown})",
            f"{correction:.3f}" if step else "nothing yet",
            ",  ".join(f"{w:.3f}" for w in weight),
            f"{weights:.3f}",
            f"{out:.3f}",
        )
        parts.append(box(x, top, wide, 24 * len(names) + 22, "#ffffff", COLORS[step]))
        parts.append(text(x + wide / 2, top - 8, f"step {step + 1}", 13, COLORS[step]))
        for row, words in enumerate(cells):
            parts.append(text(x + wide / 2, top + 30 + row * 24, words, 13))
        if step:
            parts.append(arrow(x - gap + 5, top + 96, x - 6, top + 96))
    flat_scores = [score for tile in SCORES for score in tile]
    flat_values = [value for tile in VALUES for value in tile]
    exact = [math.exp(score) for score in flat_scores]
    whole = sum(w * v for w, v in zip(exact, flat_values)) / sum(exact)
    assert abs(whole - out / weights) < 1e-12
    words = f"o / l = {out / weights:.4f}. All six scores at once give {whole:.4f}: the same, exactly"
    parts.append(text(WIDTH / 2, top + 24 * len(names) + 52, words, 14))
    return parts


def draw() -> str:
    return figure(
        "Flash attention: tiles of the score matrix, and a softmax carried along a row",
        HEIGHT,
        [*tiles(), *row_walk()],
        WIDTH,
        head=INK,
        reach=6,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
