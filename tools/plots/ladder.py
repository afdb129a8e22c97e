"""Draw a ladder: how fast each rung is, beside the library, or beside a copy where memory decides.

    python3 tools/plots/ladder.py RESULTS.json PICTURE.png RUNG...

RUNG... are the names of the rungs, the lowest first. There is a panel for each of three problems: the one
with the most work, the one with the least, and one between. A ladder in fp32 and in bf16 has a line of panels
for each of them, because not all rungs run in both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # a file, no window
import matplotlib.pyplot as plt
from benchmarks import COLORS, GRID, INK, MUTED, OTHER_COLORS, read, tidy
from picture import save

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from published import ladder_tables

COMPILED = ladder_tables.COMPILED


class Measure:
    """What a bar shows, and the dashed line that it is compared with."""

    def __init__(self, document: dict) -> None:
        self.bytes_bind = ladder_tables.bytes_bind(document)
        self.copy = document["body"]["roofs"]["copy_bytes_per_second"]
        self.unit = "GB/s" if self.bytes_bind else "TFLOP/s"
        self.by_cudnn = ladder_tables.compares_with_cudnn(document["body"]["rows"])
        measure = "cuDNN" if self.by_cudnn else "the library"
        self.compared = "torch.compile" if self.bytes_bind else measure

    def speed(self, row: dict) -> float:
        return row["bytes_per_second"] / 1e9 if self.bytes_bind else row["flops_per_second"] / 1e12

    def multiple(self, row: dict, rows: dict) -> float | None:
        if not self.bytes_bind:
            return ladder_tables.multiple(row, rows.get(ladder_tables.CUDNN), self.by_cudnn)
        compiled = rows.get(COMPILED)
        return compiled["seconds"]["median"] / row["seconds"]["median"] if compiled else None

    def line(self, rows: dict) -> tuple | None:
        """(speed, name) of the dashed line."""
        if self.bytes_bind:
            return self.copy / 1e9, "copy"
        name = ladder_tables.CUDNN if self.by_cudnn else "library"
        return (self.speed(rows[name]), name) if name in rows else None


def draw_problem(axes, measure: Measure, rows: dict, names: list) -> None:
    """A bar for each name, at the same height in all panels of a line; none where it was not measured."""
    highest = max(measure.speed(row) for row in rows.values())
    line = measure.line(rows)
    scale = max(highest, line[0] if line else 0)
    for y, name in enumerate(names):
        if name not in rows:
            continue
        speed = measure.speed(rows[name])
        axes.barh(y, speed, 0.7, color=COLORS["solution"] if name == "solution" else OTHER_COLORS[0])
        multiple = measure.multiple(rows[name], rows)
        share = "" if multiple is None else f"  {multiple:.2f}x"
        # Beside the bar; in it where the dashed line would cross the figure.
        crossed = measure.bytes_bind or (line and speed <= line[0] <= speed + 0.2 * scale)
        inside = crossed and speed > 0.5 * scale
        place = {"xytext": (-4, -3), "ha": "right", "color": "white"} if inside else {"xytext": (4, -3)}
        style = {"textcoords": "offset points", "fontsize": 8, "color": INK, **place}
        axes.annotate(f"{speed:,.0f}{share}", (speed, y), **style)
    if line:
        speed, name = line
        axes.axvline(speed, color=COLORS["library"], linewidth=1.4, linestyle=(0, (5, 3)))
        place = {"xy": (speed, -0.75), "ha": "center", "fontsize": 8, "color": COLORS["library"]}
        axes.annotate(f"{name} {speed:,.0f}", annotation_clip=False, **place)
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.set_ylim(len(names) - 0.5, -0.5)  # the lowest rung is on top
    axes.set_xlim(0, 1.25 * scale)
    axes.set_xlabel(measure.unit, color=MUTED, fontsize=9)
    axes.grid(axis="x", color=GRID, linewidth=0.8)


def lines_of(document: dict, rungs: list) -> list:
    """(problems, names) of each contract: up to three problems, each with its measured rows by name."""
    measured = [row for row in document["body"]["rows"] if row["outcome"] == "ok" and row["flops_per_second"]]
    contracts = list(dict.fromkeys(row["contract"] for row in measured))
    lines = []
    for contract in contracts:
        problems = {}
        for row in (row for row in measured if row["contract"] == contract):
            label = ladder_tables.label(row, len(contracts) > 1)
            problems.setdefault(label, {})[row["implementation"]] = row
        order = sorted(problems, key=lambda name: max(row["flops"] for row in problems[name].values()))
        chosen = {name: problems[name] for name in (order[0], order[len(order) // 2], order[-1])}
        names = [name for name in ("solution", *rungs) if any(name in rows for rows in chosen.values())]
        lines.append((chosen, names))
    return lines


def main(results: str, picture: str, *rungs: str) -> None:
    document = read(Path(results))
    lines = lines_of(document, rungs)
    if not lines:
        sys.exit("plot: no measurement with TFLOP/s in it; a ladder is drawn from a GPU's results")
    measure = Measure(document)
    heights = [0.42 * len(names) + 1.5 for _, names in lines]
    panels = max(len(problems) for problems, _ in lines)
    size = (4.6 * panels, sum(heights) + 0.4)
    figure, axes = plt.subplots(
        len(lines),
        panels,
        figsize=size,
        dpi=130,
        squeeze=False,
        gridspec_kw={"height_ratios": heights},
    )
    for line, (problems, names) in zip(axes, lines):
        for panel in line[len(problems) :]:
            panel.set_visible(False)
        for panel, (problem, rows) in zip(line, problems.items()):
            draw_problem(panel, measure, rows, names)
            tidy(panel, problem)
        for panel in line[1:]:
            panel.set_yticklabels([])
    device = document["device"]["name"]
    figure.suptitle(
        f"{device}: each rung, and as a multiple of {measure.compared}",
        fontsize=9,
        color=MUTED,
        x=0.01,
        ha="left",
    )
    figure.tight_layout()
    save(figure, Path(picture))
    print(f"Picture: {picture}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
