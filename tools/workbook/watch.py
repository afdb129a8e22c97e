"""`watch`: check what is edited whenever it is saved, and answer to keys, until q or Ctrl-C."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import tempfile
import time

from . import console, daily, device, lazy, position, setup
from .changes import Changes
from .child import Child
from .console import paint, say
from .errors import Exit
from .keyboard import Keyboard

LOOK_SECONDS = 0.05
KEYS = "h hint   b bench   n next   s solution   c check   q quit"
HEADERS = ("*.cuh", "*.h")  # beside a starter: it may include them


def command(options) -> int:
    for name in ("check_front", "hints", "solution"):  # once, for all forked copies
        lazy.module(name)
    places = position.survey()
    place = position.named(options.chapter, options.exercise, places)
    chosen = device.choose(options.device)
    setup.ensure(chosen)
    return Watch(options, place.exercise).run()


class Watch:
    """One session of watching."""

    def __init__(self, options, exercise) -> None:
        self.options = options
        self.exercise = exercise
        self.exercises = [place.exercise for place in position.survey()]
        self.child = None
        self.answer = None  # the file for a verdict in JSON
        self.asked_to_stop = False  # Ctrl-Z
        self.waiting = ""  # a key, until the check has ended
        self.keys = Keyboard()
        self.checking = False

    def run(self) -> int:
        before = signal.getsignal(signal.SIGTSTP)
        if before != signal.SIG_IGN:
            signal.signal(signal.SIGTSTP, self._note_stop)
        try:
            with self.keys:
                self._loop()
        finally:
            self.keys.give_back()
            self._end()
            signal.signal(signal.SIGTSTP, before)
        return Exit.OK

    def _loop(self) -> None:
        changes = Changes(self._files)
        self._check("")
        while True:
            if reader_has_gone():
                return
            if self.asked_to_stop:
                self._sleep()
                self._check("")
            saved = changes.next()
            if saved:
                self._switch(saved)
                self._check("saved")
            if self.child and self.child.has_ended():
                self._verdict()
            try:
                key = self.keys.wait(LOOK_SECONDS) or ("" if self.child else self.waiting)
            except EOFError:
                return
            if key in ("q", "Q", "\x04"):
                return
            if key and self.child and self.checking and key in "hbns":
                self.waiting = key  # it asks about the verdict that is to come
            elif key:
                self.waiting = ""
                self._answer_to(key)

    def _files(self) -> list:
        """Every starter, and the headers beside them."""
        starters = [exercise.starter for exercise in self.exercises]
        folders = dict.fromkeys(exercise.folder for exercise in self.exercises)
        return starters + [
            file for folder in folders for kind in HEADERS for file in sorted(folder.glob(kind))
        ]

    def _switch(self, saved: list) -> None:
        """To the exercise whose starter was saved; to one of the folder where only a header was."""
        for exercise in self.exercises:
            if exercise.starter in saved:
                self.exercise = exercise
                return
        if self.exercise.folder not in [file.parent for file in saved]:
            beside = [e for e in self.exercises if e.folder in [file.parent for file in saved]]
            self.exercise = beside[0] if beside else self.exercise

    def _check(self, why: str) -> None:
        self.waiting = ""
        self._clear()
        moment = f"{why} {time.strftime('%H:%M:%S')}, " if why else ""
        title = f"{self.exercise.chapter.name} / {self.exercise.name}"
        with console.aside(self.options.json):
            say(paint(f"{moment}watching; {title}", "dim"))
        self._start(
            "check", *self.exercise.call.split(), *self._shared(), f"--timeout={self.options.timeout}"
        )
        self.checking = True

    def _shared(self) -> list:
        given = [f"--device={self.options.device}", f"--jobs={self.options.jobs}"]
        return (
            given
            + (["--verbose"] if self.options.verbose else [])
            + (["--json"] if self.options.json else [])
        )

    def _start(self, *arguments: str) -> None:
        """A command of ./workbook, in a copy of this process."""
        from .cli import guarded  # which knows this module

        self._end()
        self.checking = False
        self.answer = tempfile.TemporaryFile() if self.options.json else None  # noqa: SIM115

        def run() -> int:
            console.has_keys = self.keys.there and not self.options.json
            return guarded(list(arguments), True)

        self.child = Child(run, self.answer.fileno() if self.answer else None)

    def _end(self) -> None:
        if self.child and not self.child.has_ended():
            self.child.end()
            if sys.stdout.isatty():
                console.write("\r\033[K")  # it may have drawn half a line
        self.child = None
        if self.answer:
            self.answer.close()
            self.answer = None

    def _verdict(self) -> None:
        """After the end of a command: its answer, and the keys."""
        if self.answer:
            self.answer.seek(0)
            text = self.answer.read().decode(errors="replace").strip()
            if text.startswith("{"):
                console.write(json.dumps(json.loads(text)) + "\n")
        self._end()
        self._show_keys()

    def _show_keys(self) -> None:
        if self.keys.there and not self.options.json:
            say("\n" + paint(KEYS, "bold"))

    def _answer_to(self, key: str) -> None:
        call = self.exercise.call.split()
        if key in ("c", "\r", "\n"):
            self._check("")
        elif key == "h":
            self._start("hint", *call)
        elif key == "s":
            self._start("solution", *call)
        elif key == "b":
            self._start("bench", *call, "--starter", f"--device={self.options.device}")
        elif key == "n":
            self._end()
            self._next()
        elif not self.child:
            self._show_keys()

    def _next(self) -> None:
        places = position.survey()
        after = position.following(places, position.of(places, self.exercise))
        say()
        daily.introduce(after, inside=True)
        if after:
            self.exercise = after.exercise
        self._show_keys()

    def _sleep(self) -> None:
        """Ctrl-Z: give the terminal back, stop, and go on when the shell says so."""
        self._end()
        self.keys.give_back()
        self.asked_to_stop = False
        os.kill(os.getpid(), signal.SIGSTOP)
        self.keys.take()

    def _note_stop(self, _number, _frame) -> None:
        self.asked_to_stop = True

    def _clear(self) -> None:
        """A fresh screen where a person looks at one."""
        if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not self.options.json:
            console.write("\033[2J\033[H")


def reader_has_gone() -> bool:
    """Whether standard output is a pipe whose reader has ended: nobody would see another verdict."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))
