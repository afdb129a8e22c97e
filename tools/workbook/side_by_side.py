"""Two source files in a terminal: as a diff, or side by side; with C++ in colors where there are any."""

from __future__ import annotations

import difflib
import re

from .console import paint

GAP = " | "
CONTEXT = 3  # lines around a difference
TOKEN = re.compile(
    r"(?P<comment>//.*|/\*.*?\*/)"
    r'|(?P<string>"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\')'
    r"|(?P<directive>^\s*#\s*\w+)"
    r"|(?P<cuda>\b__\w+\b|\b(?:threadIdx|blockIdx|blockDim|gridDim|warpSize|dim3|cuda\w+)\b|<<<|>>>)"
    r"|(?P<keyword>\b(?:alignas|auto|bool|break|case|char|class|const|constexpr|continue|do|double|else|enum|extern"
    r"|false|float[234]?|for|if|inline|int|long|namespace|nullptr|operator|return|short|signed|sizeof|static"
    r"|static_cast|struct|switch|template|true|typename|unsigned|using|void|while)\b)"
    r"|(?P<number>\b\d[\w.]*)"
)
COLORS = {
    "comment": "dim",
    "string": "green",
    "directive": "magenta",
    "cuda": "cyan",
    "keyword": "blue",
    "number": "yellow",
}


def colored(line: str) -> str:
    """A line of C++ in colors; as it is where there are none."""
    return TOKEN.sub(lambda found: paint(found[0], COLORS[found.lastgroup]), line)


def diff(ours: list, theirs: list, names: tuple, width: int | None = None) -> list:
    """A unified diff from `ours` to `theirs`; with a `width`, long lines go on in the next."""
    lines = difflib.unified_diff(ours, theirs, *names, n=CONTEXT, lineterm="")
    return [painted(piece) for line in lines for piece in (pieces(line, width) if width else [line])]


def pieces(line: str, width: int) -> list:
    """A line of a diff in pieces that fit, each with the sign of the line; what goes on is set in."""
    if line.startswith(("--- ", "+++ ", "@@")):
        return [line[:width]]
    sign, rest = line[:1], line[1:]
    indent = " " * (min(len(rest) - len(rest.lstrip()), width // 2) + 4)
    found = []
    while len(rest) > width - 1:
        at = rest.rfind(" ", len(indent) + len("// "), width)
        at = at if at > 0 else width - 1
        found.append(sign + rest[:at].rstrip())
        remark = "// " if "//" in rest[:at] else ""  # a comment goes on as one
        rest = indent + remark + rest[at:].lstrip()
    return [*found, sign + rest]


def painted(line: str) -> str:
    """A line of a unified diff in colors."""
    sign, rest = line[:1], line[1:]
    if line.startswith(("--- ", "+++ ")):
        return paint(line, "bold")
    if line.startswith("@@"):
        return paint(line, "dim")
    if sign and sign in "+-":
        return paint(sign, "green" if sign == "+" else "red") + colored(rest)
    return sign + colored(rest)


def columns(ours: list, theirs: list, names: tuple, width: int) -> list:
    """Both files in full, what belongs together on one line, in `width` columns."""
    each = max(10, (width - len(GAP)) // 2)
    found = [paint(f"{names[0][:each]:<{each}}{GAP}{names[1][:each]}".rstrip(), "bold")]
    for left, right, same in pairs(ours, theirs):
        lefts, rights = cut(left, each), cut(right, each)
        middle = GAP if same else paint(GAP, "yellow")
        for number in range(max(len(lefts), len(rights))):
            one = lefts[number] if number < len(lefts) else ""
            other = rights[number] if number < len(rights) else ""
            found.append(f"{colored(one)}{' ' * (each - len(one))}{middle}{colored(other)}".rstrip())
    return found


def pairs(ours: list, theirs: list) -> list:
    """[(a line of ours or None, a line of theirs or None, whether they are the same)]."""
    matcher = difflib.SequenceMatcher(
        None, [x.strip() for x in ours], [x.strip() for x in theirs], autojunk=False
    )
    found = []
    for _, a, a_end, b, b_end in matcher.get_opcodes():
        left, right = ours[a:a_end], theirs[b:b_end]
        count = max(len(left), len(right))
        left, right = left + [None] * (count - len(left)), right + [None] * (count - len(right))
        found += [
            (x, y, x is not None and y is not None and x.strip() == y.strip()) for x, y in zip(left, right)
        ]
    return found


def cut(line: str | None, width: int) -> list:
    """A line in pieces that fit; what goes on is set in by two columns."""
    if line is None:
        return []
    line = line.expandtabs(4)
    pieces, rest = [line[:width]], line[width:]
    while rest:
        pieces.append("  " + rest[: width - 2])
        rest = rest[width - 2 :]
    return pieces
