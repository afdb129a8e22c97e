"""A command of ./workbook in a forked copy of this process: it begins at once, with all that is known.

`watch` runs its commands so. The copy is a session and process group of its own, as every program that
./workbook starts (process.py), and the guard knows it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

from . import console, guard, pause, process

STEP = 0.01  # seconds between two looks
ASK_AGAIN_SECONDS = 0.5


class Child:
    """`run` in a copy of this process; its result is the exit code. Call `end` in a `finally`."""

    def __init__(self, run: Callable, output: int | None = None) -> None:
        """`output` is the file descriptor that becomes its standard output."""
        guard.watch()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, process.HELD)
        self.code = None
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _become(run, output, before)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def has_ended(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._note(status)
        return self.code is not None

    def end(self) -> None:
        """Leave nothing of it, and let it say nothing more. Ctrl-C ends it at once, and is raised."""
        try:
            began = asked = time.monotonic()
            if not self.has_ended():
                guard.kill_group(self.pid, signal.SIGTERM)
            while not self.has_ended() and time.monotonic() - began < process.GRACE_SECONDS:
                time.sleep(STEP)
                if time.monotonic() - asked > ASK_AGAIN_SECONDS:  # it may have been just between two steps
                    asked = time.monotonic()
                    guard.kill_group(self.pid, signal.SIGTERM)
        finally:
            if self.code is None:
                guard.kill_group(self.pid, signal.SIGKILL)  # its own guard ends what it has started
                self._note(os.waitpid(self.pid, 0)[1])

    def _note(self, status: int) -> None:
        self.code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        guard.leave(self.pid)


def _become(run: Callable, output: int | None, before: set) -> None:
    """The copy, from its first moment to its end. Does not return."""
    code = 1
    try:
        os.setsid()
        guard.enter(os.getpid())
        guard.renew()
        pause.adopt()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        if output is not None:
            os.dup2(output, 1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # its parent answers it
        signal.signal(signal.SIGTERM, _stop)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        code = run()
        console.write("")
    except BaseException:  # _stop, while nothing was running
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        guard.dismiss()
        os._exit(code)


def _stop(_number, _frame) -> None:
    """Say nothing more, clean up, end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    raise KeyboardInterrupt
