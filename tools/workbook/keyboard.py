"""Single keys from the terminal, for `watch`. However the block ends, the terminal is as it was before."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import time
import tty

from . import guard
from .process import HELD

ESCAPE = b"\x1b"  # arrows and the like begin with it


class Keyboard:
    """`with Keyboard() as keys`. Without a terminal, or in the background, there are no keys."""

    def __init__(self) -> None:
        self.terminal = None
        self.before = None
        self.typed = ""  # read, and not yet answered

    def __enter__(self) -> Keyboard:
        self.take()
        return self

    def __exit__(self, *_) -> None:
        self.give_back()

    def take(self) -> None:
        """Keys without Enter and without echo; Ctrl-C and Ctrl-Z stay signals."""
        with contextlib.suppress(OSError, ValueError, AttributeError, termios.error):
            number = sys.stdin.fileno()
            if os.isatty(number) and os.tcgetpgrp(number) == os.getpgrp():
                self.before = termios.tcgetattr(number)
                guard.keep_terminal(self.before)
                self.terminal = number
                tty.setcbreak(number, termios.TCSADRAIN)

    def give_back(self) -> None:
        if self.terminal is not None:
            signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
            with contextlib.suppress(OSError, termios.error):  # a terminal that has gone
                termios.tcsetattr(self.terminal, termios.TCSADRAIN, self.before)
                guard.keep_terminal(None)
            self.terminal = None
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)

    @property
    def there(self) -> bool:
        return self.terminal is not None

    def wait(self, seconds: float) -> str:
        """The key that is pressed within so many seconds, else nothing. Of an arrow key, nothing."""
        if self.terminal is None:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([self.terminal], [], [], 0 if self.typed else seconds)
        if ready:
            data = os.read(self.terminal, 64)
            if not data:  # end of file: the terminal has gone
                raise EOFError
            self.typed += "" if data.startswith(ESCAPE) else data.decode("ascii", errors="replace")
        key, self.typed = self.typed[:1], self.typed[1:]
        return key
