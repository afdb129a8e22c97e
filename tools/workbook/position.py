"""Where a student is: how far with each exercise, what was edited last, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass

from . import chapters, progress
from .chapters import Exercise, Standing
from .errors import Exit, WorkbookError
from .machine import RESULTS

COPIED_TOGETHER = 60e9  # ns: starters whose times differ by less were not edited, but unpacked


@dataclass(frozen=True)
class Place:
    """One exercise, and how far the student is with it."""

    exercise: Exercise
    standing: Standing
    changed: bool | None  # from what was handed out; None: git does not know
    written: int  # ns, when its starter was last written

    @property
    def solved(self) -> bool:
        return self.standing.kind == "solved"

    @property
    def title(self) -> str:
        return f"{self.exercise.chapter.name} / {self.exercise.name}"


def survey() -> list:
    """Every exercise that has a starter, in the order of the chapters."""
    found = [
        e for chapter in chapters.chapters() for e in chapters.everything(chapter) if e.starter.is_file()
    ]
    changed = chapters.starters_changed([e.starter for e in found])
    solved = progress.Store(RESULTS).solved()
    return [
        Place(e, e.standing(changed, solved), changed[e.starter], e.starter.stat().st_mtime_ns) for e in found
    ]


def last_edited(places: list) -> Place | None:
    """The starter that was written last, of those that are not as they were handed out."""
    edited = [place for place in places if place.changed]
    if not edited and places and all(place.changed is None for place in places):  # no git: go by the times
        oldest = min(place.written for place in places)
        edited = [place for place in places if place.written > oldest + COPIED_TOGETHER]
    return max(edited, key=lambda place: place.written, default=None)


def following(places: list, after: Place | None) -> Place | None:
    """The first unsolved exercise after `after`, or else from the beginning. None: all are solved."""
    start = places.index(after) + 1 if after in places else 0
    return next(
        (place for place in places[start:] + places[:start] if not place.solved and place != after), None
    )


def current(places: list) -> Place | None:
    """What the student works on: what was edited last, unless it is solved; else the next one."""
    edited = last_edited(places)
    return edited if edited and not edited.solved else following(places, edited)


def of(places: list, exercise: Exercise) -> Place | None:
    return next((place for place in places if place.exercise == exercise), None)


def named(chapter: str | None, exercise: str | None, places: list) -> Place:
    """The exercise that the words of a command name; without any, the current one, else the last one.

    A chapter alone means its exercise that was edited last, or else the first one that is not solved.
    """
    places = there(places)
    if chapter is None:
        return current(places) or last_edited(places) or places[-1]
    found = chapters.find(chapter)
    wanted = chapters.select(found, exercise)
    own = [place for place in places if place.exercise in wanted]
    if not own:
        raise WorkbookError(
            f"{found.name} has no starter yet; ./workbook list shows the chapters", Exit.USAGE
        )
    return last_edited(own) or current(own) or own[0]


def edited_or_named(chapter: str | None, exercise: str | None, places: list) -> Place:
    """As `named`; without words, what was edited last, solved or not."""
    edited = last_edited(there(places)) if chapter is None else None
    return edited or named(chapter, exercise, places)


def there(places: list) -> list:
    if not places:
        raise WorkbookError("there is no exercise here; put the chapters back: git checkout", Exit.USAGE)
    return places
