"""Draw a ladder: how fast each rung is, beside the library, or beside a copy where memory decides.

    python3 tools/plots/ladder.py RESULTS.json PICTURE.png RUNG...

RUNG... are the names of the rungs, the lowest first. There is a panel for each of three problems: the one
with the most work, the one with the least, and one between.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # a file, no window
import matplotlib.pyplot as plt
from benchmarks import COLOURS, GRID, INK, MUTED, OTHER_COLOURS, read, tidy
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
    """A bar for each name that was measured."""
    shown = [name for name in names if name in rows]
    highest = max(measure.speed(row) for row in rows.values())
    line = measure.line(rows)
    scale = max(highest, line[0] if line else 0)
    for y, name in enumerate(shown):
        speed = measure.speed(rows[name])
        axes.barh(y, speed, 0.7, color=COLOURS["solution"] if name == "solution" else OTHER_COLOURS[0])
        multiple = measure.multiple(rows[name], rows)
        share = "" if multiple is None else f"  {multiple:.2f}x"
        # Beside the bar; in it where the line of the copy would cross the figure.
        inside = measure.bytes_bind and speed > 0.5 * scale
        place = {"xytext": (-4, -3), "ha": "right", "color": "white"} if inside else {"xytext": (4, -3)}
        style = {"textcoords": "offset points", "fontsize": 8, "color": INK, **place}
        axes.annotate(f"{speed:,.0f}{share}", (speed, y), **style)
    if line:
        speed, name = line
        axes.axvline(speed, color=COLOURS["library"], linewidth=1.4, linestyle=(0, (5, 3)))
        place = {"xy": (speed, -0.75), "ha": "center", "fontsize": 8, "color": COLOURS["library"]}
        axes.annotate(f"{name} {speed:,.0f}", annotation_clip=False, **place)
    axes.set_yticks(range(len(shown)), shown, color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.25 * scale)
    axes.set_xlabel(measure.unit, color=MUTED, fontsize=9)
    axes.grid(axis="x", color=GRID, linewidth=0.8)


def main(results: str, picture: str, *rungs: str) -> None:
    document = read(Path(results))
    by_problem = {}
    several = len({row["contract"] for row in document["body"]["rows"]}) > 1
    for row in document["body"]["rows"]:
        if row["outcome"] == "ok" and row["flops_per_second"]:
            by_problem.setdefault(ladder_tables.label(row, several), {})[row["implementation"]] = row
    if not by_problem:
        sys.exit("plot: no measurement with TFLOP/s in it; a ladder is drawn from a GPU's results")
    order = sorted(by_problem, key=lambda problem: max(row["flops"] for row in by_problem[problem].values()))
    problems = list(dict.fromkeys((order[0], order[len(order) // 2], order[-1])))
    measure = Measure(document)
    figure, axes = plt.subplots(
        1, len(problems), figsize=(4.6 * len(problems), 0.42 * len(rungs) + 1.9), dpi=130, squeeze=False
    )
    for panel, problem in zip(axes[0], problems):
        draw_problem(panel, measure, by_problem[problem], ["solution", *rungs])
        tidy(panel, problem)
    for panel in axes[0][1:]:
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
