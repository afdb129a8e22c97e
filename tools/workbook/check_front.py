"""`check` as it is typed: without a chapter it means what was edited last; with --json it answers in JSON."""

from __future__ import annotations

import json

from . import chapters, check, console, files, position
from .console import say
from .errors import WorkbookError, shown
from .machine import RESULTS

VERSION = 1


def command(options) -> int:
    with console.aside(options.json):
        choose(options)
        chapter = chapters.find(options.chapter)
        wanted = [
            e for e in chapters.select(chapter, options.exercise) if options.solution or e.starter.is_file()
        ]
        for exercise in wanted if options.json else []:
            files.remove(report_of(exercise, options.solution))
        code = check.command(options)
    if options.json:
        console.document("check", {"exit_code": int(code), "exercises": [found(e, options) for e in wanted]})
    return code


def choose(options) -> None:
    """Fill in what was edited last, where no chapter was named, and say which that is."""
    if options.chapter is not None:
        return
    places = position.survey()
    edited = position.last_edited(places)
    place = position.edited_or_named(None, None, places)
    options.chapter, options.exercise = place.exercise.chapter.name, place.exercise.name
    if edited is None:
        say(f"No starter is edited yet; this checks the first: {shown(place.exercise.starter)}")


def report_of(exercise, solution: bool):
    return RESULTS / "tests" / f"{exercise.name}{'' if solution else '_starter'}_test.json"


def found(exercise, options) -> dict:
    """What the check came to, by the record of it and the report of the tests."""
    about = {"chapter": exercise.chapter.name, "exercise": exercise.name}
    if not options.solution:
        standing = exercise.standing()
        last = exercise.last_check or {}
        about |= {"starter": shown(exercise.starter), "state": standing.kind, "words": standing.words}
        about |= {"device": last.get("device"), "problem": last.get("problem", "")}
    tests = tests_of(report_of(exercise, options.solution))
    about["tests"] = {
        status: sum(test["status"] == status for test in tests) for status in ("passed", "failed", "skipped")
    }
    about["failures"] = [
        {"test": f"{test['suite'].strip('/')}.{test['test']}", "messages": test["messages"]}
        for test in tests
        if test["status"] == "failed"
    ]
    return about


def tests_of(report) -> list:
    try:
        return json.loads(files.read_text(report))["body"]["tests"]
    except FileNotFoundError:  # it did not compile, or did not come to its end
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkbookError(
            f"{shown(report)} cannot be read ({error}); run the same command again"
        ) from error
