"""Run one test program and read its report: what ran, for which implementation, what failed and why."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import files, guard, process
from .channel import Channel
from .console import say
from .machine import run_environment
from .pause import clock

SCHEMA_VERSION = 1
# Between these the harness prints nothing (test_console.cpp): what stands there is the tested code's.
BEGUN, ENDED = "\x02", "\x03"
TEST_OUTPUT = re.compile(r"^  (\S+)(?:  \S+)?\s*\x02([^\x03]*)(\x03?)", re.MULTILINE)
# What it prints of a red test (test_console.cpp): "FAILED" behind the mark, and the messages indented.
RED_TEST = re.compile(
    r"^  (\S+?)(?:  (\S+))?\s*\x02[^\x03]*\x03FAILED.*\n((?:    .*\n|\n(?=    ))*)", re.MULTILINE
)
SUITE = re.compile(r"^(?:\w+/)?([A-Za-z]\w*)(?:/\w+)?$", re.MULTILINE)
SLOW_SECONDS = 5.0
RED_SECONDS = 15.0  # for a test that runs after a red one, whose cause is wanted first
NICE = 7  # about a fifth of the processor time of a program that has not yielded


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
    smaller: bool = False  # took smaller sizes because it was inspected


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
    unfinished: str = ""  # the test that had begun when the program ended
    printed: list = field(default_factory=list)  # (test, what its kernels printed)
    steps: list = field(default_factory=list)  # of the lesson (steps.py)

    @property
    def passed(self) -> bool:
        return not self.problem and not self.failures and not self.objections and self.total > self.skipped


def run(
    program: Path,
    arguments: list,
    timeout: float,
    results: Path,
    on_slow: Callable | None = None,
    sweep: bool = True,
    aloud: bool = True,
) -> TestRun:
    """Run `program` to its end, for `timeout` seconds, or until `on_slow(test)` says that it knows why a test
    takes long. The report comes by a channel that the tested code does not know, and is kept in
    `results`/tests; one that does not fit the program's end is a problem."""
    running = Running(program, arguments, timeout, results)
    running.lines.on_look.aloud = aloud
    try:
        return running.outcome(on_slow, sweep)
    finally:
        running.close()


class Running:
    """A test program that has been started; it may run beside a build until its outcome is asked for."""

    def __init__(self, program: Path, arguments: list, timeout: float, results: Path) -> None:
        self.kept = results / "tests" / f"{program.name}.json"
        files.remove(self.kept)
        self.channel = Channel().__enter__()
        self.lines = prepared(program, arguments, timeout, self.channel)
        try:
            self.lines.begin()
        except BaseException:
            self.close()
            raise

    def advance(self) -> None:
        self.lines.advance()

    def outcome(
        self, on_slow: Callable | None = None, sweep: bool = True, meanwhile: Callable | None = None
    ) -> TestRun:
        """Wait for its end, and call `meanwhile` some times per second. With `sweep`, nothing that it has
        started is left then."""
        self.lines.on_look.on_slow, self.lines.on_look.meanwhile = on_slow, meanwhile
        self.lines.run()
        if sweep:
            guard.kill_marked()
        return judged(self.lines, self.channel, self.kept)

    def close(self) -> None:
        """End it if it still runs."""
        self.lines.close()
        self.channel.__exit__(None, None, None)


