"""Puts tools/ on the path, and a few things that several tests need."""

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
# A line for a script that stands in for ./workbook: what a shell starts in the background ignores Ctrl-C.
LISTEN_TO_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def folder_of(test) -> Path:
    """A new folder of a test (unittest.TestCase), which is deleted after it."""
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return Path(folder.name)


@contextlib.contextmanager
def captured():
    """Both output streams of what runs inside."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        yield text


def compiled_once():
    """The environment of a command that is started many times: Python may keep what it has compiled."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def with_variable(name):
    """The processes whose environment has the variable `name`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if name.encode() + b"=" in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found
