"""The command line of ./workbook: its arguments, and the one place that turns an error into an exit code."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import textwrap

from . import command_options, console, examples, failure, files, lazy, machine, pause
from .arguments import checked, split
from .command_table import COMMANDS, HOME
from .errors import Exit, Stopped, WorkbookError, explain

EPILOG = """exit codes: 0 success; 1 a test, check or run failed; 2 wrong arguments or
input; 3 this machine lacks something (a tool, disk space, a permission);
4 the build failed; 130 interrupted"""


# Commands that write nothing of their own, or go on where they cannot.
READ_ONLY = (None, "list", "doctor", "setup", "status", "next", "hint", "completion", "profile")
NAMED_BADLY = (errno.ENAMETOOLONG, errno.ELOOP)  # what was typed, rather than the machine


class Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """One line instead of the whole usage text."""
        raise WorkbookError(failure.of_arguments(message, self.prog), Exit.USAGE)


def parser(given: list | None = None) -> Parser:
    """For the words of a command line, with the command that they name; without words, with all commands."""
    named = next((word for word in given or () if not word.startswith("-")), None)
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
    for name in [named] if named in COMMANDS else COMMANDS:
        command = COMMANDS[name]
        sub = commands_of.add_parser(
            name,
            help=command.about,
            description=textwrap.fill(command.about[0].upper() + command.about[1:] + ".", 78),
            epilog=examples.of(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if command.shared:
            command_options.shared(sub)
        if given is None or name == named:
            command.options(sub)
    return top


def main(words: list | None = None) -> int:
    """Run the command that `words` name; whatever happens ends in an exit code and at most one line."""
    is_open = console.open_streams()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number_of in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number_of) != signal.SIG_IGN:  # nohup
            signal.signal(number_of, stop)
    pause.install()
    try:
        code = guarded(words, is_open)
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


def guarded(words: list | None, is_open: bool) -> int:
    """The one place that turns errors into words."""
    details = ""
    console.answered = False
    try:
        if not is_open:
            raise WorkbookError("standard output is closed: nobody would read the output of the command")
        given, behind = split(words)
        options = checked(parser(given).parse_args(given))
        options.arguments = behind
        if options.command is None:
            options.json = options.alone
        elif options.alone:
            message = f"--json belongs after the command: ./workbook {options.command} --json"
            raise WorkbookError(message, Exit.USAGE)
        require_places(options)
        action = COMMANDS[options.command].action if options.command else HOME
        return int(lazy.function(action)(options))
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
    failure.tell(words, message, code, details)
    return int(code)


def require_places(options: argparse.Namespace) -> None:
    """Refuse before a long build what could not be written after it."""
    if options.command in READ_ONLY or (options.command == "solution" and not options.count):
        return
    files.require_writable(machine.RESULTS)
    if hasattr(options, "device"):
        files.require_writable(machine.ROOT / "build")
