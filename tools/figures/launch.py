#!/usr/bin/env python3
"""Draw 01_vector_add/launch.svg: a sum of host vectors as a whole, and in pieces in two streams.

tools/figures/launch.py            write the figure
tools/figures/launch.py --check    exit 1 when the committed figure differs

A schedule, not a measurement: a copy of two vectors takes twice as long as that of one, and each of the three
engines does one thing at a time, in the order in which the host has enqueued it.
"""

from __future__ import annotations

import sys

from svg import BLUE, FAINT, GRAY, GREEN, INK, ROOT, command, figure, line, rect, text

TARGET = ROOT / "01_vector_add" / "launch.svg"
LEFT, RIGHT, ROW = 190, 840, 30
ENGINES = ("copy engine, to the device", "streaming multiprocessors", "copy engine, to the host")
SECONDS = (2.0, 0.5, 1.0)  # of all of n: copies of a and b, the kernel, the copy of out
STREAMS = (BLUE, GREEN)


def schedule(pieces: int, streams: int) -> list:
    """(piece, engine, begin, end). A piece waits for its engine, and for what precedes it in its stream."""
    engine_free, stream_free = [0.0] * len(ENGINES), [0.0] * streams
    found = []
    for piece in range(pieces):
        for engine, seconds in enumerate(SECONDS):
            begin = max(engine_free[engine], stream_free[piece % streams])
            end = begin + seconds / pieces
            engine_free[engine] = stream_free[piece % streams] = end
            found.append((piece, engine, begin, end))
    return found


def panel(title: str, pieces: int, streams: int, top: float, scale: float) -> list:
    parts = [text(20, top - 14, title, 14, INK, "start")]
    for engine, name in enumerate(ENGINES):
        y = top + engine * ROW
        parts.append(text(LEFT - 10, y + 17, name, 11, GRAY, "end"))
        parts.append(line([(LEFT, y + ROW - 3), (RIGHT, y + ROW - 3)], FAINT, 0.6))
    done = 0.0
    for piece, engine, begin, end in schedule(pieces, streams):
        x, width = LEFT + scale * begin, scale * (end - begin)
        y = top + engine * ROW
        parts.append(rect(round(x + 0.5, 1), y, round(width - 1, 1), ROW - 6, STREAMS[piece % streams], r=2))
        if width > 12:
            parts.append(text(round(x + width / 2, 1), y + 16, piece, 11, "#ffffff"))
        done = max(done, end)
    x = round(LEFT + scale * done, 1)
    parts.append(line([(x, top - 6), (x, top + 3 * ROW + 2)], INK, 1.2, "4 3"))
    parts.append(text(x, top + 3 * ROW + 16, "done", 12, INK))
    return parts


def draw() -> str:
    scale = (RIGHT - LEFT - 20) / sum(SECONDS)
    parts = panel("One piece: each engine waits for the one before", 1, 1, 44, scale)
    parts += panel("Eight pieces, even ones in one stream and odd ones in the other", 8, 2, 206, scale)
    y = 338
    for x, color, words in ((LEFT, BLUE, "stream 0"), (LEFT + 110, GREEN, "stream 1")):
        parts += [rect(x, y - 11, 12, 12, color), text(x + 18, y, words, 12, INK, "start")]
    parts.append(text(RIGHT, y, "time", 12, GRAY, "end"))
    return figure("Copies and kernels, as a whole and in pieces", 356, parts, head=None)


if __name__ == "__main__":
    sys.exit(command(__file__, {TARGET: draw}))
