"""compute-sanitizer as the judge of a fix-it on a GPU: its words, what follows, and where it is missing."""

import re
import stat
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support
from workbook import chapters, check, racecheck, test_run
from workbook.machine import ROOT

# As compute-sanitizer 2025 writes it.
RACE = """========= COMPUTE-SANITIZER
========= Error: Race reported between Read access at void wb::blocks_kernel(const float *)+0x490 in \
/home/me/07/fix_gradient_norm_starter.cu:40
=========     and Write access at void wb::blocks_kernel(const float *)+0x7d0 in \
/home/me/07/fix_gradient_norm_starter.cu:38 [64 hazards]
=========
========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)
"""
CLEAN = """========= COMPUTE-SANITIZER
========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)
"""
REFUSED = """========= COMPUTE-SANITIZER
========= Error: Target application terminated before first instrumented API call
"""
FAKE = """#!/bin/sh
while [ $# -gt 0 ]; do case $1 in --log-file) log=$2; shift;; esac; shift; done
printf '%s' '{said}' >"$log"
echo "tool is $WB_SANITIZER"
"""


def exercise():
    return next(one for one in chapters.fixits(ROOT / "07_tinyllama") if one.name == "fix_gradient_norm")


class ReadsTheLog(unittest.TestCase):
    def test_a_race_is_a_finding_with_short_names(self):
        found = racecheck.read(RACE, 0)
        self.assertFalse(found.clean)
        self.assertEqual(len(found.findings), 1)
        self.assertRegex(found.findings[0], r"Read access .* in fix_gradient_norm_starter.cu:40\n")
        self.assertRegex(
            found.findings[0], r"Write access .* in fix_gradient_norm_starter.cu:38 \[64 hazards\]$"
        )

    def test_no_hazard_is_clean(self):
        self.assertTrue(racecheck.read(CLEAN, 0).clean)

    def test_what_does_not_come_to_its_summary_decides_nothing(self):
        for said in (REFUSED, "========= COMPUTE-SANITIZER\n", ""):
            found = racecheck.read(said, 1, "no device\n")
            self.assertFalse(found.clean)
        self.assertIn("no device", racecheck.read("", 1, "no device\n").problem)

    def test_tests_that_fail_under_it_are_not_clean(self):
        self.assertIn("exit code 1", racecheck.read(CLEAN, 1).problem)

    def test_hazards_without_a_report_that_is_understood_are_not_clean(self):
        said = CLEAN.replace("0 hazards displayed (0", "3 hazards displayed (3")
        self.assertFalse(racecheck.read(said, 0).clean)


class JudgesOnAGpu(unittest.TestCase):
    """The parts of `check` that need no GPU, with a compute-sanitizer that only writes a log."""

    def judged(self, said: str | None):
        outcome = test_run.TestRun(total=1, tests=[test_run.Test("A.B", "starter", "passed", "", 2, 1)])
        with tempfile.TemporaryDirectory() as folder:
            tool = Path(folder) / "compute-sanitizer"
            if said is not None:
                tool.write_text(FAKE.replace("{said}", said))
                tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
            with mock.patch.object(racecheck, "tool", lambda: str(tool) if said is not None else ""):
                inspected = check.racecheck_on_gpu(Path("/bin/true"), [], 10.0, exercise(), outcome)
        return outcome, inspected

    def test_a_race_is_no_solution(self):
        outcome, inspected = self.judged(RACE)
        self.assertFalse(outcome.passed)
        self.assertEqual(outcome.objections, [racecheck.FOUND])
        with support.captured() as said:
            check.show(outcome, inspected, False)
        shown = said.getvalue()
        self.assertIn("compute-sanitizer found a mistake:", shown)
        self.assertIn("fix_gradient_norm_starter.cu:38", shown)

    def test_no_race_is_a_solution_that_names_what_was_looked_at(self):
        outcome, inspected = self.judged(CLEAN)
        self.assertTrue(outcome.passed)
        with support.captured() as said:
            check.checked(outcome, exercise(), inspected, True)
        shown = said.getvalue()
        self.assertIn("By compute-sanitizer: races in shared memory (1 tests", shown)
        self.assertIn(
            "Not checked: accesses outside an array, races in global memory", " ".join(shown.split())
        )

    def test_a_run_that_decides_nothing_is_no_solution(self):
        outcome, inspected = self.judged(REFUSED)
        self.assertEqual(outcome.objections, ["the race was not looked for"])
        with support.captured() as said:
            check.show(outcome, inspected, False)
        self.assertIn("under compute-sanitizer", said.getvalue())

    def test_without_the_tool_the_cpu_device_decides(self):
        outcome, _ = self.judged(None)
        self.assertFalse(outcome.passed)
        self.assertIn("not installed", outcome.objections[0])
        self.assertIn("./workbook check 07 fix_gradient_norm --device cpu", outcome.objections[0])

    def test_the_build_says_which_exercises_it_judges(self):
        with tempfile.TemporaryDirectory() as folder:
            build = mock.Mock(device="cuda", folder=Path(folder))
            self.assertFalse(racecheck.judges(build, exercise()))
            (build.folder / "racecheck.txt").write_text("fix_gradient_norm\n")
            self.assertTrue(racecheck.judges(build, exercise()))
            build.device = "cpu"
            self.assertFalse(racecheck.judges(build, exercise()))


class TellsTheTruth(unittest.TestCase):
    def test_the_lesson_quotes_lines_of_the_starter(self):
        report = exercise().lesson.read_text().splitlines()
        source = chapters.as_published(exercise().starter)[1].decode() or exercise().starter.read_text()
        lines = source.splitlines()
        quoted = [
            (int(found[1]), report[at + 1].strip())
            for at, line in enumerate(report)
            if (found := re.search(r"fix_gradient_norm_starter\.cu:(\d+):", line))
        ]
        self.assertEqual(len(quoted), 2)
        for number, text in quoted:
            self.assertEqual(lines[number - 1].strip(), text)


if __name__ == "__main__":
    unittest.main()
