"""A terminal of 80 columns for tests: starts a command in it, types, and waits for words to appear."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

MOST_SECONDS = 60.0  # for what takes a moment: a machine may be busy
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """`with Terminal(command, env=..., cwd=...) as terminal`."""

    def __init__(self, command, env, cwd):
        self.text, self.code = "", None
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.chdir(cwd)
            os.execvpe(command[0], command, env)
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        os.close(self.file)

    def type(self, keys):
        os.write(self.file, keys.encode())

    def read(self, seconds=0.05):
        """What is there, within so many seconds; False at the end."""
        if not select.select([self.file], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.file, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, words, seconds=MOST_SECONDS):
        """Wait for `words`; what was printed up to them. The next call looks at what comes after them."""
        until = time.monotonic() + seconds
        while words not in self.plain:
            if not self.read() or time.monotonic() > until:
                if words in self.plain:
                    break
                raise AssertionError(f"{words!r} did not appear in:\n{self.plain}")
        before, _, self.text = self.plain.partition(words)
        return before + words

    @property
    def plain(self):
        return ESCAPES.sub("", self.text).replace("\r\n", "\n")

    def settings(self):
        return termios.tcgetattr(self.file)

    def wait(self, seconds=MOST_SECONDS):
        """To the end of the command; its exit code."""
        until = time.monotonic() + seconds
        while self.code is None:
            self.read(0.01)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > until:
                raise AssertionError(f"the command goes on:\n{self.plain}")
        while self.read(0.01) and select.select([self.file], [], [], 0)[0]:
            pass
        return self.code
