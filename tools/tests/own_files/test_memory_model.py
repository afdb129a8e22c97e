"""The programs of the guide docs/memory_model.md under the inspector of the CPU device.

The head of a program says what it prints: `// Prints: ` on both devices, `// On the CPU device: ` there
alone, and `// In reverse order: ` when threads run in that order. `// Finds: ` is what the inspector finds.
A program for a GPU alone says why the CPU device refuses it: `// Refused: `.
"""

import unittest

from test_own_files import HERE, ROOT, forked, told, workbook

GUIDE = ROOT / "docs/memory_model.md"
PROGRAMS = sorted((ROOT / "docs/memory_model").glob("*.cu"))


class MemoryModel(unittest.TestCase):
    def check(self, paths, words_of, code_of, *command, **settings):
        self.assertTrue(paths)
        done = forked.run_all([[*command, path] for path in paths], HERE, **settings)
        for path, result in zip(paths, done):
            with self.subTest(path.name):
                said = result.stdout + result.stderr
                self.assertEqual(result.returncode, code_of(path), said)
                for words in words_of(path):
                    self.assertIn(words, said)

    def test_the_inspector_finds_what_the_heads_say(self):
        paths = [path for path in PROGRAMS if told(path, "Finds")]
        self.assertEqual(len(paths), len(PROGRAMS) - 2)
        self.check(
            paths,
            lambda path: told(path, "Prints") + told(path, "On the CPU device") + told(path, "Finds"),
            lambda path: 0 if told(path, "Finds") == ["0 findings"] else 1,
            "inspect",
        )

    def test_the_reverse_order_shows_other_results(self):
        paths = [path for path in PROGRAMS if told(path, "In reverse order")]
        self.check(
            paths,
            lambda path: told(path, "Prints") + told(path, "In reverse order"),
            lambda _: 0,
            "run",
            order="reverse",
        )

    def test_a_block_that_waits_for_one_that_has_not_started_never_ends(self):
        program = ROOT / "docs/memory_model/block_order.cu"
        done = workbook("run", "--timeout", "1", program, "--", "index", order="reverse")
        self.assertEqual(done.returncode, 124, done.stdout + done.stderr)
        self.assertNotIn("running sums", done.stdout)

    def test_barriers_of_grids_and_clusters_are_refused_by_name(self):
        paths = [path for path in PROGRAMS if told(path, "Refused")]
        self.check(paths, lambda path: told(path, "Refused"), lambda _: 4, "run", "--device", "cpu")

    def test_a_gpu_printed_what_the_heads_say(self):
        log = (ROOT / "docs/memory_model/h200.txt").read_text(encoding="utf-8")
        printed = dict(part.split("\n", 1) for part in log.split("\n== ")[1:])
        for path in PROGRAMS:
            with self.subTest(path.name):
                for words in told(path, "Prints"):
                    self.assertIn(words, printed[path.stem])

    def test_the_guide_shows_every_program(self):
        guide = GUIDE.read_text(encoding="utf-8")
        for path in PROGRAMS:
            with self.subTest(path.name):
                self.assertIn(f"(memory_model/{path.name})", guide)
                for words in told(path, "Finds"):
                    if words.endswith("times)"):
                        self.assertIn(f"    {words}\n", guide)


if __name__ == "__main__":
    unittest.main()
