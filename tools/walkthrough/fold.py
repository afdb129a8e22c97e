"""The edits of a step from a file that somebody has edited: the block for the step's file."""

from __future__ import annotations

import difflib
import re

from . import steps as walk

MOST_CONTEXT = 8
LONG = 6  # removed lines in a row from which on the block leaves some out
TODO = re.compile(rf"^[- ]\s*//\s+TODO (\d+[a-z]?){walk.REMARK}")


def block(old: str, new: str) -> list:
    """The lines of a ```diff block that makes `new` of `old`, with as few old lines as tell the places."""
    before, after = old.splitlines(), new.splitlines()
    candidates = []
    for context in range(MOST_CONTEXT + 1):
        lines = []
        for line in list(difflib.unified_diff(before, after, n=context, lineterm=""))[2:]:
            lines.append("@@" if line.startswith("@@") else line)
        for found in (shorter(lines[1:]), lines[1:]):
            if leads_to(before, found, after):
                candidates.append(found)
    if not candidates:
        raise walk.StepError(f"no {MOST_CONTEXT} lines of context tell the places apart")
    best = min(candidates, key=lambda found: (sum(map(is_comment, found)), len(found)))
    return [line.rstrip() if line != " " else " " for line in best]


def is_comment(line: str) -> bool:
    """An old line that is words, which may change without a change of the code."""
    return bool(re.match(r"^[- ]\s*//", line))


def leads_to(before: list, lines: list, after: list) -> bool:
    try:
        for hunk in walk.hunks(lines):
            before = walk.edited(before, hunk, "")
    except walk.StepError:
        return False
    return before == after


def shorter(lines: list) -> list:
    """With `-TODO 1` for the starter's comments, and `-...` inside long removals."""
    found, at = [], 0
    while at < len(lines):
        todo = TODO.match(lines[at])
        end = at + 1
        if todo:
            sign = lines[at][0]
            comment = re.compile(rf"^{sign}\s*//")
            while end < len(lines) and comment.match(lines[end]) and not walk.TODO_LEFT.search(lines[end]):
                end += 1
            found.append(f"{sign}TODO {todo[1]}")
        else:
            while end < len(lines) and lines[end][:1] == lines[at][:1] == "-" and not TODO.match(lines[end]):
                end += 1
            removed = lines[at:end]
            found += [removed[0], "-...", *removed[-1:]] if len(removed) > LONG else removed
        at = end
    return found
