#!/usr/bin/env python3
"""Draw docs/figures/roofline.svg: roofs of an H200's data sheet, kernels by counted intensity.

tools/figures/roofline.py            write the figure
tools/figures/roofline.py --check    exit 1 when the committed figure differs
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
    command,
    dot,
    figure,
    line,
    rect,
    text,
)

# Data sheet of the H200 (SXM).
MEMORY, FP32, BF16 = 4.8e12, 67e12, 989e12

LEFT, RIGHT, TOP, BOTTOM = 84, 836, 70, 470
X0, X1, Y0, Y1 = 0.03, 3000.0, 1e11, 2e15

# name, FLOPs, bytes: counted by hand, each input read once and each output written once.
N, BIG, T, D = 128, 4096, 1024, 64
KERNELS = (
    ("vector add", 1, 12, BLUE),
    ("softmax", 5, 8, BROWN),
    ("layer norm", 9, 8, GREEN),
    (f"matmul, n = {N}", 2 * N**3, 12 * N**2, PURPLE),
    (f"attention, T = {T}", 4 * T * T * D, 4 * 4 * T * D, BROWN),
    (f"matmul, n = {BIG}", 2 * BIG**3, 12 * BIG**2, BLUE),
)


def x_of(intensity: float) -> float:
    return LEFT + (RIGHT - LEFT) * math.log(intensity / X0) / math.log(X1 / X0)


def y_of(rate: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * math.log(rate / Y0) / math.log(Y1 / Y0)


def attainable(intensity: float) -> float:
    return min(FP32, MEMORY * intensity)


def axes() -> list:
    parts = [
        text(
            24,
            30,
            "The most that an H200 can do, by FLOPs for each byte (data sheet, not measured)",
            16,
            INK,
            "start",
        )
    ]
    for exponent in range(-1, 4):
        x = x_of(10.0**exponent)
        parts.append(line([(x, TOP), (x, BOTTOM)], PALE))
        parts.append(text(x, BOTTOM + 20, f"{10.0**exponent:g}", 13, GRAY))
    for exponent in range(11, 16):
        y = y_of(10.0**exponent)
        parts.append(line([(LEFT, y), (RIGHT, y)], PALE))
        parts.append(text(LEFT - 8, y + 4, f"{10.0 ** (exponent - 12):g}", 13, GRAY, "end"))
    parts.append(line([(LEFT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)], FAINT))
    parts.append(
        text((LEFT + RIGHT) / 2, BOTTOM + 44, "arithmetic intensity: FLOPs / bytes that memory has to move")
    )
    parts.append(text(24, TOP - 12, "TFLOP/s", 13, INK, "start"))
    return parts


def roofs() -> list:
    ridge, tensor = FP32 / MEMORY, BF16 / MEMORY
    parts = [
        line([(x_of(X0), y_of(MEMORY * X0)), (x_of(tensor), y_of(BF16))], INK, 2.5),
        line([(x_of(ridge), y_of(FP32)), (RIGHT, y_of(FP32))], INK, 2.5),
        line([(x_of(tensor), y_of(BF16)), (RIGHT, y_of(BF16))], RED, 2.5),
        text(RIGHT - 4, y_of(BF16) - 10, "989 TFLOP/s: bf16 tensor cores, dense", 13, RED, "end"),
        text(RIGHT - 4, y_of(FP32) - 12, "67 TFLOP/s: fp32", 13, INK, "end"),
        text(x_of(0.22), y_of(4.4e12), "4.8 TB/s: memory", 13, INK, "end"),
        line([(x_of(ridge), y_of(FP32)), (x_of(ridge), BOTTOM)], GRAY, 1, "4 4"),
        line([(x_of(tensor), y_of(BF16)), (x_of(tensor), BOTTOM)], RED, 1, "4 4"),
        text(x_of(ridge) + 6, BOTTOM - 10, f"ridge {ridge:.0f}", 13, GRAY, "start"),
        text(x_of(tensor) + 6, BOTTOM - 10, f"ridge {tensor:.0f}", 13, RED, "start"),
        text(
            x_of(0.06), y_of(6e14), "a point: FLOPs a byte of a kernel, counted by hand,", 13, GRAY, "start"
        ),
        text(x_of(0.06), y_of(4e14), "on the roof that it cannot pass in fp32", 13, GRAY, "start"),
    ]
    return parts


def kernels() -> list:
    parts = []
    for name, flops, moved, color in KERNELS:
        intensity = flops / moved
        x, y = x_of(intensity), y_of(attainable(intensity))
        parts.append(dot(x, y, color, 6))
        bound = attainable(intensity) / 1e12
        words = f"{name}: {intensity:.3g}"
        limit = f"at most {bound:.2g} TFLOP/s"
        if attainable(intensity) < FP32:
            below = 20 if name == "softmax" else 10
            parts += [
                text(x + 14, y + below + 16 * k, w, 13, color, "start") for k, w in enumerate((words, limit))
            ]
            continue
        drop = {21: 44, 256: 120}.get(int(intensity), 60)
        parts.append(line([(x, y + 7), (x, y + drop - 14)], color, 1))
        parts.append(
            text(min(x - 20 if intensity < 100 else x + 4, RIGHT - 140), y + drop, words, 13, color, "start")
        )
    return parts


def draw() -> str:
    frame = [rect(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, "#ffffff")]
    return figure("Roofline of an H200", 530, [*frame, *axes(), *roofs(), *kernels()])


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "roofline.svg": draw}))
