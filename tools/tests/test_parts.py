"""A test program whose tests several processes share, as `check` runs the inspector."""

import functools
import os
import stat
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import support
from workbook import build, examination, inspection, process, test_run

# As the harness does: takes its part of the tests, ends at the first that fails, reports after the secret.
PROGRAM = """#!{python} -S
import json, os, sys
options = dict(zip(sys.argv, sys.argv[1:]))
part, parts = map(int, options.get('--part', '1/1').split('/'))
tests = []
for name in {names!r}[part - 1 :: parts]:
    if not options.get('--test', name).endswith(name):
        continue
    if {crash!r} == name:
        print(f'  {{name}}  starter \\x02', end='', flush=True)
        os.abort()
    red = name in {reds!r}
    finding = dict(what='race', kernel='k', text=f'race in {{name}}', parties=[dict(file='a.cu', line=name)])
    tests.append(dict(suite='Suite', test=name, implementation='starter',
                      status='failed' if red else 'passed', messages=[], launches=1, compared=1,
                      findings=[finding] if red else []))
    if red and '--stop-at-first' in sys.argv:
        break
report = dict(schema_version=1, kind='tests', body=dict(tests=tests))
os.pwrite(int(os.environ['WB_VERDICT_FD']), json.dumps(report).encode(), 64)
sys.exit(any(test['status'] == 'failed' for test in tests))
"""
NAMES = ("One", "Two", "Three", "Four", "Five", "Six", "Seven")


class SharesTests(unittest.TestCase):
    def setUp(self):
        self.program = support.folder_of(self) / "program"

    def run_parts(self, parts, reds=(), crash="", options=()):
        text = PROGRAM.format(python=sys.executable, names=NAMES, reds=reds, crash=crash)
        self.program.write_text(text)
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        return test_run.run_in_parts(self.program, list(options), 30.0, parts)

    def test_all_tests_run_in_their_order(self):
        for parts in (1, 2, 3, 7):
            outcome = self.run_parts(parts)
            self.assertEqual([test.name for test in outcome.tests], [f"Suite.{name}" for name in NAMES])
            self.assertTrue(outcome.passed, outcome.problem)
            self.assertEqual(outcome.implementations, ["starter"])

    def test_the_first_finding_is_that_of_one_process(self):
        for parts in (1, 2, 3, 7):
            outcome = self.run_parts(parts, reds=("Six", "Three"), options=["--stop-at-first"])
            self.assertEqual([failure.test for failure in outcome.failures], ["Suite.Three"], parts)
            self.assertEqual(inspection.read(outcome).findings, ["race in Three"])
            self.assertEqual(outcome.problem, "")

    def test_without_a_stop_all_findings_come_in_order(self):
        outcome = self.run_parts(3, reds=("Six", "Three"))
        self.assertEqual(inspection.read(outcome).findings, ["race in Three", "race in Six"])

    def test_a_part_that_crashes_is_a_problem(self):
        outcome = self.run_parts(3, crash="Five")
        self.assertIn("SIGABRT in Five", outcome.problem)
        self.assertFalse(outcome.passed)

    def test_tests_that_no_part_has_run_are_missed(self):
        self.run_parts(1)
        plain = test_run.TestRun(tests=[test_run.Test("Suite.Eight", "starter", "passed", "", 1, 1)], total=1)
        inspected = inspection.run_all(self.program, [], 30.0, plain)
        self.assertIn("Suite.Eight ran in only one of the two programs", inspected.problem)


