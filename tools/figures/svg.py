"""What the scripts of the figures share: shapes as SVG text, the frame, and the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs" / "figures"

BLUE, BROWN, GREEN, PURPLE, RED = "#2a6f97", "#b5651d", "#4f772d", "#7b4b94", "#a4243b"
INK, GRAY, FAINT, PALE = "#222222", "#666666", "#b5b5b5", "#f0f0f0"
WIDTH = 860


def text(x: float, y: float, words: object, size: int = 13, color: str = INK, anchor: str = "middle") -> str:
    escaped = str(words).replace("&", "&amp;").replace("<", "&lt;")
    place = f'x="{x:g}" y="{y:g}"'
    return f'<text {place} font-size="{size}" fill="{color}" text-anchor="{anchor}">{escaped}</text>'


def rect(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none", r: int = 0) -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect {place} rx="{r}" fill="{fill}" stroke="{stroke}"/>'


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    lines: object,
    color: str,
    solid: bool = True,
    size: int = 13,
) -> str:
    """A rectangle with centered lines of text: a string, or a list of them."""
    words = lines if isinstance(lines, (list, tuple)) else [lines]
    fill, ink = (color, "#ffffff") if solid else ("#ffffff", color)
    parts = [rect(x, y, width, height, fill, color, 4)]
    step = size + 4
    first = y + height / 2 + size * 0.36 - step * (len(words) - 1) / 2
    parts += [
        text(x + width / 2, first + i * step, line, size, ink) for i, line in enumerate(words) if line != ""
    ]
    return "".join(parts)


def line(points: list, color: str = FAINT, width: float = 1, dash: str = "", head: bool = False) -> str:
    """A polyline through (x, y) points; with `head`, an arrow."""
    path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    marker = ' marker-end="url(#head)"' if head else ""
    return f'<path d="{path}" stroke="{color}" stroke-width="{width:g}" fill="none"{dashes}{marker}/>'


def arrow(x0: float, y0: float, x1: float, y1: float, color: str = GRAY) -> str:
    return line([(x0, y0), (x1, y1)], color, 1.2, head=True)


def dot(x: float, y: float, color: str, radius: float = 4.5) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{color}"/>'


def figure(
    title: str, height: float, parts: list, width: float = WIDTH, head: str | None = GRAY, reach: int = 7
) -> str:
    """The whole file. `head` colors the heads of arrows; `reach` of their 8 lie before the line's end."""
    marker = (
        f'<defs><marker id="head" markerWidth="8" markerHeight="8" refX="{reach}" refY="4" orient="auto">'
        f'<path d="M0 0 L8 4 L0 8 z" fill="{head}"/></marker></defs>'
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="Helvetica, Arial, sans-serif" role="img">',
            f"<title>{title}</title>",
            *([marker] if head else []),
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def command(script: str, figures: dict[Path, Callable[[], str]]) -> int:
    """Write each figure to its file; with --check, exit 1 when a committed one differs."""
    differing = 0
    for target, draw in figures.items():
        drawn = draw()
        if "--check" not in sys.argv[1:]:
            begun = target.with_name(f".{target.name}.tmp")
            begun.write_text(drawn, encoding="utf-8")
            begun.replace(target)
        elif not target.exists() or target.read_text(encoding="utf-8") != drawn:
            name = Path(script).name
            print(f"{target.name} is not what its script draws; run tools/figures/{name}", file=sys.stderr)
            differing += 1
    return 1 if differing else 0
