import importlib.util
import json
import subprocess
import sys
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

import support
from test_bench import ROOFS, document, row
from workbook import errors, plot, python_env
from workbook.errors import Exit, WorkbookError

FRAME = {"commit": "abc", "created": "2026-01-02T03:04:05Z"}


def benchmark(kind, *rows):
    found = document(*rows, roofs=ROOFS if kind == "cuda" else dict.fromkeys(ROOFS))
    return {**FRAME, **found, "device": {"kind": kind, "name": "Some device"}}


def two_rows(**changes):
    fast = row("solution", 2e-6, fraction_of_roof=0.5, speedup=1.0)
    return fast, row("three_pass", 4e-6, fraction_of_roof=0.25, speedup=0.5, **changes)


class Command(unittest.TestCase):
    def setUp(self):
        self.root = support.folder_of(self)
        self.measured, self.published = self.root / "bench", self.root / "published"
        self.measured.mkdir()
        self.published.mkdir()
        self.started = []
        patches = (
            mock.patch.multiple(
                plot,
                ROOT=self.root,
                MEASURED=self.measured,
                PUBLISHED=self.published,
                PICTURES=self.root / "plots",
            ),
            mock.patch.object(errors, "ROOT", self.root),
            mock.patch.object(plot.process, "in_the_open", self.run_program),
            mock.patch.object(plot.python_env, "find", lambda module: "python-with-matplotlib"),
        )
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)

    def run_program(self, command, **_):
        self.started.append([str(part) for part in command])
        return 0

    def plot(self, chapter=None, exercise=None, published=False):
        return plot.command(Namespace(chapter=chapter, exercise=exercise, published=published, json=False))

    def test_draws_what_was_measured_of_the_chapter(self):
        for name in (
            "softmax_bench-cpu",
            "softmax_bench-cuda",
            "softmax_starter_bench-cpu",
            "matmul_bench-cpu",
        ):
            (self.measured / f"{name}.json").write_text(json.dumps(benchmark("cpu")))
        self.assertEqual(self.plot("03"), Exit.OK)
        self.assertEqual(
            self.started[0][3:], ["bench/softmax_bench-cpu.json", "bench/softmax_bench-cuda.json"]
        )
        self.plot()
        self.assertIn("bench/matmul_bench-cpu.json", self.started[1])

    def test_draws_what_is_published(self):
        (self.published / "softmax-h200.json").write_text(json.dumps(benchmark("cuda")))
        (self.published / "softmax-story.json").write_text(json.dumps({"kind": "journey"}))
        self.plot("03", published=True)
        self.assertEqual(self.started[0][3:], ["--prefix=published-", "published/softmax-h200.json"])

    def test_says_what_to_do_when_there_is_nothing(self):
        with self.assertRaises(WorkbookError) as caught:
            self.plot("03", "softmax")
        self.assertEqual(caught.exception.code, Exit.USAGE)
        self.assertIn("no measurement of softmax; run ./workbook bench 03 first", str(caught.exception))
        with self.assertRaisesRegex(WorkbookError, "no measurement at all"):
            self.plot()
        with self.assertRaisesRegex(WorkbookError, "docs/results/ has no benchmark at all"):
            self.plot(published=True)

    def test_without_matplotlib_it_names_the_command_that_helps(self):
        (self.measured / "softmax_bench-cpu.json").write_text(json.dumps(benchmark("cpu")))
        with mock.patch.object(plot.python_env, "find", lambda module: None):
            with mock.patch.object(plot.setup, "ensure"), support.captured():
                with self.assertRaisesRegex(WorkbookError, "doctor") as caught:
                    self.plot("03")
        self.assertEqual(caught.exception.code, Exit.SETUP)


class Pictures(unittest.TestCase):
    """With a Python that has matplotlib; skipped without."""

    @classmethod
    def setUpClass(cls):
        here = importlib.util.find_spec("matplotlib") is not None
        cls.python = sys.executable if here else python_env.find("matplotlib")
        if cls.python is None:
            raise unittest.SkipTest("no Python here can import matplotlib")

    def draw(self, **files):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, content in files.items():
                paths.append(Path(folder) / f"{name.replace('__', '-')}.json")
                paths[-1].write_text(json.dumps(content))
            done = subprocess.run(
                [self.python, plot.PROGRAM, Path(folder) / "plots", *paths], capture_output=True, text=True
            )
            pictures = sorted(path.name for path in Path(folder).glob("plots/*.png"))
        return done, pictures

    def test_a_picture_for_each_contract_and_device(self):
        gpu = benchmark("cuda", *two_rows())
        other = row("solution", 1e-3, contract="softmax_backward", fraction_of_roof=0.1, speedup=1.0)
        gpu["body"]["rows"].append(other)
        cpu = benchmark("cpu", *two_rows(bytes_per_second=None))
        done, pictures = self.draw(softmax_bench__cuda=gpu, softmax_bench__cpu=cpu)
        self.assertTrue(plot.has_picture(gpu) and plot.has_picture(cpu))
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = ["softmax_backward-cuda.png", "softmax_forward-cpu.png", "softmax_forward-cuda.png"]
        self.assertEqual(pictures, expected)
        self.assertIn("softmax_bench-cuda.json -> ", done.stdout)

    def test_bars_of_a_ladder_stand_beside_the_names_of_their_own_type(self):
        rows = [row("held_row", 1e-6), row("warp_row", 2e-6), row("solution", 3e-6)]
        bf16 = [{**one, "contract": "softmax_forward_bf16"} for one in (rows[0], row("warp_held", 5e-7))]
        program = (
            "import json, sys; sys.path.insert(0, sys.argv[1]); import ladder; "
            "lines = ladder.lines_of(json.loads(sys.argv[2]), ['warp_row', 'held_row', 'warp_held']); "
            "print(json.dumps([[list(problems), names] for problems, names in lines]))"
        )
        found = json.dumps(benchmark("cuda", *rows, *bf16))
        folder = plot.PROGRAM.parent
        done = subprocess.run([self.python, "-c", program, folder, found], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        fp32 = [["8x8"], ["solution", "warp_row", "held_row"]]
        self.assertEqual(json.loads(done.stdout), [fp32, [["8x8 bf16"], ["held_row", "warp_held"]]])
        with tempfile.TemporaryDirectory() as written:
            results, picture = Path(written) / "ladder.json", Path(written) / "ladder.png"
            results.write_text(found)
            command = [self.python, folder / "ladder.py", results, picture, "held_row", "warp_held"]
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertTrue(picture.exists(), done.stderr)

    def test_says_why_there_is_no_picture(self):
        wrong = benchmark("cuda", {**two_rows()[0], "outcome": "wrong"})
        lonely = benchmark("cpu", two_rows()[0])
        done, pictures = self.draw(a__cuda=wrong, b__cpu=lonely)
        self.assertFalse(plot.has_picture(wrong) or plot.has_picture(lonely))
        self.assertEqual((done.returncode, pictures), (0, []), done.stderr)
        self.assertIn("no result of softmax_forward is sound", done.stdout)
        self.assertIn("none to compare it with (bench --starter adds yours)", done.stdout)

    def test_refuses_other_files_in_one_line(self):
        done, _ = self.draw(x={"schema_version": 1, "kind": "tests"})
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
