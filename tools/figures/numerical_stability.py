#!/usr/bin/env python3
"""Draw docs/figures/numerical_stability.svg: sums and exponentials, every step rounded to float or bf16.

tools/figures/numerical_stability.py            write the figure
tools/figures/numerical_stability.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import math
import random
import struct
import sys

from svg import BLUE, BROWN, FAINT, GRAY, GREEN, GUIDES, INK, PALE, RED, box, command, dot, figure, line, text

SCORES = (2.0, 90.0, 88.0, 91.0)
SAMPLES = 1024  # of each variance
MEANS = tuple(10.0 ** (k / 2) for k in range(13))  # 1 to 1e6
LENGTHS = tuple(2**k for k in range(4, 17))
PARTIALS = 256  # as many as a block has threads


def single(value: float) -> float:
    """The nearest float (32 bits); infinity beyond its range."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.inf


def brain(value: float) -> float:
    """The nearest bf16: a float's upper 16 bits, rounded to even."""
    bits = struct.unpack("I", struct.pack("f", value))[0]
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return struct.unpack("f", struct.pack("I", bits))[0]


def exp32(value: float) -> float:
    return single(math.exp(value)) if value < 700 else math.inf


def sum_in_turn(values: list, rounded=single) -> float:
    total = 0.0
    for value in values:
        total = rounded(total + value)
    return total


def sum_as_a_block(values: list) -> float:
    """One partial sum per thread, then halves added to halves."""
    partials = [sum_in_turn(values[t::PARTIALS]) for t in range(PARTIALS)]
    while len(partials) > 1:
        half = len(partials) // 2
        partials = [single(partials[i] + partials[i + half]) for i in range(half)]
    return partials[0]


def variance_by_squares(values: list) -> float:
    mean = single(sum_in_turn(values) / len(values))
    squares = single(sum_in_turn([single(v * v) for v in values]) / len(values))
    return single(squares - single(mean * mean))


def variance_by_welford(values: list) -> float:
    mean = squares = 0.0
    for count, value in enumerate(values, 1):
        delta = single(value - mean)
        mean = single(mean + single(delta / count))
        squares = single(squares + single(delta * single(value - mean)))
    return single(squares / len(values))


def true_variance(values: list) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / len(values)


class Axes:
    """A panel with two logarithmic axes."""

    def __init__(self, left: float, top: float, width: float, height: float, xs: tuple, ys: tuple):
        self.left, self.top, self.width, self.height, self.xs, self.ys = left, top, width, height, xs, ys

    def place(self, x: float, y: float) -> tuple:
        (x0, x1), (y0, y1) = self.xs, self.ys
        y = min(max(y, y0), y1)
        return (
            self.left + self.width * math.log(x / x0) / math.log(x1 / x0),
            self.top + self.height * (1 - math.log(y / y0) / math.log(y1 / y0)),
        )

    def draw(self, title: str, across: str, x_ticks: tuple, y_ticks: tuple) -> list:
        bottom, right = self.top + self.height, self.left + self.width
        parts = [text(self.left - 40, self.top - 20, title, 15, INK, "start")]
        for value, words in x_ticks:
            x = self.place(value, self.ys[0])[0]
            parts += [line([(x, self.top), (x, bottom)], PALE), text(x, bottom + 18, words, 13, GRAY)]
        for value, words in y_ticks:
            y = self.place(self.xs[0], value)[1]
            parts += [
                line([(self.left, y), (right, y)], PALE),
                text(self.left - 6, y + 4, words, 13, GRAY, "end"),
            ]
        parts.append(line([(self.left, self.top), (self.left, bottom), (right, bottom)], FAINT))
        parts.append(text(self.left + self.width / 2, bottom + 40, across))
        return parts

    def curve(self, points: list, color: str) -> list:
        placed = [self.place(x, y) for x, y in points]
        return [line(placed, color, 2), *(dot(x, y, color, 3) for x, y in placed)]


