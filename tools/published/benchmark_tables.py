"""Benchmark tables, from results files of kind "benchmarks"."""

from __future__ import annotations

from . import markdown
from .markdown import number, percent


def of_contract(benchmarks: list, contract: str) -> str:
    """Every published measurement of one contract: a table a results file."""
    blocks = []
    for _, document in benchmarks:
        rows = [
            row for row in document["body"]["rows"] if row["contract"] == contract and row["outcome"] == "ok"
        ]
        if not rows:
            continue
        on_gpu = document["device"]["kind"] != "cpu"
        columns = ["problem", "implementation", "time, us"] + (
            ["GB/s", "TFLOP/s", "of the roof"] if on_gpu else []
        )
        columns.append("speed-up")
        lines = [line(row, on_gpu) for row in rows]
        origin = markdown.origin(document) + peer(document, rows)
        blocks.append(f"On {origin}.\n\n{markdown.rows(columns, lines, left=2)}")
    return "\n\n".join(blocks) or "Nothing is published yet: `./workbook bench` shows yours."


def peer(document: dict, rows: list) -> str:
    """Which version of a peer the table compares with."""
    known = document["body"].get("peer")
    shown = known and any(row["implementation"].startswith(known["name"]) for row in rows)
    names = {"pytorch": "PyTorch"}
    return f"; {names.get(known['name'], known['name'])} {known['version']}" if shown else ""


def line(row: dict, on_gpu: bool) -> list:
    cells = [row["problem"], row["implementation"], number(1e6 * row["seconds"]["median"])]
    if on_gpu:
        cells.append(number(row["bytes_per_second"] / 1e9))
        cells.append(number(row["flops_per_second"] / 1e12))
        cells.append("-" if row["fraction_of_roof"] is None else percent(row["fraction_of_roof"]))
    ratio = row["speedup"]
    baseline = row["implementation"] == row["baseline"]
    return [*cells, "baseline" if baseline else "-" if ratio is None else f"{ratio:.2f}x"]
