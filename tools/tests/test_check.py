import json
import stat
import sys
import tempfile
import unittest
from pathlib import Path

import support
from workbook import chapters, check, test_run


def test(name, status, *messages):
    return {
        "suite": "/VectorAddTest",
        "test": name,
        "implementation": "starter",
        "status": status,
        "messages": list(messages),
    }


REPORT = {
    "schema_version": 1,
    "kind": "tests",
    "body": {
        "tests": [
            test("AddsOneBlock", "passed"),
            test("AddsTheTail", "failed", "vector_add_test.cpp:30\nout[32]: got 0, expected 0.5"),
            test("Skipped", "skipped"),
        ]
    },
}


class ReadsReports(unittest.TestCase):
    def test_passes_on_what_the_device_says_of_its_settings(self):
        said = "CPU device\n  Adds   simt: SIMT_ORDER is 'back'; it must be so. Forward.\nsimt: other\n"
        expected = ["SIMT_ORDER is 'back'; it must be so. Forward."]
        self.assertEqual(check.complaints(said), expected)

    def test_what_ran_and_what_failed(self):
        outcome = test_run.read_report(json.dumps(REPORT))
        self.assertEqual((outcome.total, outcome.skipped), (3, 1))
        self.assertEqual(outcome.implementations, ["starter"])
        self.assertEqual([f.test for f in outcome.failures], ["VectorAddTest.AddsTheTail"])
        self.assertFalse(outcome.passed)

    def test_nothing_run_is_not_a_pass(self):
        self.assertFalse(test_run.read_report("{}").passed)
        self.assertFalse(test_run.TestRun(total=2, skipped=2).passed)


class RunsPrograms(unittest.TestCase):
    """A little script stands in for a test program."""

    def run_script(self, body, timeout=30.0):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "program"
            program.write_text(f"#!{sys.executable}\nimport os, pathlib, signal, sys\n{body}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            return test_run.run(program, [], timeout, Path(folder))

    def report(self, text):
        folder = "folder = pathlib.Path(os.environ['WB_RESULTS_DIR']) / 'tests'; folder.mkdir()\n"
        return folder + f"(folder / 'program.json').write_text({text!r})"

    def test_a_red_program(self):
        outcome = self.run_script(self.report(json.dumps(REPORT)) + "\nsys.exit(1)")
        self.assertEqual(len(outcome.failures), 1)
        self.assertEqual(outcome.problem, "")

    def test_a_crash_names_the_signal_and_the_test(self):
        body = "print('suite\\n  AddsOne ok\\n  AddsTheTail  starter ', end='', flush=True)\n"
        outcome = self.run_script(body + "os.kill(os.getpid(), signal.SIGSEGV)")
        self.assertIn("SIGSEGV in AddsTheTail", outcome.problem)
        self.assertFalse(outcome.passed)

    def test_an_endless_loop_is_stopped(self):
        outcome = self.run_script(
            "print('  Hangs  starter ', end='', flush=True)\nwhile True: pass", timeout=1.0
        )
        self.assertIn("stopped after 1 s in Hangs", outcome.problem)

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

    def test_the_words_that_a_test_adds_follow_its_first_message(self):
        report = json.loads(json.dumps(REPORT))
        messages = report["body"]["tests"][1]["messages"]
        messages += ["a_test.cpp:31\ndv: 2 wrong", "a_test.cpp:40\nFailed\nlooks like: a race"]
        with support.captured() as text:
            check.show(test_run.read_report(json.dumps(report)), verbose=False)
        self.assertTrue(text.getvalue().rstrip().endswith("got 0, expected 0.5\n  looks like: a race"))

    def test_a_wrong_name_of_an_implementation_gets_the_right_ones(self):
        softmax = chapters.select(chapters.find("03"), "softmax")[0]
        for solution, expected in ((True, "NAME, with one of solution, three_pass"), (False, "your starter")):
            with support.captured() as text:
                check.choices(softmax, solution)
            self.assertIn(expected, text.getvalue())
            self.assertIn("three_pass", text.getvalue())
            self.assertNotIn("edit", text.getvalue())

    def test_what_to_do_next_names_the_files_of_the_exercise(self):
        chapter = chapters.find("07")
        fixit = chapters.select(chapter, "fix_init")[0]
        for passed, expected in (
            (False, "07 fix_init again"),
            (True, "Compare with solutions/journey/fix_init.md"),
        ):
            outcome = test_run.TestRun(
                total=1, failures=[] if passed else [None], implementations=["starter"]
            )
            with support.captured() as text:
                check.next_step(fixit, outcome)
            self.assertEqual(outcome.passed, passed)
            self.assertIn(expected, text.getvalue())


if __name__ == "__main__":
    unittest.main()
