"""What the command prints: headings, marks in colour, and one progress line that redraws itself."""

from __future__ import annotations

import os
import shutil
import sys
import time

QUIET_SECONDS = 20.0  # between two lines of progress where there is no terminal
COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def _unicode() -> bool:
    return "utf" in (getattr(sys.stdout, "encoding", "") or "").lower()


def paint(text: str, colour: str) -> str:
    """`text` in a colour where a person looks at a terminal, else as it is."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def mark(ok: bool) -> str:
    good, bad = ("✓", "✗") if _unicode() else ("ok", "XX")
    return paint(good, "green") if ok else paint(bad, "red")


def say(text: str = "") -> None:
    print(text, flush=True)


def heading(text: str) -> None:
    say(paint(text, "bold"))


def warn(text: str) -> None:
    sys.stdout.flush()
    print(f"{paint('warning', 'yellow')}: {text}", file=sys.stderr, flush=True)


def shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else f"{int(value) // 60} min {int(value) % 60:02d} s"


class Progress:
    """One line on a terminal; elsewhere a line at the start, one now and then, and one at the end."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.started = time.monotonic()
        self.spoken = self.started
        if not self.terminal:
            say(f"{title} ...")

    def update(self, done: int, total: int, what: str = "") -> None:
        total = max(total, 1)
        if self.terminal:
            filled = 20 * done // total
            text = f"{self.title}  [{'#' * filled}{'.' * (20 - filled)}] {done}/{total}  {what}"
            self._draw(text)
        elif time.monotonic() - self.spoken > QUIET_SECONDS and done < total:
            self.spoken = time.monotonic()
            say(f"{self.title}: {done}/{total}")

    def note(self, what: str) -> None:
        if self.terminal:
            self._draw(f"{self.title}  {what}")

    def finish(self, result: str = "done") -> None:
        self.clear()
        say(f"{self.title}: {result} in {seconds(time.monotonic() - self.started)}")

    def clear(self) -> None:
        if self.terminal:
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()

    def _draw(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r\033[K" + shorten(text, width))
        sys.stdout.flush()
