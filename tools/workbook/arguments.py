"""What is on the command line: options of programs, numbers, the part after `--`, and refused values."""

from __future__ import annotations

import argparse
import math
import re
import sys

from .errors import Exit, WorkbookError

WITH_PROGRAM = ("run", "inspect")  # commands that hand arguments to a program
# What an option that has no long name is called.
NAMES = {
    "chapter": "chapter",
    "exercise": "exercise",
    "files": "FILE.cu",
    "what": "NN or FILE.cu",
    "words": "NN exercise rung",
    "revision": "--from",
    "include": "-I",
    "define": "-D",
    "library": "-l",
    "host_option": "-Xcompiler",
}
LARGEST = 2**31 - 1  # what a C++ int holds; a seed may be larger
LARGEST_SEED = 2**63 - 1
MOST_JOBS = 4096
METAVARS = {int: "N", float: "X", str: "NAME"}


def split(arguments: list | None) -> tuple:
    """The command's own arguments, and those after `--`, which are the program's."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in WITH_PROGRAM or "--" not in given:
        return given, []
    at = given.index("--")
    return given[:at], given[at + 1 :]


def whole_number(text: str) -> int:
    """As int() reads it, without its underscores, spaces and digits of other scripts."""
    if not re.fullmatch(r"[+-]?[0-9]{1,20}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number")
    return int(text)


def real_number(text: str) -> float:
    """As float() reads it; neither infinite nor not-a-number."""
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return value


def positive(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of 1 or more")
    return int(text)


def jobs(text: str) -> int:
    if positive(text) > MOST_JOBS:
        raise argparse.ArgumentTypeError(f"{text} are more than {MOST_JOBS}")
    return int(text)


def number(kind: type):
    """`kind` as an argparse type that says in words what it wanted."""
    return {int: whole_number, float: real_number}.get(kind, kind)


def program_options(sub, options: tuple, repeated: tuple = ()) -> None:
    """Declares the options of a program on an argparse parser: (name, type, what --help says) each."""
    for name, kind, text in options:
        action = "append" if name in repeated else "store"
        sub.add_argument(f"--{name}", action=action, type=number(kind), metavar=METAVARS[kind], help=text)


def value(options: argparse.Namespace, name: str):
    """What --NAME was given."""
    return getattr(options, name.replace("-", "_"))


def require_one_or_more(options: argparse.Namespace, names: tuple) -> None:
    """Refuses a number below 1 for each --NAME that was given."""
    for name in names:
        given = value(options, name)
        if given is not None and given < 1:
            raise WorkbookError(f"--{name} is {given}; it must be 1 or more", Exit.USAGE)


def checked(options: argparse.Namespace) -> argparse.Namespace:
    """What no command accepts, refused for all of them: nothing, and numbers out of every range."""
    for name, given in vars(options).items():
        option = NAMES.get(name) or f"--{name.replace('_', '-')}"
        for value in given if isinstance(given, list) else [given]:
            problem = unacceptable(name, value)
            if problem:
                raise WorkbookError(f"{option} {problem}", Exit.USAGE)
    return options


def unacceptable(name: str, value) -> str:
    """What is wrong with a value of any option; empty when nothing is."""
    if isinstance(value, str) and not value.strip():
        return "is empty; give it a value, or leave the option out"
    if isinstance(value, str) and not value.isprintable() and any(ord(letter) < 32 for letter in value):
        return f"is {value!r}, which has a control character"
    if isinstance(value, bool) or not isinstance(value, int):
        return ""
    largest = LARGEST_SEED if name == "seed" else LARGEST
    if value < 0:
        return f"is {value}; it must not be negative"
    return f"is {value}; it must not be more than {largest}" if value > largest else ""
