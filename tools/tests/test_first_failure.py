"""check where a test fails and a later one ends the program or takes too long: the failure is first."""

import signal
import stat
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support
from workbook import check, inspection, test_run

RED = (
    "CPU device\\nAddOracle\\n  IsRight \\x02\\x03ok\\n"
    "VectorAddTest\\n  AddsOneBlock  starter \\x02\\x03ok\\n"
    "  AddsTheTail  starter  \\x02noise \\x03FAILED  (1.2 s)\\n    vector_add_test.cpp:30\\n"
    "    out: 1 of 33 elements is wrong\\n      first [32]: got 0, expected 0.5\\n"
    "  AddsMany  starter     \\x02\\x03FAILED\\n    another\\n  Ends  starter         \\x02"
)
HANGS = "import time\nwhile True: time.sleep(1)"
DIES = f"os.kill(os.getpid(), {int(signal.SIGSEGV)})"


def outcome_of(end, printed=RED, timeout=3.0):
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        body = f"import os, sys\nprint('{printed}', end='', flush=True)\n{end}\n"
        program.write_text(f"#!{sys.executable} -S\n{body}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return test_run.run(program, [], timeout, Path(folder))


def screen(outcome):
    with support.captured() as said:
        check.show(outcome, inspection.Inspection(left_out=inspection.BLIND), verbose=False)
    return said.getvalue()


class FirstFailure(unittest.TestCase):
    def judge(self, outcome, problem):
        names = ["VectorAddTest.AddsTheTail", "VectorAddTest.AddsMany"]
        self.assertEqual([one.test for one in outcome.failures], names)
        self.assertEqual([one.implementation for one in outcome.failures], ["starter"] * 2)
        self.assertFalse(outcome.passed)
        self.assertEqual(inspection.of_first(outcome), ["--test", names[0]])
        said = screen(outcome)
        places = [said.index(words) for words in (names[0], "got 0, expected 0.5", "2 tests fail", problem)]
        self.assertEqual(places, sorted(places), said)
        self.assertIn("printed in AddsTheTail", said)

    def test_before_one_that_takes_too_long(self):
        self.judge(outcome_of(HANGS), "stopped after 3 s in Ends")

    def test_is_waited_for_no_longer_than_its_cause_is_worth(self):
        short = {"SLOW_SECONDS": 0.2, "RED_SECONDS": 0.6}
        with mock.patch.multiple(test_run, **short), support.captured() as said:
            outcome = outcome_of(HANGS, timeout=60.0)
        self.judge(outcome, "stopped after 1 s in Ends")
        self.assertNotIn("--timeout", outcome.problem)
        self.assertIn("since VectorAddTest.AddsTheTail has failed", said.getvalue())
        green = RED.replace("FAILED", "ok")
        with mock.patch.multiple(test_run, **short), support.captured() as said:
            self.assertIn("stopped after 2 s in Ends; --timeout", outcome_of(HANGS, green, 2.0).problem)
        self.assertNotIn("has failed", said.getvalue())

    def test_before_one_that_ends_the_program(self):
        self.judge(outcome_of(DIES, timeout=30.0), "died of SIGSEGV in Ends")

    def test_a_green_test_is_none(self):
        outcome = outcome_of(DIES, RED.replace("FAILED", "ok"), 30.0)
        self.assertEqual(outcome.failures, [])
        self.assertIn("the test program died of SIGSEGV in Ends", screen(outcome).splitlines()[0])

    def test_what_the_tested_code_prints_is_no_failure(self):
        printed = "Suite\\n  One  starter \\x02FAILED\\n    I say so\\n\\x03ok\\n  Two  starter \\x02"
        self.assertEqual(outcome_of(DIES, printed, 30.0).failures, [])


if __name__ == "__main__":
    unittest.main()
