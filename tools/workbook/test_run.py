"""Run one GoogleTest program and read its JSON report: what ran, for which implementation, what failed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

RUNNING = re.compile(r"^\[ RUN      \] (\S+)", re.M)


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


def run(program: Path, arguments: list, timeout: float) -> TestRun:
    """Run `program` to its end, or for `timeout` seconds."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [str(program), *arguments, f"--gtest_output=json:{report}", "--gtest_color=no"]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                text=True,
                errors="replace",
            )
            code, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as expired:
            raw = expired.stdout or b""
            output = raw if isinstance(raw, str) else raw.decode(errors="replace")
            return TestRun(problem=hung(output, timeout), output=output)
        text = report.read_text() if report.exists() else ""
    outcome = read_report(text)
    outcome.output = output
    if code != 0 and not outcome.failures:
        outcome.problem = died(output, code)
    elif outcome.total == 0:
        outcome.problem = "no test ran"
    return outcome


def read_report(text: str) -> TestRun:
    """The parts of a --gtest_output=json report that a person asks for."""
    outcome = TestRun()
    if not text:
        return outcome
    names = {}
    for suite in json.loads(text).get("testsuites", []):
        for test in suite.get("testsuite", []):
            name, _, implementation = test["name"].partition("/")
            if implementation:
                names[implementation] = None
            outcome.total += 1
            outcome.skipped += test.get("result") == "SKIPPED"
            failures = [entry["failure"].strip() for entry in test.get("failures", [])]
            if failures:
                full_name = f"{suite['name'].strip('/')}.{name}"
                outcome.failures.append(Failure(full_name, implementation, failures))
    outcome.implementations = list(names)
    return outcome


def last_test(output: str) -> str:
    found = RUNNING.findall(output)
    return f" in {found[-1]}" if found else ""


def hung(output: str, timeout: float) -> str:
    cause = "an endless loop, or a barrier that not all threads reach"
    return f"stopped after {timeout:.0f} s{last_test(output)}: {cause}"


def died(output: str, code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"the test program died of {name}{last_test(output)}"
    return f"the test program stopped with exit code {code}{last_test(output)}"


def tail(output: str, lines: int = 12) -> str:
    return os.linesep.join(output.strip().splitlines()[-lines:])
