"""Answers to --json: what each command's document holds, and where other programs print meanwhile.

docs/results_schema.md describes the fields.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from . import console, files

SAME = ("exit_code", "device")
# A command to the fields of its document, beside `schema_version` and `kind`.
FIELDS = {
    "journey": (*SAME, "journey", "pytorch", "picture"),
    "train": (*SAME, "folder", "training", "checkpoint", "picture"),
    "data": ("file", "bytes", "sha256", "fetched"),
    "sample": (*SAME, "checkpoint", "text"),
    "test": (*SAME, "passed", "failed", "skipped", "tests"),
    "check": ("exit_code", "exercises"),
    "watch": ("exit_code", "exercises"),
    "status": ("solved", "total", "current", "exercises"),
    "next": ("current", "after"),
    "hint": ("chapter", "exercise", "step", "steps", "title", "rung", "rungs", "about", "text"),
    "solution": (
        *("chapter", "exercise", "solved", "starter", "reference", "walkthrough"),
        *("reference_only", "yours_only", "numbers", "counted"),
    ),
    "reset": ("chapter", "exercise", "starter", "from", "backup"),
    "bench": (*SAME, "prediction", "benchmarks"),
    "ladder": (*SAME, "ladders"),
    "plot": ("exit_code", "pictures"),
    "run": (*SAME, "output"),
    "inspect": ("exit_code", "exercises", "own_file"),
    "profile": (
        "chapter",
        "exercise",
        "capability",
        "implementations",
        "counts",
        "times",
        "missing",
        "differences",
    ),
    "list": ("chapters",),
    "doctor": ("device", "problem", "findings"),
    "setup": ("device", "installed", "missing", "problem"),
}


def help_of(command: str) -> str:
    """What --help says of --json."""
    each = " per verdict, in one line" if command == "watch" else ""
    fields = ", ".join(FIELDS[command])
    return f"print a JSON document on standard output{each} ({fields}); messages go to standard error"


def output_of(options) -> int | None:
    """Where programs print: with --json, standard output is for the document alone."""
    return sys.stderr.fileno() if options.json else None


class Written:
    """A results file that a program is about to write; None afterwards if it has not."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.before = stamp(file)

    def document(self) -> dict | None:
        if stamp(self.file) in (None, self.before):
            return None
        try:
            return json.loads(files.read_text(self.file))
        except (OSError, ValueError) as error:
            console.warn(f"{self.file.name} cannot be read: {error}")
            return None


def stamp(file: Path) -> tuple | None:
    """Changes when the file is written again: programs write another file and rename it."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class Output:
    """The standard output of a program, for a document; without --json it is the person's own."""

    def __init__(self, options) -> None:
        self.file = None
        if options.json:
            import tempfile  # here: every command needs this module, and few need files

            self.file = tempfile.TemporaryFile()  # noqa: SIM115

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *_) -> None:
        if self.file:
            self.file.close()

    @property
    def descriptor(self) -> int | None:
        return self.file.fileno() if self.file else None

    @property
    def text(self) -> str:
        """What is not UTF-8 becomes a question mark."""
        if not self.file:
            return ""
        self.file.seek(0)
        return self.file.read().decode(errors="replace")
