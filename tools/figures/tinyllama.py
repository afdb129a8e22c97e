#!/usr/bin/env python3
"""Draw 07_tinyllama/tinyllama.svg: what SwiGLU carries, where AdamW steps, and what Muon makes of an update.

tools/figures/tinyllama.py            write the figure
tools/figures/tinyllama.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import math
import sys

from svg import ROOT, command, figure, text

TARGET = ROOT / "07_tinyllama" / "tinyllama.svg"

BLUE, ORANGE, GREEN, PURPLE = "#2a6f97", "#b5651d", "#4f772d", "#7b4b94"
INK, FAINT = "#222222", "#8a8a8a"
WIDTH, HEIGHT = 860, 870

# Launches of silu(gate) * up: name, arrays read, arrays written.
UNFUSED = (("silu", ("gate",), "out"), ("multiply", ("out", "up"), "out"))
FUSED = (("silu_multiply", ("gate", "up"), "out"),)
BYTES = 4

BETA1, BETA2, STEPS = 0.9, 0.999, 12
GRADIENTS = (1.0, 0.001)

UPDATE = ((1.1, 0.75), (0.75, 0.65))
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
SHOWN = (0, 1, 2, 3, 5)


def box(x: float, y: float, width: float, height: float, words: str, color: str, solid: bool = True) -> str:
    fill, ink = (color, "#ffffff") if solid else ("#ffffff", color)
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4"'
    return f'<rect {place} fill="{fill}" stroke="{color}"/>' + text(
        x + width / 2, y + height / 2 + 5, words, color=ink
    )


def arrow(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<path d="M{x0:g} {y0:g} L{x1:g} {y1:g}" stroke="{FAINT}" fill="none" marker-end="url(#head)"/>'


def line(points: list, color: str, width: float = 2) -> str:
    path = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{path}" stroke="{color}" stroke-width="{width:g}" fill="none"/>'


# ---- SwiGLU: arrays through memory ----


def launches(left: float, top: float, name: str, kernels: tuple) -> list:
    """A row of launches between two rows of the arrays that they read and write."""
    parts = []
    arrays, across = 0, left
    for kernel, reads, writes in kernels:
        wide = 86 * max(len(reads), 1) + 8
        for i, array in enumerate(reads):
            x = across + i * 86 + 4
            parts += [box(x, top, 78, 28, array, BLUE, False), arrow(x + 39, top + 30, x + 39, top + 54)]
        parts.append(box(across, top + 60, wide, 32, kernel, INK))
        parts += [
            arrow(across + wide / 2, top + 94, across + wide / 2, top + 118),
            box(across + wide / 2 - 39, top + 124, 78, 28, writes, ORANGE, False),
        ]
        arrays += len(reads) + 1
        across += wide + 26
    total = f"{name}: {arrays} arrays, {arrays * BYTES} bytes per element"
    parts.append(text((left + across - 26) / 2, top + 180, total, 14))
    return parts


def swiglu() -> list:
    return [
        text(24, 28, "SwiGLU: silu(gate) · up as two launches, and as one", 16, anchor="start"),
        *launches(60, 50, "unfused", UNFUSED),
        *launches(530, 50, "fused", FUSED),
    ]


# ---- AdamW: a parameter's way ----


def adamw_path(gradient: float, corrected: bool) -> list:
    """How far a parameter has moved after each step, in learning rates, where its gradient stays the same."""
    m = v = moved = 0.0
    path = [0.0]
    for step in range(1, STEPS + 1):
        m = BETA1 * m + (1 - BETA1) * gradient
        v = BETA2 * v + (1 - BETA2) * gradient**2
        first, second = (m / (1 - BETA1**step), v / (1 - BETA2**step)) if corrected else (m, v)
        moved += first / (math.sqrt(second) + 1e-8)
        path.append(moved)
    return path


def adamw() -> list:
    left, top, wide, high = 110, 320, 500, 190
    lines = [
        ("AdamW, g = 1 or g = 0.001", adamw_path(GRADIENTS[0], True), BLUE),
        ("the same without bias correction", adamw_path(GRADIENTS[0], False), ORANGE),
        ("gradient descent, g = 1: as AdamW", [float(s) for s in range(STEPS + 1)], GREEN),
        ("gradient descent, g = 0.001", [0.001 * s for s in range(STEPS + 1)], PURPLE),
    ]
    for gradient in GRADIENTS[1:]:  # what the first two labels claim
        for corrected in (True, False):
            same = zip(adamw_path(GRADIENTS[0], corrected), adamw_path(gradient, corrected))
            assert all(abs(a - b) < 1e-3 * max(a, 1) for a, b in same)
    highest = max(max(path) for _, path, _ in lines)
    parts = [
        text(24, top - 36, "AdamW: how far a parameter moves, in learning rates", 16, anchor="start"),
        line([(left, top), (left, top + high), (left + wide, top + high)], INK, 1),
        text(left + wide / 2, top + high + 34, "steps", 13),
    ]
    for step in range(0, STEPS + 1, 3):
        parts.append(text(left + wide * step / STEPS, top + high + 16, str(step), 12, FAINT))
    for moved in range(0, int(highest) + 1, 12):
        parts.append(text(left - 8, top + high - high * moved / highest + 4, str(moved), 12, FAINT, "end"))
    # Gradient descent with gradient 1 moves exactly as AdamW: its line is wide, and below AdamW's.
    for _, path, color in sorted(lines, key=lambda entry: entry[2] != GREEN):
        points = [
            (left + wide * s / STEPS, top + high - high * moved / highest) for s, moved in enumerate(path)
        ]
        parts.append(line(points, color, 7 if color == GREEN else 2))
    for i, (name, _, color) in enumerate(lines):
        parts.append(text(left + wide + 14, top + 60 + 22 * i, "■", 13, color, "start"))
        parts.append(text(left + wide + 30, top + 60 + 22 * i, name, 12, color, "start"))
    return parts


# ---- Muon: an update orthogonalized ----


def times(a: tuple, b: tuple) -> tuple:
    return tuple(tuple(sum(a[i][k] * b[k][j] for k in (0, 1)) for j in (0, 1)) for i in (0, 1))


def newton_schulz(x: tuple) -> list:
    """x / ||x||, and what each of five steps makes of it."""
    a, b, c = NEWTON_SCHULZ
    norm = math.sqrt(sum(value**2 for row in x for value in row))
    x = tuple(tuple(value / norm for value in row) for row in x)
    iterates = [x]
    for _ in range(5):
        gram = times(x, tuple(zip(*x)))
        square = times(gram, gram)
        poly = tuple(tuple(a * (i == j) + b * gram[i][j] + c * square[i][j] for j in (0, 1)) for i in (0, 1))
        x = times(poly, x)
        iterates.append(x)
    return iterates


def singular_values(x: tuple) -> tuple:
    squares = sum(value**2 for row in x for value in row)
    determinant = x[0][0] * x[1][1] - x[0][1] * x[1][0]
    root = math.sqrt(max(squares**2 - 4 * determinant**2, 0))
    return math.sqrt((squares + root) / 2), math.sqrt(max(squares - root, 0) / 2)


def muon() -> list:
    top, size = 620, 62
    parts = [
        text(
            24,
            top - 24,
            "Muon: where an update sends a circle, step by step of newton_schulz",
            16,
            anchor="start",
        )
    ]
    iterates = newton_schulz(UPDATE)
    for place, step in enumerate(SHOWN):
        x, y = 100 + 165 * place, top + 95
        matrix = iterates[step]
        ring = [(math.cos(t * math.pi / 60), math.sin(t * math.pi / 60)) for t in range(121)]
        parts.append(line([(x + size * u, y - size * v) for u, v in ring], FAINT, 1))
        image = [
            (
                x + size * (matrix[0][0] * u + matrix[0][1] * v),
                y - size * (matrix[1][0] * u + matrix[1][1] * v),
            )
            for u, v in ring
        ]
        parts.append(line(image, BLUE))
        name = "divided by its norm" if step == 0 else f"step {step}"
        parts.append(text(x, y + 104, name, 13))
        large, small = singular_values(matrix)
        parts.append(text(x, y + 124, f"{large:.2f} and {small:.2f}", 13, BLUE))
    parts.append(
        text(
            WIDTH / 2,
            top + 240,
            "singular values: how far the update goes in its longest direction, and in its shortest",
            12,
            FAINT,
        )
    )
    return parts


def draw() -> str:
    return figure(
        "SwiGLU's launches, AdamW's steps, and Muon's orthogonalized update",
        HEIGHT,
        [*swiglu(), *adamw(), *muon()],
        WIDTH,
        head=FAINT,
        reach=4,
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
