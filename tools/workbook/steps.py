"""Which step of its lesson a test belongs to, where the lesson says so.

A lesson's steps are a numbered list whose items name tests:

    3. **Tall matrices** (TODO 7). `TakesTallMatrices` passes.
"""

from __future__ import annotations

import re

from . import judges

ITEM = re.compile(r"^(\d+)\. \*\*(.+?)\*\*")
TEST = re.compile(r"`([A-Z]\w+)`")


def lists(text: str) -> list:
    """The numbered lists of a lesson: [[(title, tests named), ...], ...]."""
    found, inside = [], False
    for line in text.splitlines():
        item = ITEM.match(line)
        if item:
            if item.group(1) == "1" or not found:
                found.append([])
            found[-1].append((item.group(2).rstrip("."), set(TEST.findall(line))))
            inside = True
        elif inside and line.startswith("   "):
            found[-1][-1][1].update(TEST.findall(line))
        elif line.strip():
            inside = False
    return found


def of_lesson(exercise) -> list:
    """[(title, tests)] of the list that names most tests of the exercise; none where two name as many."""
    lesson = exercise.lesson
    if not lesson.exists():
        return []
    tests = {name.partition(".")[2] for name in judges.listed_tests(exercise)}
    ranked = []
    for steps in lists(lesson.read_text()):
        ranked.append((len(tests & set().union(*(named for _, named in steps))), steps))
    ranked.sort(key=lambda pair: pair[0])
    if not ranked or ranked[-1][0] == 0 or (len(ranked) > 1 and ranked[-2][0] == ranked[-1][0]):
        return []
    return ranked[-1][1]


def place(steps: list, test: str) -> str:
    """ "step 3 of 6 (tall matrices), " for the first step that names the test; nothing where none does."""
    for number, (title, tests) in enumerate(steps, 1):
        if test.partition(".")[2] in tests:
            return f"step {number} of {len(steps)} ({title[:1].lower()}{title[1:]}): "
    return ""
