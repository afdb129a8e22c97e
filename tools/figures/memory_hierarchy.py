#!/usr/bin/env python3
"""Draw docs/figures/memory_hierarchy.svg: an H200's levels of memory, and the sectors of a warp.

tools/figures/memory_hierarchy.py            write the figure
tools/figures/memory_hierarchy.py --check    exit 1 when the committed figure differs
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
    box,
    command,
    figure,
    rect,
    text,
)

# Data sheet of the H200 (SXM) and the CUDA programming guide's table for compute capability 9.0.
SMS, LANES, BANKS, CLOCK = 132, 128, 32, 1.98e9
HBM = 4.8e12
SECTOR, WARP, FLOAT = 32, 32, 4

HBM_BYTES = HBM / (SMS * CLOCK)  # for each SM in each clock
SHARED_BYTES = BANKS * 4
REGISTER_BYTES = LANES * 3 * 4  # a multiply-add reads three operands

LEVELS = (
    # name, who shares it, capacity, bytes per clock and SM, color
    ("registers", "one thread", "256 KiB an SM", REGISTER_BYTES, BLUE),
    ("shared memory", "one block", "228 KiB an SM", SHARED_BYTES, GREEN),
    ("L2 cache", "all SMs", "60 MiB", None, BROWN),
    ("HBM", "all SMs", "141 GB", HBM_BYTES, PURPLE),
)


def levels() -> list:
    parts = [text(24, 30, "What one SM can get in one clock", 16, INK, "start")]
    heads = (
        (110, "level"),
        (262, "shared by"),
        (388, "capacity"),
        (640, "bytes per clock and SM (logarithmic)"),
    )
    parts += [text(x, 58, words, 13, GRAY) for x, words in heads]
    left, full = 460, 330
    for i, (name, who, size, rate, color) in enumerate(LEVELS):
        y = 70 + 46 * i
        parts.append(box(24, y, 172, 36, name, color, size=14))
        parts.append(text(262, y + 23, who))
        parts.append(text(388, y + 23, size))
        if rate is None:
            parts.append(text(left, y + 23, "in between; no data sheet says: measure it", 13, GRAY, "start"))
            continue
        width = full * math.log10(rate) / math.log10(REGISTER_BYTES)
        parts.append(rect(left, y, width, 36, color, r=4))
        parts.append(text(left + width + 10, y + 23, f"{rate:.0f}", 14, color, "start"))
    return parts


def sectors_touched(address_of) -> list:
    """The sectors that hold a byte of any lane's float."""
    return sorted({address_of(lane) // SECTOR for lane in range(WARP)})


PATTERNS = (
    ("neighbors: x[lane]", lambda lane: lane * FLOAT, BLUE),
    ("off by one: x[lane + 1]", lambda lane: (lane + 1) * FLOAT, GREEN),
    ("every second: x[2 * lane]", lambda lane: 2 * lane * FLOAT, BROWN),
    ("every eighth: x[8 * lane]", lambda lane: 8 * lane * FLOAT, RED),
)


def requests() -> list:
    top = 300
    parts = [
        text(24, top, "What one load of a warp touches: sectors of 32 bytes, 8 floats each", 16, INK, "start")
    ]
    cell, left, shown = 15, 205, 32
    for i, (name, address_of, color) in enumerate(PATTERNS):
        y = top + 24 + 44 * i
        touched = sectors_touched(address_of)
        parts.append(text(left - 14, y + 18, name, 13, INK, "end"))
        for s in range(shown):
            used = s in touched
            parts.append(rect(left + s * cell, y, cell - 2, 26, color if used else PALE, FAINT))
        share = WARP * FLOAT / (len(touched) * SECTOR)
        words = f"{len(touched)} sectors, {100 * share:.3g}% used"
        parts.append(text(left + shown * cell + 8, y + 18, words, 13, color, "start"))
    parts.append(
        text(
            430,
            top + 222,
            "The warp wants 32 floats, 128 bytes, each time. What is fetched beside them is wasted.",
            14,
        )
    )
    return parts


def draw() -> str:
    return figure("Levels of memory, and sectors of a warp's request", 545, [*levels(), *requests()])


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "memory_hierarchy.svg": draw}))
