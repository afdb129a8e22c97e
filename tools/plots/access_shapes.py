"""How one request of a warp meets memory, as shapes: lanes, sectors of 32 bytes, banks of shared memory.

`picture(kernel, line)` takes a kernel and one of its lines from the meter's JSON, and draws that line's
"worst" request. access_svg.py writes the shapes as SVG; access.py also draws them with matplotlib.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

WIDTH = 860
LEFT, TOP = 128, 124  # where the row of lanes begins
WORD = 22  # pixels of 4 bytes: 32 words, as many as a warp has lanes, fill a row
ROW, STEP = 22, 28  # height of a row of memory; from row to row
MOST_ROWS = 12

WARP, SECTOR, LINE, WORDS = 32, 32, 128, 32
COLORS = ("#2a6f97", "#b5651d", "#4f772d", "#7b4b94")  # of lanes 0-7, 8-15, 16-23, 24-31
INK, GRAY, FAINT, PALE, RED = "#222222", "#666666", "#b5b5b5", "#f0f0f0", "#a4243b"


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    fill: str = "none"
    edge: str = "none"
    hatched: bool = False


@dataclass(frozen=True)
class Words:
    x: float
    y: float  # of the baseline
    words: str
    size: int = 13
    color: str = INK
    anchor: str = "middle"  # start, middle or end
    code: bool = False


@dataclass(frozen=True)
class Access:
    lane: int
    offset: int
    bytes: int


@dataclass(frozen=True)
class Picture:
    title: str
    height: float
    shapes: list


def accesses(line: dict) -> list:
    """What the lanes of the line's worst request touch, in the order of the lanes."""
    found = [Access(one["lane"], one["offset"], one["bytes"]) for one in line["worst"]["lanes"]]
    return sorted(found, key=lambda access: access.lane)


def is_shared(line: dict) -> bool:
    return line["sectors"] == 0


