"""Benchmark tables, from results files of kind "benchmarks": a line a problem, a column an implementation."""

from __future__ import annotations

from . import markdown
from .markdown import number, percent


def of_contract(benchmarks: list, contract: str) -> str:
    """Every published measurement of one contract: a table a results file."""
    blocks = []
    for name, document in benchmarks:
        if name.startswith("ladder_"):  # which has a table of its own (ladder_tables.py)
            continue
        asked = [row for row in document["body"]["rows"] if row["contract"] == contract]
        rows = [row for row in asked if row["outcome"] == "ok"]
        if rows:
            origin = f"On {markdown.origin(document)}{peer(document, rows)}.{meaning(rows)}"
            shown = table(rows, document["device"]["kind"] != "cpu", document["body"].get("roofs") or {})
            blocks.append("\n\n".join([origin, shown, *remarks(asked)]))
    return "\n\n".join(blocks) or "Nothing is published yet: `./workbook bench` shows yours."


def peer(document: dict, rows: list) -> str:
    """Which version of a peer the table compares with."""
    known = document["body"].get("peer")
    shown = known and any(row["implementation"].startswith(known["name"]) for row in rows)
    names = {"pytorch": "PyTorch"}
    return f"; {names.get(known['name'], known['name'])} {known['version']}" if shown else ""


def meaning(rows: list) -> str:
    alone = len({row["implementation"] for row in rows}) == 1
    return "" if alone else f" In parentheses: speed-up over `{rows[0]['baseline']}`."


def remarks(rows: list) -> list:
    """A sentence for each implementation whose result was wrong, which the table leaves out, and for each
    note on rows that it has."""
    wrong = unique((row["implementation"], row["message"]) for row in rows if row["outcome"] == "wrong")
    notes = unique((row["implementation"], row["note"]) for row in rows if row.get("note"))
    return [f"`{name}` is not in the table: {message}." for name, message in wrong] + [
        f"`{name}`: {note}." for name, note in notes
    ]


def table(rows: list, on_gpu: bool, roofs: dict) -> str:
    """Times of all, with their speed-up over the baseline; rates only of the first column, which is the
    solution where there is one. A CPU's rates say nothing."""
    implementations = unique(row["implementation"] for row in rows)
    first = "solution" if "solution" in implementations else rows[0]["baseline"]
    others = [name for name in implementations if name != first]
    counts = [name for name in ("TFLOP/s", "of the roof") if any(says(row, name) for row in rows)]
    rates = ["GB/s", *counts] if on_gpu else []
    columns = ["problem", f"{first}, us", *rates, *(f"{name}, us" for name in others)]
    measured = {(row["problem"], row["implementation"]): row for row in rows}
    lines = []
    for problem in unique(row["problem"] for row in rows):
        own = measured.get((problem, first))
        lines.append(
            [problem, time(own)]
            + (rates_of(own, counts, roofs) if on_gpu else [])
            + [time(measured.get((problem, name))) for name in others]
        )
    return markdown.rows(columns, lines)


def says(row: dict, column: str) -> bool:
    """Whether a column has a figure for the row. Copies have no FLOPs; those of a kernel that waits for the
    link between host and device are too few to show, and it has no roof either."""
    if column == "of the roof":
        return row["fraction_of_roof"] is not None
    return bool(row["flops"]) and number((row["flops_per_second"] or 0) / 1e12) != "0.00"


def unique(names) -> list:
    """Each once, in the order of their first appearance."""
    return list(dict.fromkeys(names))


def time(row: dict | None) -> str:
    if row is None:
        return "-"
    microseconds = number(1e6 * row["seconds"]["median"])
    baseline = row["implementation"] == row["baseline"] or row["speedup"] is None
    return microseconds if baseline else f"{microseconds} ({row['speedup']:.2f}x)"


def rates_of(row: dict | None, columns: list, roofs: dict) -> list:
    if row is None:
        return ["-"] * (1 + len(columns))
    roof = row["fraction_of_roof"]
    shown = {
        "TFLOP/s": number(row["flops_per_second"] / 1e12) if says(row, "TFLOP/s") else "-",
        "of the roof": "-" if roof is None or is_of_the_wrong_roof(row, roofs) else percent(roof),
    }
    return [number(row["bytes_per_second"] / 1e9), *(shown[name] for name in columns)]


def is_of_the_wrong_roof(row: dict, roofs: dict) -> bool:
    """Whether arithmetic binds, but an older result divides bytes by the copy: bf16 products, before the roof
    of tensor cores was measured."""
    copy, fp32 = roofs.get("copy_bytes_per_second"), roofs.get("fp32_flops")
    if not (copy and fp32 and row["bytes"] and row["contract"].endswith("_bf16")) or roofs.get("bf16_flops"):
        return False
    arithmetic_binds = row["flops"] / row["bytes"] > fp32 / copy
    of_the_copy = row["bytes_per_second"] / copy
    return arithmetic_binds and abs(row["fraction_of_roof"] - of_the_copy) < 0.01 * of_the_copy
