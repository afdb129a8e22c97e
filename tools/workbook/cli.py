"""The command line of ./workbook: its arguments, and the one place that turns an error into an exit code."""

from __future__ import annotations

import argparse
import errno
import math
import os
import re
import signal
import textwrap

from . import (
    bench,
    commands,
    console,
    daily,
    daily_options,
    data,
    doctor,
    examples,
    failure,
    files,
    inspect,
    journey,
    ladder,
    machine,
    own_file,
    pause,
    plot,
    predict,
    profile,
    sample,
    train,
)
from .errors import Exit, Stopped, WorkbookError, explain

EPILOG = """exit codes: 0 success; 1 a test, check or run failed; 2 wrong arguments or
input; 3 this machine lacks something (a tool, disk space, a permission);
4 the build failed; 130 interrupted"""


# Commands that write nothing of their own, or go on where they cannot.
READ_ONLY = (None, "list", "doctor", "setup", "status", "next", "hint", "completion", "profile")
NAMED_BADLY = (errno.ENAMETOOLONG, errno.ELOOP)  # what was typed, rather than the machine
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
METAVARS = {int: "N", float: "X", str: "NAME"}


class Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """One line instead of the whole usage text."""
        raise WorkbookError(failure.of_arguments(message, self.prog), Exit.USAGE)


LARGEST = 2**31 - 1  # what a C++ int holds; a seed may be larger
LARGEST_SEED = 2**63 - 1
MOST_JOBS = 4096


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


def chapter_and_exercise(sub: Parser) -> None:
    sub.add_argument(
        "chapter", metavar="NN", nargs="?", help="the chapter: 1, 01 or 01_vector_add (default: all)"
    )
    sub.add_argument("exercise", nargs="?", help="only this exercise of it")


def time_limit(sub: Parser, seconds: int | None, words: str) -> None:
    usual = "no limit" if seconds is None else seconds
    sub.add_argument(
        "--timeout", type=positive, default=seconds, metavar="S", help=f"{words} (default: {usual})"
    )


