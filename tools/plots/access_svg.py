"""The shapes of access_shapes.py as SVG text: the same bytes everywhere, and nothing needed but Python."""

from __future__ import annotations

from dataclasses import replace

from access_shapes import WIDTH, Box, Picture, Words

HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#ffffff"/><path d="M0 0 V6" stroke="#999999" stroke-width="1.4"/>'
    "</pattern></defs>"
)


def svg(picture: Picture) -> str:
    return document(picture.title, picture.height, picture.shapes)


def stacked(pictures: list) -> str:
    """One below the other."""
    shapes, top = [], 0.0
    for picture in pictures:
        shapes += [replace(shape, y=shape.y + top) for shape in picture.shapes]
        top += picture.height
    return document("; ".join(picture.title for picture in pictures), top, shapes)


def document(title: str, height: float, shapes: list) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
            f'width="{WIDTH}" height="{height:g}" '
            'font-family="Helvetica, Arial, sans-serif" role="img">',
            f"<title>{escaped(title)}</title>",
            HATCH,
            f'<rect width="{WIDTH}" height="{height:g}" fill="#ffffff"/>',
            *(drawn(shape) for shape in shapes),
            "</svg>\n",
        ]
    )


def drawn(shape: object) -> str:
    if isinstance(shape, Box):
        fill = "url(#hatch)" if shape.hatched else shape.fill
        place = f'x="{shape.x:g}" y="{shape.y:g}" width="{shape.width:g}" height="{shape.height:g}"'
        return f'<rect {place} fill="{fill}" stroke="{shape.edge}"/>'
    assert isinstance(shape, Words)
    font = ' font-family="monospace" xml:space="preserve"' if shape.code else ""
    return (
        f'<text x="{shape.x:g}" y="{shape.y:g}" font-size="{shape.size}" fill="{shape.color}" '
        f'text-anchor="{shape.anchor}"{font}>{escaped(shape.words)}</text>'
    )


def escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
