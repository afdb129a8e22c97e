"""The options of the daily loop's commands: check, watch, hint, solution, reset, completion."""

from __future__ import annotations

from . import answers, lazy
from .arguments import positive


def check(sub) -> None:
    exercise(sub, "what you edited last")
    sub.add_argument("--solution", action="store_true", help="test the reference implementations instead")
    sub.add_argument("--impl", metavar="NAME", help="only the implementation of this name")
    json_option(sub)
    time_limit(sub, 60, "stop a test program, or a step of the build, after S seconds")


def watch(sub) -> None:
    exercise(sub, "where you are; what you save decides what is checked")
    json_option(sub)
    time_limit(sub, 60, "stop a test program, or a step of the build, after S seconds")


def hint(sub) -> None:
    sub.add_argument(
        "words",
        metavar="NN exercise rung",
        nargs="*",
        help="a chapter and an exercise (default: where you are), and a rung of the ladder "
        "(default: the next). A single digit is a rung; write 01 for the chapter",
    )
    sub.add_argument("--step", type=positive, metavar="N", help="hints of this step, instead of yours")
    json_option(sub)


def solution(sub) -> None:
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


def reset(sub) -> None:
    exercise(sub, "what you edited last; with --undo, what was reset last")
    sub.add_argument("--undo", action="store_true", help="restore the version that the last reset kept")
    sub.add_argument("--from", dest="revision", metavar="COMMIT", help="restore the version of this commit")
    json_option(sub)


def completion(sub) -> None:
    sub.add_argument("shell", choices=("bash", "zsh"), help="the shell that reads the script")
    sub.add_argument("--json", action="store_true", help=lazy.module("completion").NO_JSON)


def exercise(sub, default: str) -> None:
    sub.add_argument(
        "chapter", metavar="NN", nargs="?", help=f"the chapter: 1, 01 or 01_vector_add (default: {default})"
    )
    sub.add_argument("exercise", nargs="?", help="one exercise of it")


def json_option(sub) -> None:
    command = sub.prog.split()[-1]
    sub.add_argument("--json", action="store_true", help=answers.help_of(command))


def time_limit(sub, seconds: int | None, words: str) -> None:
    usual = "no limit" if seconds is None else seconds
    sub.add_argument(
        "--timeout", type=positive, default=seconds, metavar="S", help=f"{words} (default: {usual})"
    )
