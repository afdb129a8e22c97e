"""The steps of a walkthrough: what their files say, and the sources that follow from them.

solutions/walkthroughs/CHAPTER/EXERCISE/ has one file per step, in order: `1_idea.md`, `2_idea.md`, ...
A file is a title, the reason in a paragraph or two, and the edits to the sources of the step before:

    # One block adds its elements

    What changes, and why.

    ```diff
     void kernel() {
    -TODO 1
    +  out[i] = a[i] + b[i];
    ```

Lines after a space are there already, those after `-` go, those after `+` come. `-TODO 1` stands for the
starter's comment of that number, ` TODO 1` for the same where it stays; `-...` for everything before the next
old line of the block, ` ...` where it stays. A line `@@` begins the next place. There are no line numbers: a
place is where its lines stand, and they must stand there once. Where they do not, comments may have other
words, and more or fewer lines: a change of words needs no change of a step.

```diff softmax_backward edits that file. At first it is a copy of the exercise's main file.

Step 0 is the starter. The last file has no edits: its step is the reference as it is. A fix-it may end with
an edit instead: then that step's file is the fixed one.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path

from workbook import chapters, files
from workbook.machine import ROOT

WALKTHROUGHS = ROOT / "solutions" / "walkthroughs"
FILE = re.compile(r"^(\d+)_\w+\.md$")
FENCE = re.compile(r"^```(\w*) ?(\w*)$")
TODO = re.compile(r"^[- ]\s*(?://\s*)?TODO (\d+[a-z]?)$")
REMARK = r"(?: \([^)]*\))?:"  # `TODO 3 (last):`
TODO_LEFT = re.compile(rf"\bTODO \d+\w?{REMARK}")
TODO_ANY = re.compile(r"\bTODO\b")
COMMENT = re.compile(r"^\s*//")
CONTEXT = 3  # lines around a change


class StepError(Exception):
    """One line: which file, and what is wrong with it."""


@dataclass
class Step:
    name: str  # of its file
    title: str
    reason: str
    edits: list = field(default_factory=list)  # (stem of a source, its lines)
    sources: dict = field(default_factory=dict)  # stem -> text, after the step
    names: dict = field(default_factory=dict)  # stem -> the file's name in diffs


def exercises() -> list:
    """All exercises of the chapters, fix-its included."""
    return [one for chapter in chapters.chapters() for one in chapters.everything(chapter)]


def folder(exercise) -> Path:
    return WALKTHROUGHS / exercise.chapter.name / exercise.name


def page(exercise) -> Path:
    return folder(exercise).with_suffix(".md")


def written() -> list:
    """The exercises that have a walkthrough."""
    return [one for one in exercises() if folder(one).is_dir()]


def read(exercise, starter: str | None = None) -> list:
    """Every step of a walkthrough, the starter first, with its sources."""
    text = files.read_text(exercise.starter) if starter is None else starter
    name = exercise.starter.name
    steps = [Step("0_starter", "The starter", "", [], {exercise.name: text}, {exercise.name: name})]
    paths = sorted(folder(exercise).glob("*.md"), key=number)
    if [number(path) for path in paths] != list(range(1, len(paths) + 1)) or not paths:
        raise StepError(f"{folder(exercise)}: its files are not 1_NAME.md, 2_NAME.md, ...")
    for path in paths:
        step = parse(path)
        if path == paths[-1] and not (step.edits and isinstance(exercise, chapters.Fixit)):
            finish(step, path, exercise)
        else:
            apply(step, path, steps[-1], exercise)
        steps.append(step)
    without_todo = -1 if steps[-1].edits else -2  # the reference has none
    for stem, source in steps[without_todo].sources.items():
        left = (TODO_ANY if steps[-1].edits else TODO_LEFT).search(source)
        if left:
            raise StepError(f"{paths[without_todo]}: after it, {stem} still has {left[0]}")
    return steps


def read_handed_out(exercise) -> list:
    """The same in a student's checkout: where the edited starter does not fit, that of before."""
    try:
        return read(exercise)
    except StepError:
        if not chapters.is_changed(exercise.starter):
            raise
        return read(exercise, handed_out(exercise))


def handed_out(exercise) -> str:
    return chapters.as_published(exercise.starter)[1].decode()


def number(path: Path) -> int:
    found = FILE.match(path.name)
    if not found:
        raise StepError(f"{path}: a step is called NUMBER_NAME.md")
    return int(found[1])


