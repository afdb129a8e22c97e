"""Draw a training run: its losses, its learning rate and its gradient's norm, from OUTPUT/training.json.

python3 tools/plots/training.py results/train/training.json results/train/loss.png
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from picture import save

SCHEMA_VERSION = 1
INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
TRAINING, VALIDATION, BEST, RATE, NORM = "#9db8da", "#2f6db5", "#d9822b", "#1f8a70", "#c0392b"


def read(path: Path) -> dict:
    """The results document; ends the program with one line when the file is not a training run."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"training plot: cannot read {path}: {error}; run ./workbook train first")
    if document.get("schema_version") != SCHEMA_VERSION or document.get("kind") != "training":
        sys.exit(f"training plot: {path} is no training run of schema version {SCHEMA_VERSION}; train again")
    return document


def tidy(axes, title: str, label: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=8, fontweight="bold")
    axes.set_ylabel(label, color=MUTED, fontsize=9)
    axes.tick_params(colors=MUTED, labelsize=9)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)


def series(points: list, field: str) -> tuple:
    """Steps and values of the points that have a number there: JSON has no NaN."""
    known = [(point["step"], point[field]) for point in points if point.get(field) is not None]
    return [step for step, _ in known], [value for _, value in known]


def draw_losses(axes, body: dict) -> None:
    steps, losses = series(body["training"], "loss")
    axes.plot(steps, losses, color=TRAINING, linewidth=1.4, label="training, mean between two records")
    highest = max(losses, default=1.0)
    if body["validation"]:
        steps, losses = series(body["validation"], "loss")
        axes.plot(
            steps, losses, color=VALIDATION, linewidth=1.8, marker="o", markersize=3.5, label="validation"
        )
        highest = max(highest, *losses) if losses else highest
    best = body["best"]
    if best:
        axes.plot([best["step"]], [best["loss"]], "o", color=BEST, markersize=8, label="best, kept")
        axes.annotate(
            f"{best['loss']:.3f} at step {best['step']}",
            (best["step"], best["loss"]),
            (0, 14),
            textcoords="offset points",
            ha="right" if best["step"] > 0.6 * body["steps"] else "left",
            fontsize=10,
            color=BEST,
            fontweight="bold",
        )
    axes.set_ylim(0, 1.05 * highest)
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    tidy(axes, "Loss", f"nats per {body['unit']}")


def speed(body: dict) -> str:
    if body["tokens_per_second"] is None:
        return ""
    whose = (
        "of the CPU device's roof" if body["timings_of"] == "cpu" else "of the measured matrix-product roof"
    )
    return f"{body['tokens_per_second']:,.0f} tokens/s, MFU {body['mfu']:.1%} {whose}"


def draw(document: dict, picture: Path) -> None:
    import matplotlib  # here: loading it takes longer than refusing a file

    matplotlib.use("Agg")  # a file, no window
    import matplotlib.pyplot as plt

    body, device = document["body"], document["device"]
    figure = plt.figure(figsize=(11, 7), dpi=130, facecolor="white")
    grid = figure.add_gridspec(
        2, 2, left=0.07, right=0.98, top=0.83, bottom=0.08, hspace=0.34, wspace=0.16, height_ratios=(2.2, 1)
    )
    draw_losses(figure.add_subplot(grid[0, :]), body)
    for place, field, color, title, label in (
        (grid[1, 0], "learning_rate", RATE, "Learning rate", ""),
        (grid[1, 1], "gradient_norm", NORM, "Global norm of the gradients, before clipping", ""),
    ):
        axes = figure.add_subplot(place)
        axes.plot(*series(body["training"], field), color=color, linewidth=1.3)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("step", color=MUTED, fontsize=9)
        tidy(axes, title, label)
    figure.text(0.07, 0.955, "A training run", fontsize=17, color=INK, fontweight="bold", va="center")
    where = f"CPU device: {device['name']}" if body["timings_of"] == "cpu" else device["name"]
    commit = (document.get("commit") or "unknown")[:12]
    for y, text in (
        (0.92, f"{where}   |   preset {body['preset']}: {body['description']}   |   {body['precision']}"),
        (0.893, f"{body['data']}   |   {speed(body)}   |   commit {commit}   |   {document['created'][:10]}"),
    ):
        figure.text(0.07, y, text, fontsize=9, color=MUTED, va="center")
    picture.parent.mkdir(parents=True, exist_ok=True)
    save(figure, picture)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=Path("results/train/training.json"))
    parser.add_argument("picture", type=Path, nargs="?", default=Path("results/train/loss.png"))
    options = parser.parse_args()
    document = read(options.results)
    if not document["body"]["training"]:
        sys.exit(f"training plot: {options.results} has no steps; run ./workbook train")
    draw(document, options.picture)


if __name__ == "__main__":
    main()
