"""Run other programs: quietly for their answer, line by line for a progress bar, or in the open.

Each runs in a session and process group of its own, which is ended as a whole: when the program ends,
when its time is up, on Ctrl-C, and by the guard (guard.py) when ./workbook is killed. Ctrl-Z stops it
along with ./workbook (pause.py). Of what it prints, head and tail are kept.
"""

from __future__ import annotations

import math
import os
import select
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from . import guard
from .console import warn
from .pause import clock

GRACE_SECONDS = 5.0  # for a program to end by itself after SIGINT or SIGTERM, before SIGKILL
LOOK_SECONDS = 0.1  # how often to look whether a program that prints nothing has ended
KEPT_BYTES = 512 * 1024  # of a program's output, at its head and at its tail
LINE_BYTES = 16 * 1024  # a longer line is cut
NOT_FOUND, NOT_EXECUTABLE, TIMED_OUT = 127, 126, 124
HELD = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def shown(command: list) -> str:
    """The command as a person would type it."""
    return " ".join(shlex.quote(str(part)) for part in command)


class Bounded:
    """Head and tail of a text that may have no end."""

    def __init__(self, kept: int = KEPT_BYTES) -> None:
        self.kept = kept
        self.head = bytearray()
        self.tail = bytearray()
        self.left_out = 0

    def add(self, data: bytes) -> None:
        room = self.kept - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        self.tail += data
        if len(self.tail) > 2 * self.kept:
            self.left_out += len(self.tail) - self.kept
            del self.tail[: -self.kept]

    @property
    def text(self) -> str:
        between = f"\n... {self.left_out} bytes left out ...\n".encode() if self.left_out else b""
        return (bytes(self.head) + between + bytes(self.tail)).decode(errors="replace")


class Group:
    """One program and all that it starts. Call `end` in a `finally`, also when `start` raised."""

    def __init__(self, command: list, ours: bool = True, sweep: bool = True, **settings) -> None:
        self.command = [str(part) for part in command]
        self.ours = ours  # False: sudo and apt-get, which keep the terminal and clean up by themselves
        self.sweep = sweep  # afterwards, look for programs that have left the group
        self.settings = settings
        self.process = None
        self.over = False

    def start(self) -> None:
        env = self.settings.pop("env", None) or os.environ
        if self.ours:
            guard.watch()
            env = guard.marked(env)
        # A signal between the fork and the assignment would leave a child that nobody knows.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)

        def prepare() -> None:
            os.setsid()
            guard.enter(os.getpid())
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

        def unblock() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=self.settings.pop("stdin", subprocess.DEVNULL),
                env=dict(env),
                preexec_fn=prepare if self.ours else unblock,
                **self.settings,
            )
        finally:
            unblock()

    def has_ended(self, seconds: float | None = 0.0) -> bool:
        """Wait for the program's end, for `seconds` at most (None: without a limit).

        It stays unreaped, so that no other process gets its number before `end` has killed its group.
        """
        if self.over or self.process.returncode is not None:
            return True
        options = os.WEXITED | os.WNOWAIT
        # Without a limit, too, it only looks now and then: a signal just before a wait that blocks would be
        # noticed at its end.
        until = math.inf if seconds is None else clock() + seconds
        pause = 0.001
        while os.waitid(os.P_PID, self.process.pid, options | os.WNOHANG) is None:
            if clock() >= until:
                return False
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        self.over = True
        return True

    def end(self, first: int = signal.SIGTERM, grace: float = GRACE_SECONDS) -> int:
        """Leave nothing of the group: `first` for an orderly end, then SIGKILL. The exit code."""
        if self.process is None:
            return -1
        try:
            if not self.has_ended():
                self._send(first)
                if not self.has_ended(grace):
                    self._send(signal.SIGKILL)
        except KeyboardInterrupt:  # asked twice: at once
            self._send(signal.SIGKILL)
        if self.ours:
            self._send(signal.SIGKILL)
        code = self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        if self.ours:
            guard.leave(self.process.pid)
            if self.sweep:
                guard.kill_marked()
        return code

    def _send(self, number: int) -> None:
        if self.ours:
            guard.kill_group(self.process.pid, number)
        elif not self.has_ended():
            self.process.send_signal(number)


