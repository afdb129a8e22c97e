#!/usr/bin/env python3
"""Draw docs/figures/measuring.svg: a step timed without waiting, with waiting, and calls timed by events.

tools/figures/measuring.py            write the figure
tools/figures/measuring.py --check    exit 1 when the committed figure differs
"""

from __future__ import annotations

import sys

from svg import BLUE, BROWN, FAINT, GRAY, GREEN, GUIDES, INK, RED, command, dot, figure, line, rect, text

# Assumed for the drawing, in milliseconds: for the host to ask for a phase, and for the device to do it.
PHASES = (("forward", 0.6, 3.0, BLUE), ("backward", 0.9, 5.0, BROWN), ("optimizer", 0.3, 1.0, GREEN))
LATENCY = 0.2  # from asking to the first kernel
LEFT, SCALE, BAR = 110, 66, 28


def x_of(milliseconds: float) -> float:
    return LEFT + SCALE * milliseconds


def bar(y: float, begin: float, end: float, words: str, color: str, solid: bool = True) -> list:
    fill, ink = (color, "#ffffff") if solid else ("#ffffff", color)
    parts = [rect(x_of(begin), y, SCALE * (end - begin), BAR, fill, color, 3)]
    if words:
        parts.append(text(x_of((begin + end) / 2), y + 19, words, 13, ink))
    return parts


def clock(y: float, at: float) -> list:
    """The moment at which a timer looks at the clock."""
    return [line([(x_of(at), y - 8), (x_of(at), y + BAR + 4)], RED, 1.5), dot(x_of(at), y - 10, RED, 4)]


def lanes(y: float, title: str) -> list:
    return [
        text(24, y - 26, title, 16, INK, "start"),
        text(LEFT - 12, y + 19, "host", 13, GRAY, "end"),
        text(LEFT - 12, y + 57, "device", 13, GRAY, "end"),
        line([(LEFT, y + BAR + 5), (x_of(10.6), y + BAR + 5)], FAINT, 1, "2 4"),
    ]


def says(y: float, readings: list, true_step: float) -> str:
    phases = [after - before for before, after in zip(readings, readings[1:])]
    total = sum(phases)
    words = " + ".join(f"{p:.1f}" for p in phases)
    return text(
        LEFT,
        y + 94,
        f"the timer says {words} = {total:.1f} ms; the step takes {true_step:.1f} ms",
        14,
        INK,
        "start",
    )


def unsynchronized(y: float) -> list:
    parts = lanes(y, "A clock that does not wait: launches only ask")
    host, device, readings = 0.0, LATENCY, [0.0]
    for name, asks, works, color in PHASES:
        parts += bar(y, host, host + asks, "", color)
        host += asks
        readings.append(host)
        parts += bar(y + 38, device, device + works, name, color)
        device += works
    parts += bar(y, host, device, "reading the loss waits for everything", GRAY, solid=False)
    for reading in readings:
        parts += clock(y, reading)
    return [*parts, says(y, readings, device)]


def synchronized(y: float) -> list:
    parts = lanes(y, "A clock that waits first: cudaStreamSynchronize, then look")
    host, readings = 0.0, [0.0]
    for name, asks, works, color in PHASES:
        parts += bar(y, host, host + asks, "", color)
        done = host + LATENCY + works
        parts += bar(y, host + asks, done, "waits" if works > 2 else "", GRAY, solid=False)
        parts += bar(y + 38, host + LATENCY, done, name, color)
        host = done
        readings.append(host)
    for reading in readings:
        parts += clock(y, reading)
    return [*parts, says(y, readings, host)]


def events(y: float) -> list:
    parts = lanes(y, "Events: the device writes down the time, in stream order")
    calls, works, asks = 8, 1.1, 0.3
    for i in range(calls):
        parts += bar(y, i * asks, (i + 1) * asks, "", BLUE)
        parts += bar(
            y + 38, LATENCY + 0.1 + i * works, LATENCY + 0.1 + (i + 1) * works, f"call {i + 1}", BLUE
        )
    end = LATENCY + 0.1 + calls * works
    parts += bar(y, calls * asks, end, "cudaEventSynchronize waits once", GRAY, solid=False)
    for at, words, anchor in ((LATENCY + 0.1, "start", "end"), (end, "stop", "start")):
        parts += [line([(x_of(at), y + 34), (x_of(at), y + 76)], RED, 1.5), dot(x_of(at), y + 78, RED, 4)]
        parts.append(text(x_of(at) + (-9 if anchor == "end" else 9), y + 82, words, 13, RED, anchor))
    result = f"(stop − start) / {calls} = {works:.1f} ms per call"
    words = f"{result}: no host time in it, as long as the queue never runs dry"
    parts.append(text(LEFT, y + 108, words, 14, INK, "start"))
    return parts


def draw() -> str:
    note = text(
        24, 524, "Durations are assumed for the drawing. Red: a timer reads the time.", 13, GRAY, "start"
    )
    return figure(
        "Three ways to time a device", 542, [*unsynchronized(60), *synchronized(220), *events(380), note]
    )


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "measuring.svg": draw}))
