#!/usr/bin/env python3
"""Draw 02_matmul/newton_schulz.svg: what one step and five steps do to a singular value.

tools/figures/matmul_newton_schulz.py            write the figure
tools/figures/matmul_newton_schulz.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "02_matmul" / "newton_schulz.svg"

A, B, C = 3.4445, -4.7750, 2.0315
STEPS = 5
LOW, HIGH = 0.681, 1.203  # where the values end
WIDTH, HEIGHT = 700, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 30, 60
TALLEST = 1.4  # top of the vertical axis
SAMPLES = 600  # dense near 0, where five steps turn the most

INK, FAINT, BAND = "#222222", "#8a8a8a", "#e8f0e4"
COLORS = {0: "#8a8a8a", 1: "#b5651d", STEPS: "#2a6f97"}
NAMES = {0: "before", 1: "after 1 step", STEPS: f"after {STEPS} steps"}


def after(value: float, steps: int) -> float:
    for _ in range(steps):
        value = A * value + B * value**3 + C * value**5
    return value


def across(value: float) -> float:
    return LEFT + value * (WIDTH - LEFT - RIGHT)


def down(value: float) -> float:
    return HEIGHT - BOTTOM - value / TALLEST * (HEIGHT - TOP - BOTTOM)


def curve(steps: int) -> str:
    points = []
    for i in range(SAMPLES + 1):
        value = (i / SAMPLES) ** 2
        points.append(f"{across(value):.1f},{down(after(value, steps)):.1f}")
    dash = ' stroke-dasharray="5 4"' if steps == 0 else ""
    line = f'fill="none" stroke="{COLORS[steps]}" stroke-width="2"{dash}'
    return f'<polyline points="{" ".join(points)}" {line}/>'


def draw() -> str:
    parts = [
        f'<rect x="{across(0):g}" y="{down(HIGH):.1f}" width="{across(1) - across(0):g}" '
        f'height="{down(LOW) - down(HIGH):.1f}" fill="{BAND}"/>',
    ]
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4):
        parts.append(text(LEFT - 8, down(tick) + 4, f"{tick:g}", 12, FAINT, "end"))
        if tick <= 1:
            parts.append(text(across(tick), HEIGHT - BOTTOM + 18, f"{tick:g}", 12, FAINT))
    parts.append(
        f'<path d="M{LEFT} {TOP} V{HEIGHT - BOTTOM} H{WIDTH - RIGHT}" stroke="{FAINT}" fill="none"/>'
    )
    parts += [curve(steps) for steps in (0, 1, STEPS)]
    parts.append(text(across(0.985), down(HIGH) - 6, f"{LOW} to {HIGH}", 12, "#4f772d", "end"))
    for row, steps in enumerate((0, 1, STEPS)):
        y = down(0.42) + 22 * row
        parts.append(f'<path d="M{across(0.66):g} {y:g} h28" stroke="{COLORS[steps]}" stroke-width="2"/>')
        parts.append(text(across(0.66) + 38, y + 4, NAMES[steps], 13, INK, "start"))
    words = "singular value of X / ‖X‖ before the first step"
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, words))
    return figure(
        "A singular value between 0 and 1 after none, one and five Newton-Schulz steps",
        HEIGHT,
        parts,
        WIDTH,
        head=None,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
