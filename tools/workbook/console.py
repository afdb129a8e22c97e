"""What the command prints: headings, marks in color, and one progress line that redraws itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator

QUIET_SECONDS = 20.0  # between two lines of progress where there is no terminal
COLORS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36"}
COLORS |= {"bold": "1", "dim": "2"}
# Of a compiler's message: its first line, which editors read as a whole, and lines of source code.
COMPILED = re.compile(r"[ \d]{5} \| |[^\s:]+:\d+:\d+:\s+(?:fatal )?(?:error|warning):")


def _unicode() -> bool:
    return "utf" in (getattr(sys.stdout, "encoding", "") or "").lower()


def paint(text: str, color: str) -> str:
    """`text` in a color where a person looks at a terminal, else as it is."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{COLORS[color]}m{text}\033[0m"


def mark(ok: bool) -> str:
    good, bad = ("✓", "✗") if _unicode() else ("ok", "XX")
    return paint(good, "green") if ok else paint(bad, "red")


# Whether the command runs inside `watch` with its keys: then a key is named rather than a command.
has_keys = False
answered = False  # whether the command has printed its document


class OutputError(Exception):
    """Standard output takes no more: its disk is full, or it is closed."""


def write(text: str) -> None:
    """To standard output.

    Where its reader has gone (`./workbook check 01 | head -1`) the command goes on without a word: its
    exit code is still asked for.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    except (OSError, ValueError) as error:
        silence()
        raise OutputError(str(getattr(error, "strerror", None) or error)) from error


def silence() -> None:
    """Let standard output lead nowhere, for this process and for what it starts."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def say(text: str = "") -> None:
    """Lines for a person: on a terminal they break between words."""
    write(fitted(text, sys.stdout) + "\n")


def complain(text: str) -> None:
    """To standard error, where there is one. Several lines are another program's, and stay as they are."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(text if "\n" in text else fitted(text, sys.stderr), file=sys.stderr, flush=True)


def open_streams() -> bool:
    """Give every standard stream a place, and let none of them fail for a character that it does not have.

    False where standard output is closed: whatever the command found, nobody would read it.
    """
    closed = set()
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)  # takes the lowest free number
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    return 1 not in closed


@contextlib.contextmanager
def aside(asked: bool) -> Iterator[None]:
    """With --json, words go to standard error: standard output holds the document alone."""
    if not asked:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield


def document(kind: str, body: dict) -> None:
    """The answer to --json (docs/results_schema.md)."""
    global answered
    answered = True
    write(json.dumps({"schema_version": 1, "kind": kind, **body}, indent=1) + "\n")


def columns() -> int:
    """How many letters fit in a line of the terminal."""
    return max(20, shutil.get_terminal_size().columns)


def width_of(most: int) -> int:
    """The width of a table or a paragraph that wraps itself: `most`, or that of a narrower terminal."""
    return min(most, columns()) if sys.stdout.isatty() else most


def fitted(text: str, stream) -> str:
    """On a terminal, lines break between words, and the rest of a line is indented like its beginning."""
    if not stream.isatty():
        return text
    return "\n".join(part for line in text.split("\n") for part in broken(line, columns()))


def broken(line: str, width: int) -> list:
    """The parts of a line that is wider than `width`.

    A color at the beginning of the line takes no place. A line with colors elsewhere is not broken. Neither
    is a compiler's message, in which a mark points to a column of the source code above it.
    """
    colored = re.match(r"( *)(\033\[\d+m)(.+?)\033\[0m", line)
    if colored:
        bare = colored[1] + colored[3]
        first, *others = broken(bare + line[colored.end() :], width)
        if first.startswith(bare):
            return [colored[0] + first[len(bare) :], *others]
        if colored.end() == len(line):
            return [f"{colored[2]}{part}\033[0m" for part in (first, *others)]
    if len(line) <= width or "\033" in line or COMPILED.match(line):
        return [line]
    margin = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=margin,
        drop_whitespace=True,
        break_on_hyphens=False,
        break_long_words=False,
        replace_whitespace=False,
    ) or [""]


def heading(text: str) -> None:
    say("\n".join(paint(line, "bold") if line else "" for line in text.split("\n")))


_warned = set()


def warn(text: str) -> None:
    """Each warning once: what is wrong with one folder shows for every file in it."""
    if text in _warned:
        return
    _warned.add(text)
    complain(f"{paint('warning', 'yellow')}: {text}")


def shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else f"{int(value) // 60} min {int(value) % 60:02d} s"


class Progress:
    """One line on a terminal; elsewhere a line at the start, one now and then, and one at the end.

    With `patience` it says nothing about what has succeeded within so many seconds.
    """

    def __init__(self, title: str, patience: float = 0.0) -> None:
        self.title = title
        self.patience = patience
        self.terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.started = time.monotonic()
        self.spoken = self.started
        self.drawn = False
        if not self.terminal and not patience:
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
        took = time.monotonic() - self.started
        if result != "done" or took >= self.patience:
            say(f"{self.title}: {result} in {seconds(took)}")

    def clear(self) -> None:
        if self.terminal and self.drawn:
            write("\r\033[K")

    def _draw(self, text: str) -> None:
        if time.monotonic() - self.started < self.patience:
            return
        self.drawn = True
        width = shutil.get_terminal_size().columns - 1
        write("\r\033[K" + shorten(text, width))
