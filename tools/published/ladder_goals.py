"""How close the ladders of rows come to their goal: at least the speed of torch.compile at each size."""

from __future__ import annotations

from workbook import ladder

from . import ladder_tables, markdown

TYPES = ("fp32", "bf16")
GOAL = 1.0


def of_ladders(benchmarks: list, name: str) -> str:
    """A line per problem, with the fastest of the rungs and the chapter's solution; without a name of all."""
    lines = []
    for one in ladder.ladders():
        for published, document in benchmarks:
            if name in ("", one.name) and published.startswith(f"ladder_{one.name}-"):
                lines += lines_of(one, document, name == "")
    heads = [*(["ladder"] if name == "" else []), "problem", "on", *TYPES]
    return markdown.rows(heads, lines) if lines else "Nothing is published yet."


def lines_of(one: ladder.Ladder, document: dict, named: bool) -> list:
    rows = [row for row in document["body"]["rows"] if row["outcome"] == "ok"]
    if not ladder_tables.bytes_bind(document):
        return []
    lines = {}
    for row in rows:
        lines.setdefault(row["problem"], {}).setdefault(type_of(row), []).append(row)
    device = document["device"]["name"].removeprefix("NVIDIA ").split()[0]
    first = [f"[`{one.name}`]({one.name}/README.md)"] if named else []
    return [
        [*first, problem, device, *(cell(by_type.get(kind, []), one.rungs) for kind in TYPES)]
        for problem, by_type in lines.items()
    ]


def type_of(row: dict) -> str:
    return "bf16" if row["contract"].endswith("_bf16") else "fp32"


def cell(rows: list, rungs: list) -> str:
    """As "1.09x, 92.0% of the copy (`early_start`)", in bold where the goal is missed."""
    ours = [row for row in rows if row["implementation"] in ("solution", *rungs)]
    compiled = [row for row in rows if row["implementation"] == ladder_tables.COMPILED]
    if not ours or not compiled:
        return "-"
    best = min(ours, key=lambda row: row["seconds"]["median"])
    times = compiled[0]["seconds"]["median"] / best["seconds"]["median"]
    # Three digits where two would hide on which side of the goal it is.
    shown = f"{times:.3f}x" if f"{times:.2f}" == "1.00" else f"{times:.2f}x"
    shown = f"**{shown}**" if times < GOAL else shown
    return f"{shown}, {markdown.percent(best['fraction_of_roof'])} (`{best['implementation']}`)"
