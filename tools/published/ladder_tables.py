"""The table of a ladder, from a results file "ladder_NAME-DEVICE": a line per problem, a column per rung."""

from __future__ import annotations

from workbook import ladder

from . import benchmark_tables, markdown
from .markdown import number

BESIDE = ("solution", "library")
COMPILED = "pytorch_compile"
CUDNN = "cudnn"  # through PyTorch: the measure of attention, for which the toolkit has no library


def of_ladder(benchmarks: list, name: str) -> str:
    """Every published measurement of one ladder, with its picture."""
    blocks = []
    for published, document in benchmarks:
        if not published.startswith(f"ladder_{name}-"):
            continue
        rows = [row for row in document["body"]["rows"] if row["outcome"] == "ok"]
        origin = f"On {markdown.origin(document)}{benchmark_tables.peer(document, rows)}."
        words = meaning(document)
        picture = f"![Rung against rung](../../../docs/results/{published}.png)"
        shown = table(rows, rungs_of(name), bytes_bind(document))
        blocks.append("\n\n".join([f"{origin} {words}", picture, shown, *refused(document)]))
    return "\n\n".join(blocks) or "Nothing is published yet: `./workbook ladder` shows yours."


def bytes_bind(document: dict) -> bool:
    """Whether memory decides the speed: the bytes of the largest problem take longer than its FLOPs."""
    roofs, rows = document["body"]["roofs"], document["body"]["rows"]
    copy, fp32 = roofs["copy_bytes_per_second"], roofs["fp32_flops"]
    largest = max((row for row in rows if row["outcome"] == "ok"), key=lambda row: row["flops"])
    return bool(copy and fp32) and largest["bytes"] / copy > largest["flops"] / fp32


def compares_with_cudnn(rows: list) -> bool:
    """Whether cuDNN is the measure: it was measured, and no library of the toolkit was."""
    names = {row["implementation"] for row in rows}
    return CUDNN in names and "library" not in names


def refused(document: dict) -> list:
    """A sentence for each peer that has no result for a problem: whoever reads the table sees why."""
    rows = [row for row in document["body"]["rows"] if row["implementation"] in ladder.PEERS]
    return [
        f"`{row['implementation']}` has no result for {row['problem']}: {row['message']}."
        for row in rows
        if row["outcome"] in ("error", "wrong")
    ]


def meaning(document: dict) -> str:
    if not bytes_bind(document):
        whose = "`cudnn`" if compares_with_cudnn(document["body"]["rows"]) else "the library"
        return f"TFLOP/s, and in parentheses the speed as a multiple of {whose}'s."
    copy = number(document["body"]["roofs"]["copy_bytes_per_second"] / 1e9)
    return (
        f"GB/s and the share of the copy measured in the same run ({copy} GB/s), and in parentheses the "
        f"speed as a multiple of `{COMPILED}`'s (torch.compile in its default mode). The calls rotate over "
        "buffers of three times the L2 cache, PyTorch's too."
    )


def rungs_of(name: str) -> list:
    return next(one.rungs for one in ladder.ladders() if one.name == name)


def table(rows: list, rungs: list, bytes_bind: bool = False) -> str:
    """The chapter's solution first, the rungs in their order, then whom they are compared with."""
    several = len({row["contract"] for row in rows}) > 1
    measured = {(label(row, several), row["implementation"]): row for row in rows}
    implementations = benchmark_tables.unique(row["implementation"] for row in rows)
    others = [name for name in implementations if name not in (*rungs, *BESIDE)]
    shown = [name for name in ("solution", *rungs, "library", *others) if name in implementations]
    by_cudnn = compares_with_cudnn(rows)
    lines = []
    for problem in benchmark_tables.unique(label(row, several) for row in rows):
        compared = measured.get((problem, COMPILED if bytes_bind else CUDNN))
        cells = [measured.get((problem, name)) for name in shown]
        if bytes_bind:
            lines.append([problem, *(share(one, compared) for one in cells)])
        else:
            lines.append([problem, *(cell(one, multiple(one, compared, by_cudnn)) for one in cells)])
    return markdown.rows(["problem", *(f"`{name}`" for name in shown)], lines)


def multiple(row: dict | None, cudnn: dict | None, by_cudnn: bool) -> float | None:
    """Of the baseline's speed, or of cuDNN's."""
    if row is None or not by_cudnn:
        return row and row["speedup"]
    return cudnn and cudnn["seconds"]["median"] / row["seconds"]["median"]


def cell(row: dict | None, times: float | None) -> str:
    if row is None:
        return "-"
    speed = number(row["flops_per_second"] / 1e12)
    return speed if times is None else f"{speed} ({times:.2f}x)"


def label(row: dict, several: bool) -> str:
    """Sizes; and what memory holds, where the ladder climbs the contract in fp32 and in bf16."""
    return row["problem"] + (" bf16" if several and row["contract"].endswith("_bf16") else "")


def share(row: dict | None, compiled: dict | None) -> str:
    if row is None:
        return "-"
    speed = f"{number(row['bytes_per_second'] / 1e9)}, {markdown.percent(row['fraction_of_roof'])}"
    if compiled is None:
        return speed
    return f"{speed} ({compiled['seconds']['median'] / row['seconds']['median']:.2f}x)"
