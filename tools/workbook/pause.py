"""Ctrl-Z: stop what ./workbook has started along with it, and let all of it go on together.

The terminal stops the programs of its own session only, and each that ./workbook starts has another
(process.py). The time that passes meanwhile counts against no limit.
"""

from __future__ import annotations

import os
import signal
import time

from . import guard

_owner = os.getpid()
_paused = 0.0  # seconds


def clock() -> float:
    """Seconds, as time.monotonic counts them, without those in which the command was stopped."""
    return time.monotonic() - _paused


def adopt() -> None:
    """In a forked copy of this process, which Ctrl-Z is not to stop: who has started it ends it."""
    global _owner
    _owner = os.getpid()
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)


def install() -> None:
    if signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL:  # ignored where no shell could continue us
        signal.signal(signal.SIGTSTP, _stop)


def _stop(_number, _frame) -> None:
    global _paused
    if os.getpid() != _owner:  # a child that is not yet the program that it is to become
        return
    began = time.monotonic()
    guard.signal_marked(signal.SIGSTOP)
    try:
        os.kill(_owner, signal.SIGSTOP)  # until the shell says SIGCONT
    finally:  # a SIGTERM that has waited is answered first
        _paused += time.monotonic() - began
        guard.signal_marked(signal.SIGCONT)
