"""`./workbook` alone, `status` and `next`: where the student is, and what to type next."""

from __future__ import annotations

from . import chapters, console, position, progress, steps
from .console import heading, mark, paint, say
from .errors import Exit, shown
from .machine import RESULTS

COLORS = {"solved": "green", "red": "red", "changed": "yellow"}


def home(options) -> int:
    """`./workbook` alone: a line per chapter, where the student is, and the next command."""
    places = position.survey()
    if options.json:
        return status(options)
    here = position.current(places)
    say(f"The CUDA kernel workbook: {count(places)}.\n")
    for chapter in chapters.chapters():
        own = [place for place in places if place.exercise.chapter == chapter]
        if own:
            you = paint("  <- you are here", "yellow") if here in own else ""
            solved = sum(place.solved for place in own)
            say(f"  {chapter.name:<20}{solved:>2} of {len(own)} {bar(solved, len(own))}{you}")
    say()
    tell(here)
    say("\nAll exercises: ./workbook status    All commands: ./workbook --help")
    return Exit.OK


def status(options) -> int:
    """Every exercise, and how far the student is with it."""
    places = position.survey()
    here = position.current(places)
    if options.json:
        console.document("status", body(places, here))
        return Exit.OK
    width = max((len(place.exercise.name) for place in places), default=0)
    chapter = None
    for place in places:
        if place.exercise.chapter != chapter:
            chapter = place.exercise.chapter
            heading(chapter.name)
        words = paint(f"{place.standing.words:<28}", COLORS.get(place.standing.kind, "dim"))
        rungs = sum(progress.Store(RESULTS).hints(place.exercise.key).values())
        hints = f"{rungs} hint{'s' if rungs > 1 else ''} taken" if rungs else ""
        arrow = paint(">", "yellow") if place == here else " "
        say(f"  {arrow} {place.exercise.name:<{width}}  {words} {hints}".rstrip())
    say(f"\n{count(places)}.")
    tell(here)
    return Exit.OK


def show_next(options) -> int:
    """The exercise to do next; while one is begun, what is left of it, and what comes after it."""
    places = position.survey()
    edited = position.last_edited(places)
    here = position.current(places)
    after = position.following(places, here) if here else None
    if options.json:
        console.document("next", {"current": entry(here), "after": entry(after)})
        return Exit.OK
    if edited and edited.solved and here:
        say(f"{mark(True)} {edited.title} is solved.")
    introduce(here)
    if after and here and here == edited:
        say(f"\nTo go on without solving it: {after.title}, {shown(after.exercise.starter)}")
    return Exit.OK


def introduce(place: position.Place | None, inside: bool = False) -> None:
    """An exercise as one meets it: its lesson, its first step, its files, the command. `inside` of watch no
    command is needed."""
    if place is None:
        tell(None)
        return
    exercise = place.exercise
    heading(f"{place.title}: {chapters.title(exercise.chapter) or exercise.chapter.name}")
    lesson_steps = steps.of_lesson(exercise)
    first = position_in(exercise, lesson_steps)
    if lesson_steps:
        say(f"  step {first} of {len(lesson_steps)}  {lesson_steps[first - 1][0]}")
    files_of(exercise)
    say("Read the lesson, edit and save your file." if inside else f"Next: {advice(place)}")


def position_in(exercise, lesson_steps: list) -> int:
    """The step of the lesson at which the first red test of the last check stands; 1 without one, and where
    the starter is as it was handed out again (git checkout)."""
    last = exercise.last_check or {}
    if last.get("starter") != exercise.fingerprint() and chapters.is_changed(exercise.starter) is False:
        return 1
    name = str(last.get("first_failure", "")).partition(".")[2]
    for number, (_, tests) in enumerate(lesson_steps, 1):
        if name in tests:
            return number
    return 1


def tell(place: position.Place | None) -> None:
    """Where the student is, in four lines."""
    if place is None:
        say("All exercises are solved. Next: ./workbook ladder 02, from a solution to the hardware's")
        say("limit, or ./workbook train, which trains a model with these kernels.")
        return
    say(f"You are at {paint(place.title, 'bold')}: {place.standing.words}.")
    files_of(place.exercise)
    say(f"Next: {advice(place)}")


def files_of(exercise) -> None:
    lesson = exercise.lesson
    if lesson.exists():
        say(f"  lesson  {shown(lesson)}")
    say(f"  yours   {shown(exercise.starter)}")


def advice(place: position.Place) -> str:
    """The next command, as a sentence."""
    call = place.exercise.call
    if place.standing.kind == "untouched":
        return f"read the lesson, then ./workbook watch {call}\nwhich checks your file whenever you save it."
    if place.standing.kind == "red":
        return f"edit your file, then ./workbook check {call}\nStuck? ./workbook hint {call}"
    return f"./workbook check {call}"


def after_solving(exercise) -> str:
    """What follows "Solved": the next exercise and its command."""
    places = position.survey()
    after = position.following(places, position.of(places, exercise))
    if after is None:
        return "All exercises are solved."
    return f"Next: {after.title}. {'Key n' if console.has_keys else './workbook next'} shows it."


def count(places: list) -> str:
    return f"{sum(place.solved for place in places)} of {len(places)} exercises solved"


def bar(done: int, total: int) -> str:
    return paint("#" * done, "green") + "." * (total - done)


def body(places: list, here: position.Place | None) -> dict:
    return {
        "solved": sum(place.solved for place in places),
        "total": len(places),
        "current": entry(here),
        "exercises": [entry(place) for place in places],
    }


def entry(place: position.Place | None) -> dict | None:
    """An exercise in a JSON document."""
    if place is None:
        return None
    exercise = place.exercise
    return {
        "chapter": exercise.chapter.name,
        "exercise": exercise.name,
        "state": place.standing.kind,
        "words": place.standing.words,
        "starter": shown(exercise.starter),
        "lesson": shown(exercise.lesson),
        "hints": progress.Store(RESULTS).hints(exercise.key),
        "next": f"./workbook {'watch' if place.standing.kind == 'untouched' else 'check'} {exercise.call}",
    }
