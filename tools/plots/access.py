"""Draw how warps meet memory: the worst request of a source line, from the meter's JSON.

    python3 tools/plots/access.py METER.json PICTURE.svg [--kernel NAME] [--line FILE:LINE]

PICTURE ends in .svg or in .png; .png needs matplotlib. Without --kernel and --line it is the
line that wastes most.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from access_shapes import WIDTH, Box, Picture, picture
from access_svg import svg


def waste(line: dict) -> int:
    """What a line asks of memory beyond the least possible: sectors, and wavefronts of shared memory."""
    return max(line["sectors"] - line["ideal_sectors"], line["wavefronts"] - line["ideal_wavefronts"])


def lines_of(document: dict) -> list:
    """(kernel, line) of all that can be drawn."""
    return [
        (kernel, line)
        for kernel in document["kernels"]
        for line in kernel["lines"]
        if line.get("worst") and line["worst"]["lanes"]
    ]


def chosen(document: dict, kernel: str | None = None, place: str | None = None) -> tuple:
    """The line asked for. Ends the program with one line where there is none."""
    found = [
        (one, line)
        for one, line in lines_of(document)
        if (kernel is None or kernel in one["name"])
        and (place is None or f"{line['file']}:{line['line']}".endswith(place))
    ]
    if not found:
        asked = " and ".join(word for word in (kernel, place) if word) or "any line"
        sys.exit(f"plot: the measurement has no load or store for {asked}; look at its list of lines")
    return max(found, key=lambda entry: waste(entry[1]))


def save_png(drawing: Picture, path: Path) -> None:
    try:
        import matplotlib
    except ImportError:
        sys.exit("plot: a .png needs matplotlib; install it, or ask for a .svg")
    matplotlib.use("Agg")  # a file, no window
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle
    from picture import save

    figure = plt.figure(figsize=(WIDTH / 100, drawing.height / 100), dpi=160)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(drawing.height, 0)
    axes.axis("off")
    aligned = {"start": "left", "middle": "center", "end": "right"}
    with plt.rc_context({"hatch.linewidth": 0.7}):
        for shape in drawing.shapes:
            if isinstance(shape, Box):
                place = (shape.x, shape.y)
                axes.add_patch(
                    Rectangle(place, shape.width, shape.height, facecolor=shape.fill, edgecolor="none")
                )
                if shape.hatched:
                    axes.add_patch(
                        Rectangle(
                            place,
                            shape.width,
                            shape.height,
                            fill=False,
                            hatch="/////",
                            edgecolor="#999999",
                            lw=0,
                        )
                    )
                if shape.edge != "none":
                    axes.add_patch(
                        Rectangle(place, shape.width, shape.height, fill=False, edgecolor=shape.edge, lw=0.7)
                    )
            else:
                family = "monospace" if shape.code else "sans-serif"
                axes.text(
                    shape.x,
                    shape.y,
                    shape.words.replace("$", r"\$"),
                    fontsize=0.66 * shape.size,
                    color=shape.color,
                    ha=aligned[shape.anchor],
                    va="baseline",
                    family=family,
                )
        save(figure, path)
    plt.close(figure)


def save_svg(drawing: Picture, path: Path) -> None:
    begun = path.with_name(f".{path.name}.tmp")
    try:
        begun.write_text(svg(drawing), encoding="utf-8")
        begun.replace(path)
    except OSError as error:
        sys.exit(f"plot: cannot write {path}: {error.strerror}; make room or choose another folder")


def main(arguments: list | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("meter", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--kernel", help="part of the kernel's name")
    parser.add_argument("--line", metavar="FILE:LINE", help="a source line; the folder may be left out")
    options = parser.parse_args(arguments)
    try:
        document = json.loads(options.meter.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"plot: cannot read {options.meter}: {error}")
    if document.get("schema") != 1:
        sys.exit(f"plot: {options.meter} is no measurement of the meter with schema 1")
    drawing = picture(*chosen(document, options.kernel, options.line))
    if options.picture.suffix == ".svg":
        save_svg(drawing, options.picture)
    elif options.picture.suffix == ".png":
        save_png(drawing, options.picture)
    else:
        sys.exit(f"plot: {options.picture} must end in .svg or .png")
    print(f"Picture: {options.picture}")


if __name__ == "__main__":
    main()
