import json
import stat
import sys
import tempfile
import unittest
from pathlib import Path

import support
from workbook import check, test_run

REPORT = {
    "testsuites": [
        {
            "name": "/VectorAddTest",
            "testsuite": [
                {"name": "AddsOneBlock/starter", "result": "COMPLETED"},
                {
                    "name": "AddsTheTail/starter",
                    "result": "COMPLETED",
                    "failures": [{"failure": "vector_add_test.cpp:30\n  out[32]: got 0, expected 0.5"}],
                },
                {"name": "Skipped/starter", "result": "SKIPPED"},
            ],
        }
    ]
}


class ReadsReports(unittest.TestCase):
    def test_what_ran_and_what_failed(self):
        outcome = test_run.read_report(json.dumps(REPORT))
        self.assertEqual((outcome.total, outcome.skipped), (3, 1))
        self.assertEqual(outcome.implementations, ["starter"])
        self.assertEqual([f.test for f in outcome.failures], ["VectorAddTest.AddsTheTail"])
        self.assertFalse(outcome.passed)

    def test_nothing_run_is_not_a_pass(self):
        self.assertFalse(test_run.read_report("").passed)
        self.assertFalse(test_run.TestRun(total=2, skipped=2).passed)


class RunsPrograms(unittest.TestCase):
    """A little script stands in for a test program."""

    def run_script(self, body, timeout=30.0):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "program"
            program.write_text(f"#!{sys.executable}\nimport os, signal, sys, time\n{body}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            return test_run.run(program, [], timeout)

    def report(self, text):
        path = "[a for a in sys.argv if a.startswith('--gtest_output=json:')][0].split(':', 1)[1]"
        return f"open({path}, 'w').write({text!r})"

    def test_a_red_program(self):
        outcome = self.run_script(self.report(json.dumps(REPORT)) + "\nsys.exit(1)")
        self.assertEqual(len(outcome.failures), 1)
        self.assertEqual(outcome.problem, "")

    def test_a_crash_names_the_signal_and_the_test(self):
        body = "print('[ RUN      ] VectorAddTest.Tail/starter', flush=True)\n"
        outcome = self.run_script(body + "os.kill(os.getpid(), signal.SIGSEGV)")
        self.assertIn("SIGSEGV in VectorAddTest.Tail/starter", outcome.problem)
        self.assertFalse(outcome.passed)

    def test_an_endless_loop_is_stopped(self):
        outcome = self.run_script("print('[ RUN      ] A.B', flush=True)\nwhile True: pass", timeout=1.0)
        self.assertIn("stopped after 1 s in A.B", outcome.problem)

    def test_a_green_exit_without_a_report_is_no_pass(self):
        self.assertEqual(self.run_script("sys.exit(0)").problem, "no test ran")

    def test_a_refusal_to_start(self):
        outcome = self.run_script("print('error: no implementation')\nsys.exit(2)")
        self.assertIn("exit code 2", outcome.problem)
        self.assertIn("no implementation", outcome.output)


class ShowsTheVerdict(unittest.TestCase):
    def test_the_summary_comes_before_the_first_failure(self):
        with support.captured() as text:
            check.show(test_run.read_report(json.dumps(REPORT)), verbose=False)
        shown = text.getvalue()
        self.assertIn("1 of 3 tests fail, 1 pass, 1 skipped", shown)
        self.assertLess(shown.index("1 of 3"), shown.index("got 0, expected 0.5"))


if __name__ == "__main__":
    unittest.main()
