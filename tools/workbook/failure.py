"""What a command says when it fails: one line for a person, and with --json a document for a program."""

from __future__ import annotations

import contextlib
import json
import os
import re

from . import console
from .arguments import split

NO_COMMAND = re.compile(r"argument COMMAND: invalid choice: '(.*)' \(choose from (.*)\)", re.S)


def tell(arguments: list | None, message: str, code: int, details: str = "") -> None:
    """The line on standard error. With --json also {"kind": "error"} on standard output, in one line, unless
    the command has answered already."""
    if details:
        console.complain(details)
    console.complain(f"workbook: {message}")
    given, _ = split(arguments)
    if "--json" in given and not console.answered:
        body = {"schema_version": 1, "kind": "error", "exit_code": int(code), "message": message}
        with contextlib.suppress(console.OutputError):
            console.write(json.dumps(body) + "\n")


def of_arguments(message: str, program: str) -> str:
    """argparse's words; for a command that does not exist, the nearest one instead of the list of all."""
    found = NO_COMMAND.match(message)
    if not found:
        return f"{message} (see {program} --help)"
    import difflib  # as traceback below: rarely needed

    near = difflib.get_close_matches(found[1].lower(), re.findall(r"\w+", found[2]), n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    return f"there is no command '{found[1]}'{guess} (see {program} --help)"


def unexpected(error: Exception) -> str:
    """A mistake of ours, in one line too."""
    import traceback

    place = traceback.extract_tb(error.__traceback__)[-1]
    words = " ".join(str(error).split())
    return (
        f"a mistake in the workbook itself: {type(error).__name__}, {console.shorten(words, 120)}, in "
        f"{os.path.basename(place.filename)}:{place.lineno}; please report it. WORKBOOK_TRACEBACK=1 says more"
    )
