"""`hint`: one rung of a ladder of hints per call. It remembers how far you have climbed at each step.

A hints.md has a heading per step, and below it the rungs: question, concept, place, pseudo-code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from . import chapters, console, daily, files, position, progress, prose, steps
from .console import heading, say, warn
from .errors import Exit, WorkbookError
from .machine import RESULTS

HEADING = re.compile(r"^(#+) (.*)$")
RUNG = re.compile(r"<details><summary>(.*?)</summary>[ \t]*\n?(.*?)\s*</details>", re.S)
NUMBERS = re.compile(r"\bsteps? (\d+)(?: (?:to|and) (\d+))?", re.I)
WHOLE = re.compile(r"[1-9][0-9]{0,5}")


@dataclass
class Step:
    title: str
    numbers: range  # of the lesson's steps; empty: the heading names none
    rungs: list = field(default_factory=list)  # [(what it is, text)]


def ladder(exercise) -> list:
    """The steps that have hints for this exercise, in the order of the file."""
    try:
        text = files.read_text(exercise.folder / "hints.md")
    except OSError:
        return []
    names = [one.name for one in chapters.everything(exercise.chapter) if one.folder == exercise.folder]
    found = []
    for above, body in sections(text):
        rungs = [(kind.strip(), words) for kind, words in RUNG.findall(body)]
        if rungs and owner(above, names) == exercise.name:
            found.append(Step(above[-1], numbers_of(above[-1]), rungs))
    return found


def numbers_of(title: str) -> range:
    """Of "Step 3: ..." or "Steps 1 to 5: ..."."""
    found = NUMBERS.search(title)
    return range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0)


def sections(text: str) -> list:
    """[(the headings above, outermost first, the text below the last of them)]."""
    found, above = [], []
    for line in text.splitlines():
        head = HEADING.match(line)
        if head:
            above = [one for one in above if one[0] < len(head[1])] + [(len(head[1]), head[2])]
            found.append(([title for _, title in above], []))
        elif found:
            found[-1][1].append(line)
    return [(titles, "\n".join(body)) for titles, body in found]


def owner(titles: list, names: list) -> str:
    """The exercise that the innermost heading names; of several, the one with the longest name."""
    for title in reversed(titles):
        words = re.sub(r"[^a-z0-9]+", " ", f" {title.lower()} ")
        named = [name for name in names if f" {name.replace('_', ' ')} " in words]
        if named:
            return max(named, key=len)
    return names[0] if len(names) == 1 else ""


def command(options) -> int:
    words = list(options.words)
    rung = int(words.pop()) if words and WHOLE.fullmatch(words[-1]) else None
    if len(words) > 2:
        message = f"unrecognized arguments: {' '.join(words[2:])} (see ./workbook hint --help)"
        raise WorkbookError(message, Exit.USAGE)
    chapter, exercise = (*words, None, None)[:2]
    place = position.named(chapter, exercise, position.survey())
    exercise = place.exercise
    found = ladder(exercise)
    if not found:
        raise WorkbookError(
            f"there are no hints for {place.title}; its lesson is {exercise.folder.name}", Exit.USAGE
        )
    number = chosen_step(options.step, found, exercise)
    step = found[number - 1]
    shown = progress.Store(RESULTS).hints(exercise.key).get(str(number), 0)
    if rung is not None and rung > len(step.rungs):
        raise WorkbookError(f"rung {rung}: this step has {len(step.rungs)} ('{step.title}')", Exit.USAGE)
    was_last = rung is None and shown >= len(step.rungs)
    rung = rung or min(shown + 1, len(step.rungs))
    remember(exercise.key, number, rung)
    if options.json:
        as_json(place, number, found, rung)
    else:
        show(place, number, found, rung, was_last)
    return Exit.OK


def chosen_step(asked: int | None, found: list, exercise) -> int:
    """The step asked for; else the one of the first red test, by its number or its title; else the first
    whose hints are not all shown."""
    if asked is not None:
        if not 1 <= asked <= len(found):
            message = f"--step is {asked}; {exercise.name} has hints for steps 1 to {len(found)}"
            raise WorkbookError(message, Exit.USAGE)
        return asked
    of_lesson = steps.of_lesson(exercise)
    if of_lesson:
        at = daily.position_in(exercise, of_lesson)
        title = of_lesson[at - 1][0].lower()
        for number, step in enumerate(found, 1):
            if at in step.numbers or (not step.numbers and title in step.title.lower()):
                return number
    shown = progress.Store(RESULTS).hints(exercise.key)
    unseen = [n for n, step in enumerate(found, 1) if shown.get(str(n), 0) < len(step.rungs)]
    return unseen[0] if unseen else len(found)


def remember(key: str, number: int, rung: int) -> None:
    """Where nothing can be written, the hint is worth more than the memory of it."""
    try:
        progress.Store(RESULTS).show_hint(key, str(number), rung)
    except WorkbookError as error:
        warn(f"your progress is not saved: {error}")


def show(place, number: int, found: list, rung: int, was_last: bool) -> None:
    step = found[number - 1]
    kind, text = step.rungs[rung - 1]
    heading(f"{place.title}{after_name(step.title, place.exercise.name)}")
    say(f"hint {rung} of {len(step.rungs)}: {kind.lower()}\n")
    for line in prose.lines(text):
        say(line)
    say()
    call = f"./workbook hint {place.exercise.call}"
    if was_last:
        say("You have seen all hints of this step; this is the last.")
    elif rung < len(step.rungs):
        say(f"The next one: {'h' if console.has_keys else call}")
        return
    else:
        say("That was the last hint of this step.")
    if len(found) > 1:
        place_of = "Another step, in another terminal" if console.has_keys else "Another step"
        say(f"{place_of}: {call} --step N, of {len(found)}")


def after_name(title: str, name: str) -> str:
    """A title to follow the exercise's name: ", step 2: the edges" for "Matmul, step 2: the edges"."""
    first, _, rest = title.partition(", ")
    if re.findall(r"[a-z0-9]+", first.lower().removeprefix("exercise ")) == name.split("_"):
        title = rest
    return f", {title}" if title else ""


def as_json(place, number: int, found: list, rung: int) -> None:
    step = found[number - 1]
    kind, text = step.rungs[rung - 1]
    about = {"chapter": place.exercise.chapter.name, "exercise": place.exercise.name}
    where = {"step": number, "steps": len(found), "title": step.title, "rung": rung, "rungs": len(step.rungs)}
    console.document("hint", {**about, **where, "about": kind.lower(), "text": text})