def parse(path: Path) -> Step:
    lines = files.read_text(path).splitlines()
    if not lines or not lines[0].startswith("# "):
        raise StepError(f"{path}: its first line is not a title (# ...)")
    step, reason, block = Step(path.stem, lines[0][2:].strip(), ""), [], None
    for line in lines[1:]:
        fence = FENCE.match(line)
        if fence and block is None and fence[1] == "diff":
            block = []
            step.edits.append((fence[2], block))
        elif fence and block is not None:
            block = None
        elif block is not None:
            block.append(line)
        else:
            reason.append(line)
    step.reason = "\n".join(reason).strip()
    if not step.reason:
        raise StepError(f"{path}: says no reason")
    return step


def finish(step: Step, path: Path, exercise) -> None:
    """The last step is the reference."""
    if step.edits:
        raise StepError(f"{path}: the last step is the reference, and has no edits")
    for file in exercise.reference_sources:
        stem = file.stem[: -len("_solution")] if file.stem.endswith("_solution") else file.stem
        step.sources[stem] = files.read_text(file)
        step.names[stem] = file.name


def apply(step: Step, path: Path, before: Step, exercise) -> None:
    if not step.edits:
        raise StepError(f"{path}: has no ```diff, and is not the last step")
    step.sources, step.names = dict(before.sources), dict(before.names)
    for stem, block in step.edits:
        stem = stem or exercise.name
        if stem not in step.sources:
            step.sources[stem] = before.sources[exercise.name]
            step.names[stem] = f"{stem}_starter{exercise.starter.suffix}"
        lines = step.sources[stem].splitlines()
        for hunk in hunks(block):
            lines = edited(lines, hunk, f"{path}: {stem}")
        step.sources[stem] = "\n".join(lines) + "\n"


def hunks(block: list) -> list:
    found = [[]]
    for line in block:
        if line == "@@":
            found.append([])
        else:
            found[-1].append(line)
    return [hunk for hunk in found if hunk]


def edited(lines: list, hunk: list, place: str) -> list:
    """`lines` with one hunk applied where its old lines stand, if need be with other words in comments."""
    for loose in (False, True):
        found = [taken for at in range(len(lines)) if (taken := match(lines, at, hunk, loose)) is not None]
        if len(found) == 1:
            result, end = found[0]
            return result + lines[end:]
        if found:
            break
    what = next((line for line in hunk if line.strip("- ") and not line.startswith("+")), "")
    times = "nowhere" if not found else f"{len(found)} times"
    raise StepError(f"{place} has these lines {times} in the step before: {what} ...")


def match(lines: list, at: int, hunk: list, loose: bool) -> tuple | None:
    """(what `lines` become up to the end of the hunk, that end) if its old lines stand at `at`, or None."""
    result, number = lines[:at], 0
    while number < len(hunk):
        line = hunk[number]
        number += 1
        if line.startswith("+"):
            result.append(line[1:])
            continue
        if loose and is_remark(line[1:]) and not TODO.match(line):
            size = remark_length(lines, at)
            while number < len(hunk) and hunk[number][:1] == line[:1] and is_remark(hunk[number][1:]):
                number += 1
        else:
            size = length(lines, at, line, hunk[number:])
        if size == 0:
            return None
        if not line.startswith("-"):
            result += lines[at : at + size]
        at += size
    return result, at


def is_remark(line: str) -> bool:
    return bool(COMMENT.match(line)) and not TODO_LEFT.search(line)


def remark_length(lines: list, at: int) -> int:
    """How many lines of comment begin at `at`: 0 where none begins."""
    if at > 0 and is_remark(lines[at - 1]):
        return 0
    end = at
    while end < len(lines) and is_remark(lines[end]):
        end += 1
    return end - at


def length(lines: list, at: int, line: str, following: list) -> int:
    """How many lines from `at` on are `line` of a hunk: 0 if they are not."""
    if at >= len(lines):
        return 0
    if line[1:] == "...":
        after = next((one[1:] for one in following if not one.startswith("+")), None)
        return next((end - at for end in range(at, len(lines)) if lines[end] == after), 0)
    todo = TODO.match(line)
    if not todo:
        return int(lines[at] == line[1:])
    if not re.match(rf"^\s*//\s+TODO {todo[1]}{REMARK}", lines[at]):
        return 0
    end = at + 1
    while end < len(lines) and COMMENT.match(lines[end]) and not TODO_LEFT.search(lines[end]):
        end += 1
    return end - at


def diffs(before: Step, after: Step, main: str) -> list:
    """[(name, lines of a unified diff)] from one step to the next; a new file against the main one."""
    found = []
    for stem, text in after.sources.items():
        origin = stem if stem in before.sources else main
        old = before.sources[origin].splitlines()
        names = (before.names[origin], after.names[stem])
        lines = list(difflib.unified_diff(old, text.splitlines(), *names, n=CONTEXT, lineterm=""))
        if lines:
            found.append((after.names[stem], lines))
    return found


def changed_lines(diff: list) -> int:
    return sum(line[:1] in "+-" and not line.startswith(("---", "+++")) for line in diff)
