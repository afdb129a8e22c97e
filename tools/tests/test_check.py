import json
import re
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support
from workbook import channel, chapters, check, inspection, judges, steps, test_run


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


GREEN = json.loads(json.dumps(REPORT))
del GREEN["body"]["tests"][1]


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
            program.write_text(f"#!{sys.executable} -S\nimport os, pathlib, signal, sys\n{body}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            return test_run.run(program, [], timeout, Path(folder))

    def report(self, text):
        """As the harness does: the report after the secret."""
        return f"file = int(os.environ['WB_VERDICT_FD'])\nos.pwrite(file, {text!r}.encode(), 64)"

    def test_a_red_program(self):
        outcome = self.run_script(self.report(json.dumps(REPORT)) + "\nsys.exit(1)")
        self.assertEqual(len(outcome.failures), 1)
        self.assertEqual(outcome.problem, "")

    def test_a_crash_names_the_signal_and_the_test(self):
        body = "print('suite\\n  AddsOne ok\\n  AddsTheTail  starter \\x02', end='', flush=True)\n"
        outcome = self.run_script(body + "os.kill(os.getpid(), signal.SIGSEGV)")
        self.assertIn("SIGSEGV in AddsTheTail", outcome.problem)
        self.assertFalse(outcome.passed)

    def test_an_endless_loop_is_stopped(self):
        outcome = self.run_script(
            "print('  Hangs  starter \\x02', end='', flush=True)\nimport time\nwhile True: time.sleep(1)",
            timeout=4.0,
        )
        self.assertIn("stopped after 4 s in Hangs", outcome.problem)

    def test_a_green_exit_without_a_report_is_no_pass(self):
        self.assertIn("exit code 0 before its last test", self.run_script("sys.exit(0)").problem)

    def test_a_report_without_the_secret_is_not_believed(self):
        forged = self.report(json.dumps(GREEN)).replace(", 64)", ", 0)")
        outcome = self.run_script(forged)
        self.assertIn("not the harness's", outcome.problem)
        self.assertFalse(outcome.passed)
        self.assertTrue(self.run_script(self.report(json.dumps(GREEN))).passed)

    def test_a_report_that_does_not_fit_the_end_is_not_believed(self):
        self.assertIn(
            "exit code 3", self.run_script(self.report(json.dumps(GREEN)) + "\nsys.exit(3)").problem
        )
        red = self.run_script(self.report(json.dumps(REPORT)))
        self.assertIn("tests failed, but the program ended with exit code 0", red.problem)

    def test_what_steers_a_test_program_stays_outside(self):
        steering = {"GTEST_FILTER": "*X*", "LD_PRELOAD": "x.so", "WB_IMPL": "x", "WB_SANITIZER": "memcheck"}
        with channel.Channel() as open_channel:
            left = open_channel.environment(
                {**steering, "HOME": "/h", "SIMT_ORDER": "reverse", "WB_COMMIT": "c"}
            )
        self.assertEqual(set(left), {"HOME", "SIMT_ORDER", "WB_COMMIT", "WB_VERDICT_FD"})

    def test_a_refusal_to_start(self):
        outcome = self.run_script("print('error: no implementation')\nsys.exit(2)")
        self.assertIn("exit code 2", outcome.problem)
        self.assertIn("no implementation", outcome.output)


class Judges(unittest.TestCase):
    def setUp(self):
        self.exercise = chapters.select(chapters.find("01"), "vector_add")[0]
        self.linked = judges.parts(Path("/nonexistent"), self.exercise)

    def outcome(self, **changes):
        tests = [
            test_run.Test(name, "starter", "passed", "", 1, 1) for name in judges.listed_tests(self.exercise)
        ]
        for name, value in changes.items():
            setattr(tests[0], name, value)
        return test_run.TestRun(total=len(tests), tests=tests)

    def objections(self, outcome):
        check.judge(outcome, judges.Evidence(self.exercise, self.linked), filtered=False)
        return [text for text in outcome.objections if "not as published" not in text]

    def test_all_is_well(self):
        self.assertEqual(self.objections(self.outcome()), [])

    def test_what_is_asked_of_files_is_looked_up_once(self):
        evidence = judges.Evidence(self.exercise, self.linked)
        with (
            mock.patch.object(judges, "objections", return_value=["includes all"]) as objections,
            mock.patch.object(judges, "changed_files", return_value=(["a.h"], "")) as changed,
        ):
            evidence.gather()
            outcome = self.outcome()
            check.judge(outcome, evidence, filtered=False)
        self.assertEqual((objections.call_count, changed.call_count), (1, 1))
        self.assertIn("includes all", outcome.objections[-1])
        self.assertIn("a.h", outcome.objections[0])

    def test_a_test_that_did_not_run(self):
        outcome = self.outcome()
        del outcome.tests[3:5]
        said = self.objections(outcome)
        self.assertIn("VectorAddTest.AddsEverySize and 1 more did not run", said)
        self.assertFalse(outcome.passed)

    def test_a_result_without_a_kernel(self):
        self.assertIn("no kernel was launched in VectorAddTest", self.objections(self.outcome(launches=0))[0])
        # Nothing to compare, nothing to compute; and where launches are not counted, nobody is accused.
        self.assertEqual(self.objections(self.outcome(launches=0, compared=0)), [])
        self.assertEqual(self.objections(self.outcome(launches=None)), [])

    def test_every_exercise_lists_its_tests(self):
        for chapter in chapters.chapters():
            for exercise in chapters.everything(chapter):
                self.assertGreater(len(judges.listed_tests(exercise)), 2, exercise.name)

    def test_what_was_checked_is_said_by_name(self):
        outcome = self.outcome()
        outcome.tests[-1].status, outcome.tests[-1].reason = "skipped", "needs a GPU"
        with support.captured() as text:
            check.checked(outcome, self.exercise, inspection.Inspection(left_out=inspection.BLIND))
        said = text.getvalue()
        self.assertIn("Checked: AddsOneBlock, AddsManyBlocks", said)
        self.assertIn("9 tests, 10 kernels launched", said)
        self.assertIn("Not checked: CountsPastTwoToThe31 (needs a GPU); races", said)
        self.assertIn("thread orders other than", said)
        self.assertIn("a GPU: this ran on the CPU device.", said)
        with support.captured() as text:
            check.checked(outcome, self.exercise, inspection.Inspection(tests=9), on_gpu=True)
        self.assertIn("Inspected: races, array bounds", text.getvalue())
        self.assertTrue(text.getvalue().rstrip().endswith("Not checked: CountsPastTwoToThe31 (needs a GPU)."))


class ComparesTheTestsWithThePublishedOnes(unittest.TestCase):
    def test_a_changed_test_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "01_x").mkdir()
            (root / "common").mkdir()
            for name in (
                "01_x/add_test.cpp",
                "01_x/add.h",
                *(f"common/{name}" for name in ("harness.cpp", *"abcd")),
                "CMakeLists.txt",
                "01_x/add_starter.cu",
            ):
                (root / name).write_text("as published\n")
            settings = ("user.name=x", "user.email=x@y", "commit.gpgsign=false")
            git = ["git", "-C", folder, *(word for one in settings for word in ("-c", one))]
            for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "published"]):
                subprocess.run([*git, *words], check=True, stdout=subprocess.DEVNULL)
            with mock.patch.object(judges, "ROOT", root):
                exercise = chapters.Exercise(root / "01_x", "add")
                self.assertEqual(judges.changed_files(exercise), ([], ""))
                exercise.starter.write_text("solved\n")
                self.assertEqual(judges.changed_files(exercise), ([], ""))
                (root / "01_x/add_test.cpp").write_text("// nothing to test\n")
                self.assertEqual(judges.changed_files(exercise), (["01_x/add_test.cpp"], ""))
                # What is said brings the files back, few or many.
                few, many = ["01_x/add_test.cpp"], [*(f"common/{name}" for name in "abcd"), "CMakeLists.txt"]
                for names in (few, many):
                    for name in names:
                        (root / name).write_text("mine\n")
                    changed, _ = judges.changed_files(exercise)
                    self.assertEqual(sorted(changed), sorted(names))
                    said = judges.about_changes(exercise, changed)
                    self.assertIn(f"not as published: {', '.join(changed[:3])}", said)
                    self.assertEqual("and 2 more" in said, len(names) == 5)
                    self.assertIn("what is committed counts as published", said)
                    back = re.search(r"git (checkout \w{12} -- [^.]*(\.\w+)?)\.", said).group(1)
                    subprocess.run([*git, *back.split()], check=True, stderr=subprocess.DEVNULL)
                    self.assertEqual(judges.changed_files(exercise), ([], ""))