class Lines:
    """Iterate over a program's output lines; afterwards `code` is its exit code and `text` its output.

    It may run for `timeout` seconds or, with `renewed`, for as long between two of its lines.
    """

    def __init__(
        self,
        command: list,
        env: dict | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        renewed: bool = False,
        ours: bool = True,
        sweep: bool = True,
        pass_fds: tuple = (),
        on_look: Callable | None = None,
        in_background: bool = False,
    ) -> None:
        """`on_look` is called some times per second while the program runs; True ends the program.
        `in_background`: do not wait for what it prints, and do not look.
        """
        self.command, self.env, self.cwd = command, env, cwd
        self.timeout, self.renewed = timeout, renewed
        self.ours, self.sweep, self.pass_fds = ours, sweep, pass_fds
        self.on_look, self.in_background = on_look, in_background
        self.code = -1
        self.timed_out = False
        self.output = Bounded()
        self.canceled = False  # set from outside: end the program now
        self.group: Group | None = None
        self.steps: Iterator | None = None

    def begin(self) -> None:
        """Start the program, before the first look at its lines."""
        self.group = Group(
            self.command,
            self.ours,
            self.sweep,
            env=self.env,
            cwd=self.cwd,
            pass_fds=self.pass_fds,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self.group.start()

    def __iter__(self) -> Iterator[str]:
        self.steps = self.steps or self._read()
        try:
            for lines in self.steps:
                yield from lines
        finally:
            self.steps.close()

    def advance(self) -> None:
        """Take what it has printed by now, without waiting: while another program is followed."""
        self.steps = self.steps or self._read()
        self.in_background = True
        next(self.steps, None)
        self.in_background = False

    def _read(self) -> Iterator[list]:
        first = signal.SIGTERM
        try:
            if not self.group:
                self.begin()
            group = self.group
            rest = b""
            for data in self._chunks(group):
                self.output.add(data)
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > LINE_BYTES:
                    lines, rest = [*lines, rest], b""
                yield [line[:LINE_BYTES].decode(errors="replace") for line in lines]
            if rest:
                yield [rest.decode(errors="replace")]
        except KeyboardInterrupt:
            first = signal.SIGINT
            raise
        finally:
            code = self.close(first)
            self.code = TIMED_OUT if self.timed_out else code

    def close(self, first: int = signal.SIGTERM) -> int:
        """End the program if it still runs; its exit code."""
        group, self.group = self.group, None
        return group.end(first) if group else -1

    def _chunks(self, group: Group) -> Iterator[bytes]:
        """What the program prints, as it comes, until it ends or its time is up."""
        pipe = group.process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN | select.POLLHUP)
        deadline = clock() + self.timeout if self.timeout else None
        look = clock() + LOOK_SECONDS
        while True:
            now = clock()
            if deadline is not None and now >= deadline:
                self.timed_out = True
                return
            if poll.poll(0 if self.in_background else 1000 * LOOK_SECONDS):
                data = os.read(pipe, 65536)
                if not data:
                    break
                if self.renewed and self.timeout and b"\n" in data:
                    deadline = clock() + self.timeout
                yield data
            elif self.in_background:
                yield b""
            if clock() >= look and not self.in_background:
                if self.canceled or (self.on_look and self.on_look()):
                    self.timed_out = True
                    return
                # A program that has ended may have left one behind that holds the pipe open.
                if group.has_ended():
                    yield from self._rest(pipe, poll)
                    return
                look = clock() + LOOK_SECONDS
        if not group.has_ended(None if deadline is None else max(0.0, deadline - clock())):
            self.timed_out = True

    @staticmethod
    def _rest(pipe: int, poll: select.poll) -> Iterator[bytes]:
        until = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < until and poll.poll(0):
            data = os.read(pipe, 65536)
            if not data:
                return
            yield data

    def run(self) -> Lines:
        """To the end, without looking at the lines."""
        for _ in self:
            pass
        return self

    @property
    def text(self) -> str:
        return self.output.text.rstrip("\n")


def together(runs: list) -> None:
    """Run several `Lines` to their ends at the same time; some may have begun. Ctrl-C, or an error in one,
    ends all of them."""
    errors = []

    def follow(one: Lines) -> None:
        try:
            one.run()
        except BaseException as error:
            errors.append(error)
            cancel()

    def cancel() -> None:
        for one in runs:
            one.canceled = True

    threads = [threading.Thread(target=follow, args=(one,)) for one in runs[1:]]
    try:
        for one in runs:  # no fork once there are threads
            one.sweep = False  # which would end the others
            if not one.group:
                one.begin()
        for thread in threads:
            thread.start()
        runs[0].run()
        for thread in threads:
            thread.join()
    except BaseException:
        cancel()
        raise
    finally:
        for thread in threads:
            if thread.ident:
                thread.join()
        for one in runs:
            one.close()
        guard.kill_marked()
    if errors:
        raise errors[0]


def quiet(
    command: list,
    timeout: float = 30.0,
    env: dict | None = None,
    cwd: Path | None = None,
    ours: bool = True,
) -> tuple:
    """Exit code and output (both streams) of a short command; code 127 when there is no such program."""
    try:
        lines = Lines(command, env=env, cwd=cwd, timeout=timeout, ours=ours, sweep=False).run()
    except FileNotFoundError:
        return NOT_FOUND, f"{command[0]}: not found"
    except OSError as error:  # no permission, or no program of this machine
        return NOT_EXECUTABLE, f"{command[0]}: not executable ({error.strerror})"
    return lines.code, lines.output.text


def in_the_open(
    command: list,
    cwd: Path | None = None,
    env: dict | None = None,
    timeout: float | None = None,
    grace: float = GRACE_SECONDS,
    sweep: bool = True,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | None = None,
) -> int:
    """Run with the user's own terminal; the exit code, TIMED_OUT after `timeout` seconds. It reads what
    the user types where `stdin` is None.

    On Ctrl-C the program has `grace` seconds to end well, and a second Ctrl-C ends it at once.
    """
    group = Group(command, sweep=sweep, cwd=cwd, env=env, stdin=stdin, stdout=stdout)
    first = signal.SIGTERM
    late = False
    try:
        group.start()
        late = not group.has_ended(timeout)
    except KeyboardInterrupt:
        first = signal.SIGINT
        raise
    finally:
        code = group.end(first, grace)
    if late:
        warn(f"{Path(str(command[0])).name} was stopped after {timeout:.0f} s; --timeout S allows more")
    return TIMED_OUT if late else code


def environment(**changes: str) -> dict:
    return {**os.environ, **changes}
