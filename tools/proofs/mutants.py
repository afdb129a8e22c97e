#!/usr/bin/env python3
"""Prove that an exercise's tests catch its mutants: wrong kernels, each with a mistake that learners make.

    mutants.py PROGRAM FOLDER [--orders forward,reverse]

PROGRAM is the exercise's test program, linked with its reference and with every mutant in FOLDER. A mutant
NAME.cu registers itself as NAME and says in its head comment how a failure names its class:

    // Caught as: only the tail|partly filled        (a regular expression, searched in the test's output)

A mistake that only the CPU device shows, such as a leak, says so: "// Caught on: cpu". A race that
changes no result says "// Caught on: inspector", and inspected_mutants.py proves it.

One that would never end in a test that is large on a GPU names it: "// Leaves out: *TestName*, because".

One that passes most tests may name the test that catches it: "// Caught by: TestName". That test alone runs
first, which saves the time of the others.

Each mutant must make a test fail in every thread order, and its failure must say so. A run ends at the first
failure where that one says so, else all tests run. The reference, `solution`, runs in the same program, in
the last of the orders, and must pass: a program that fails at everything proves nothing. In the first order,
the exercise's own test runs it.

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
CAUGHT_BY = re.compile(r"^// Caught by: (\w+)$", re.MULTILINE)
CAUSE = re.compile(r"^// Caught as: (.+)$", re.MULTILINE)
TESTS_FAILED = 1


def caught(program: Path, mutant: Path, order: str, timeout: float, cause: str) -> tuple[int, str]:
    """As `run` of all tests, but of fewer where these make a test fail and name the cause."""
    head = mutant.read_text()
    name, tests = mutant.stem, without(LEAVES_OUT.findall(head))
    for test in CAUGHT_BY.findall(head):
        code, output = run(program, name, order, f"*.{test}/*:*.{test}", timeout)
        if judge(code, output, cause) is None:
            return code, output
    code, output = run(program, name, order, tests, timeout, "--gtest_fail_fast")
    if judge(code, output, cause) is None:
        return code, output
    return run(program, name, order, tests, timeout)


def without(left_out: list[str]) -> str:
    """A filter of GoogleTest: all tests but these, and those that check arguments."""
    return "-" + ":".join(["*.Rejects*", "*.Refuses*", *left_out])


def run(
    program: Path, implementation: str, order: str, tests: str, timeout: float, *options: str
) -> tuple[int, str]:
    """The program's exit code and output for one implementation in one thread order. `tests` is a filter."""
    environment = {**os.environ, "SIMT_ORDER": order}
    environment.pop("WB_IMPL", None)
    try:
        done = subprocess.run(
            [
                program,
                "--impl",
                implementation,
                f"--gtest_filter={tests}",
                *options,
            ],
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
    program, orders = arguments.program, arguments.orders.split(",")
    todo = [(mutant, order) for order in orders for mutant in mutants]

    def prove(mutant: Path, order: str) -> str | None:
        """What is wrong with the proof of one mutant in one order."""
        cause = CAUSE.search(mutant.read_text())
        if cause is None:
            return "says no '// Caught as: ...' in its head comment"
        ended = caught(program, mutant, order, arguments.timeout, cause.group(1))
        return judge(*ended, cause.group(1))

    with ThreadPoolExecutor(arguments.jobs) as pool:
        reference = pool.submit(run, program, "solution", orders[-1], without([]), arguments.timeout)
        problems = list(pool.map(lambda one: prove(*one), todo))
    for (mutant, order), problem in zip(todo, problems):
        print(f"{mutant.stem}, {order}: {problem or 'caught'}")
    failures = sum(problem is not None for problem in problems)
    code, output = reference.result()
    if code != 0:
        failures += 1
        print(f"solution, {orders[-1]}: must pass, but ended with {code}:\n{output}")
    print(f"{len(mutants)} mutants, {failures} problems")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
