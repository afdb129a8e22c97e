#!/usr/bin/env python3
"""Draw 06_flash_attention/decode_attention.svg: blocks share the tokens of one query, and their parts merge.

tools/figures/decode_attention.py            write the figure
tools/figures/decode_attention.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import math
import sys

from svg import BLUE, BROWN, FAINT, GREEN, INK, ROOT, arrow, command, figure, rect, text

TARGET = ROOT / "06_flash_attention" / "decode_attention.svg"
# Scaled scores and the one feature of each value, piece by piece. Each piece has a maximum of its own.
PIECES = (((1.0, 0.0), (4.0, 8.0)), ((3.0, 2.0), (2.0, 6.0)), ((2.5, 1.0), (-2.0, 4.0)))
COLORS = (BLUE, BROWN, GREEN)
LEFT, WIDE, GAP, ROW = 190, 190, 26, 24


def numbers(values: tuple) -> str:
    return ",  ".join(f"{value:g}" for value in values)


def part(scores: tuple, values: tuple) -> tuple:
    """(m, l, o) of a piece."""
    m = max(scores)
    weights = [math.exp(score - m) for score in scores]
    return m, sum(weights), sum(w * v for w, v in zip(weights, values))


def left_of(piece: int) -> float:
    return LEFT + piece * (WIDE + GAP)


def table(top: float, names: tuple, columns: list) -> list:
    """Rows with names at the left, and a frame per piece."""
    height = ROW * len(names) + 14
    parts = [text(LEFT - 18, top + 24 + i * ROW, name, 13, INK, "end") for i, name in enumerate(names)]
    for piece, cells in enumerate(columns):
        parts.append(rect(left_of(piece), top, WIDE, height, "#ffffff", COLORS[piece], 4))
        parts += [
            text(left_of(piece) + WIDE / 2, top + 24 + i * ROW, cell, 13) for i, cell in enumerate(cells)
        ]
    return parts


def draw() -> str:
    found = [part(*piece) for piece in PIECES]
    largest = max(m for m, _, _ in found)
    factors = [math.exp(m - largest) for m, _, _ in found]
    weight = sum(factor * part_weight for factor, (_, part_weight, _) in zip(factors, found))
    total = sum(factor * o for factor, (_, _, o) in zip(factors, found))
    every = [sum((piece[i] for piece in PIECES), ()) for i in (0, 1)]
    exact = [math.exp(score) for score in every[0]]
    whole = sum(w * v for w, v in zip(exact, every[1])) / sum(exact)
    assert abs(whole - total / weight) < 1e-12

    parts = [
        text(20, 30, "First launch: a block per piece of the cache, all at the same time", 14, INK, "start")
    ]
    names = ("tokens", "scores", "values", "m: maximum", "l: sum of weights", "o: weighted sum")
    columns = []
    for piece, ((scores, values), (m, weights, o)) in enumerate(zip(PIECES, found)):
        first = piece * len(scores)
        columns.append(
            [
                f"{first}, {first + 1}",
                numbers(scores),
                numbers(values),
                f"{m:g}",
                f"{weights:.3f}",
                f"{o:.3f}",
            ]
        )
        parts.append(text(left_of(piece) + WIDE / 2, 56, f"block {piece}", 13, COLORS[piece]))
    parts += table(64, names, columns)

    top = 284
    parts.append(
        text(
            20,
            top - 20,
            f"Second launch: the parts are scaled to the largest maximum, M = {largest:g}, and added",
            14,
            INK,
            "start",
        )
    )
    names = ("exp(m − M)", "l exp(m − M)", "o exp(m − M)")
    cells = [[f"{f:.3f}", f"{f * weights:.3f}", f"{f * o:.3f}"] for f, (_, weights, o) in zip(factors, found)]
    parts += table(top, names, cells)
    below = top + ROW * len(names) + 14
    for piece in range(len(PIECES)):
        x = left_of(piece) + WIDE / 2
        parts.append(arrow(x, 64 + ROW * 6 + 16, x, top - 40, FAINT))
        parts.append(arrow(x, below + 4, left_of(1) + WIDE / 2 + (piece - 1) * 60, below + 34, FAINT))
    parts.append(text(left_of(1) + WIDE / 2, below + 54, f"sums: l = {weight:.3f}, o = {total:.3f}", 13))
    words = f"out = o / l = {total / weight:.4f}. All six scores at once give {whole:.4f}"
    parts.append(text(left_of(1) + WIDE / 2, below + 80, words, 14))
    return figure("Decode attention with the tokens divided among blocks", below + 100, parts, head=FAINT)


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
