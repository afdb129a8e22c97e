"""Run the tests of an exercise and, on the CPU device, the same tests under the inspector beside them."""

from __future__ import annotations

from collections.abc import Callable

from . import guard, inspection, test_run
from .build import Beside
from .machine import RESULTS

SLOW_INSPECTION = 20.0  # seconds
INSPECTOR = "the inspector found what results do not show"


def examine(
    program,
    twin,
    arguments: list,
    limit: float,
    verbose: bool = False,
    beside: Beside | None = None,
    tests: int = 0,
    when_green: Callable | None = None,
) -> tuple:
    """Run a test program and its inspected twin if there is one, unless they run already:
    (TestRun, Inspection). With `tests`, the number of tests, both run at the same time. `when_green` is
    called if the tests are green while the twin still runs."""
    examination = Examination(program, twin, arguments, limit, verbose)
    examination.when_green = when_green
    running = beside.running if beside else {}
    try:
        examination.ahead = running.pop(twin, None)
        return examination.run(running.pop(program, None), tests)
    finally:
        examination.close()


def of_the_twin(arguments: list, verbose: bool) -> list:
    """The arguments of the twin: the first finding is shown, or all of them."""
    return arguments if verbose else [*arguments, "--stop-at-first"]


class Examination:
    def __init__(self, program, twin, arguments: list, limit: float, verbose: bool) -> None:
        self.program, self.twin, self.limit = program, twin, limit
        self.arguments = arguments
        self.of_twin = of_the_twin(arguments, verbose)
        self.inspected = inspection.Inspection(left_out=inspection.BLIND)
        self.endless = ""  # the test that did not end under the inspector either
        self.ahead: test_run.Parts | None = None  # the twin, while the outcome of the tests is not known
        self.when_green: Callable | None = None

    def run(self, running: test_run.Running | None, tests: int) -> tuple:
        running = running or test_run.Running(self.program, self.arguments, self.limit, RESULTS)
        try:
            if self.twin and tests and not self.ahead:
                parts = inspection.parts_of(tests)
                self.ahead = test_run.Parts(self.twin, self.of_twin, self.limit, parts)
            self.yield_ahead()
            on_slow = self.cause_is_known if self.twin else None
            outcome = running.outcome(on_slow, sweep=False, meanwhile=self.yield_ahead)
        finally:
            running.close()
        if self.ahead and self.when_green and not outcome.problem and not outcome.failures:
            self.when_green()
        inspected = self.inspected
        known = inspected.findings or (self.endless and outcome.unfinished.endswith(self.endless))
        # A test that takes long may run after a red one, whose cause is wanted first.
        if self.twin and (not known or outcome.failures):
            first = self.inspect(outcome)
            inspected = first if first.findings or not known else inspected
        if outcome.problem or outcome.failures:
            inspected.problem = ""  # the tests say it themselves
        if not inspected.clean and not outcome.problem:
            outcome.objections.append(INSPECTOR)
        return outcome, inspected

    def cause_is_known(self, test: str) -> bool:
        """Inspect a test that takes long while it runs."""
        self.end_ahead()
        options = [*self.arguments, "--test", test, "--stop-at-first"]
        found = inspection.run(self.twin, options, min(self.limit, SLOW_INSPECTION), beside=True)
        if found.findings or found.problem:
            self.inspected = found
        self.endless = "" if found.findings or not found.problem else test
        return bool(found.findings)

    def inspect(self, outcome: test_run.TestRun) -> inspection.Inspection:
        only = inspection.of_first(outcome)
        if only:
            self.end_ahead()
            return inspection.run(self.twin, [*self.of_twin, *only], self.limit)
        return inspection.run_all(self.twin, self.of_twin, self.limit, outcome, self.ahead)

    def yield_ahead(self) -> None:
        """A red test should be known as soon as possible."""
        if self.ahead:
            self.ahead.yield_to_others()

    def end_ahead(self) -> None:
        ahead, self.ahead = self.ahead, None
        if ahead:
            ahead.close()

    def close(self) -> None:
        """Leave nothing of what the programs have started, wherever it went."""
        self.end_ahead()
        guard.kill_marked()
