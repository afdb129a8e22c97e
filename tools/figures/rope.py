#!/usr/bin/env python3
"""Draw two figures of 05_rmsnorm_rope: rope.svg, pairs that turn, and repeat_kv.svg, what strides fetch.

tools/figures/rope.py            write the figures
tools/figures/rope.py --check    exit 1 when a committed figure differs
"""

from __future__ import annotations

import math
import sys

from svg import ROOT, command, figure, text

CHAPTER = ROOT / "05_rmsnorm_rope"

FEATURES, BASE, POSITIONS = 8, 10000.0, 6
SECTOR = 8  # floats in 32 bytes
LANES, READ_POSITION = 8, 2

COLORS = ("#2a6f97", "#b5651d", "#4f772d", "#7b4b94")
INK, FAINT, PALE = "#222222", "#8a8a8a", "#cfe0ea"


def box(x: float, y: float, width: float, height: float, words: str, fill: str, ink: str = "#ffffff") -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3"'
    rectangle = f'<rect {place} fill="{fill}" stroke="{FAINT}"/>'
    return rectangle + (text(x + width / 2, y + height / 2 + 5, words, color=ink) if words else "")


# ---- rope.svg ----


def clock(x: float, y: float, pair: int) -> list:
    """A pair (1, 0) at positions 0, 1, 2, ...: a hand that turns by the pair's frequency."""
    radius, frequency = 66, BASE ** (-2 * pair / FEATURES)
    parts = [f'<circle cx="{x:g}" cy="{y:g}" r="{radius}" fill="none" stroke="{FAINT}"/>']
    for position in range(POSITIONS):
        angle = position * frequency
        tip_x, tip_y = x + radius * math.cos(angle), y - radius * math.sin(angle)
        opacity = 0.25 + 0.75 * position / (POSITIONS - 1)
        parts.append(
            f'<path d="M{x:g} {y:g} L{tip_x:.1f} {tip_y:.1f}" stroke="{COLORS[pair]}" '
            f'stroke-width="2.5" stroke-opacity="{opacity:.2f}"/>'
        )
        if frequency * radius > 12:
            label_x, label_y = x + 1.16 * (tip_x - x), y + 1.16 * (tip_y - y) + 4
            parts.append(text(round(label_x, 1), round(label_y, 1), str(position), 12, COLORS[pair]))
    parts.append(text(x, y + radius + 28, f"pair {pair}: {frequency:g} rad a position", 13, COLORS[pair]))
    return parts


def pairing(top: float, name: str, partner) -> list:
    """A head's features, colored by pair, with an arc from each to its partner."""
    cell, left = 62, 190
    parts = [text(24, top + 22, name, 14, anchor="start")]
    for pair in range(FEATURES // 2):
        first, second = partner(pair)
        for feature in (first, second):
            parts.append(box(left + feature * cell + 2, top, cell - 4, 34, f"x{feature}", COLORS[pair]))
        start, end = left + (first + 0.5) * cell, left + (second + 0.5) * cell
        depth = 12 + 10 * (second - first)
        edge = top + 36
        parts.append(
            f'<path d="M{start:g} {edge:g} Q{(start + end) / 2:g} {edge + depth:g} {end:g} {edge:g}" '
            f'stroke="{COLORS[pair]}" stroke-width="2" fill="none"/>'
        )
    return parts


def rope() -> str:
    parts = [
        text(
            24,
            28,
            "A pair of features is a hand that turns by its own angle at every position",
            16,
            anchor="start",
        )
    ]
    for pair in range(FEATURES // 2):
        parts += clock(130 + 200 * pair, 126, pair)
    parts.append(text(24, 268, f"Which features make a pair, at D = {FEATURES}", 16, anchor="start"))
    parts += pairing(290, "half-split", lambda pair: (pair, pair + FEATURES // 2))
    parts += pairing(380, "interleaved", lambda pair: (2 * pair, 2 * pair + 1))
    parts.append(
        text(
            24,
            462,
            "Colors show angles: the pairings assign the same four to different features.",
            14,
            anchor="start",
        )
    )
    return figure("Rotary embedding: pairs of features turn by the position", 480, parts, head=None)


# ---- repeat_kv.svg ----


def sectors_of(addresses: list) -> set:
    return {address // SECTOR for address in addresses}


def panel(left: float, name: str, rows: str, columns: str, addresses: list, lanes_along: str) -> list:
    """Memory as a grid, a sector in each line; what one request wants, and what it fetches."""
    size, top = 26, 108
    fetched = sectors_of(addresses)
    middle = left + SECTOR * size / 2
    parts = [text(middle, 62, name, 15), text(middle, 96, f"{columns} →", 12, FAINT)]
    for address in range(SECTOR * FEATURES):
        row, column = divmod(address, SECTOR)
        wanted = address in addresses
        fill = COLORS[0] if wanted else PALE if row in fetched else "#ffffff"
        lane = str(addresses.index(address)) if wanted else ""
        parts.append(box(left + column * size + 1, top + row * size + 1, size - 2, size - 2, lane, fill))
    turned = f'transform="rotate(-90 {left - 10:g} {top + 4 * size:g})"'
    parts.append(
        f'<text x="{left - 10:g}" y="{top + 4 * size:g}" font-size="12" fill="{FAINT}" text-anchor="middle" '
        f"{turned}>← {rows}</text>"
    )
    bottom = top + FEATURES * size
    used = len(addresses) / (len(fetched) * SECTOR)
    parts.append(text(middle, bottom + 24, f"lanes along {lanes_along}", 13))
    parts.append(
        text(
            middle,
            bottom + 46,
            f"{len(fetched)} sector{'s' if len(fetched) > 1 else ''} fetched, {100 * used:g}% used",
            14,
        )
    )
    return parts


def repeat_kv() -> str:
    along_row = [READ_POSITION * SECTOR + lane for lane in range(LANES)]
    down_column = [lane * SECTOR + READ_POSITION for lane in range(LANES)]
    parts = [
        text(
            24,
            28,
            "One head's keys in memory, a sector of 32 bytes in each line; eight lanes read",
            16,
            anchor="start",
        )
    ]
    parts += panel(52, "token-major", "positions", "features", along_row, "features")
    parts += panel(342, "feature-major", "features", "positions", down_column, "features")
    parts += panel(632, "feature-major, tiled", "features", "positions", along_row, "positions")
    legend = 400
    for x, fill, words in ((52, COLORS[0], "wanted, by lane"), (232, PALE, "fetched as well")):
        parts += [box(x, legend, 22, 22, "", fill), text(x + 32, legend + 16, words, 13, anchor="start")]
    parts.append(
        text(840, legend + 16, "the tile lets lanes write along features afterwards", 13, FAINT, anchor="end")
    )
    return figure("What a strided view makes a warp fetch", 440, parts, 880, head=None)


if __name__ == "__main__":
    sys.exit(command(__file__, {CHAPTER / "rope.svg": rope, CHAPTER / "repeat_kv.svg": repeat_kv}))
