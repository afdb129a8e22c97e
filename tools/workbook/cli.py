"""The command line of ./workbook: its arguments, and the one place that turns an error into an exit code."""

from __future__ import annotations

import argparse
import os
import sys

from . import bench, check, commands, doctor, journey, machine, plot
from .errors import Exit, WorkbookError

EPILOG = """exit codes: 0 all well; 1 a test, check or run is red; 2 bad arguments or input;
3 something is missing on this machine; 4 the build failed; 130 interrupted"""


METAVARS = {int: "N", float: "X", str: "NAME"}


class Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """One line instead of the whole usage text."""
        raise WorkbookError(f"{message} (see {self.prog} --help)", Exit.USAGE)


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of 1 or more")
    return int(text)


def number(kind: type):
    """`kind` as an argparse type that says in words what it wanted."""

    def convert(text: str):
        try:
            return kind(text)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"'{text}' is not {wanted}") from None

    return convert


def chapter_and_exercise(sub: Parser) -> None:
    sub.add_argument(
        "chapter", metavar="NN", nargs="?", help="the chapter: 1, 01 or 01_vector_add (default: all)"
    )
    sub.add_argument("exercise", nargs="?", help="only this exercise of it")


def parser() -> Parser:
    common = Parser(add_help=False)
    common.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="cuda where nvcc and a usable GPU are here, else the CPU device (default: auto)",
    )
    common.add_argument(
        "-j",
        "--jobs",
        type=positive,
        default=machine.default_jobs(),
        metavar="N",
        help="build and test N things at once (default: %(default)s)",
    )
    common.add_argument(
        "-v", "--verbose", action="store_true", help="show every command and every line of output"
    )

    top = Parser(
        prog="./workbook",
        description="A CUDA C++ workbook: from vector add to a TinyLlama trainer, with or without a GPU.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands_of = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def add(name: str, action, help_text: str, shared: bool = True) -> Parser:
        sub = commands_of.add_parser(
            name,
            help=help_text,
            description=help_text[0].upper() + help_text[1:] + ".",
            parents=[common] if shared else [],
        )
        sub.set_defaults(action=action)
        return sub

    sub = add(
        "journey", journey.command, "set up, build, run the five-stage TinyLlama journey, draw the plots"
    )
    for name, kind, text in journey.OPTIONS:
        action = "append" if name in journey.REPEATED else "store"
        sub.add_argument(f"--{name}", action=action, type=number(kind), metavar=METAVARS[kind], help=text)

    sub = add("test", commands.test, "set up, build, run every test")
    sub.add_argument("-R", "--regex", metavar="REGEX", help="only tests whose name matches, as ctest -R")

    sub = add("check", check.command, "check your starters of one chapter, and say what is wrong and where")
    sub.add_argument("chapter", metavar="NN", help="the chapter: 1, 01 or 01_vector_add")
    sub.add_argument("exercise", nargs="?", help="only this exercise of it")
    sub.add_argument("--solution", action="store_true", help="test the reference implementations instead")
    sub.add_argument("--impl", metavar="NAME", help="only the implementation of this name")
    sub.add_argument(
        "--timeout",
        type=positive,
        default=300,
        metavar="S",
        help="stop after S seconds (default: %(default)s)",
    )

    sub = add("bench", bench.command, "measure the implementations of one chapter, and PyTorch beside them")
    chapter_and_exercise(sub)
    sub.add_argument("--starter", action="store_true", help="measure your starter too")
    sub.add_argument("--no-peers", dest="peers", action="store_false", help="leave PyTorch out")
    sub.add_argument(
        "--no-compile", dest="compile", action="store_false", help="leave torch.compile out, which takes long"
    )

    sub = add(
        "plot", plot.command, "draw what bench measured: speed against size, and speed-ups", shared=False
    )
    chapter_and_exercise(sub)
    sub.add_argument("--published", action="store_true", help="draw the figures published in docs/results")

    add(
        "list",
        commands.show_list,
        "show chapters, exercises, implementations, and how far you are",
        shared=False,
    )
    add("doctor", doctor.command, "say for every requirement whether it is here, and how to mend it")
    add("setup", commands.setup_only, "install what is missing, and build nothing")
    return top


def command_names() -> list:
    """Every command there is."""
    (commands_of,) = (action for action in parser()._actions if action.dest == "command")
    return list(commands_of.choices)


def main(arguments: list | None = None) -> int:
    try:
        options = parser().parse_args(arguments)
        return int(options.action(options))
    except WorkbookError as error:
        sys.stdout.flush()
        if error.details:
            print(error.details, file=sys.stderr)
        print(f"workbook: {error}", file=sys.stderr)
        return int(error.code)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone (`./workbook list | head -1`): nothing more to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.OK)
