"""The second half of a check on the CPU device: the same tests, with every access of the kernels watched.

docs/inspector.md says what is found. A starter's test program has a twin, NAME_starter_inspected_test.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from . import test_run
from .build import Build
from .console import mark, say
from .machine import RESULTS

SEES = "races, array bounds, memory that was never written, alignment"
PARTS_PER_CORE, MOST_PARTS = 2, 8
BLIND = "races, and accesses outside an array, that leave every result right"


@dataclass
class Inspection:
    tests: int = 0  # that ran to their end
    smaller: list = field(default_factory=list)  # those of them that took smaller sizes
    findings: list = field(default_factory=list)  # each mistake once, in words
    of_first_line: int = 0  # so many of them, from the first on, are about the same lines as the first
    problem: str = ""  # the program did not finish, or a test failed without a finding
    left_out: str = ""  # why there was none
    less: str = ""  # which of its kernels were inspected, where not all
    judge: str = "the inspector"  # who looked
    sees: str = SEES  # for what

    @property
    def clean(self) -> bool:
        return not self.findings and not self.problem


def twin(build: Build, exercise) -> str:
    """The inspected program of the starter; empty where this build has none."""
    if build.device != "cpu" or exercise.starter.suffix != ".cu":
        return ""
    return f"{exercise.name}_starter_inspected_test" if build.lists("inspected", exercise.name) else ""


def less(build: Build, exercise) -> str:
    """Which kernels of the starter the twin has, where those are not all (cmake/Inspect.cmake)."""
    listed = build.folder / "inspected_less.txt"
    rows = [line.split("\t") for line in listed.read_text().splitlines()] if listed.is_file() else []
    starter = exercise.starter.read_text(errors="replace")
    return "; ".join(words for name, caller, words in rows if name == exercise.name and caller in starter)


def of_first(outcome: test_run.TestRun) -> list:
    """Options that run the first red test alone, or the one that did not end: its cause is wanted now. None
    where all tests are green."""
    name = outcome.failures[0].test if outcome.failures else outcome.unfinished
    return ["--test", name] if name else []


def run(program: Path, arguments: list, limit: float, beside: bool = False) -> Inspection:
    """Run an inspected test program; `beside` another one, which goes on and has said what takes long."""
    return read(test_run.run(program, arguments, limit, RESULTS, sweep=not beside, aloud=not beside))


def parts_of(tests: int) -> int:
    """How many processes share so many tests. The inspector takes one thread: more than there are processors,
    since some tests take much longer than others."""
    return min(MOST_PARTS, PARTS_PER_CORE * (os.cpu_count() or 1), max(1, tests))


def run_all(
    program: Path,
    arguments: list,
    limit: float,
    plain: test_run.TestRun,
    started: test_run.Parts | None = None,
) -> Inspection:
    """Run all tests that the `plain` program has run; `started`: they run already."""
    if started:
        outcome = started.outcome()
    else:
        outcome = test_run.run_in_parts(program, arguments, limit, parts_of(plain.total))
    inspection = read(outcome)
    names = [{(test.name, test.implementation) for test in one.tests} for one in (plain, outcome)]
    if inspection.clean and names[0] != names[1]:
        lost = sorted(name for name, _ in names[0] ^ names[1])
        inspection.problem = f"{lost[0]} ran in only one of the two programs"
    return inspection


def read(outcome: test_run.TestRun) -> Inspection:
    found = {}
    for test in outcome.tests:
        for finding in test.findings:
            lines = [(party["file"], party["line"]) for party in finding["parties"]]
            where = (finding["kernel"], lines)
            found.setdefault(str((finding["what"], where)), (where, finding["text"]))
    places = [where for where, _ in found.values()]
    first = [text for where, text in found.values() if where == places[0]]
    others = [text for where, text in found.values() if where != places[0]]
    inspection = Inspection(findings=first + others, of_first_line=len(first))
    inspection.tests = sum(test.status == "passed" for test in outcome.tests)
    inspection.smaller = [test.name for test in outcome.tests if test.status == "passed" and test.smaller]
    if outcome.problem:
        inspection.problem = f"{outcome.problem}\n{test_run.tail(outcome.output)}"
    elif outcome.failures and not found:
        inspection.problem = f"{outcome.failures[0].test} fails, though it passes without the inspector"
    return inspection


def summary(inspection: Inspection) -> str:
    """What was looked for, and in which tests."""
    names = ", ".join(name.partition(".")[2] for name in inspection.smaller)
    with_smaller = f", with smaller sizes in {names}" if names else ""
    less = f"; {inspection.less}" if inspection.less else ""
    how = "Inspected" if inspection.judge == Inspection.judge else f"By {inspection.judge}"
    return f"{how}: {inspection.sees} ({inspection.tests} tests{with_smaller}{less})."


def show(inspection: Inspection, verbose: bool) -> None:
    """What was found at the lines of the first finding, in full: what is elsewhere often follows from it."""
    if inspection.clean:
        return
    count = len(inspection.findings)
    if not count:
        say(f"{mark(False)} under {inspection.judge}: {inspection.problem}")
        return
    shown = count if verbose else inspection.of_first_line
    which = ", the first:" if shown == 1 else f", the first {shown} at one place:" if shown < count else ":"
    say(
        f"{mark(False)} {inspection.judge} found {'a mistake:' if count == 1 else f'{count} mistakes{which}'}"
    )
    for text in inspection.findings[:shown]:
        say("\n".join("    " + line for line in text.splitlines()))
    if count > shown:
        say(f"    ... and {count - shown} more (--verbose)")
