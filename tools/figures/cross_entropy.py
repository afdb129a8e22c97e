#!/usr/bin/env python3
"""Draw 07_tinyllama/cross_entropy.svg: a row of logits, its loss, and the gradient that begins there.

tools/figures/cross_entropy.py            write the figure
tools/figures/cross_entropy.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import math
import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "07_tinyllama" / "cross_entropy.svg"

LOGITS, RIGHT_TOKEN = (1.0, 3.0, -1.0, 2.0, 0.0, 1.5), 3
BLUE, ORANGE = "#2a6f97", "#b5651d"
INK, FAINT = "#222222", "#8a8a8a"
WIDTH, HEIGHT = 860, 300
BAR, GAP = 26, 8  # widths
TOP, HIGH = 62, 150  # of the bars


def bars(left: float, title: str, values: list, below: str) -> list:
    """Bars up and down from a common zero, the target's in another color."""
    highest, lowest = max(*values, 0.0), min(*values, 0.0)
    scale = HIGH / (highest - lowest)
    zero = TOP + scale * highest
    across = len(values) * (BAR + GAP) - GAP
    parts = [text(left, 28, title, 15, anchor="start")]
    for token, value in enumerate(values):
        x = left + token * (BAR + GAP)
        y, height = (zero - scale * value, scale * value) if value > 0 else (zero, -scale * value)
        color = ORANGE if token == RIGHT_TOKEN else BLUE
        parts.append(f'<rect x="{x:g}" y="{y:.1f}" width="{BAR}" height="{height:.1f}" fill="{color}"/>')
        words = f"{value:.2g}" if abs(value) >= 1 or value == 0 else f"{value:.2f}"
        parts.append(text(x + BAR / 2, y - 5 if value >= 0 else y + height + 14, words, 11, color))
    parts.append(
        f'<path d="M{left - 6:g} {zero:.1f} L{left + across + 6:g} {zero:.1f}" stroke="{FAINT}" fill="none"/>'
    )
    parts.append(text(left, TOP + HIGH + 38, below, 13, FAINT, "start"))
    return parts


def draw() -> str:
    lse = math.log(sum(math.exp(logit) for logit in LOGITS))
    probabilities = [math.exp(logit - lse) for logit in LOGITS]
    gradient = [p - (token == RIGHT_TOKEN) for token, p in enumerate(probabilities)]
    loss = lse - LOGITS[RIGHT_TOKEN]
    assert abs(loss + math.log(probabilities[RIGHT_TOKEN])) < 1e-12 and abs(sum(gradient)) < 1e-12
    summary = f"loss = lse − logit[target] = {lse:.2f} − {LOGITS[RIGHT_TOKEN]:g} = {loss:.2f}"
    summary += f"   (a guess among {len(LOGITS)}: ln {len(LOGITS)} = {math.log(len(LOGITS)):.2f})"
    parts = [
        *bars(40, "logits", list(LOGITS), f"lse = {lse:.2f}; orange: the target"),
        *bars(330, "exp(logit − lse)", probabilities, "probabilities: they add up to 1"),
        *bars(620, "dlogits, for dloss = 1", gradient, "they add up to 0"),
        text(40, HEIGHT - 14, summary, 14, anchor="start"),
    ]
    title = "A row of logits, their probabilities, and the gradient of the cross entropy"
    return figure(title, HEIGHT, parts, WIDTH, head=None)


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
