"""What a student has done, in one plain file: results/progress.json.

Which contents of a starter have passed, how many rungs of each ladder of hints were shown, and what was
predicted of benchmarks. A content is known by its hash, so that a file counts as solved again when it is what
it was. What the last check of each exercise found is beside it, in results/check (chapters.py).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from . import files
from .errors import Exit, WorkbookError, explain

VERSION = 1
KEPT = 20  # contents of a starter that passed
KEPT_PREDICTIONS = 100  # of an exercise


class Store:
    """The progress file in the folder `results`. A damaged one is set aside, and counts as empty."""

    def __init__(self, results: Path) -> None:
        self.file = results / "progress.json"

    def solved(self) -> dict:
        """Exercise -> {hash of a starter that passed: the device}."""
        return {name: entry.get("solved", {}) for name, entry in self._exercises().items()}

    def hints(self, key: str) -> dict:
        """Step -> how many rungs of its ladder were shown."""
        return dict(self._exercises().get(key, {}).get("hints", {}))

    def solve(self, key: str, content: str, device: str) -> None:
        def note(entry: dict) -> None:
            solved = entry.setdefault("solved", {})
            solved.pop(content, None)
            solved[content] = device
            for old in list(solved)[:-KEPT]:
                del solved[old]

        self._change(key, note)

    def show_hint(self, key: str, step: str, rung: int) -> None:
        def note(entry: dict) -> None:
            hints = entry.setdefault("hints", {})
            hints[step] = max(rung, hints.get(step, 0))

        self._change(key, note)

    def predictions(self) -> list:
        """What was predicted of benchmarks, and how far that was (predict.py)."""
        return [one for entry in self._exercises().values() for one in entry.get("predictions", [])]

    def note_prediction(self, key: str, about: dict) -> None:
        def note(entry: dict) -> None:
            entry["predictions"] = [*entry.get("predictions", []), about][-KEPT_PREDICTIONS:]

        self._change(key, note)

    def forget_hints(self, key: str) -> None:
        if self.hints(key):
            self._change(key, lambda entry: entry.pop("hints", None))

    def _exercises(self) -> dict:
        document = files.load(self.file, VERSION, is_progress)
        return document["exercises"] if document else {}

    def _change(self, key: str, note: Callable) -> None:
        """Read, change and write as one step: two shells may check at once."""
        files.make_folder(self.file.parent)
        with locked(self.file.with_suffix(".lock")):
            exercises = self._exercises()
            note(exercises.setdefault(key, {}))
            document = {"schema_version": VERSION, "exercises": exercises}
            files.write_text(self.file, json.dumps(document, indent=2) + "\n")


def is_progress(document: dict) -> bool:
    return all(
        isinstance(entry, dict)
        and all(isinstance(device, str) for device in entry.get("solved", {}).values())
        and all(isinstance(rung, int) for rung in entry.get("hints", {}).values())
        and all(is_factor(one["factor"]) for one in entry.get("predictions", []))
        for entry in document["exercises"].values()
    )


def is_factor(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 1 <= value < float("inf")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file `path` for a moment. On a file system without locks nothing is held."""
    kind = files.irregular(path)
    if kind:
        raise WorkbookError(
            f"{path} is {kind} where a file must be; delete it, then run this again", Exit.SETUP
        )
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise WorkbookError(explain(error, path), Exit.SETUP) from error
    try:
        with contextlib.suppress(OSError):
            fcntl.lockf(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