def online() -> list:
    parts = [text(24, 30, "Online softmax, every step rounded to float", 16, INK, "start")]
    left, step, rows = (
        300,
        134,
        ("a new score x", "naive: sum of exp(x)", "running maximum m", "running sum s"),
    )
    parts += [text(left - 80, 66 + 34 * r, words, 13, INK, "end") for r, words in enumerate(rows)]
    naive, maximum, total = 0.0, -math.inf, 0.0
    for i, x in enumerate(SCORES):
        naive = single(naive + exp32(x))
        larger = max(maximum, x)
        total = single(single(total * exp32(maximum - larger)) + exp32(x - larger))
        maximum = larger
        shown = "infinity" if math.isinf(naive) else f"{naive:.5g}"
        cells = (
            (f"{x:g}", BROWN),
            (shown, RED if math.isinf(naive) else GRAY),
            (f"{maximum:g}", GREEN),
            (f"{total:.5g}", BLUE),
        )
        for r, (words, color) in enumerate(cells):
            parts.append(box(left - 60 + i * step, 50 + 34 * r, 120, 26, words, color, solid=r != 1))
    lse = single(maximum + single(math.log(total)))
    parts.append(
        text(430, 206, f"log-sum-exp = m + log s = {lse:.6g}. The naive sum has no logarithm to take.", 14)
    )
    return parts


def variances() -> list:
    draws = random.Random(4)
    noise = [draws.random() * math.sqrt(12) for _ in range(SAMPLES)]  # a spread of 1
    errors = {variance_by_squares: [], variance_by_welford: []}
    for mean in MEANS:
        values = [single(mean + v) for v in noise]
        truth = true_variance(values)
        for how, points in errors.items():
            points.append((mean, max(abs(how(values) - truth) / truth, 1e-8)))
    axes = Axes(80, 270, 320, 220, (1.0, 1e6), (1e-8, 1e4))
    ticks = tuple((10.0**k, f"1e{k}" if k > 1 else f"{10**k}") for k in (0, 2, 4, 6))
    parts = axes.draw("Relative error of a variance of 1", "mean of the values", ticks, Y_TICKS)
    parts += axes.curve(errors[variance_by_squares], RED) + axes.curve(errors[variance_by_welford], BLUE)
    parts.append(text(92, 288, "E[x²] − E[x]²", 13, RED, "start"))
    parts.append(text(394, 424, "Welford", 13, BLUE, "end"))
    return parts


def sums() -> list:
    draws = random.Random(5)
    values = [single(draws.random()) for _ in range(LENGTHS[-1])]
    curves = {"in turn, bf16": [], "in turn, float": [], "256 partial sums, float": []}
    for n in LENGTHS:
        part = values[:n]
        truth = math.fsum(part)
        padded = part + [0.0] * (-n % PARTIALS)
        results = (sum_in_turn(part, brain), sum_in_turn(part), sum_as_a_block(padded))
        for points, result in zip(curves.values(), results):
            points.append((n, max(abs(result - truth) / truth, 1e-8)))
    axes = Axes(520, 270, 316, 220, (float(LENGTHS[0]), float(LENGTHS[-1])), (1e-8, 10.0))
    ticks = tuple((2.0**k, words) for k, words in ((4, "16"), (8, "256"), (12, "4096"), (16, "65536")))
    parts = axes.draw("Relative error of a sum of n numbers", "n", ticks, Y_TICKS[:3])
    for (_, points), color in zip(curves.items(), (RED, BROWN, BLUE)):
        parts += axes.curve(points, color)
    parts.append(text(530, 290, "one accumulator, bf16", 13, RED, "start"))
    parts.append(text(640, 412, "one accumulator, float", 13, BROWN, "start"))
    parts.append(text(526, 444, "256 partial sums, float", 13, BLUE, "start"))
    return parts


Y_TICKS = tuple((10.0**k, words) for k, words in ((-8, "≤ 1e−8"), (-4, "1e−4"), (0, "1"), (4, "≥ 1e4")))


def draw() -> str:
    return figure("Rounding, step by step", 545, [*online(), *variances(), *sums()])


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "numerical_stability.svg": draw}))
