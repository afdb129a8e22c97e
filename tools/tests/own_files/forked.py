"""./workbook run and inspect in forked copies of this process, two at a time.

The copies know what a command of its own would find out again: this machine's tools, and that the CPU
device is built. That is most of the time of a small program. From the command line on, all is as usual.
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace
from unittest import mock

from workbook import cli, device, inspect, own_build, own_file, setup  # noqa: F401  (inspect: once for all copies)
from workbook.child import Child
from workbook.machine import default_jobs

AT_ONCE = 2
SECONDS = 120.0


class Command:
    """One command; its outcome is like that of subprocess.run."""

    def __init__(self, words, cwd, order):
        self.words = [str(word) for word in words]
        self.cwd, self.order = cwd, order
        self.output, self.errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self.began = time.monotonic()
        self.child = Child(self._run)

    def _run(self):
        os.chdir(self.cwd)
        os.dup2(self.output.fileno(), 1)
        os.dup2(self.errors.fileno(), 2)
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", write_through=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", write_through=True)
        if self.order:
            os.environ["SIMT_ORDER"] = self.order
        return cli.main(self.words)

    def outcome(self):
        texts = []
        for file in (self.output, self.errors):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.close()
        return subprocess.CompletedProcess(self.words, self.child.code, *texts)


def run_all(commands, cwd, order=None):
    """The outcomes of `commands`, lists of words, in their order."""
    outcomes, running = [None] * len(commands), {}
    waiting = list(enumerate(commands))
    with known():
        try:
            while waiting or running:
                while waiting and len(running) < AT_ONCE:
                    number, words = waiting.pop(0)
                    running[number] = Command(words, cwd, order)
                for number, command in list(running.items()):
                    if command.child.has_ended():
                        outcomes[number] = running.pop(number).outcome()
                    elif time.monotonic() - command.began > SECONDS:
                        raise TimeoutError(f"{command.words} takes more than {SECONDS:.0f} s")
                time.sleep(0.005)
        finally:
            for command in running.values():
                command.child.end()
    return outcomes


@contextlib.contextmanager
def known():
    """What is asked once: packages, devices, and the parts of the CPU device, which are built then."""
    options = SimpleNamespace(jobs=default_jobs(), verbose=False)
    if not PARTS:
        setup.ensure("cpu")
        device.choose("auto")
        for kind in (own_build.PLAIN, own_build.INSPECTED):
            PARTS[kind] = own_build.parts(options, kind)
    with (
        mock.patch.object(own_build, "parts", lambda _options, kind: PARTS[kind]),
        mock.patch.object(own_file.setup, "ensure", lambda _device: None),
    ):
        yield


PARTS = {}
