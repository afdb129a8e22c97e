"""A Python that can import a module, matplotlib or torch: this one, the system's, or our own .venv."""

from __future__ import annotations

import shutil
import sys
from functools import cache

from . import process
from .machine import VENV

PROBE_SECONDS = 120.0  # a first import of torch from a cold disk is slow


def candidates() -> list:
    names = [sys.executable, shutil.which("python3"), "/usr/bin/python3", str(VENV / "bin" / "python")]
    return list(dict.fromkeys(name for name in names if name))


@cache
def find(module: str) -> str | None:
    """The first Python that imports `module`, or None."""
    for python in candidates():
        if process.quiet([python, "-c", f"import {module}"], timeout=PROBE_SECONDS)[0] == 0:
            return python
    return None


def install_in_venv(*names: str) -> str:
    """pip install into the project's .venv; an empty string on success, else one line on why not."""
    pip = [VENV / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if process.quiet([*pip, "--version"])[0] != 0:
        code, text = process.quiet([sys.executable, "-m", "venv", "--clear", str(VENV)], timeout=120)
        if code != 0:
            shutil.rmtree(VENV, ignore_errors=True)  # half an environment is worse than none
            return "python3 -m venv does not work here" + (" (python3-venv?)" if "ensurepip" in text else "")
    code, text = process.quiet([*pip, "install", "--retries", "1", *names], timeout=600)
    find.cache_clear()
    return "" if code == 0 else (text.strip().splitlines() or ["no reason given"])[-1]
