"""Draw benchmarks: for each contract its speed against size, and its implementations against each other.

    python3 tools/plots/benchmarks.py FOLDER [--prefix TEXT] RESULTS.json...

One picture for each contract and file: figures of different devices never meet in one. A GPU's shows GB/s or
TFLOP/s below the roof; the CPU device's shows ratios alone, since its times say nothing about a GPU.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from picture import save

SCHEMA_VERSION = 1
INK, MUTED, GRID, WARNING = "#1f2933", "#7b8794", "#e4e7eb", "#c0392b"
# Each implementation keeps its color in every picture that has it.
COLORS = {
    "solution": "#2f6db5",
    "library": "#6b4c9a",
    "naive": "#b08d57",
    "starter": "#c2408a",
    "pytorch": "#d9822b",
    "pytorch_compile": "#e8b04a",
    "triton": "#8a9a2b",
}
OTHER_COLORS = ("#1f8a70", "#7fb3d5", "#8c564b", "#17a2b8", "#5d6d7e", "#a3c585")
MARKERS = "osD^vP*X"


def read(path: Path) -> dict:
    """A benchmark's results; ends the program with one line when the file is something else."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"plot: cannot read {path}: {error}; run ./workbook bench again")
    if document.get("schema_version") != SCHEMA_VERSION or document.get("kind") != "benchmarks":
        sys.exit(
            f"plot: {path} is no benchmark of schema version {SCHEMA_VERSION}; run ./workbook bench again"
        )
    return document


def kind(problem: str) -> str:
    """The same for problems that a line may join: their names differ in T, or in numbers alone."""
    return re.sub(r"\bT\d+" if re.search(r"\bT\d", problem) else r"\d+", "#", problem)


class Contract:
    """The measured rows of one contract, in the order of the size of its problems."""

    def __init__(self, document: dict, name: str) -> None:
        self.name = name
        self.on_gpu = document["device"]["kind"] != "cpu"
        self.roofs = document["body"]["roofs"]
        rows = document["body"]["rows"]
        self.rows = [row for row in rows if row["contract"] == name and row["outcome"] == "ok"]
        work = {row["problem"]: (row["flops"], row["bytes"]) for row in self.rows}
        size = 0 if self.rows and self.arithmetic_binds() else 1
        # Those of a kind stand together, so that a line may join them.
        self.kinds = list(dict.fromkeys(kind(problem) for problem in work))
        self.problems = sorted(work, key=lambda p: (self.kinds.index(kind(p)), work[p][size]))
        names = dict.fromkeys(row["implementation"] for row in self.rows)
        self.implementations = list(names)

    def row(self, problem: str, implementation: str) -> dict | None:
        for row in self.rows:
            if (row["problem"], row["implementation"]) == (problem, implementation):
                return row
        return None

    def can_compare(self) -> bool:
        return len(self.implementations) > 1 and any(row["speedup"] is not None for row in self.rows)

    def arithmetic_binds(self) -> bool:
        """Whether the FLOPs of the largest problem take longer than its bytes, at the roofs."""
        copy, fp32 = self.roofs["copy_bytes_per_second"], self.roofs["fp32_flops"]
        largest = max(self.rows, key=lambda row: row["flops"])
        if not copy or not fp32:
            return False
        return largest["flops"] / fp32 > largest["bytes"] / copy

    def tensor_cores(self) -> bool:
        """Whether the fp32 roof was left out of the fractions: then it says nothing here."""
        fp32 = self.roofs["fp32_flops"]
        return any(
            (row["fraction_of_roof"] or 0) < 0.99 * row["flops_per_second"] / fp32 for row in self.rows
        )

    def color(self, implementation: str) -> str:
        others = [name for name in self.implementations if name not in COLORS]
        if implementation in COLORS:
            return COLORS[implementation]
        return OTHER_COLORS[others.index(implementation) % len(OTHER_COLORS)]


def tidy(axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=10, fontweight="bold")
    axes.tick_params(axis="both", colors=MUTED, labelsize=8.5, length=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)


def label_problems(axes, problems: list) -> None:
    long = len(problems) * max(map(len, problems)) > 60
    style = {"rotation": 22, "ha": "right", "rotation_mode": "anchor"} if long else {}
    axes.set_xticks(range(len(problems)), problems, color=INK, **style)
    axes.set_xlim(-0.5, len(problems) - 0.5)


def draw_speed(axes, contract: Contract) -> None:
    arithmetic = contract.arithmetic_binds()
    field, unit, scale = (
        ("flops_per_second", "TFLOP/s", 1e12) if arithmetic else ("bytes_per_second", "GB/s", 1e9)
    )
    roof = contract.roofs["fp32_flops" if arithmetic else "copy_bytes_per_second"]
    highest = 0.0
    for number, name in enumerate(contract.implementations):
        labeled = name
        for one_kind in contract.kinds:
            points = [(x, p) for x, p in enumerate(contract.problems) if kind(p) == one_kind]
            points = [(x, contract.row(p, name)) for x, p in points]
            points = [(x, row[field] / scale) for x, row in points if row]
            if not points:
                continue
            highest = max(highest, *(y for _, y in points))
            axes.plot(
                *zip(*points),
                color=contract.color(name),
                marker=MARKERS[number % len(MARKERS)],
                markersize=5.5,
                linewidth=1.8,
                label=labeled,
            )
            labeled = None
    if roof and not (arithmetic and contract.tensor_cores()):
        what = "fp32 peak, data sheet" if arithmetic else "copy, measured"
        axes.axhline(
            roof / scale,
            color=INK,
            linewidth=1.2,
            linestyle=(0, (5, 3)),
            label=f"roof: {roof / scale:,.0f} {unit} ({what})",
        )
        highest = max(highest, roof / scale)
    axes.set_ylim(0, 1.08 * highest)
    axes.set_ylabel(unit, color=MUTED, fontsize=9)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    label_problems(axes, contract.problems)
    tidy(axes, f"{unit} against size: higher is better")