def parser() -> Parser:
    common = Parser(add_help=False)
    common.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto: cuda with nvcc and a usable GPU, otherwise the CPU device (default: auto)",
    )
    common.add_argument(
        "-j",
        "--jobs",
        type=jobs,
        default=machine.default_jobs(),
        metavar="N",
        help="build and test up to N targets at once (default: %(default)s)",
    )
    common.add_argument(
        "-v", "--verbose", action="store_true", help="show every command and every line of output"
    )

    top = Parser(
        prog="./workbook",
        description="A CUDA C++ workbook: from vector add to a TinyLlama trainer, with or without\na GPU.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "--json",
        dest="alone",
        action="store_true",
        help="without a command: the same as ./workbook status --json",
    )
    commands_of = top.add_subparsers(
        dest="command",
        metavar="COMMAND",
        parser_class=Parser,
        help="without one: your current exercise and the next command",
    )
    top.set_defaults(action=daily.home)

    def add(name: str, action, help_text: str, shared: bool = True) -> Parser:
        sub = commands_of.add_parser(
            name,
            help=help_text,
            description=textwrap.fill(help_text[0].upper() + help_text[1:] + ".", 78),
            epilog=examples.of(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
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
    time_limit(sub, 24 * 3600, "stop the journey after S seconds")

    sub.add_argument("--no-pytorch", action="store_true", help="leave out PyTorch's rows")
    daily_options.json_option(sub)

    sub = add("train", train.command, "train a small Llama on text, save it, and plot its losses")
    train.declare(sub, number, METAVARS)
    daily_options.json_option(sub)

    sub = add("data", data.command, "download a public text for training", shared=False)
    sub.add_argument(
        "name", choices=sorted(data.TEXTS), help="; ".join(f"{n}: {t.about}" for n, t in data.TEXTS.items())
    )
    sub.add_argument("--url", metavar="URL", help=f"fetch from this server (default: {data.BASE_URL})")
    daily_options.json_option(sub)

    sub = add("sample", sample.command, "generate text with a trained model")
    for name, kind, text in sample.OPTIONS:
        sub.add_argument(f"--{name}", type=number(kind), metavar=METAVARS[kind], help=text)
    sub.add_argument("--slide", action="store_true", help=sample.SLIDE)
    daily_options.json_option(sub)

    sub = add("test", commands.test, "set up, build, run every test")
    sub.add_argument("-R", "--regex", metavar="REGEX", help="only tests whose name matches, as ctest -R")
    daily_options.json_option(sub)

    daily_options.declare(add, positive, time_limit)

    sub = add(
        "bench", bench.command, "measure the implementations of a chapter, and compare them with PyTorch"
    )
    chapter_and_exercise(sub)
    sub.add_argument("--starter", action="store_true", help="measure your starter too")
    sub.add_argument("--no-peers", dest="peers", action="store_false", help="do not measure PyTorch")
    sub.add_argument(
        "--no-compile",
        dest="compile",
        action="store_false",
        help="leave out torch.compile, which takes a long time",
    )
    sub.add_argument(
        "--predict",
        nargs="?",
        const=predict.ASK,
        metavar="X",
        help="predict a time (2ms), or with --starter its speed-up over the reference (1.5), and compare it "
        "with the measurement. Without X the command asks. Put it after NN and the exercise",
    )
    daily_options.json_option(sub)
    time_limit(sub, 3600, "stop a program after S seconds")

    sub = add(
        "ladder",
        ladder.command,
        "measure the rungs of a chapter's ladders: from the solution to the hardware's limit",
    )
    sub.add_argument("chapter", metavar="NN", help="the chapter: 2, 02 or 02_matmul")
    sub.add_argument("name", nargs="?", help="only the ladder of this name")
    sub.add_argument("--no-peers", dest="peers", action="store_false", help="do not measure PyTorch")
    sub.add_argument(
        "--no-compile",
        dest="compile",
        action="store_false",
        help="leave out torch.compile, which takes a long time",
    )
    daily_options.json_option(sub)
    time_limit(sub, 3600, "stop a program after S seconds")

    sub = add(
        "plot", plot.command, "draw what bench measured: speed against size, and speed-ups", shared=False
    )
    chapter_and_exercise(sub)
    sub.add_argument("--published", action="store_true", help="draw the figures published in docs/results")
    daily_options.json_option(sub)

    sub = add("run", own_file.run, "translate, build and run a CUDA file of your own")
    sub.add_argument(
        "files", metavar="FILE.cu", nargs="+", help="a CUDA file with a main(), and its other files"
    )
    own_file.declare(sub)
    daily_options.json_option(sub)
    time_limit(sub, None, "stop the program after S seconds")

    sub = add("inspect", inspect.command, inspect.ABOUT)
    sub.add_argument("what", metavar="NN | FILE.cu", nargs="+", help=inspect.WHAT)
    sub.add_argument(
        "--impl", metavar="NAME", help="with a chapter: the implementation to inspect (default: your starter)"
    )
    daily_options.json_option(sub)
    sub.add_argument("--count", action="store_true", help="with a file: count, as with a chapter")
    own_file.declare(sub)
    time_limit(sub, None, "stop the program after S seconds; with a chapter the default is 120")

    sub = add("profile", profile.command, profile.ABOUT, shared=False)
    profile.declare(sub, positive)

    about = "show chapters, exercises, implementations, and your progress"
    daily_options.json_option(add("list", commands.show_list, about, shared=False))
    about = "check every requirement, and say how to install what is missing"
    daily_options.json_option(add("doctor", doctor.command, about))
    daily_options.json_option(add("setup", commands.setup_only, "install what is missing, without building"))
    return top


def command_names() -> list:
    """Every command there is."""
    (commands_of,) = (action for action in parser()._actions if action.dest == "command")
    return list(commands_of.choices)


def main(arguments: list | None = None) -> int:
    """Run the command that `arguments` name; whatever happens ends in an exit code and at most one line."""
    is_open = console.open_streams()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number_of in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number_of) != signal.SIG_IGN:  # nohup
            signal.signal(number_of, stop)
    pause.install()
    try:
        code = guarded(arguments, is_open)
    except KeyboardInterrupt as error:
        console.silence()
        return ended_by(error)
    try:
        console.write("")
    except console.OutputError as error:
        console.complain(f"workbook: cannot write to standard output: {error}")
        return int(code or Exit.SETUP)
    return code


def stop(number_of: int, _frame) -> None:
    raise Stopped(number_of)


def ended_by(error: KeyboardInterrupt) -> int:
    return 128 + error.number if isinstance(error, Stopped) else int(Exit.INTERRUPTED)


def guarded(arguments: list | None, is_open: bool) -> int:
    """The one place that turns errors into words."""
    details = ""
    console.answered = False
    try:
        if not is_open:
            raise WorkbookError("standard output is closed: nobody would read the output of the command")
        given, behind = own_file.split(arguments)
        options = checked(parser().parse_args(given))
        options.arguments = behind
        if options.command is None:
            options.json = options.alone
        elif options.alone:
            message = f"--json belongs behind the command: ./workbook {options.command} --json"
            raise WorkbookError(message, Exit.USAGE)
        require_places(options)
        return int(options.action(options))
    except SystemExit as error:  # argparse, after --help
        return int(error.code or 0)
    except WorkbookError as error:
        message, code, details = str(error), error.code, error.details
    except KeyboardInterrupt as error:
        message, code = "interrupted", ended_by(error)
    except console.OutputError as error:
        message, code = f"cannot write to standard output: {error}", Exit.SETUP
    except OSError as error:
        message, code = explain(error), Exit.USAGE if error.errno in NAMED_BADLY else Exit.SETUP
    except MemoryError:
        message, code = (
            "no memory left; end other programs, then run the same command again",
            Exit.SETUP,
        )
    except Exception as error:
        if os.environ.get("WORKBOOK_TRACEBACK"):
            raise
        message, code = failure.unexpected(error), Exit.FAILED
    failure.tell(arguments, message, code, details)
    return int(code)


def require_places(options: argparse.Namespace) -> None:
    """Refuse before a long build what could not be written after it."""
    if options.command in READ_ONLY or (options.command == "solution" and not options.count):
        return
    files.require_writable(machine.RESULTS)
    if hasattr(options, "device"):
        files.require_writable(machine.ROOT / "build")
