"""Ladders: which there are, what a table of one shows, and what the command refuses."""

import unittest
from argparse import Namespace

import support
import test_bench
from published import ladder_tables
from workbook import ladder
from workbook.errors import WorkbookError


def rows():
    made = []
    for name, seconds, speedup in (("library", 1e-6, 1.0), ("wgmma", 2e-6, 0.5), ("solution", 9e-6, None)):
        made.append(test_bench.row(name, seconds, problem="4096 NN", baseline="library", speedup=speedup))
    return made


def described():
    """Ladders with a README: the others are still being built."""
    return [one for one in ladder.ladders() if (one.folder / "README.md").exists()]


class Ladders(unittest.TestCase):
    def test_every_ladder_belongs_to_an_exercise_with_a_benchmark(self):
        found = ladder.ladders()
        self.assertIn("matmul_bf16", [one.name for one in found])
        for one in found:
            self.assertTrue(one.exercise.has("bench.cpp"), one.name)
            self.assertTrue(one.folder.is_dir(), one.name)

    def test_rungs_are_numbered_without_gaps_and_register_their_idea(self):
        for one in ladder.ladders():
            files = sorted(file for file in one.folder.glob("*.cu") if ladder.RUNG.match(file.name))
            self.assertEqual([int(file.name[:2]) for file in files], list(range(1, len(files) + 1)))
            for file, idea in zip(files, one.rungs):
                self.assertIn(f", {idea}, ", file.read_text(), file.name)

    def test_every_head_says_what_limits(self):
        for one in described():
            for file in sorted(one.folder.glob("[0-9]*.cu")):
                head = file.read_text().split("#include")[0]
                for word in (
                    "// Rung ",
                    "// Idea: ",
                    "// Limited before: ",
                    "// Limits now: ",
                    "// Costs in clarity: ",
                ):
                    self.assertIn(word, head, file.name)
                self.assertLessEqual(len(file.read_text().splitlines()), 250, file.name)

    def test_every_readme_lists_every_rung(self):
        for one in described():
            text = (one.folder / "README.md").read_text()
            for idea in one.rungs:
                self.assertIn(f"[`{idea}`]", text)

    def test_unknown_names_are_refused_with_those_there_are(self):
        with self.assertRaisesRegex(WorkbookError, "has no ladder 'nope'; it has matmul_fp32, matmul_bf16"):
            ladder.chosen(Namespace(chapter="02", name="nope"))
        with self.assertRaisesRegex(WorkbookError, "no ladder yet; there are ladders of 02"):
            ladder.chosen(Namespace(chapter="01", name=None))


class Table(unittest.TestCase):
    def test_a_column_for_each_rung_in_order_between_solution_and_library(self):
        heading = ladder_tables.table(rows(), ["wmma", "wgmma"]).splitlines()[0]
        self.assertEqual(heading, "| problem | `solution` | `wgmma` | `library` |")

    def test_speed_stands_beside_the_multiple_of_the_library(self):
        self.assertIn(
            "| 4096 NN | 0.11 | 0.50 (0.50x) | 1.00 (1.00x) |", ladder_tables.table(rows(), ["wgmma"])
        )

    def test_only_files_of_that_ladder_count(self):
        other = ("matmul-h100", {"body": {"rows": rows()}})
        self.assertIn("Nothing is published yet", ladder_tables.of_ladder([other], "matmul_bf16"))


if __name__ == "__main__":
    support.main()
