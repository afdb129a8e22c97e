#!/usr/bin/env python3
"""Prove that `./workbook check` names the cause of each wrong kernel in tools/proofs/mistakes.

    mistakes.py --build FOLDER [--show] [EXERCISE/NAME...]

A mistake says in its head comment what it is and what the first screen must say:

    // First screen: race in shared memory        (a regular expression; '.' matches line ends)

A second line, `// Not yet: reason`, is for what is not named yet: it is counted apart, and is no problem.
`// Does not end` is for a kernel that does not: the device says where it is after 1 s, not 5, and later on
a busy machine. The program is stopped then, where a student waits for the limit.

The solutions of some exercises are examined as well, and must pass.

The programs hold all mistakes of an exercise; --impl picks one. What is printed is what check prints.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

from workbook import check, examination, lock, test_run  # noqa: E402

MISTAKES = TOOLS / "proofs" / "mistakes"
NOT_YET = re.compile(r"^// Not yet: (.+)$", re.MULTILINE)
ENDLESS = re.compile(r"^// Does not end$", re.MULTILINE)
WORDS = re.compile(r"^// First screen: (.+)$", re.MULTILINE)
SECONDS = 60.0
HONEST = ("vector_add", "softmax", "rope")  # whose solutions must pass as a student's kernel would
SCREEN_LINES = 24


def build(folder: Path, exercises: list) -> int:
    targets = [f"{name}_mistakes{kind}_test" for name in exercises for kind in ("", "_inspected")]
    with lock.held(folder):
        return subprocess.run(["cmake", "--build", str(folder), "--target", *targets], check=False).returncode


def examine(folder: Path, file: Path) -> tuple:
    """What check finds."""
    program = folder / "bin" / f"{file.parent.name}_mistakes_test"
    twin = folder / "bin" / f"{file.parent.name}_mistakes_inspected_test"
    return examination.examine(program, twin, ["--impl", file.stem], SECONDS)


class UntilTold(test_run.Patience):
    """Ends a program as its limit would, as soon as the device has said where the kernel is."""

    def __call__(self) -> bool:
        ended = super().__call__()
        if not ended and self.said and test_run.device_words(self.output.text):
            self.seconds = test_run.clock() - self.since
            return True
        return ended


def told_soon():
    """The device and check take 1 s for long, where they take 5 s otherwise. One worker shows where a kernel
    waits as well as two do, for half of the processor time."""
    stack = contextlib.ExitStack()
    stack.enter_context(mock.patch.dict(os.environ, {"SIMT_SLOW_SECONDS": "1", "SIMT_WORKERS": "1"}))
    stack.enter_context(mock.patch.object(test_run, "SLOW_SECONDS", 1.0))
    stack.enter_context(mock.patch.object(test_run, "Patience", UntilTold))
    return stack


def examine_mistake(folder: Path, file: Path) -> tuple:
    """(What is wrong with the verdict, its first screen)."""
    head = file.read_text()
    endless = ENDLESS.search(head)
    for _ in range(2 if endless else 1):  # the device knows no line where its threads wait for a processor
        with told_soon() if endless else contextlib.nullcontext():
            outcome, inspected = examine(folder, file)
        text = screen(outcome, inspected)
        problem = judge(WORDS.search(head).group(1), outcome.passed, text)
        if not problem:
            break
    return problem, text


def screen(outcome, inspected) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as text:
        check.show(outcome, inspected, verbose=False)
    return "\n".join(text.getvalue().splitlines()[:SCREEN_LINES])


def judge(words: str, passed: bool, text: str) -> str:
    """What is wrong, or nothing."""
    if passed:
        return "PASSES"
    if re.search(words, text, re.DOTALL):
        return ""
    return f"is caught, but the first screen does not say '{words}'"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--show", action="store_true", help="print the screens")
    parser.add_argument("names", nargs="*", help="these only, EXERCISE/NAME")
    arguments = parser.parse_args()
    folder = arguments.build.resolve()
    files = sorted(MISTAKES.glob("*/*.cu"))
    chosen = [f for f in files if f"{f.parent.name}/{f.stem}" in arguments.names or not arguments.names]
    if not chosen or build(folder, sorted({file.parent.name for file in chosen})) != 0:
        return 2
    problems = later = 0

    for file in chosen:  # one by one: each run ends all that it has started
        started = time.monotonic()
        problem, text = examine_mistake(folder, file)
        reason = NOT_YET.search(file.read_text())
        if reason and problem:
            later += 1
            print(f"{file.parent.name}/{file.stem}: not yet, {reason.group(1)} ({problem})", flush=True)
            continue
        problems += bool(problem)
        seconds = time.monotonic() - started
        print(f"{file.parent.name}/{file.stem}: {problem or 'named'} ({seconds:.1f} s)", flush=True)
        if problem or arguments.show:
            print("\n".join("  | " + line for line in text.splitlines()), flush=True)
    for exercise in HONEST if not arguments.names else ():
        outcome, inspected = examine(folder, MISTAKES / exercise / "solution.cu")
        problems += not (outcome.passed and inspected.clean)
        print(f"{exercise}/solution: {'passes' if outcome.passed and inspected.clean else 'DOES NOT PASS'}")
        if not (outcome.passed and inspected.clean):
            print("\n".join("  | " + line for line in screen(outcome, inspected).splitlines()), flush=True)
    print(f"{len(chosen)} wrong kernels, {later} not named yet, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
