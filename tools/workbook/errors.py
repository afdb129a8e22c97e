"""Exit codes of the command, and the one exception that ends it with a message instead of a stack trace."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    OK = 0
    FAILED = 1  # a test, a check or a run came out red
    USAGE = 2  # an argument, a chapter or a file is wrong
    SETUP = 3  # something the machine needs is missing
    BUILD = 4  # CMake or the compiler refused
    INTERRUPTED = 130  # Ctrl-C


class WorkbookError(Exception):
    """What happened, where, and what to do next, in one line; `details` is another program's own words."""

    def __init__(self, message: str, code: Exit = Exit.SETUP, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.details = details