class Parts:
    """The tests of a program dealt out to several processes, which run from now on: part i of n has the tests
    i, i + n, i + 2n and so on. Other programs may run beside them until their outcome is asked for."""

    def __init__(self, program: Path, arguments: list, timeout: float, parts: int) -> None:
        self.first_failure_ends = "--stop-at-first" in arguments
        self.stack = contextlib.ExitStack()
        self.channels = [self.stack.enter_context(Channel()) for _ in range(parts)]
        self.started = [
            prepared(program, [*arguments, "--part", f"{i + 1}/{parts}"], timeout, channel)
            for i, channel in enumerate(self.channels)
        ]
        self.eager = list(self.started)  # those whose session does not yield to others yet
        try:
            for one in self.started:
                one.begin()
        except BaseException:
            self.close()
            raise

    def yield_to_others(self) -> None:
        """Let programs that want a processor at the same time have more of it.

        Where Linux groups sessions, it divides processors among them first. It lets a user change one session
        per tenth of a second, so call this again while the others run.
        """
        for one in self.eager:
            with contextlib.suppress(OSError):  # it has ended
                os.setpriority(os.PRIO_PROCESS, one.group.process.pid, NICE)
        while self.eager:
            try:
                Path(f"/proc/{self.eager[0].group.process.pid}/autogroup").write_text(str(NICE))
            except BlockingIOError:
                return
            except OSError:  # it has ended, or this system does not group sessions
                pass
            del self.eager[0]

    def advance(self) -> None:
        """While another program is followed. What they print waits in their pipes."""
        self.yield_to_others()

    def outcome(self) -> TestRun:
        """That of one process; no report is kept. Nothing that this run has started is left then."""
        process.together(self.started)
        outcomes = [judged(one, channel, None) for one, channel in zip(self.started, self.channels)]
        return joined(outcomes, self.first_failure_ends)

    def close(self) -> None:
        """End those that still run."""
        for one in self.started:
            one.close()
        self.stack.close()


def run_in_parts(program: Path, arguments: list, timeout: float, parts: int) -> TestRun:
    """`run`, in several processes at the same time."""
    with contextlib.closing(Parts(program, arguments, timeout, parts)) as started:
        return started.outcome()


def prepared(
    program: Path, arguments: list, timeout: float, channel: Channel, on_slow: Callable | None = None
) -> process.Lines:
    env = channel.environment(run_environment())
    lines = process.Lines([program, *arguments], env=env, timeout=timeout, pass_fds=channel.pass_fds)
    lines.sweep = False
    lines.on_look = Patience(lines.output, timeout, on_slow)
    return lines


def judged(done: process.Lines, channel: Channel, kept: Path | None) -> TestRun:
    """What came of a test program that has ended."""
    report, forged = channel.read()
    printed, unfinished = what_tests_printed(done.output.text)
    output = done.output.text.replace(BEGUN, "").replace(ENDED, "")
    outcome = read_report(report) if report else TestRun()
    outcome.output, outcome.printed = output, printed
    if done.timed_out or done.code != 0:
        outcome.unfinished = unfinished
        if not report:
            outcome.failures = told_failures(done.output.text)
    if done.timed_out:
        outcome.problem = hung(unfinished, done.on_look)
        return outcome
    if report and kept:
        files.write_text(kept, report)
    if done.code == 0 and forged:
        outcome.problem = (
            "the program ended before its last test, and left a report that is not the harness's"
        )
    elif done.code == 0 and not report:
        outcome.problem = f"the program ended with exit code 0 before its last test{inside(unfinished)}"
    elif done.code != 0 and (not report or not outcome.failures):
        outcome.problem = died(unfinished, done.code)
    elif done.code == 0 and outcome.failures:
        outcome.problem = "tests failed, but the program ended with exit code 0"
    elif outcome.total == 0:
        outcome.problem = "no test ran"
    return outcome


