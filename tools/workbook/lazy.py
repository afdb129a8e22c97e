"""Modules that are loaded when they are needed: a command waits for no other command's."""

from __future__ import annotations

import importlib

from .errors import Exit, WorkbookError


def module(name: str):
    """The module of this package; a damaged one is an error in one line, as in the file `workbook`."""
    try:
        return importlib.import_module(f".{name}", __package__)
    except (ImportError, SyntaxError, ValueError, EOFError) as error:
        what = (str(error).splitlines() or [type(error).__name__])[0]
        message = f"tools/workbook is incomplete or damaged ({what}); put it back: git checkout tools"
        raise WorkbookError(message, Exit.SETUP) from error


def function(name: str):
    """The function that "module:function" names."""
    of, _, called = name.partition(":")
    return getattr(module(of), called)
