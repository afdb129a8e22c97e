"""The options of the daily loop's commands: check, watch, status, next, hint, solution, reset, completion."""

from __future__ import annotations

from collections.abc import Callable

from . import answers, check_front, completion, daily, hints, reset, solution, watch


def declare(add: Callable, positive: Callable, time_limit: Callable) -> None:
    sub = add("check", check_front.command, "check your starters, and say what is wrong and where")
    exercise(sub, "what you edited last")
    sub.add_argument("--solution", action="store_true", help="test the reference implementations instead")
    sub.add_argument("--impl", metavar="NAME", help="only the implementation of this name")
    json_option(sub)
    time_limit(sub, 60, "stop a test program, or a step of the build, after S seconds")

    sub = add("watch", watch.command, "check what you edit whenever you save it, until you press q")
    exercise(sub, "where you are; what you save decides what is checked")
    json_option(sub)
    time_limit(sub, 60, "stop a test program, or a step of the build, after S seconds")

    sub = add("status", daily.status, "show every exercise and its state", shared=False)
    json_option(sub)

    sub = add(
        "next", daily.show_next, "show the exercise to do next: lesson, step, file, command", shared=False
    )
    json_option(sub)

    sub = add(
        "hint",
        hints.command,
        "give one hint for your current step; the next hint with each call",
        shared=False,
    )
    sub.add_argument(
        "words",
        metavar="NN exercise rung",
        nargs="*",
        help="a chapter and an exercise (default: where you are), and a rung of the ladder "
        "(default: the next). A single digit is a rung; write 01 for the chapter",
    )
    sub.add_argument("--step", type=positive, metavar="N", help="hints of this step, instead of yours")
    json_option(sub)

    sub = add("solution", solution.command, "compare the reference with yours, after yours has passed")
    exercise(sub, "what you edited last")
    sub.add_argument("--force", action="store_true", help="show it before yours has passed")
    shape = sub.add_mutually_exclusive_group()
    shape.add_argument(
        "--side-by-side", action="store_true", help="both in full (default: from 160 columns on)"
    )
    shape.add_argument("--diff", action="store_true", help="only what differs (default: below 160 columns)")
    sub.add_argument(
        "--count", action="store_true", help="count what both move in memory, on the CPU device; builds"
    )
    sub.add_argument(
        "--walkthrough",
        action="store_true",
        help="how the starter becomes the reference, step by step, each with its reason",
    )
    sub.add_argument("--step", type=positive, metavar="N", help="only this step of the walkthrough")
    json_option(sub)

    sub = add(
        "reset", reset.command, "restore a starter to its original state; your version is kept", shared=False
    )
    exercise(sub, "what you edited last; with --undo, what was reset last")
    sub.add_argument("--undo", action="store_true", help="restore the version that the last reset kept")
    sub.add_argument("--from", dest="revision", metavar="COMMIT", help="restore the version of this commit")
    json_option(sub)

    sub = add(
        "completion", completion.command, "print a script that completes words in your shell", shared=False
    )
    sub.add_argument("shell", choices=("bash", "zsh"), help="the shell that reads the script")
    sub.add_argument("--json", action="store_true", help=completion.NO_JSON)


def exercise(sub, default: str) -> None:
    sub.add_argument(
        "chapter", metavar="NN", nargs="?", help=f"the chapter: 1, 01 or 01_vector_add (default: {default})"
    )
    sub.add_argument("exercise", nargs="?", help="one exercise of it")


def json_option(sub) -> None:
    command = sub.prog.split()[-1]
    sub.add_argument("--json", action="store_true", help=answers.help_of(command))
