"""Run one test program and read its report: what ran, for which implementation, what failed and why."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path

from . import files, process
from .channel import Channel
from .machine import run_environment

SCHEMA_VERSION = 1
UNFINISHED = re.compile(r"^  (\S+)(?:  (\S+))?\s*$")  # "  AddsTheTail  starter " and no verdict after it


@dataclass
class Failure:
    test: str
    implementation: str
    messages: list


@dataclass
class Test:
    name: str  # "Suite.Test"
    implementation: str
    status: str
    reason: str  # why it was skipped
    launches: int | None  # kernels; None: not counted
    compared: int  # elements compared with an oracle
    findings: list = field(default_factory=list)  # of the inspector


@dataclass
class TestRun:
    total: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)
    implementations: list = field(default_factory=list)
    tests: list = field(default_factory=list)
    problem: str = ""  # the program did not finish: crashed, hung, refused to start
    objections: list = field(default_factory=list)  # why green tests are no solution
    unknown: list = field(default_factory=list)  # what could not be looked at
    output: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem and not self.failures and not self.objections and self.total > self.skipped


def run(program: Path, arguments: list, timeout: float, results: Path) -> TestRun:
    """Run `program` to its end, or for `timeout` seconds. Its report comes by a channel that the tested code
    does not know, and is kept in `results`/tests; one that does not fit the program's end is a problem."""
    kept = results / "tests" / f"{program.name}.json"
    files.remove(kept)
    with Channel() as channel:
        env = channel.environment(run_environment())
        done = process.Lines([program, *arguments], env=env, timeout=timeout, pass_fds=channel.pass_fds).run()
        report, forged = channel.read()
    output = done.output.text
    if done.timed_out:
        return TestRun(problem=hung(output, timeout), output=output)
    outcome = read_report(report) if report else TestRun()
    outcome.output = output
    if report:
        files.write_text(kept, report)
    if done.code == 0 and forged:
        outcome.problem = (
            "the program ended before its last test, and left a report that is not the harness's"
        )
    elif done.code == 0 and not report:
        outcome.problem = f"the program ended with exit code 0 before its last test{last_test(output)}"
    elif done.code != 0 and not outcome.failures:
        outcome.problem = died(output, done.code)
    elif done.code == 0 and outcome.failures:
        outcome.problem = "tests failed, but the program ended with exit code 0"
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
        full_name = f"{test['suite'].strip('/')}.{test['test']}"
        reason = " ".join(test["messages"][:1]) if test["status"] == "skipped" else ""
        outcome.tests.append(
            Test(
                full_name,
                implementation,
                test["status"],
                reason,
                test.get("launches"),
                test.get("compared", 0),
                test.get("findings", []),
            )
        )
        if implementation:
            names[implementation] = None
        if test["status"] == "failed":
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
