"""Run one test program and read its results file: what ran, for which implementation, what failed and why."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path

from . import process
from .machine import run_environment

SCHEMA_VERSION = 1
UNFINISHED = re.compile(r"^  (\S+)(?:  (\S+))?\s*$")  # "  AddsTheTail  starter " and no verdict after it


@dataclass
class Failure:
    test: str
    implementation: str
    messages: list


@dataclass
class TestRun:
    total: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)
    implementations: list = field(default_factory=list)
    problem: str = ""  # the program did not finish: crashed, hung, refused to start
    output: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem and not self.failures and self.total > self.skipped


def run(program: Path, arguments: list, timeout: float, results: Path) -> TestRun:
    """Run `program` to its end, or for `timeout` seconds; its results file stays in `results`/tests."""
    report = results / "tests" / f"{program.name}.json"
    report.unlink(missing_ok=True)
    env = {**run_environment(), "WB_RESULTS_DIR": str(results)}
    done = process.Lines([program, *arguments], env=env, timeout=timeout).run()
    output = done.output.text
    if done.timed_out:
        return TestRun(problem=hung(output, timeout), output=output)
    outcome = read_report(report.read_text()) if report.exists() else TestRun()
    outcome.output = output
    if done.code != 0 and not outcome.failures:
        outcome.problem = died(output, done.code)
    elif outcome.total == 0:
        outcome.problem = "no test ran"
    return outcome


def read_report(text: str) -> TestRun:
    """The parts of a results file of kind "tests" that a person asks for."""
    document = json.loads(text)
    outcome = TestRun()
    if document.get("kind") != "tests" or document.get("schema_version") != SCHEMA_VERSION:
        return outcome
    names = {}
    for test in document["body"]["tests"]:
        outcome.total += 1
        outcome.skipped += test["status"] == "skipped"
        implementation = test["implementation"] or ""
        if implementation:
            names[implementation] = None
        if test["status"] == "failed":
            full_name = f"{test['suite'].strip('/')}.{test['test']}"
            outcome.failures.append(Failure(full_name, implementation, test["messages"]))
    outcome.implementations = list(names)
    return outcome


def last_test(output: str) -> str:
    """' in NAME' for the test that had begun and has no verdict, else nothing."""
    found = UNFINISHED.match(output.rsplit("\n", 1)[-1])
    return f" in {found.group(1)}" if found else ""


def hung(output: str, timeout: float) -> str:
    cause = "an endless loop, or a barrier that not all threads reach"
    return f"stopped after {timeout:.0f} s{last_test(output)}: {cause}"


def died(output: str, code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"the test program died of {name}{last_test(output)}"
    return f"the test program stopped with exit code {code}{last_test(output)}"


def tail(output: str, lines: int = 12) -> str:
    return "\n".join(output.strip().splitlines()[-lines:])