def sectors(lanes: list) -> set:
    return {byte // SECTOR for one in lanes for byte in (one.offset, one.offset + one.bytes - 1)}


def used_bytes(lanes: list) -> set:
    return {byte for one in lanes for byte in range(one.offset, one.offset + one.bytes)}


def words_of_banks(lanes: list) -> dict:
    """For each bank the passes that it serves: distinct words, counted apart for each group of lanes that
    goes together. Lanes with 8 bytes go by half warps, with 16 by quarters."""
    found = defaultdict(set)
    for one in lanes:
        group = one.lane // (WARP * 4 // max(one.bytes, 4))
        for word in range(one.offset // 4, (one.offset + one.bytes - 1) // 4 + 1):
            found[word % WORDS].add((group, word))
    return {bank: len(words) for bank, words in found.items()}


def wavefronts(lanes: list) -> int:
    """Groups of lanes one after the other; each takes as long as its busiest bank."""
    by_group = defaultdict(list)
    for one in lanes:
        by_group[one.lane // (WARP * 4 // max(one.bytes, 4))].append(one)
    return sum(max(words_of_banks(group).values()) for group in by_group.values())


def least(amount: int, unit: int) -> int:
    return -(-amount // unit)


def picture(kernel: dict, line: dict) -> Picture:
    lanes = accesses(line)
    draw = banks if is_shared(line) else global_memory
    shapes, height = draw(line, lanes)
    place = f"{line['file'].rsplit('/', 1)[-1]}:{line['line']}"
    title = f"{without_parameters(kernel['name'])}, {place}"
    head = [
        Words(24, 30, title, 16, INK, "start"),
        Words(24, 52, shortened(line["text"], 104), 13, INK, "start", code=True),
        *lane_row(lanes),
    ]
    return Picture(title, height, [*head, *shapes])


def without_parameters(name: str) -> str:
    """copy<2>(float*) is copy<2>; parentheses in template arguments stay."""
    depth = 0
    for i, letter in enumerate(name):
        depth += (letter == "<") - (letter == ">")
        if letter == "(" and depth == 0:
            return name[:i]
    return name


def shortened(words: str, most: int) -> str:
    words = " ".join(words.split())
    return words if len(words) <= most else f"{words[: most - 3]}..."


def lane_row(lanes: list) -> list:
    """All 32 lanes; those that take no part are empty."""
    active = {one.lane for one in lanes}
    shapes = [Words(LEFT - 12, TOP + 16, "lanes", 13, GRAY, "end")]
    for lane in range(WARP):
        x = LEFT + lane * WORD
        if lane in active:
            shapes.append(Box(x + 1, TOP, WORD - 2, ROW, COLORS[lane // 8]))
            shapes.append(Words(x + WORD / 2, TOP + 15, str(lane), 11, "#ffffff"))
        else:
            shapes.append(Box(x + 1, TOP, WORD - 2, ROW, PALE, FAINT))
    return shapes


def global_memory(line: dict, lanes: list) -> tuple:
    touched = sectors(lanes)
    used = len(used_bytes(lanes))
    moved = SECTOR * len(touched)
    cost = (
        f"{counted(len(touched), 'sector')}, at best {least(used, SECTOR)}; "
        f"{used:,} of {moved:,} bytes moved are used ({100 * used / moved:.3g}%)"
    )
    shapes = request_lines(line, lanes, cost)
    top = TOP + ROW + 44
    for i in range(LINE // SECTOR):
        shapes.append(Words(LEFT + i * 8 * WORD + 2, top - 8, f"+{SECTOR * i}", 11, GRAY, "start"))
    shapes.append(Words(LEFT - 12, top - 8, "byte offset", 11, GRAY, "end"))
    rows = sorted({sector * SECTOR // LINE for sector in touched})
    shown, y = shown_rows(rows), top
    for at, row in enumerate(shown):
        if row is None:
            left_out = rows[at : len(rows) - 1]
            hidden = sum(sector * SECTOR // LINE in left_out for sector in touched)
            words = f"{counted(len(left_out), 'more line')} of 128 bytes with {counted(hidden, 'sector')}"
            shapes.append(Words(LEFT, y + 15, words, 12, GRAY, "start"))
            y += STEP
            continue
        shapes.append(Words(LEFT - 12, y + 15, f"{row * LINE:,}", 12, INK, "end"))
        for part in range(LINE // SECTOR):
            x = LEFT + part * 8 * WORD
            moves = row * LINE // SECTOR + part in touched
            edge = GRAY if moves else FAINT
            shapes.append(Box(x + 1, y, 8 * WORD - 2, ROW, "#ffffff", edge, hatched=moves))
        shapes += used_cells([one for one in lanes if in_row(one, row)], row, y)
        y += STEP
    legend = [
        (COLORS[0], False, used_words(shapes)),
        ("#ffffff", True, "moved, not used"),
        ("#ffffff", False, "not moved"),
    ]
    return [*shapes, *legend_row(legend, y + 12)], y + 52


def banks(line: dict, lanes: list) -> tuple:
    passes = wavefronts(lanes)
    best = least(len(used_bytes(lanes)), LINE)
    shapes = request_lines(line, lanes, f"{counted(passes, 'wavefront')}, at best {best}")
    top = TOP + ROW + 44
    shapes.append(Words(LEFT - 12, top - 8, "bank", 11, GRAY, "end"))
    for bank in range(WORDS):
        shapes.append(Words(LEFT + (bank + 0.5) * WORD, top - 8, str(bank), 11, GRAY))
    rows = sorted({byte // LINE for byte in used_bytes(lanes)})
    shown, y = shown_rows(rows), top
    for at, row in enumerate(shown):
        if row is None:
            words = f"{counted(len(rows[at:]) - 1, 'more row')} of 128 bytes"
            shapes.append(Words(LEFT, y + 15, words, 12, GRAY, "start"))
            y += STEP
            continue
        shapes.append(Words(LEFT - 12, y + 15, f"byte {row * LINE:,}", 12, INK, "end"))
        shapes += [Box(LEFT + bank * WORD + 1, y, WORD - 2, ROW, "#ffffff", FAINT) for bank in range(WORDS)]
        shapes += used_cells([one for one in lanes if in_row(one, row)], row, y)
        y += STEP
    y += 10
    shapes.append(Words(LEFT - 12, y + 15, "words per bank", 12, GRAY, "end"))
    counts = words_of_banks(lanes)
    for bank in range(WORDS):
        count = counts.get(bank, 0)
        fill = RED if count > best else PALE
        ink = "#ffffff" if count > best else INK
        shapes.append(Box(LEFT + bank * WORD + 1, y, WORD - 2, ROW, fill))
        shapes.append(Words(LEFT + (bank + 0.5) * WORD, y + 15, str(count), 11, ink))
    y += STEP
    legend = [(COLORS[0], False, used_words(shapes)), ("#ffffff", False, "not used")]
    if passes > best:
        legend.append((RED, False, f"more than {best}: a conflict"))
    return [*shapes, *legend_row(legend, y + 12)], y + 52


def request_lines(line: dict, lanes: list, cost: str) -> list:
    worst = line["worst"]
    sizes = sorted({one.bytes for one in lanes})
    size = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    array = f" of {worst['array']}" if worst.get("array") else ""
    block = ", ".join(str(index) for index in worst["block"])
    request = (
        f"{line['kind'].replace('_', ' ')}{array}, block ({block}), warp {worst['warp']}: "
        f"{counted(len(lanes), 'lane')} with {counted(size, 'byte')} each"
    )
    return [Words(24, 76, request, 13, INK, "start"), Words(24, 98, cost, 13, INK, "start")]


def counted(count: object, noun: str) -> str:
    head, _, rest = noun.partition(" ")
    plural = noun if str(count) == "1" else f"{noun}s"
    return f"{count} {plural}" if not rest else f"{count} {head} {rest}{'' if str(count) == '1' else 's'}"


def in_row(one: Access, row: int) -> bool:
    return one.offset < (row + 1) * LINE and one.offset + one.bytes > row * LINE


def shown_rows(rows: list) -> list:
    """All rows, or where they are too many the first ones, None, and the last."""
    if len(rows) <= MOST_ROWS:
        return rows
    return [*rows[: MOST_ROWS - 2], None, rows[-1]]


def used_cells(lanes: list, row: int, y: float) -> list:
    """The bytes of a row that lanes use, with the numbers of the lanes where they fit."""
    groups = defaultdict(list)
    for one in lanes:
        groups[(one.offset, one.bytes)].append(one.lane)
    cells = []
    for (offset, size), who in sorted(groups.items()):
        start = max(offset, row * LINE) - row * LINE
        end = min(offset + size, (row + 1) * LINE) - row * LINE
        cells.append((start, end, who))
    shapes = []
    for start, end, who in cells:
        edge = "#ffffff" if end - start >= 4 else "none"
        x, width = LEFT + start * WORD / 4, (end - start) * WORD / 4
        shapes.append(Box(x, y + 1, width, ROW - 2, COLORS[who[0] // 8], edge))
    return shapes + [
        label for start, end, who in readable(cells) if (label := cell_label(start, end, who, y))
    ]


def readable(cells: list) -> list:
    """Joins neighboring cells of one color that are too narrow for numbers of their own."""
    joined = []
    for start, end, who in cells:
        if joined and end - start < 4 and joined[-1][1] == start and joined[-1][2][0] // 8 == who[0] // 8:
            start, _, before = joined.pop()
            who = before + who
        joined.append((start, end, who))
    return joined


def size_that_fits(start: int, end: int, words: str) -> int | None:
    room = (end - start) * WORD / 4 - 2
    return next((size for size in (11, 9, 8) if 0.58 * size * len(words) <= room), None)


def cell_label(start: int, end: int, who: list, y: float) -> Words | None:
    size = size_that_fits(start, end, lane_words(who))
    middle = LEFT + (start + end) / 2 * WORD / 4
    return Words(middle, y + 15, lane_words(who), size, "#ffffff") if size else None


def lane_words(lanes: list) -> str:
    if len(lanes) == 1:
        return str(lanes[0])
    if lanes == list(range(lanes[0], lanes[-1] + 1)):
        return f"{lanes[0]}-{lanes[-1]}"
    return f"{len(lanes)}x"


def used_words(shapes: list) -> str:
    several = sorted({s.words for s in shapes if isinstance(s, Words) and re.fullmatch(r"\d+x", s.words)})
    words = "used, with the lane's number"
    return f"{words} ({several[0]}: by {several[0][:-1]} lanes)" if several else words


def legend_row(entries: list, y: float) -> list:
    shapes, x = [], LEFT
    for fill, hatched, words in entries:
        shapes.append(Box(x, y, 16, 16, fill, GRAY, hatched))
        shapes.append(Words(x + 24, y + 13, words, 12, GRAY, "start"))
        x += 56 + 6.3 * len(words)
    return shapes
