"""The table of a ladder, from a results file "ladder_NAME-DEVICE": a line per problem, a column per rung."""

from __future__ import annotations

from workbook import ladder

from . import benchmark_tables, markdown
from .markdown import number

BESIDE = ("solution", "library")


def of_ladder(benchmarks: list, name: str) -> str:
    """Every published measurement of one ladder, with its picture."""
    blocks = []
    for published, document in benchmarks:
        if not published.startswith(f"ladder_{name}-"):
            continue
        rows = [row for row in document["body"]["rows"] if row["outcome"] == "ok"]
        origin = f"On {markdown.origin(document)}{benchmark_tables.peer(document, rows)}."
        words = "TFLOP/s, and in parentheses the speed as a multiple of the library's."
        picture = f"![Rung against rung](../../../docs/results/{published}.png)"
        blocks.append(f"{origin} {words}\n\n{picture}\n\n{table(rows, rungs_of(name))}")
    return "\n\n".join(blocks) or "Nothing is published yet: `./workbook ladder` shows yours."


def rungs_of(name: str) -> list:
    return next(one.rungs for one in ladder.ladders() if one.name == name)


def table(rows: list, rungs: list) -> str:
    """The chapter's solution first, the rungs in their order, then whom they are compared with."""
    measured = {(row["problem"], row["implementation"]): row for row in rows}
    implementations = benchmark_tables.unique(row["implementation"] for row in rows)
    others = [name for name in implementations if name not in (*rungs, *BESIDE)]
    shown = [name for name in ("solution", *rungs, "library", *others) if name in implementations]
    lines = []
    for problem in benchmark_tables.unique(row["problem"] for row in rows):
        lines.append([problem, *(cell(measured.get((problem, name))) for name in shown)])
    return markdown.rows(["problem", *(f"`{name}`" for name in shown)], lines)


def cell(row: dict | None) -> str:
    if row is None:
        return "-"
    speed = number(row["flops_per_second"] / 1e12)
    return speed if row["speedup"] is None else f"{speed} ({row['speedup']:.2f}x)"
