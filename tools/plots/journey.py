"""Draw the journey: speed, loss and the timer's phases of every stage, from results/journey.json.

python3 tools/plots/journey.py results/journey.json results/journey.png --peer results/journey-pytorch.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # a file, no window
import matplotlib.pyplot as plt
from matplotlib.ticker import NullLocator
from picture import save

SCHEMA_VERSION = 1
INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
VERSION, PEER = "#6d4fa3", "#9aa5b1"
SPEED, FIRST, LAST, TRUE_STEP = "#2f6db5", "#d9822b", "#f5cf9d", "#d5dae0"
PHASES = {"forward": "#1f8a70", "backward": "#56b59b", "optimizer": "#b5e0d2"}
UNSEEN = "#c0392b"
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


def read(path: Path) -> dict:
    """The results document; ends the program with one line when the file is not a journey."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"journey plot: cannot read {path}: {error}; run ./workbook journey first")
    if document.get("schema_version") != SCHEMA_VERSION or document.get("kind") != "journey":
        sys.exit(
            f"journey plot: {path} is not a journey of schema version {SCHEMA_VERSION}; run the journey again"
        )
    return document


def name_of(stage: dict) -> str:
    key = stage["stage"]
    return "stage 5 = V3" if key == "5" else key.upper() if key.startswith("v") else f"stage {key}"


def label(stage: dict) -> str:
    return f"{name_of(stage)}\n{stage['title']}"


def is_version(stage: dict) -> bool:
    return stage["stage"].startswith("v")


