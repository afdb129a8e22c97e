#!/usr/bin/env python3
"""Prove that an exercise's tests catch its mutants: wrong kernels, each with a mistake that learners make.

    mutants.py PROGRAM FOLDER [--orders forward,reverse]

PROGRAM is the exercise's test program, linked with its reference and with every mutant in FOLDER. A mutant
NAME.cu registers itself as NAME and says in its head comment how a failure names its class:

    // Caught as: only the tail|partly filled        (a regular expression, searched in the test's output)

A mistake that only the CPU device shows, such as a leak, says so: "// Caught on: cpu".

One that would never end in a test that is large on a GPU names it: "// Leaves out: *TestName*, because".

Each mutant must make a test fail in every thread order, and its failure must say so. The reference,
`solution`, runs in the same program and must pass: a program that fails at everything proves nothing.

A mutant's mistake is in its kernel, and its launcher checks nothing: tests called Rejects... or
Refuses... are left out.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ONLY_ON = re.compile(r"^// Caught on: (\w+)$", re.MULTILINE)
LEAVES_OUT = re.compile(r"^// Leaves out: ([^,\s]+), .+$", re.MULTILINE)
CAUSE = re.compile(r"^// Caught as: (.+)$", re.MULTILINE)
TESTS_FAILED = 1


def run(program: Path, implementation: str, order: str, left_out: str, timeout: float) -> tuple[int, str]:
    """The program's exit code and output for one implementation in one thread order."""
    environment = {**os.environ, "SIMT_ORDER": order}
    environment.pop("WB_IMPL", None)
    try:
        done = subprocess.run(
            [program, "--impl", implementation, f"--gtest_filter=-*.Rejects*:*.Refuses*:{left_out}"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end after {timeout:.0f} s"
    return done.returncode, done.stdout


def judge(code: int, output: str, cause: str) -> str | None:
    """What is wrong with the proof, or None: the mutant was caught and its cause was named."""
    if code == 0:
        return "SURVIVED: no test failed"
    if code != TESTS_FAILED:
        return f"did not fail a test but ended with {code}:\n{output}"
    if not re.search(cause, output):
        return f"was caught, but no failure says '{cause}':\n{output}"
    return None


def shows_on(mutant: Path, device: str) -> bool:
    only = ONLY_ON.search(mutant.read_text())
    return only is None or only.group(1) == device


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--orders", default="forward,reverse", help="values of SIMT_ORDER to run in")
    parser.add_argument("--device", default="cpu", help="the device that PROGRAM was built for")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds one run may take")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; a GPU has room for several")
    arguments = parser.parse_args()

    mutants = [m for m in sorted(arguments.folder.glob("*.cu")) if shows_on(m, arguments.device)]
    if not mutants:
        print(f"error: no mutant in {arguments.folder}", file=sys.stderr)
        return 2
    orders = arguments.orders.split(",")
    left_out = {mutant.stem: LEAVES_OUT.findall(mutant.read_text()) for mutant in mutants}
    todo = [(name, order) for order in orders for name in ["solution", *left_out]]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        runs = list(
            pool.map(
                lambda one: run(
                    arguments.program, *one, ":".join(left_out.get(one[0], [])), arguments.timeout
                ),
                todo,
            )
        )
    causes = {mutant.stem: CAUSE.search(mutant.read_text()) for mutant in mutants}
    failures = 0
    for (name, order), (code, output) in zip(todo, runs):
        if name == "solution":
            problem = f"must pass, but ended with {code}:\n{output}" if code != 0 else None
        elif causes[name] is None:
            problem = "says no '// Caught as: ...' in its head comment"
        else:
            problem = judge(code, output, causes[name].group(1))
        failures += problem is not None
        if problem or name != "solution":
            print(f"{name}, {order}: {problem or 'caught'}")
    print(f"{len(mutants)} mutants, {failures} problems")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
