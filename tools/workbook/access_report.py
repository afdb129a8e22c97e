"""The meter's report in words: a kernel's lines, worst first, what they move, and what would be ideal."""

from __future__ import annotations

import textwrap
from pathlib import Path

from .access_advice import SECTOR, advice, excess
from .console import paint, width_of

LANES = 32
LINES_SHOWN = 12
WIDTH = 100
SPREAD_SHOWN = 5  # lines of a kernel with idle lanes
BUSY = 0.9  # of the lanes that the fullest line has: more are no divergence worth a line
SMALL = 0.02  # of all idle lanes
ARITHMETIC = "smsp__sass_thread_inst_executed_op_{}_pred_on.sum"
FLOP = {"fadd": 1, "fmul": 1, "ffma": 2, "dadd": 1, "dmul": 1, "dfma": 2}
REPEATED = 8  # times that each sector is asked for: more are worth a sentence
HEADS = ("source", "access", "requests", "moves per request", "ideal", "bytes used", "lanes", "share")


def kernel_text(kernel: dict, all_lines: bool = False) -> list:
    """The lines to print for one kernel of the report."""
    times = "" if kernel["launches"] == 1 else f", launched {kernel['launches']} times"
    head = f"{kernel['name']}<<<{shape(kernel['grid'])}, {shape(kernel['block'])}>>>{times}"
    lines = kernel["lines"]
    if not lines:
        nothing = "  It reads and writes no memory that the meter sees."
        return [paint(head, "bold"), nothing, *arithmetic(kernel, 0), *divergence(kernel)]
    shown_lines = lines if all_lines else lines[:LINES_SHOWN]
    text = [paint(head, "bold"), *table(shown_lines, shares(lines))]
    if len(lines) > len(shown_lines):
        text.append(f"  ... and {len(lines) - len(shown_lines)} more lines, none of them worse (--verbose)")
    if kernel["left_out"]:
        left_out = f"{kernel['left_out']:,} accesses are left out, of loops with more passes than are kept"
        text += arrow(f"{left_out}: all figures are of the passes before.")
    return [*text, *totals(kernel), *divergence(kernel), *metrics(kernel["metrics"])]


def shape(size: list) -> str:
    used = size[: 1 + max((i for i in range(3) if size[i] != 1), default=0)]
    return str(used[0]) if len(used) == 1 else f"({', '.join(map(str, used))})"


def table(lines: list, shares: list) -> list:
    """A row per line and array, its source below, and a sentence where the pattern proves one."""
    rows = [row(line, share) for line, share in zip(lines, shares)]
    width = [max(len(cells[i]) for cells in [HEADS, *rows]) for i in range(len(HEADS))]

    def joined(cells) -> str:
        left = [cells[i].ljust(width[i]) for i in range(2)]
        return "  " + "  ".join([*left, *(cells[i].rjust(width[i]) for i in range(2, len(cells)))])

    text = [paint(joined(HEADS), "dim")]
    for line, cells in zip(lines, rows):
        text.append(paint(joined(cells), "red") if excess(line) else joined(cells))
        text += [paint(f"      {line['text']}", "dim")] if line["text"] else []
        text += arrow(advice(line))
    return text


def arrow(sentence: str) -> list:
    return textwrap.wrap(sentence, width_of(WIDTH), initial_indent="      -> ", subsequent_indent="         ")


def shares(lines: list) -> list:
    """Of what the kernel moves in the same memory, sectors or wavefronts."""
    whole = {"global": 0, "shared": 0}
    for line in lines:
        whole[line["memory"]] += line["bytes_moved"]
    return [line["bytes_moved"] / max(1, whole[line["memory"]]) for line in lines]


def row(line: dict, share: float) -> tuple:
    per, ideal, unit = moves(line)
    used = line["bytes_used"] / line["bytes_moved"] if line["bytes_moved"] else 0
    array = line["array"].removeprefix("dynamic shared ")  # which the kind says
    access = f"{line['kind'].replace('_', ' ')} {array}".rstrip()
    return (
        f"{Path(line['file']).name}:{line['line']}",
        access,
        f"{line['requests']:,}",
        f"{per:.2f} {unit}",
        f"{ideal:.2f}",
        f"{100 * used:.0f}%" if line["memory"] == "global" else "",
        f"{line['active_lanes'] / line['requests']:.1f}",
        f"{100 * share:.0f}%",
    )


