"""Markdown as a terminal shows it: paragraphs wrapped, code as it is, marks left out or in colors."""

from __future__ import annotations

import re
import shutil
import textwrap

from .console import paint

WIDEST = 100
ITEM = re.compile(r"^(\s*)([-*]|\d+\.)\s+")
HEADING = re.compile(r"^#+ ")
FENCE = re.compile(r"^\s*```")
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
BOLD = re.compile(r"\*\*(.+?)\*\*")
EMPHASIS = re.compile(r"(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])")


def width() -> int:
    """Columns to write in: those of the terminal, within reason."""
    return max(20, min(WIDEST, shutil.get_terminal_size().columns))


def lines(text: str, indent: str = "  ") -> list:
    """`text`, a piece of a lesson or of hints, as lines of at most `width()` columns; code may be wider."""
    found = []
    for kind, block in blocks(text):
        if found:
            found.append("")
        if kind == "code":
            found += [paint(f"{indent}  {line}".rstrip(), "bold") for line in block]
            continue
        for part in items(block):
            if HEADING.match(part):
                found.append(paint(indent + part.lstrip("# "), "bold"))
                continue
            mark = ITEM.match(part)
            hanging = indent + (" " * mark.end() if mark else "")
            found += [
                plain_code(line)
                for line in textwrap.wrap(
                    inline(part),
                    width(),
                    initial_indent=indent,
                    subsequent_indent=hanging,
                    break_on_hyphens=False,
                )
            ]
    return found


def blocks(text: str) -> list:
    """[("code" or "prose", its lines)], in order."""
    found, fenced = [], False
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
            found.append(["code" if fenced else "gap", []])
        elif fenced:
            found[-1][1].append(line)
        elif not line.strip():
            if found and found[-1][0] == "code" and found[-1][1]:
                found[-1][1].append("")  # an empty line inside indented code
            else:
                found.append(["gap", []])
        else:
            continues = bool(found) and found[-1][0] == "prose"
            is_code = line.startswith("    ") and not continues
            kind = "code" if is_code else "prose"
            if not found or found[-1][0] != kind:
                found.append([kind, []])
            found[-1][1].append(line[4:] if is_code else line)
    for block in found:
        while block[1] and not block[1][-1]:
            block[1].pop()
    return [(kind, block) for kind, block in found if block]


def items(block: list) -> list:
    """The items of a list, or the paragraph, each as one line."""
    parts = []
    for line in block:
        if ITEM.match(line) or HEADING.match(line) or not parts or HEADING.match(parts[-1]):
            parts.append(line.rstrip())
        else:
            parts[-1] += " " + line.strip()
    return parts


def inline(text: str) -> str:
    text = LINK.sub(lambda found: found[1] if found[1] == found[2] else f"{found[1]} ({found[2]})", text)
    return EMPHASIS.sub(r"\1", BOLD.sub(r"\1", text))


def plain_code(line: str) -> str:
    """`code` in bold where there are colors, else with its marks."""
    return re.sub(
        r"`([^`]+)`", lambda found: paint(found[1], "bold") if paint("", "bold") else found[0], line
    )