def draw_ratios(axes, contract: Contract) -> None:
    """How often an implementation is done while the baseline is done once."""
    names = contract.implementations
    width = 0.8 / max(len(names), 1)
    highest = 1.0
    for number, name in enumerate(names):
        bars = [(x, contract.row(problem, name)) for x, problem in enumerate(contract.problems)]
        bars = [(x, row) for x, row in bars if row and row["speedup"] is not None]
        offset = (number - (len(names) - 1) / 2) * width
        for x, row in bars:
            axes.bar(x + offset, row["speedup"], 0.92 * width, color=contract.color(name))
            highest = max(highest, row["speedup"])
            size = 8 if len(names) * len(contract.problems) <= 18 else 6.5
            axes.annotate(
                f"{row['speedup']:.2f}",
                (x + offset, row["speedup"]),
                (0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=size,
                color=INK,
                rotation=0 if size == 8 else 90,
            )
        # A name in the legend also when it has no bar here.
        axes.bar([0], [0], 0, color=contract.color(name), label=name)
    axes.axhline(1.0, color=INK, linewidth=1, linestyle=(0, (1, 2)), zorder=0.5)
    axes.set_ylim(0, 1.15 * highest)
    baselines = list(dict.fromkeys(row["baseline"] for row in contract.rows))
    axes.set_ylabel(f"speed relative to {' or '.join(baselines)}", color=MUTED, fontsize=9)
    label_problems(axes, contract.problems)
    tidy(axes, "Speed-up over the baseline: higher is better")


def draw(document: dict, contract: Contract, picture: Path) -> None:
    import matplotlib  # here: loading it takes longer than refusing a file

    matplotlib.use("Agg")  # a file, no window
    import matplotlib.pyplot as plt

    drawings = [draw_speed] * contract.on_gpu + [draw_ratios] * contract.can_compare()
    panels = len(drawings)
    figure, axes = plt.subplots(1, panels, figsize=(6.9 * panels, 5.4), dpi=130, squeeze=False)
    for drawing, place in zip(drawings, axes[0]):
        drawing(place, contract)
    handles, labels = axes[0][0].get_legend_handles_labels()
    columns = 6 if panels == 2 else 4
    figure.legend(handles, labels, frameon=False, fontsize=9, ncols=columns, loc="lower center")
    legend_rows = -(-len(labels) // columns)
    figure.tight_layout(rect=(0.01, 0.02 + 0.045 * legend_rows, 0.99, 0.87), w_pad=3)

    device = document["device"]
    left = 0.02 if panels == 2 else 0.03
    name = device.get("name") or "unknown"
    where = name if contract.on_gpu else f"CPU device: {name}"
    commit = document.get("commit") or "unknown"
    origin = f"{where}   |   commit {commit[:12]}   |   {(document.get('created') or '')[:10]}"
    figure.text(left, 0.955, contract.name, fontsize=16, color=INK, fontweight="bold", va="center")
    figure.text(left, 0.905, origin, fontsize=9, color=MUTED, va="center")
    if not contract.on_gpu:
        warning = "CPU device: ratios of a CPU, never a GPU's"
        figure.text(0.97, 0.955, warning, fontsize=9.5, color=WARNING, ha="right", va="center")
    picture.parent.mkdir(parents=True, exist_ok=True)
    save(figure, picture)
    plt.close(figure)


def contracts_of(document: dict) -> list:
    return list(dict.fromkeys(row["contract"] for row in document["body"]["rows"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--prefix", default="", help="what the pictures' names begin with")
    parser.add_argument("--list", type=Path, help="a file for the list of the pictures, as JSON")
    options = parser.parse_args()
    listed = []

    def note(results: Path, contract: str, picture: Path | None, why: str = "") -> None:
        shown = str(picture) if picture else None
        listed.append({"results": str(results), "contract": contract, "picture": shown, "why": why})
        print(f"{results} -> {picture}" if picture else f"{results}: {why}; no picture")

    for path in options.results:
        document = read(path)
        device = re.search(r"[^-]*$", path.stem).group()
        for name in contracts_of(document):
            contract = Contract(document, name)
            if not contract.rows:
                note(path, name, None, f"no result of {name} is sound")
                continue
            if not contract.on_gpu and not contract.can_compare():
                # Starters compute in fp32.
                advice = "" if "_bf16" in name else " (bench --starter adds yours)"
                note(path, name, None, f"{name} has one implementation, none to compare it with{advice}")
                continue
            picture = options.folder / f"{options.prefix}{name}-{device}.png"
            draw(document, contract, picture)
            note(path, name, picture)
    if options.list:
        options.list.write_text(json.dumps(listed), encoding="utf-8")


if __name__ == "__main__":
    main()
