"""What was saved: by looking again and again, so that it works on file systems that report no events.

Times and sizes are looked at each time, and contents once in a while: over a network, times may be coarse.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

THOROUGH_SECONDS = 1.0
SETTLE_SECONDS = 0.02  # an editor writes a file in pieces
SETTLE_TRIES = 25
SHARE = 0.1  # of the time that looking may take: a slow file system is asked less often


class Changes:
    """Of the files that `listed()` names at each thorough look."""

    def __init__(self, listed) -> None:
        self.listed = listed
        self.times, self.contents = {}, {}
        self.looked = 0.0
        self.cost = 0.0
        self.next()

    def next(self) -> list:
        """Files whose content differs from the last look. An empty file is one that is being written."""
        began = time.monotonic()
        thorough = began - self.looked >= max(THOROUGH_SECONDS, self.cost / SHARE)
        files = self.listed() if thorough else list(self.times)
        found = []
        for file in files:
            state = times(file)
            if state is None or (state == self.times.get(file) and not thorough):
                continue
            content = digest(file)
            if content is None:
                continue
            known = self.contents.get(file)
            if known is not None and content != known:
                content = settled(file, content)
                found.append(file)
            elif known is None and self.looked:
                found.append(file)
            self.times[file], self.contents[file] = state, content
        if thorough:
            self.looked = time.monotonic()
            self.cost = self.looked - began
        return found


def times(file: Path) -> tuple | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino


def digest(file: Path) -> str | None:
    """None where there is nothing in it, or no file."""
    try:
        data = file.read_bytes()
    except OSError:
        return None
    return hashlib.sha256(data).hexdigest() if data else None


def settled(file: Path, content: str) -> str:
    """The content once two looks in a row find the same."""
    for _ in range(SETTLE_TRIES):
        time.sleep(SETTLE_SECONDS)
        again = digest(file)
        if again == content:
            break
        content = again or content
    return content
