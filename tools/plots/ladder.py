"""Draw a ladder: how fast each rung is, beside the library.

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


def draw_problem(axes, rows: dict, names: list) -> None:
    """A bar for each name that was measured; the library is the dashed line."""
    shown = [name for name in names if name in rows]
    for y, name in enumerate(shown):
        speed = rows[name]["flops_per_second"] / 1e12
        axes.barh(y, speed, 0.7, color=COLOURS["solution"] if name == "solution" else OTHER_COLOURS[0])
        share = "" if rows[name]["speedup"] is None else f"  {rows[name]['speedup']:.2f}x"
        axes.annotate(
            f"{speed:,.0f}{share}", (speed, y), (4, -3), textcoords="offset points", fontsize=8, color=INK
        )
    library = rows.get("library")
    highest = max(row["flops_per_second"] for row in rows.values()) / 1e12
    if library:
        speed = library["flops_per_second"] / 1e12
        axes.axvline(speed, color=COLOURS["library"], linewidth=1.4, linestyle=(0, (5, 3)))
        place = {"xy": (speed, -0.75), "ha": "center", "fontsize": 8, "color": COLOURS["library"]}
        axes.annotate(f"library {speed:,.0f}", annotation_clip=False, **place)
    axes.set_yticks(range(len(shown)), shown, color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.25 * highest)
    axes.set_xlabel("TFLOP/s", color=MUTED, fontsize=9)
    axes.grid(axis="x", color=GRID, linewidth=0.8)


def main(results: str, picture: str, *rungs: str) -> None:
    document = read(Path(results))
    by_problem = {}
    for row in document["body"]["rows"]:
        if row["outcome"] == "ok" and row["flops_per_second"]:
            by_problem.setdefault(row["problem"], {})[row["implementation"]] = row
    if not by_problem:
        sys.exit("plot: no measurement with TFLOP/s in it; a ladder is drawn from a GPU's results")
    order = sorted(by_problem, key=lambda problem: max(row["flops"] for row in by_problem[problem].values()))
    problems = list(dict.fromkeys((order[0], order[len(order) // 2], order[-1])))
    figure, axes = plt.subplots(
        1, len(problems), figsize=(4.6 * len(problems), 0.42 * len(rungs) + 1.9), dpi=130, squeeze=False
    )
    for panel, problem in zip(axes[0], problems):
        draw_problem(panel, by_problem[problem], ["solution", *rungs])
        tidy(panel, problem)
    for panel in axes[0][1:]:
        panel.set_yticklabels([])
    device = document["device"]["name"]
    figure.suptitle(
        f"{device}: each rung, and as a multiple of the library", fontsize=9, color=MUTED, x=0.01, ha="left"
    )
    figure.tight_layout()
    save(figure, Path(picture))
    print(f"Picture: {picture}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