FINDING = {
    "what": "shared_race",
    "kernel": "softmax",
    "text": "race in shared memory\n  a.cu:3: write",
    "parties": [{"file": "a.cu", "line": 3}, {"file": "a.cu", "line": 5}],
}


class ReadsWhatTheDeviceSays(unittest.TestCase):
    def test_it_may_stand_behind_the_name_of_the_test(self):
        output = (
            "SoftmaxTest\n  One  starter simt: softmax has been running for 5 s: block (0,0,0)\nsimt: more\n"
        )
        self.assertEqual(
            test_run.device_words(output), ["softmax has been running for 5 s: block (0,0,0)", "more"]
        )


class ReadsFindings(unittest.TestCase):
    def outcome(self, *findings):
        report = json.loads(json.dumps(GREEN))
        for entry in report["body"]["tests"]:
            entry["findings"] = list(findings)
            entry["status"] = "failed" if findings else "passed"
        return test_run.read_report(json.dumps(report))

    def test_one_mistake_is_said_once(self):
        other = {**FINDING, "parties": [{"file": "a.cu", "line": 9}]}
        inspected = inspection.read(self.outcome(FINDING, other))
        self.assertEqual(len(inspected.findings), 2)
        self.assertFalse(inspected.clean)
        with support.captured() as text:
            inspection.show(inspected, verbose=False)
        self.assertIn("the inspector found 2 mistakes", text.getvalue())
        self.assertIn("a.cu:3: write", text.getvalue())
        self.assertIn("and 1 more", text.getvalue())

    def test_all_mistakes_of_the_first_line_are_shown(self):
        other = {**FINDING, "parties": [{"file": "a.cu", "line": 9}], "text": "a.cu:9: write"}
        both = {**FINDING, "what": "never_written", "text": "a.cu:3: read of what nobody wrote"}
        inspected = inspection.read(self.outcome(FINDING, other, both))
        with support.captured() as text:
            inspection.show(inspected, verbose=False)
        self.assertIn("the inspector found 3 mistakes, the first 2 at one place", text.getvalue())
        self.assertIn("a.cu:3: write", text.getvalue())
        self.assertIn("a.cu:3: read of what nobody wrote", text.getvalue())
        self.assertNotIn("a.cu:9", text.getvalue())
        self.assertIn("and 1 more", text.getvalue())

    def test_no_finding_is_clean_and_silent(self):
        inspected = inspection.read(self.outcome())
        self.assertTrue(inspected.clean)
        with support.captured() as text:
            inspection.show(inspected, verbose=False)
        self.assertEqual(text.getvalue(), "")

    def test_smaller_sizes_are_said(self):
        outcome = self.outcome()
        self.assertNotIn("smaller", inspection.summary(inspection.read(outcome)))
        outcome.tests[0].smaller = True
        self.assertIn(
            f"with smaller sizes in {outcome.tests[0].name.partition('.')[2]}).",
            inspection.summary(inspection.read(outcome)),
        )

    def test_kernels_that_are_not_inspected_are_said_where_the_starter_has_them(self):
        words = "kernels of with_width for 16 and 128"
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder)
            exercise = mock.Mock(starter=files / "a_starter.cu")
            exercise.name = "a"
            exercise.starter.write_text("with_width(d, launch);")
            where = mock.Mock(folder=files)
            self.assertEqual(inspection.less(where, exercise), "")  # no build says so
            (files / "inspected_less.txt").write_text(f"a\twith_width\t{words}\nab\twith_width\tmore\n")
            self.assertEqual(inspection.less(where, exercise), words)
            exercise.starter.write_text("kernel<<<1, 1>>>();")
            self.assertEqual(inspection.less(where, exercise), "")
            (files / "inspected_less.txt").write_text("a\twith_width\tone\na\twith_rows\tother\n")
            exercise.starter.write_text("with_width(d, [] { with_rows(launch); });")
            self.assertEqual(inspection.less(where, exercise), "one; other")
        inspected = inspection.Inspection(tests=9, less=words)
        self.assertIn(f"(9 tests; {words}).", inspection.summary(inspected))

    def test_where_results_are_red_the_first_red_test_is_inspected(self):
        red = test_run.Failure("SoftmaxTest.One", "starter", ["wrong"])
        self.assertEqual(inspection.of_first(test_run.TestRun(failures=[red])), ["--test", "SoftmaxTest.One"])
        self.assertEqual(inspection.of_first(test_run.TestRun()), [])

    def test_a_failure_without_a_finding_is_not_clean(self):
        outcome = self.outcome()
        outcome.failures.append(test_run.Failure("SoftmaxTest.One", "starter", ["wrong"]))
        self.assertIn("SoftmaxTest.One fails", inspection.read(outcome).problem)