def moves(line: dict) -> tuple:
    """(per request, the ideal, of what)."""
    what = "sectors" if line["memory"] == "global" else "wavefronts"
    return line[what] / line["requests"], line[f"ideal_{what}"] / line["requests"], what


def totals(kernel: dict) -> list:
    """What the kernel moves, beside what the same requests would move at best."""
    text, lines = [], kernel["lines"]
    of_global = [line for line in lines if line["memory"] == "global"]
    moved = sum(line["bytes_moved"] for line in of_global)
    if moved:
        best = sum(SECTOR * line["ideal_sectors"] for line in of_global)
        text.append(f"  global memory: {amount(moved)} in sectors, ideal {amount(best)}{times(moved, best)}")
        touched = kernel["bytes_touched"]
        if moved > REPEATED * touched:
            text += arrow(
                f"These are the sectors of {amount(touched)}, each requested {moved / touched:.0f} times. "
                "The caches serve a part of this; shared memory or registers could keep the rest."
            )
    wavefronts = sum(line["wavefronts"] for line in lines)
    if wavefronts:
        best = sum(line["ideal_wavefronts"] for line in lines)
        text.append(f"  shared memory: {wavefronts:,} wavefronts, ideal {best:,}{times(wavefronts, best)}")
    requests = sum(line["requests"] for line in lines)
    lanes = sum(line["active_lanes"] for line in lines) / requests
    text.append(f"  active lanes: {lanes:.1f} of {LANES} per request")
    return [*text, *arithmetic(kernel, moved)]


def arithmetic(kernel: dict, moved: int) -> list:
    """Floating-point operations, and how many there are for each byte of global memory."""
    values = kernel["metrics"]
    operations = sum(weight * values.get(ARITHMETIC.format(name), 0) for name, weight in FLOP.items())
    if not operations:
        return []
    text = f"  arithmetic: {count(operations)}FLOP"
    if moved:
        once = kernel["bytes_touched"]
        text += f", {operations / moved:.2f} FLOP per byte moved"
        text += f", {operations / once:.2f} if each sector moved once" if moved > 1.05 * once else ""
    return [text]


def divergence(kernel: dict) -> list:
    """Lines that warps go through with lanes that idle, those first that idle most."""
    lines = [line for line in kernel.get("passes", []) if line["warp_passes"]]
    full = max((lanes_of(line) for line in lines), default=0)
    idle = [full * line["warp_passes"] - line["lane_passes"] for line in lines]
    shown = [
        line
        for line, lost in sorted(zip(lines, idle), key=lambda pair: -pair[1])
        if lanes_of(line) < BUSY * full and lost > SMALL * sum(idle)
    ][:SPREAD_SHOWN]
    if not shown:
        return []
    text = [f"  divergence: lines that a warp runs with fewer than {full:.0f} lanes"]
    for line in shown:
        place = f"{Path(line['file']).name}:{line['line']}"
        text.append(f"    {place}  {lanes_of(line):.1f} lanes on average, {line['warp_passes']:,} passes")
        text += [paint(f"      {line['text']}", "dim")] if line["text"] else []
    return text


def lanes_of(line: dict) -> float:
    return line["lane_passes"] / line["warp_passes"]


def count(number: int) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number} "


def amount(number: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number} bytes"


def times(moved: int, best: int) -> str:
    return f": {moved / best:.1f} times as much" if moved > 1.05 * best else ""


def metrics(values: dict) -> list:
    """In Nsight Compute's names, those that are not zero."""
    rows = [
        (name, f"{value:,}" if isinstance(value, int) else f"{value:,.2f}")
        for name, value in values.items()
        if value
    ]
    width = max((len(name) for name, _ in rows), default=0)
    return [paint(f"    {name:<{width}}  {value}", "dim") for name, value in rows]
