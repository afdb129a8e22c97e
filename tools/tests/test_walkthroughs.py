"""Walkthroughs: how their steps become sources, pages that go out of date, and how a terminal shows them."""

import contextlib
import importlib.util
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support
import walkthroughs
from walkthrough import fold, page, steps
from workbook import chapters, side_by_side, walkthrough

# Another module has the name of the proof.
SPEC = importlib.util.spec_from_file_location("proof", support.ROOT / "tools" / "proofs" / "walkthroughs.py")
proof = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(proof)

STARTER = """// Your turn.
void kernel() {
  // @ 1: Begin. Where
  // does it begin?

  // @ 2: End.
}
WB_REGISTER(Op, starter, kernel);
""".replace("@", "TODO")
SOLUTION = """// The kernel.
void kernel() {
  begin();
  end();
}
WB_REGISTER(Op, solution, kernel);
"""
BEGIN = "# It begins\n\nA kernel begins.\n\n```diff\n-TODO 1\n-\n+  begin();\n```\n"
END = "# It ends\n\nAnd ends.\n\n```diff\n   begin();\n-TODO 2\n+  end();\n```\n"
LAST = "# The reference\n\nThe same.\n"


class Walkthrough(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(mock.patch.object(steps, "WALKTHROUGHS", root / "walkthroughs"))
        self.exercise = chapters.Exercise(root / "01_first", "op")
        self.exercise.chapter.mkdir()
        (self.exercise.chapter / "CMakeLists.txt").write_text("add_chapter(EXERCISES op)\n")
        self.exercise.starter.write_text(STARTER)
        self.exercise.reference.write_text(SOLUTION)
        self.folder = steps.folder(self.exercise)
        self.folder.mkdir(parents=True)
        self.write(BEGIN, END, LAST)

    def write(self, *texts):
        for old in self.folder.glob("*.md"):
            old.unlink()
        for number, text in enumerate(texts, 1):
            (self.folder / f"{number}_step.md").write_text(text)

    def source(self, number: int) -> str:
        return steps.read(self.exercise)[number].sources["op"]

    def refused(self) -> str:
        with self.assertRaises(steps.StepError) as caught:
            steps.read(self.exercise)
        return str(caught.exception)

    def test_steps_lead_from_the_starter_to_the_reference(self):
        self.assertEqual(self.source(0), STARTER)
        self.assertEqual(self.source(2).splitlines()[1:5], ["void kernel() {", "  begin();", "  end();", "}"])
        self.assertEqual(self.source(3), SOLUTION)

    def test_other_words_of_a_todo_change_no_step(self):
        before = self.source(1)
        self.exercise.starter.write_text(STARTER.replace("Begin. Where", "Start! Where"))
        self.assertEqual(self.source(1), before)

    def test_other_words_of_a_comment_change_no_step(self):
        starter = STARTER.replace("void kernel() {", "\n// What it\n// does.\nvoid kernel() {")
        self.exercise.starter.write_text(starter)
        self.write(
            BEGIN, END, "# Bare\n\nWhy.\n\n```diff\n-// What it\n-// does.\n void kernel() {\n```\n", LAST
        )
        before = self.source(3)
        self.assertNotIn("does", before)
        self.exercise.starter.write_text(starter.replace("// What it\n// does.\n", "// In other words.\n"))
        self.assertEqual(self.source(3), before)

    def test_lines_that_are_not_there_once_are_refused(self):
        self.write("# It begins\n\nWhy.\n\n```diff\n-  start();\n```\n", LAST)
        self.assertIn("nowhere", self.refused())
        self.exercise.starter.write_text(STARTER + STARTER.splitlines(keepends=True)[2])
        self.write(BEGIN.replace("-\n", ""), END, LAST)
        self.assertIn("2 times", self.refused())

    def test_a_todo_that_is_left_is_refused(self):
        self.write(BEGIN, LAST)
        self.assertIn("TODO 2", self.refused())

    def test_incomplete_steps_are_refused(self):
        for wrong, words in (
            ("It begins\n", "no title"),
            ("# It begins\n\n```diff\n-TODO 1\n```\n", "no reason"),
            ("# It begins\n\nWhy.\n", "no ```diff"),
        ):
            self.write(wrong, END, LAST)
            self.assertIn(words if words != "no title" else "not a title", self.refused())
        self.write(BEGIN, END + "\n```diff\n+x\n```\n")
        self.assertIn("has no edits", self.refused())

    def test_a_fix_it_may_end_with_an_edit(self):
        fixit = chapters.Fixit(self.exercise.chapter, "op", self.exercise.chapter)
        self.write(BEGIN, END)
        found = steps.read(fixit)
        self.assertEqual(found[-1].sources["op"].splitlines()[2:4], ["  begin();", "  end();"])
        fixit.starter.write_text("// @: Find it.\n".replace("@", "TODO") + STARTER)
        with self.assertRaisesRegex(steps.StepError, "still has TODO"):
            steps.read(fixit)

    def test_a_new_file_begins_as_a_copy(self):
        second = END.replace("```diff", "```diff op_backward")
        self.write(BEGIN, END, second.replace("-TODO 2\n+  end();", "-  end();"), LAST)
        found = steps.read(self.exercise)[3]
        self.assertEqual([len(text.splitlines()) for text in found.sources.values()], [6, 5])
        diff = steps.diffs(steps.read(self.exercise)[2], found, "op")
        self.assertEqual(
            [(name, steps.changed_lines(lines)) for name, lines in diff], [("op_backward_starter.cu", 1)]
        )

    def test_a_page_goes_out_of_date_with_steps_and_reference(self):
        page.Tests(self.exercise).record(["S.a", "S.b"], [["S.a"], ["S.b"], ["S.a", "S.b"], ["S.a", "S.b"]])
        with (
            mock.patch.object(walkthroughs, "contents", return_value=""),
            mock.patch.object(chapters, "is_changed", return_value=False),
        ):
            text = page.text(self.exercise)
            self.assertIn("begin to pass: `b`; fail again: `a`. 1 of 2 pass.", text)
            steps.page(self.exercise).write_text(text)
            with mock.patch.object(walkthroughs, "LIST", steps.WALKTHROUGHS / "LIST.md"):
                walkthroughs.LIST.write_text("")
                self.assertEqual(walkthroughs.stale([self.exercise]), [])
                self.exercise.reference.write_text(SOLUTION.replace("begin", "start"))
                self.assertEqual(len(walkthroughs.stale([self.exercise])), 1)

    def test_edits_are_found_from_two_files(self):
        block = fold.block(self.source(0), self.source(1))
        self.assertEqual(block, ["-TODO 1", "-", "+  begin();"])
        twice = "a\nx\n\nb\nx\n"
        block = fold.block(twice, "a\nx\n\nb\ny\n")
        self.assertIn(" b", block, "a line that is there twice needs the one before")
        long = "first\n" + "middle\n" * 10 + "last\nend\n"
        self.assertEqual(fold.block(long, "end\n"), ["-first", "-...", "-last"])

    def test_the_proof_says_what_the_page_has_wrong(self):
        tests = page.Tests(self.exercise)
        tests.record(["S.a", "S.b"], [[], ["S.a"]])
        tests = page.Tests(self.exercise)
        self.assertEqual(proof.judge(tests, 1, ["S.a", "S.b"], ["S.a"]), "")
        self.assertEqual(proof.judge(tests, 1, ["S.a", "S.b"], ["S.b"]), "S.b passes; S.a does not pass")
        self.assertIn("S.c is not listed", proof.judge(tests, 1, ["S.c"], ["S.a"]))


class Pages(unittest.TestCase):
    def test_every_page_fits_a_terminal_of_80_columns(self):
        pages = [one for one in steps.exercises() if walkthrough.page(one)]
        self.assertTrue(pages)
        for one in pages:
            with (
                mock.patch.dict("os.environ", {"COLUMNS": "80"}),
                contextlib.redirect_stdout(io.StringIO()) as said,
            ):
                walkthrough.show(one, one.key, None)
            lines = said.getvalue().splitlines()
            self.assertEqual([line for line in lines if len(line) > 80 and " " in line.strip()], [], one.key)
            last = len(walkthrough.steps(walkthrough.page(one).read_text()))
            self.assertIn(f"Step {last} of {last}: ", said.getvalue())

    def test_code_of_a_diff_is_shown_whole(self):
        comment = side_by_side.pieces("+  // " + "x" * 200, 40)
        self.assertEqual("".join(comment).count("x"), 200)
        self.assertTrue(all("//" in piece and len(piece) <= 40 for piece in comment), comment)
        pieces = side_by_side.pieces("+" + "x" * 100, 80)
        self.assertEqual("".join(pieces).count("x"), 100)
        self.assertTrue(all(piece.startswith("+") and len(piece) <= 80 for piece in pieces))


if __name__ == "__main__":
    unittest.main()