class ShowsTheVerdict(unittest.TestCase):
    def test_the_first_failure_comes_before_the_list(self):
        with support.captured() as text:
            check.show(test_run.read_report(json.dumps(REPORT)), inspection.Inspection(), verbose=False)
        shown = text.getvalue()
        self.assertIn("1 of 3 tests fails, 1 pass, 1 skipped", shown)
        self.assertLess(shown.index("got 0, expected 0.5"), shown.index("1 of 3"))

    def test_the_words_that_a_test_adds_follow_its_first_message(self):
        report = json.loads(json.dumps(REPORT))
        messages = report["body"]["tests"][1]["messages"]
        messages += ["a_test.cpp:31\ndv: 2 wrong", "a_test.cpp:40\nFailed\nlooks like: a race"]
        with support.captured() as text:
            check.show(test_run.read_report(json.dumps(report)), inspection.Inspection(), verbose=False)
        self.assertIn("got 0, expected 0.5\n  looks like: a race\n", text.getvalue())

    def test_what_kernels_print_is_shown_with_a_bound(self):
        output = "  One  starter \x02row 1\nsimt: x\nrow 2\n\x03ok\n  Two  starter \x02\x03ok\n"
        output += "  Three  starter \x02"
        printed, unfinished = test_run.what_tests_printed(output)
        self.assertEqual((printed, unfinished), ([("One", "row 1\nrow 2")], "Three"))
        outcome = test_run.TestRun(total=1, printed=[("One", "line\n" * 1000)])
        with support.captured() as text:
            check.show(outcome, inspection.Inspection(), verbose=False)
        self.assertIn("printed in One:", text.getvalue())
        self.assertIn(f"and {1000 - check.PRINTED_LINES} more lines", text.getvalue())

    def test_a_step_is_named_where_the_lesson_names_its_tests(self):
        matmul = chapters.select(chapters.find("02"), "matmul")[0]
        found = steps.of_lesson(matmul)
        self.assertIn(f"of {len(found)} (the edges): ", steps.place(found, "MatmulTest.GuardsTheTail"))
        self.assertEqual(steps.place(found, "MatmulTest.Other"), "")

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
            (True, "the reference: ./workbook solution 07 fix_init"),
        ):
            outcome = test_run.TestRun(
                total=1, failures=[] if passed else [None], implementations=["starter"]
            )
            with support.captured() as text:
                check.next_step(fixit, outcome, inspection.Inspection())
            self.assertEqual(outcome.passed, passed)
            self.assertIn(expected, text.getvalue())

    def test_inspect_is_offered_for_kernels_alone(self):
        outcome = test_run.TestRun(total=1, failures=[], implementations=["starter"])
        for name, expected in (("swiglu", True), ("graph_step", False), ("fix_init", False)):
            exercise = chapters.select(chapters.find("07"), name)[0]
            with support.captured() as text:
                check.next_step(exercise, outcome, inspection.Inspection())
            self.assertEqual("./workbook inspect 07" in text.getvalue(), expected, name)


if __name__ == "__main__":
    unittest.main()
