"""Ends what ./workbook has started when ./workbook itself is killed, SIGKILL included.

A forked copy of this process, the guard, waits at the reading end of a pipe whose writing end ./workbook
holds. Each child writes the number of its process group into the pipe before it becomes another program,
so there is no moment in which a child runs unknown; the writing end closes when ./workbook ends, however
it ends. Then the guard kills the groups that are still listed, and what carries this run's mark in its
environment: programs that left their group. A terminal that ./workbook reads keys from is as before.

PR_SET_PDEATHSIG would end the direct child only: the compilers that Ninja started would go on.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import termios
import time

VARIABLE = "WORKBOOK_RUN"
MARK = f"{os.getpid()}.{time.monotonic_ns()}"  # of this run, in the environment of all that it starts
ROUNDS = 20  # of looking for marked programs: one may start another while we look

_pipe: int | None = None
_guard_pid = 0


def marked(env: dict) -> dict:
    """`env` with this run's mark, beside those of the runs that this one is part of."""
    outer = env.get(VARIABLE, "").split(":")
    return {**env, VARIABLE: ":".join(dict.fromkeys([*filter(None, outer), MARK]))}


def watch() -> int:
    """Start the guard, once; the pipe's writing end, for `enter` and `leave`."""
    global _pipe, _guard_pid
    if _pipe is None:
        reading, _pipe = os.pipe()
        _guard_pid = os.fork()
        if _guard_pid == 0:
            try:
                _guard(reading)
            finally:
                os._exit(0)
        os.close(reading)
        atexit.register(dismiss)
    return _pipe


def renew() -> None:
    """In a forked copy of this process (child.py): a mark and, when it starts something, a guard of its own.

    What it starts carries the first mark, too.
    """
    global _pipe, MARK
    os.environ[VARIABLE] = marked(dict(os.environ))[VARIABLE]
    MARK = f"{os.getpid()}.{time.monotonic_ns()}"
    if _pipe is not None:
        os.close(_pipe)
        _pipe = None


def enter(group: int) -> None:
    os.write(_pipe, b"+%d\n" % group)


def leave(group: int) -> None:
    with contextlib.suppress(OSError):
        os.write(_pipe, b"-%d\n" % group)


def keep_terminal(settings: list | None) -> None:
    """Whatever ends ./workbook, the terminal on standard input then gets these settings (of tcgetattr) back.
    None: it has them already."""
    words = ""
    if settings is not None:
        *flags, characters = settings
        words = json.dumps([*flags, [c if isinstance(c, int) else c[0] for c in characters]])
    os.write(watch(), f"t{words}\n".encode())


def kill_group(group: int, how: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, how)


def kill_marked() -> None:
    """Kill what this run has started, wherever it went. Only Linux lets one look (/proc)."""
    for _ in range(ROUNDS):
        found = _marked_processes()
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def signal_marked(number: int) -> None:
    """Send a signal to all that this run has started; again to all, as long as there are new ones."""
    known, found = None, []
    while found != known:
        known = found
        found = _marked_processes()
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _marked_processes() -> list:
    mark = MARK.encode()
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                for entry in file.read().split(b"\0"):
                    key, _, value = entry.partition(b"=")
                    if key == VARIABLE.encode() and mark in value.split(b":"):
                        found.append(int(name))
    return found


def _guard(reading: int) -> None:
    os.setsid()  # Ctrl-C is not for the guard
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    # Hold nothing open that others wait for: a pipe from our standard output, say.
    terminal = os.dup(0) if os.isatty(0) else reading
    os.dup2(reading, 0)
    os.dup2(terminal, 1)
    os.closerange(2, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 65536 else 65536)
    groups = set()
    rest, settings = b"", b""
    while data := os.read(0, 4096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"t"):
                settings = line[1:]
            else:
                (groups.add if line.startswith(b"+") else groups.discard)(int(line[1:]))
    if settings:
        with contextlib.suppress(OSError, termios.error):  # a terminal that has gone
            termios.tcsetattr(1, termios.TCSANOW, json.loads(settings))
    for group in groups:
        kill_group(group)
    kill_marked()


def dismiss() -> None:
    """At the end of ./workbook: nothing runs any more, so the guard ends at once."""
    global _pipe
    if _pipe is not None:
        os.close(_pipe)
        _pipe = None
        with contextlib.suppress(ChildProcessError, KeyboardInterrupt):
            os.waitpid(_guard_pid, 0)
