import json
import subprocess
import unittest
from unittest import mock

import support
from workbook import chapters
from workbook.errors import Exit, WorkbookError


class Chapters(unittest.TestCase):
    def setUp(self):
        self.root = support.folder_of(self)
        for name in ("01_vector_add", "02_norms", "docs", "build"):
            (self.root / name).mkdir()
        (self.root / "01_vector_add" / "README.md").write_text("\n# 01 · Vector add\n\ntext\n")
        build = "# words\nadd_chapter(EXERCISES vector_add)\nadd_test(x)\n"
        self.write("01_vector_add/CMakeLists.txt", build)
        build = "add_chapter(EXERCISES rope norm\n  backward OPERATIONS norm_sum SOURCES x.cu DEPENDS 01)\n"
        self.write("02_norms/CMakeLists.txt", build)
        self.write("01_vector_add/vector_add_starter.cu", "WB_REGISTER(VectorAdd, starter, add);\n")
        self.write("01_vector_add/vector_add_solution.cu", "WB_REGISTER(VectorAdd, solution, add);\n")
        self.write("01_vector_add/vector_add_test.cpp", "")
        self.write("02_norms/norm_solution.cu", "WB_REGISTER(Norm, solution, f);\n")
        self.write("02_norms/norm_library.cpp", "// WB_REGISTER(Norm, no, f)\nWB_REGISTER(Norm, library, f);")
        self.write("02_norms/norm_solution_backward.cu", "WB_REGISTER(NormBackward, solution, f);\n")
        self.write("02_norms/norm_sum_solution.cu", "WB_REGISTER(NormSum, sums, f);\n")
        self.write("02_norms/backward_solution.cu", "WB_REGISTER(NormBackward, other, f);\n")
        (self.root / "02_norms" / "broken").mkdir()
        build = (
            "# add_fixit(fix_no LINK x)\nadd_fixit(fix_clock CHAPTER c LINK x)\nadd_fixit(fix_gate LINK x)\n"
        )
        self.write("02_norms/broken/CMakeLists.txt", build)
        self.write("02_norms/broken/fix_clock_starter.cpp", "WB_REGISTER(Clock, starter, f);\n")
        self.write("02_norms/broken/fix_gate_starter.cu", "WB_REGISTER(Gate, starter, f);\n")
        self.write("02_norms/broken/fix_gate_test.cpp", "")
        patch = mock.patch.multiple(chapters, ROOT=self.root, RESULTS=self.root / "results")
        patch.start()
        self.addCleanup(patch.stop)

    def write(self, name, text):
        (self.root / name).write_text(text)

    def test_a_page_of_its_own_is_the_lesson_of_an_exercise(self):
        self.write("02_norms/README.md", "# 02 · Norms\n")
        self.write("02_norms/rope.md", "# RoPE\n")
        self.assertEqual(self.exercise("02", "rope").lesson, self.root / "02_norms" / "rope.md")
        self.assertEqual(self.exercise("02", "norm").lesson, self.root / "02_norms" / "README.md")

    def exercise(self, chapter, name):
        return chapters.select(chapters.find(chapter, self.root), name)[0]

    def test_finds_a_chapter_by_every_name_a_person_uses(self):
        for text in ("1", "01", "01_vector_add", "01_vector_add/", "vector_add", "./01_vector_add"):
            self.assertEqual(chapters.find(text, self.root).name, "01_vector_add", text)

    def test_refuses_an_unknown_chapter_and_names_the_known(self):
        with self.assertRaises(WorkbookError) as caught:
            chapters.find("99", self.root)
        self.assertEqual(caught.exception.code, Exit.USAGE)
        self.assertIn("01_vector_add, 02_norms", str(caught.exception))

    def test_names_the_chapter_of_an_exercise_given_in_its_place(self):
        with self.assertRaises(WorkbookError) as caught:
            chapters.find("rope", self.root)
        self.assertEqual(str(caught.exception), "'rope' is an exercise of 02_norms: say 02 rope")

    def test_refuses_an_unknown_exercise(self):
        with self.assertRaisesRegex(WorkbookError, "rope, norm, backward"):
            self.exercise("02", "softmax")

    def test_reads_implementations_from_registrations_of_the_right_exercise(self):
        self.assertEqual(self.exercise("02", "norm").implementations, ["library", "solution"])
        self.assertEqual(self.exercise("02", "backward").implementations, ["other"])
        self.assertEqual(self.exercise("01", "vector_add").implementations, ["solution"])

    def test_exercises_are_those_of_the_chapters_build(self):
        names = [exercise.name for exercise in chapters.exercises(self.root / "02_norms")]
        self.assertEqual(names, ["rope", "norm", "backward"])
        self.assertEqual(chapters.operation_names(self.root / "02_norms"), ["norm_sum"])
        self.assertEqual(chapters.operation_names(self.root / "01_vector_add"), [])
        self.assertEqual(chapters.exercises(self.root / "docs"), [])

    def test_fixits_come_after_the_exercises_and_live_in_a_folder_of_their_own(self):
        chapter = self.root / "02_norms"
        self.assertEqual([fixit.name for fixit in chapters.fixits(chapter)], ["fix_clock", "fix_gate"])
        self.assertEqual(
            [one.name for one in chapters.select(chapter, None)][-3:], ["backward", "fix_clock", "fix_gate"]
        )
        clock, gate = self.exercise("02", "fix_clock"), self.exercise("02", "fix_gate")
        self.assertEqual(clock.starter, chapter / "broken" / "fix_clock_starter.cpp")
        self.assertEqual(gate.starter, chapter / "broken" / "fix_gate_starter.cu")
        self.assertEqual((clock.has("test.cpp"), gate.has("test.cpp")), (False, True))
        self.assertEqual(gate.reference, self.root / "solutions" / "journey" / "fix_gate.md")
        self.assertEqual(gate.state(), "not checked")
        gate.remember({"passed": True, "device": "cpu"})
        self.assertEqual((gate.state(), clock.state()), ("solved (cpu device)", "not checked"))

    def test_title(self):
        self.assertEqual(chapters.title(self.root / "01_vector_add"), "Vector add")
        self.assertEqual(chapters.title(self.root / "02_norms"), "")

    def test_the_state_follows_the_file_and_the_last_check(self):
        exercise = self.exercise("01", "vector_add")
        self.assertEqual(exercise.state(), "not checked")
        exercise.remember({"passed": False, "total": 9, "failed": 4, "device": "cpu"})
        self.assertEqual(exercise.state(), "4 of 9 tests fail")
        exercise.remember({"passed": False, "problem": "does not compile", "device": "cpu"})
        self.assertEqual(exercise.state(), "does not compile")
        exercise.remember({"passed": True, "total": 9, "failed": 0, "device": "cpu"})
        self.assertEqual(exercise.state(), "solved (cpu device)")
        with mock.patch.object(chapters, "is_changed", return_value=True):
            self.write("01_vector_add/vector_add_starter.cu", "something else")
            self.assertEqual(exercise.state(), "changed, not checked")

    def test_a_damaged_record_is_set_aside_and_counts_as_none(self):
        exercise = self.exercise("01", "vector_add")
        exercise.remember({"passed": False, "device": "cpu"})
        record = next((self.root / "results" / "check").glob("*.json"))
        whole = json.loads(record.read_text())
        self.assertEqual(whole["exercise"], "vector_add")
        damaged = [
            b"",
            b"{",
            b"\xff\xfe",
            b"[1]",
            b"null",
            b"3",
            b"[" * 100_000,
            json.dumps(whole)[:-9].encode(),
        ]
        for change in ({"passed": "yes"}, {"device": 3}, {"total": "9"}, {"starter": None}, {"problem": []}):
            damaged.append(json.dumps({**whole, **change}).encode())
        damaged.append(json.dumps({"schema_version": 1}).encode())
        for text in damaged:
            record.write_bytes(text)
            with support.captured() as said:
                self.assertEqual(exercise.state(), "not checked", text[:40])
            self.assertEqual(len(said.getvalue().splitlines()), 1, said.getvalue())
            self.assertIn("is damaged", said.getvalue())
            self.assertFalse(record.exists())
        self.assertEqual(len(list(record.parent.glob("*.damaged*"))), len(damaged))

    def test_a_record_of_another_version_is_called_so(self):
        exercise = self.exercise("01", "vector_add")
        exercise.remember({"passed": False, "device": "cpu"})
        record = next((self.root / "results" / "check").glob("*.json"))
        record.write_text(json.dumps({**json.loads(record.read_text()), "schema_version": 7}))
        with support.captured() as said:
            self.assertEqual(exercise.state(), "not checked")
        self.assertIn("is of version 7, and this workbook reads 1; set aside", said.getvalue())

    def test_a_content_that_has_passed_counts_as_solved_when_it_is_back(self):
        exercise = self.exercise("01", "vector_add")
        solved = exercise.starter.read_text()
        exercise.remember({"passed": True, "device": "cpu"})
        self.write("01_vector_add/vector_add_starter.cu", "an experiment")
        exercise.remember({"passed": False, "total": 9, "failed": 4, "device": "cpu"})
        self.assertEqual(exercise.standing().kind, "red")
        self.write("01_vector_add/vector_add_starter.cu", solved)
        self.assertEqual(exercise.standing(), ("solved", "solved (cpu device)"))

    def test_green_tests_with_an_objection_are_called_so(self):
        exercise = self.exercise("01", "vector_add")
        exercise.remember({"passed": False, "total": 9, "failed": 0, "problem": "no launch", "device": "cpu"})
        self.assertEqual(exercise.standing(), ("red", "tests pass, but not solved"))

    def test_a_record_of_before_there_were_versions_is_read(self):
        exercise = self.exercise("01", "vector_add")
        exercise.remember({"passed": True, "device": "cpu"})
        record = next((self.root / "results" / "check").glob("*.json"))
        old = {k: v for k, v in json.loads(record.read_text()).items() if k != "schema_version"}
        record.write_text(json.dumps(old))
        self.assertEqual(exercise.state(), "solved (cpu device)")

    def git(self, *arguments):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", "-C", self.root, *identity, *arguments], check=True, capture_output=True)

    def test_git_tells_whether_a_starter_was_touched(self):
        exercise = self.exercise("01", "vector_add")
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-qm", "x")
        self.assertEqual(exercise.state(), "untouched")
        self.write("01_vector_add/vector_add_starter.cu", "something else")
        self.assertEqual(exercise.state(), "changed, not checked")
        (self.root / ".git" / "HEAD").write_text("damaged")
        self.assertEqual(exercise.state(), "not checked")

    def test_an_exercise_without_a_starter_says_so(self):
        self.assertEqual(self.exercise("02", "norm").state(), "no starter yet")


if __name__ == "__main__":
    unittest.main()