class Examines(unittest.TestCase):
    """The plain program and its twin, as shell scripts that meet through files."""

    def setUp(self):
        self.folder = support.folder_of(self)
        self.twin_runs, self.plain_is_done = self.folder / "twin_runs", self.folder / "plain_is_done"

    def script(self, name, reds, before):
        """A program whose report comes after the shell command `before`."""
        program = self.folder / name
        reporter = self.folder / f"{name}_report"
        reporter.write_text(PROGRAM.format(python=sys.executable, names=NAMES, reds=reds, crash=""))
        program.write_text(f'#!/bin/sh\n{before}\nexec {sys.executable} -S {reporter} "$@"\n')
        program.chmod(0o755)
        return program

    def examine(self, plain, twin, beside=None, when_green=None):
        with (
            mock.patch.object(examination, "RESULTS", self.folder),
            mock.patch.object(inspection, "RESULTS", self.folder),
        ):
            return examination.examine(
                plain, twin, [], 60.0, beside=beside, tests=len(NAMES), when_green=when_green
            )

    def test_the_twin_runs_while_the_tests_do(self):
        # One after the other, the plain program would wait forever.
        plain = self.script("plain", (), f"while [ ! -e {self.twin_runs} ]; do sleep 0.01; done")
        outcome, inspected = self.examine(plain, self.script("twin", ("Two",), f"touch {self.twin_runs}"))
        self.assertEqual(outcome.failures, [])
        self.assertEqual(inspected.findings, ["race in Two"])
        self.assertEqual(outcome.objections, [examination.INSPECTOR])

    def test_what_runs_beside_the_build_is_not_started_again(self):
        started = self.folder / "started"
        plain = self.script("plain", (), f"echo plain >> {started}")
        twin = self.script("twin", ("Two",), f"echo twin >> {started}")
        starts = {
            plain: functools.partial(test_run.Running, plain, [], 60.0, self.folder),
            twin: functools.partial(test_run.Parts, twin, ["--stop-at-first"], 60.0, 2),
        }
        beside = build.Beside(starts)
        self.addCleanup(beside.close)
        with mock.patch.object(build.repair, "is_program", return_value=True):
            for what in ("link twin", "link plain"):
                beside.built(what)
                beside.look()
        outcome, inspected = self.examine(plain, twin, beside)
        self.assertEqual(outcome.failures, [])
        self.assertEqual(inspected.findings, ["race in Two"])
        self.assertEqual(sorted(started.read_text().split()), ["plain", "twin", "twin"])

    def test_where_the_tests_are_green_something_is_done_while_the_twin_runs(self):
        # The twin waits for it: afterwards would be too late.
        twin = self.script("twin", (), f"while [ ! -e {self.plain_is_done} ]; do sleep 0.01; done")
        outcome, inspected = self.examine(
            self.script("plain", (), ""), twin, when_green=self.plain_is_done.touch
        )
        self.assertTrue(outcome.passed and inspected.clean)
        self.plain_is_done.unlink()
        self.examine(
            self.script("plain", ("Three",), ""),
            self.script("twin", ("Three",), ""),
            when_green=self.plain_is_done.touch,
        )
        self.assertFalse(self.plain_is_done.exists())

    def test_a_red_test_ends_the_twin_and_is_inspected_alone(self):
        plain = self.script("plain", ("Three",), f"while [ ! -e {self.twin_runs} ]; do sleep 0.01; done")
        wait = f'touch {self.twin_runs}; case "$*" in *--part*) sleep 600;; esac'
        outcome, inspected = self.examine(plain, self.script("twin", ("Three",), wait))
        self.assertEqual([failure.test for failure in outcome.failures], ["Suite.Three"])
        self.assertEqual(inspected.findings, ["race in Three"])

    def test_sessions_yield_one_after_the_other_where_the_system_says_so(self):
        parts = test_run.Parts(self.script("twin", (), "sleep 600"), [], 60.0, 2)
        self.addCleanup(parts.close)
        with mock.patch.object(Path, "write_text", side_effect=(1, BlockingIOError, 1)) as written:
            for calls in (2, 3, 3):
                parts.yield_to_others()
                self.assertEqual(written.call_count, calls)

    def test_only_the_plain_program_says_that_a_test_takes_long(self):
        begun = "printf '  Suite.One  starter \\002'; sleep 600"
        plain, twin = self.script("plain", (), begun), self.script("twin", (), begun)
        with (
            mock.patch.object(examination, "RESULTS", self.folder),
            mock.patch.object(test_run, "SLOW_SECONDS", 0.2),
            support.captured() as said,
        ):
            outcome, _ = examination.examine(plain, twin, [], 3.0, tests=1)
        self.assertIn("stopped after 3 s in Suite.One", outcome.problem)
        self.assertEqual(said.getvalue().count("Suite.One has been running"), 1, said.getvalue())

    def test_nothing_is_left_of_either(self):
        number = self.folder / "number"
        left = f"setsid sh -c 'echo $$ > {number}; sleep 600' & while [ ! -s {number} ]; do sleep 0.01; done"
        self.examine(self.script("plain", (), left), self.script("twin", (), ""))
        line = Path(f"/proc/{number.read_text().strip()}/cmdline")
        until = time.monotonic() + 60.0
        while line.exists() and line.read_bytes() and time.monotonic() < until:  # empty once it has ended
            time.sleep(0.01)
        self.assertFalse(line.exists() and line.read_bytes())


class RunsTogether(unittest.TestCase):
    def test_both_run_at_the_same_time(self):
        with tempfile.TemporaryDirectory() as folder:
            here, there = (os.path.join(folder, name) for name in ("here", "there"))
            # Each waits for the other's file: one after the other, neither would end.
            script = 'touch "$0"; while [ ! -e "$1" ]; do sleep 0.01; done'
            pairs = ((here, there), (there, here))
            runs = [process.Lines(["sh", "-c", script, *pair], timeout=60.0) for pair in pairs]
            process.together(runs)
        self.assertEqual([(one.code, one.timed_out) for one in runs], [(0, False)] * 2)

    def test_an_error_ends_the_others(self):
        def fails():
            raise KeyboardInterrupt

        for failing in (0, 1):
            runs = [process.Lines(["sleep", "600"]) for _ in range(2)]
            runs[failing].on_look = fails
            started = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                process.together(runs)
            self.assertLess(time.monotonic() - started, 300.0)

    def test_a_program_that_is_not_there_leaves_none_behind(self):
        runs = [process.Lines(["sleep", "600"]), process.Lines(["/nowhere/program"])]
        with self.assertRaises(OSError):
            process.together(runs)
        self.assertIsNone(runs[0].group)


if __name__ == "__main__":
    unittest.main()
