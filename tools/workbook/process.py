"""Run other programs: quietly for their answer, line by line for a progress bar, or in the open."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

GRACE_SECONDS = 5.0


def shown(command: list) -> str:
    """The command as a person would type it."""
    return " ".join(shlex.quote(str(part)) for part in command)


def quiet(command: list, timeout: float = 30.0, env: dict | None = None, cwd: Path | None = None):
    """Exit code and output (both streams) of a short command; code 127 when there is no such program."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env=env,
            cwd=cwd,
            text=True,
            errors="replace",
        )
        return done.returncode, done.stdout
    except FileNotFoundError:
        return 127, f"{command[0]}: not found"
    except PermissionError:
        return 126, f"{command[0]}: not executable"
    except subprocess.TimeoutExpired as expired:
        partial = expired.stdout or b""
        text = partial if isinstance(partial, str) else partial.decode(errors="replace")
        return 124, text


@dataclass
class Lines:
    """Iterate over a program's output lines; afterwards `code` is its exit code and `text` all of it."""

    command: list
    env: dict | None = None
    cwd: Path | None = None
    code: int = -1
    seen: list = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        process = subprocess.Popen(
            [str(part) for part in self.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.env,
            cwd=self.cwd,
            text=True,
            errors="replace",
        )
        try:
            for line in process.stdout:
                line = line.rstrip("\n")
                self.seen.append(line)
                yield line
            self.code = process.wait()
        finally:
            stop(process)

    @property
    def text(self) -> str:
        return "\n".join(self.seen)


def in_the_open(command: list, cwd: Path | None = None, env: dict | None = None) -> int:
    """Run with the user's own terminal; the exit code."""
    process = subprocess.Popen([str(part) for part in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL)
    try:
        return process.wait()
    finally:
        stop(process)


def stop(process: subprocess.Popen) -> None:
    """Leave no child behind: on Ctrl-C it has had the signal too, and gets a moment to clean up."""
    if process.poll() is None:
        try:
            process.wait(GRACE_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def environment(**changes: str) -> dict:
    return {**os.environ, **changes}