def joined(parts: list, stop_at_first: bool) -> TestRun:
    """The outcomes of all parts as that of one process, which has the tests in their order and, with
    `stop_at_first`, ends at the first that fails."""
    in_order = itertools.chain.from_iterable(itertools.zip_longest(*(part.tests for part in parts)))
    whole = TestRun(tests=[test for test in in_order if test])
    failed = [i for i, test in enumerate(whole.tests) if test.status == "failed"]
    if failed and stop_at_first:
        del whole.tests[failed[0] + 1 :]
    told = {(one.test, one.implementation): one for part in parts for one in part.failures}
    reds = [test for test in whole.tests if test.status == "failed"]
    whole.failures = [told[(test.name, test.implementation)] for test in reds]
    whole.total = len(whole.tests)
    whole.skipped = sum(test.status == "skipped" for test in whole.tests)
    whole.implementations = list(dict.fromkeys(name for part in parts for name in part.implementations))
    whole.printed = [pair for part in parts for pair in part.printed]
    worst = next((part for part in parts if part.problem), parts[0])
    whole.problem, whole.unfinished, whole.output = worst.problem, worst.unfinished, worst.output
    return whole


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
                test.get("smaller_sizes", False),
            )
        )
        if implementation:
            names[implementation] = None
        if test["status"] == "failed":
            outcome.failures.append(Failure(full_name, implementation, test["messages"]))
    outcome.implementations = list(names)
    return outcome


class Patience:
    """Says at once, if `aloud`, that a test takes long: which, and for how long it may. True: end it, since
    its cause is known or a test before it is red."""

    aloud = True

    def __init__(self, output: process.Bounded, limit: float, on_slow: Callable | None) -> None:
        self.output, self.limit, self.on_slow = output, limit, on_slow
        self.meanwhile: Callable | None = None
        self.seconds = limit  # for which it was let run
        self.test, self.since, self.said, self.seen = "", clock(), False, -1
        self.red = ""  # the test that failed before one that takes long

    def __call__(self) -> bool:
        if self.meanwhile:
            self.meanwhile()
        size = len(self.output.head) + len(self.output.tail) + self.output.left_out
        if size != self.seen:
            self.seen = size
            _, test = what_tests_printed(self.output.text)
            if test != self.test:
                self.test, self.since, self.said = test, clock(), False
        if self.test and not self.said and clock() - self.since >= SLOW_SECONDS:
            self.said = True
            reds = told_failures(self.output.text)
            self.red = reds[0].test if reds and self.limit > RED_SECONDS else ""
            if self.aloud:
                self.say_slow()
            if self.on_slow and self.on_slow(self.test):
                self.seconds = clock() - self.since
                return True
        if self.said and self.red and clock() - self.since >= RED_SECONDS:
            self.seconds = RED_SECONDS
            return True
        return False

    def say_slow(self) -> None:
        end = f"{RED_SECONDS:.0f} s, since {self.red} has failed" if self.red else f"{self.limit:.0f} s"
        say(f"{self.test} has been running for {SLOW_SECONDS:.0f} s; it is stopped after {end}")


def what_tests_printed(output: str) -> tuple:
    """([(test, text)], the test that has begun and has no verdict)."""
    printed, unfinished = [], ""
    for found in TEST_OUTPUT.finditer(output):
        test, text, ended = found.groups()
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("simt: ")]
        if lines:
            printed.append((test, "\n".join(lines)))
        unfinished = "" if ended else test
    return printed, unfinished


def told_failures(output: str) -> list:
    """The red tests of a program that did not come to its report, as it has printed them."""
    found = []
    for red in RED_TEST.finditer(output):
        suites = SUITE.findall(output, 0, red.start())
        name = f"{suites[-1]}.{red[1]}" if suites else red[1]
        message = "\n".join(line[4:] for line in red[3].rstrip().splitlines())
        found.append(Failure(name, red[2] or "", [message] if message else []))
    return found


def device_words(output: str) -> list:
    """What the CPU device said of kernels that do not end."""
    return [line.partition("simt: ")[2] for line in output.splitlines() if "simt: " in line][:4]


def inside(test: str) -> str:
    return f" in {test}" if test else ""


def hung(test: str, patience: Patience) -> str:
    words = f"stopped after {patience.seconds:.0f} s{inside(test)}"
    return words if patience.red else f"{words}; --timeout S allows more"


def died(test: str, code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"the test program died of {name}{inside(test)}"
    return f"the test program stopped with exit code {code}{inside(test)}"


def tail(output: str, lines: int = 12) -> str:
    return "\n".join(output.strip().splitlines()[-lines:])