def number(value: float) -> str:
    """Three digits, no exponent: 2065, 15.2, 0.83."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def tidy(axes, title: str, stages: list) -> None:
    axes.set_title(title, loc="left", fontsize=12, color=INK, pad=12, fontweight="bold")
    axes.set_xticks(range(len(stages)), [label(stage) for stage in stages], fontsize=9, color=INK)
    axes.set_xlim(-0.6, max(len(stages), 3) - 0.4)  # one stage alone: no giant bar
    axes.tick_params(axis="x", length=0)
    axes.tick_params(axis="y", colors=MUTED, labelsize=9)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)


def write_on(axes, x: float, y: float, text: str, **style) -> None:
    style = {"ha": "center", "va": "bottom", "fontsize": 9, "color": INK} | style
    axes.annotate(text, (x, y), (0, 3), textcoords="offset points", **style)


def draw_speed(axes, stages: list, peers: list) -> None:
    """Stages, then versions, then PyTorch: on a logarithm, since the story spans a factor of hundreds."""
    story = [stage for stage in stages if not is_version(stage)]
    versions = [stage for stage in stages if is_version(stage)]
    rows = [*story, *versions, *peers]
    speeds = [row["measured"]["samples_per_second"] for row in rows]
    for x, (row, speed) in enumerate(zip(rows, speeds)):
        color = PEER if row in peers else VERSION if is_version(row) else SPEED
        axes.bar(x, speed, width=0.66, color=color)
        measured, speed_top = row["measured"], speed
        if measured.get("step_ms_p10") and measured.get("step_ms_p90"):
            per_ms = speed * measured["step_ms"]
            low, high = per_ms / measured["step_ms_p90"], per_ms / measured["step_ms_p10"]
            axes.plot([x, x], [low, high], color=INK, linewidth=1.2)
            speed_top = max(speed, high)
        ratio = row.get("speedup_over_v1")
        relative = "" if ratio is None or row["stage"] == "v1" else f"\n{number(ratio)} x V1"
        write_on(axes, x, speed_top, number(speed) + relative, fontsize=8.5)
    axes.set_yscale("log")
    axes.set_ylim(0.5 * min(speeds), 6 * max(speeds))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel("samples/s (log scale)", color=MUTED, fontsize=9)
    tidy(axes, "Training speed of the stages, the versions and PyTorch", rows)
    axes.set_xticks(range(len(rows)), [short_label(row) for row in rows], fontsize=8, color=INK)


def short_label(row: dict) -> str:
    if not row["stage"].startswith("pytorch"):
        return label(row)
    return row["title"].replace("PyTorch ", "PyTorch\n", 1).replace(", ", "\n").replace(" + ", "\n+ ")


def draw_loss(axes, stages: list, body: dict) -> None:
    width = 0.4
    values = [stage["loss"][which] for stage in stages for which in ("first", "last")]
    finite = [value for value in values if value is not None] + [body["uniform_loss"]]
    for x, stage in enumerate(stages):
        for offset, which, color in ((-width / 2, "first", FIRST), (width / 2, "last", LAST)):
            value = stage["loss"][which]
            name = f"{which} step" if x == 0 else None
            if value is None:  # JSON has no NaN
                write_on(axes, x + offset, min(finite), "not a\nnumber", fontsize=8, color=UNSEEN)
                continue
            axes.bar(x + offset, value, 0.96 * width, color=color, label=name)
            write_on(axes, x + offset, value, number(value), fontsize=7.5, bbox=PAPER)
    # A logarithm keeps a loss of hundreds and one of 7 on the same page.
    axes.set_yscale("log")
    axes.set_ylim(min(1.0, 0.5 * min(finite)), 4 * max(finite))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.axhline(
        body["uniform_loss"],
        color=INK,
        linewidth=1,
        linestyle=(0, (4, 3)),
        zorder=0.5,
        label=f"a uniform guess, ln V = {body['uniform_loss']:.2f}",
    )
    axes.set_ylabel("loss, nats per token (log scale)", color=MUTED, fontsize=9)
    axes.legend(frameon=False, fontsize=9, ncols=3, loc="upper right")
    tidy(axes, f"Loss, first and last of {body['steps']} steps", stages)


def draw_phases(axes, stages: list) -> None:
    highest = max(max(stage["measured"]["step_ms"], stage["timer"]["sum_ms"]) for stage in stages)
    for x, stage in enumerate(stages):
        true_ms = stage["measured"]["step_ms"]
        axes.bar(x, true_ms, width=0.74, color=TRUE_STEP, label="true step" if x == 0 else None)
        bottom = 0.0
        for phase, color in PHASES.items():
            ms = stage["timer"][f"{phase}_ms"]
            axes.bar(
                x,
                ms,
                width=0.46,
                bottom=bottom,
                color=color,
                label=f"{phase}, by its timer" if x == 0 else None,
            )
            bottom += ms
        share = stage["timer"]["share_of_step"]
        color = UNSEEN if share < 0.8 else INK
        write_on(
            axes,
            x,
            max(true_ms, bottom),
            f"{number(true_ms)} ms\nits timer: {share:.0%}",
            color=color,
            fontsize=8,
        )
    axes.set_ylim(0, 1.25 * highest)
    axes.set_ylabel("ms per step", color=MUTED, fontsize=9)
    axes.legend(frameon=False, fontsize=9, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.13))
    tidy(axes, "Where the time goes: the stage's own timer against the true step", stages)


def peers_of(document: dict, path: Path | None) -> list:
    """PyTorch's rows, with their speed over V1's; none where the file is not there or is of another model."""
    if path is None or not path.exists():
        return []
    peer = read(path)
    if peer["body"]["config"] != document["body"]["config"]:
        return []
    v1 = [s["measured"]["samples_per_second"] for s in document["body"]["stages"] if s["stage"] == "v1"]
    rows = peer["body"]["stages"]
    for row in rows:
        row["speedup_over_v1"] = row["measured"]["samples_per_second"] / v1[0] if v1 else None
    return rows


def draw(document: dict, picture: Path, peers: list) -> None:
    body, device = document["body"], document["device"]
    stages = body["stages"]
    story = [stage for stage in stages if not is_version(stage)] or stages
    figure = plt.figure(figsize=(14, 9.6), dpi=120, facecolor="white")
    grid = figure.add_gridspec(2, 5, left=0.055, right=0.985, top=0.86, bottom=0.11, hspace=0.36, wspace=0.42)
    draw_speed(figure.add_subplot(grid[0, :]), stages, peers)
    draw_loss(figure.add_subplot(grid[1, :2]), story, body)
    draw_phases(figure.add_subplot(grid[1, 2:]), story)

    is_cpu = body["timings_of"] == "cpu"
    figure.text(0.06, 0.955, "The TinyLlama journey", fontsize=18, color=INK, fontweight="bold", va="center")
    where = f"CPU device: {device['name']}" if is_cpu else device["name"]
    commit = document.get("commit") or "unknown"
    figure.text(
        0.06,
        0.918,
        f"{where}   |   preset {body['preset']}: {body['description']}   |   {body['precision']}"
        f"   |   commit {commit[:12]}   |   {document['created'][:10]}",
        fontsize=9.5,
        color=MUTED,
        va="center",
    )
    if (body.get("rounds") or {}).get("busy"):
        busy = "measured on a busy machine"
        figure.text(0.985, 0.918, busy, fontsize=9.5, color=UNSEEN, ha="right", va="center")
    if is_cpu:
        figure.text(
            0.985,
            0.955,
            "CPU figures: compare them with each other, never with a GPU's",
            fontsize=10,
            color=UNSEEN,
            ha="right",
            va="center",
            fontweight="bold",
        )
    picture.parent.mkdir(parents=True, exist_ok=True)
    save(figure, picture)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=Path("results/journey.json"))
    parser.add_argument("picture", type=Path, nargs="?", default=Path("results/journey.png"))
    parser.add_argument("--peer", type=Path, help="PyTorch's results, drawn beside ours when they are there")
    options = parser.parse_args()
    document = read(options.results)
    if not document["body"]["stages"]:
        sys.exit(f"journey plot: {options.results} has no stages; run ./workbook journey")
    draw(document, options.picture, peers_of(document, options.peer))


if __name__ == "__main__":
    main()
