"""Where a student is, hints, reset and solution: the commands between two checks."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import support
import toy_workbook
from workbook import chapters, completion, console, differences, hints, progress, prose, side_by_side
from workbook.cli import parser

ONE = "// one\n__global__ void kernel() {}\n"
RIGHT = "// right\n__global__ void kernel() {}\n"


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self)
        self.root = toy_workbook.make(self.folder)
        self.starter = self.root / "01_first" / "first_starter.cu"

    def run_it(self, *arguments, code=0, **changes):
        done = toy_workbook.run(self.root, *arguments, **changes)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        if code == 2:
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stdout if code == 0 else done.stderr + done.stdout

    def answer(self, *arguments, code=0):
        return json.loads(toy_workbook.run(self.root, *arguments, "--json").stdout)

    def test_from_the_first_look_to_the_end(self):
        self.assertIn("./workbook watch 01 first", self.run_it())
        self.assertIn("this checks the first: 01_first/first_starter.cu", self.run_it("check", code=1))
        self.starter.write_text(RIGHT)
        self.assertIn("changed, not checked", self.run_it("status"))
        document = self.answer("check")
        self.assertEqual((document["kind"], document["exit_code"]), ("check", 0))
        self.assertEqual(document["exercises"][0]["state"], "solved")
        self.assertEqual(document["exercises"][0]["tests"], {"passed": 2, "failed": 0, "skipped": 0})
        second = self.root / "02_second" / "second_starter.cu"
        self.assertIn("yours   02_second/second_starter.cu", self.run_it("next"))
        second.write_text(ONE)
        document = self.answer("check")
        self.assertEqual([f["test"] for f in document["exercises"][0]["failures"]], ["Suite.Guards"])
        self.assertEqual(self.answer("next")["current"]["words"], "1 of 2 tests fails")
        second.write_text(RIGHT)
        said = self.run_it("check")
        self.assertIn("All exercises are solved.", said)
        self.assertIn("All exercises are solved. Next: ./workbook ladder", self.run_it())

    def test_json_on_success_and_on_failure(self):
        self.assertEqual(self.answer("list")["chapters"][0]["exercises"][0]["state"], "untouched")
        self.assertEqual(self.answer("doctor")["device"], "cpu")
        for words in (
            "hint 01 9",
            "check 9",
            "watch 9",
            "solution 01",
            "bench 01",
            "next --bogus",
            "setup --jobs 0",
            "chek",
        ):
            done = toy_workbook.run(self.root, *words.split(), "--json")
            document = json.loads(done.stdout)
            self.assertEqual((document["kind"], document["exit_code"]), ("error", done.returncode), words)
            self.assertEqual(done.stderr, f"workbook: {document['message']}\n")
        self.assertEqual(self.answer("check")["kind"], "check")  # red, but an answer

    def test_hints_come_one_at_a_time(self):
        self.assertIn("hint 1 of 2: question", self.run_it("hint"))
        self.assertIn("    two", self.run_it("hint"))
        self.assertIn("You have seen all hints", self.run_it("hint"))
        self.assertIn("hint 1 of 2", self.run_it("hint", "01", "first", "1"))
        self.assertEqual(self.answer("hint", "02")["rung"], 1)
        self.assertIn("this step has 2", self.run_it("hint", "3", code=2))
        self.assertIn("hints for steps 1 to 1", self.run_it("hint", "--step", "2", code=2))

    def test_a_starter_that_git_restores_is_at_its_first_step(self):
        second = toy_workbook.HINTS.partition("\n")[2].replace("Step 1: first", "Step 2: second")
        (self.root / "01_first" / "hints.md").write_text(toy_workbook.HINTS + second)
        handed_out = self.starter.read_text()
        self.starter.write_text(ONE)
        self.run_it("check", code=1)
        self.assertEqual(self.answer("hint")["step"], 2)
        self.starter.write_text(ONE + "// changed since\n")
        self.assertEqual(self.answer("hint")["step"], 2)
        self.starter.write_text(handed_out)
        self.assertEqual(self.answer("hint", "01")["step"], 1)
        self.assertIn("step 1 of 2  First step", self.run_it("next"))

    def test_a_hint_is_worth_more_than_the_memory_of_it(self):
        (self.root / "results").write_text("")
        done = toy_workbook.run(self.root, "hint")
        self.assertEqual(done.returncode, 0)
        self.assertIn("What is one and one?", done.stdout)
        self.assertIn("is not saved", done.stderr)

    def test_reset_keeps_what_was_there_and_brings_it_back(self):
        handed_out = self.starter.read_bytes()
        self.assertIn("nothing was changed", self.run_it("reset", "01"))
        self.assertIn("there is no backup", self.run_it("reset", "--undo", code=2))
        self.starter.write_text(ONE)
        kept = self.answer("reset")["backup"]
        self.assertEqual(self.starter.read_bytes(), handed_out)
        self.assertEqual((self.root / kept).read_text(), ONE)
        self.run_it("reset", "--undo")
        self.assertEqual(self.starter.read_text(), ONE)
        self.assertIn("git has no 01_first", self.run_it("reset", "--from", "nowhere", code=2))

    def test_without_git(self):
        shutil.rmtree(self.root / ".git")
        self.starter.write_text(RIGHT)
        later = self.starter.stat().st_mtime + 3600
        os.utime(self.starter, (later, later))
        self.assertIn("You are at 01_first / first: not checked", self.run_it())
        self.assertIn("all 2 tests pass", self.run_it("check"))
        self.assertIn("git does not have", self.run_it("reset", code=3))

    def test_a_damaged_progress_file_is_set_aside_in_one_line(self):
        file = self.root / "results" / "progress.json"
        file.parent.mkdir()
        for text in ("{", "[]", '{"schema_version": 1, "exercises": {"x": {"hints": {"1": "a"}}}}'):
            file.write_text(text)
            done = toy_workbook.run(self.root, "status")
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (0, 1), done.stderr)
            self.assertIn("set aside", done.stderr)


class Progress(unittest.TestCase):
    def test_two_shells_at_once_lose_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            script = (
                "import sys; sys.path.insert(0, sys.argv[1])\n"
                "from pathlib import Path; from workbook import progress\n"
                "for n in range(20): progress.Store(Path(sys.argv[2])).show_hint(sys.argv[3], str(n), 1)"
            )
            tools = str(support.ROOT / "tools")
            writers = [
                subprocess.Popen([sys.executable, "-S", "-c", script, tools, folder, name])
                for name in ("a", "b")
            ]
            self.assertEqual([writer.wait() for writer in writers], [0, 0])
            store = progress.Store(Path(folder))
            self.assertEqual([len(store.hints(name)) for name in ("a", "b")], [20, 20])


class Hints(unittest.TestCase):
    def test_every_exercise_has_a_ladder_of_its_own(self):
        for chapter in chapters.chapters():
            found = {e.name: hints.ladder(e) for e in chapters.everything(chapter)}
            text = "".join(
                file.read_text() for file in {e.folder / "hints.md" for e in chapters.everything(chapter)}
            )
            rungs = sum(len(step.rungs) for ladder in found.values() for step in ladder)
            self.assertEqual(rungs, text.count("<details>"), chapter.name)
            self.assertTrue(all(found.values()), chapter.name)

    def test_the_step_is_that_of_the_first_red_test(self):
        matmul = chapters.select(chapters.find("02"), "matmul")[0]
        ladder = hints.ladder(matmul)
        self.assertIn("step 3: tiles", ladder[2].title)
        launch = hints.ladder(chapters.select(chapters.find("01"), "launch")[0])
        self.assertEqual([list(step.numbers)[::4] for step in launch], [[1, 5], [6], [8, 12]])
        schulz = hints.ladder(chapters.select(chapters.find("02"), "newton_schulz")[0])
        self.assertEqual([len(step.rungs) for step in schulz], [3, 4, 3])

    def test_a_title_does_not_repeat_the_exercise(self):
        self.assertEqual(hints.after_name("fast_matmul, step 1: a tile", "fast_matmul"), ", step 1: a tile")
        self.assertEqual(hints.after_name("Newton-Schulz, the norm", "newton_schulz"), ", the norm")
        self.assertEqual(hints.after_name("Exercise `fix_init`", "fix_init"), "")
        self.assertEqual(hints.after_name("Step 2: and the keys", "rope"), ", Step 2: and the keys")


class Words(unittest.TestCase):
    def test_markdown_in_a_terminal(self):
        text = "A *long* line with `code` and [a link](x.md), **bold**,\ngoes on.\n\n"
        text += "    a = b\n\n    c\n\n- one\n- two"
        self.assertEqual(
            prose.lines(text),
            [
                "  A long line with `code` and a link (x.md), bold, goes on.",
                "",
                "    a = b",
                "",
                "    c",
                "",
                "  - one",
                "  - two",
            ],
        )

    def test_a_color_takes_no_place_in_a_line(self):
        red = "\033[31mx\033[0m"
        self.assertEqual(console.broken(f"{red} {'ab ' * 6}c", 20), [f"{red} {'ab ' * 5}ab", "c"])
        self.assertEqual(console.broken(f"  {red} {'ab ' * 6}", 20)[1], "  ab")
        painted = "\033[1mone two three four five\033[0m"
        self.assertEqual(
            console.broken(painted, 12),
            [f"\033[1m{part}\033[0m" for part in ("one two", "three four", "five")],
        )
        table = f"name   {red} of a long row that has a color inside"
        self.assertEqual(console.broken(table, 20), [table])
        self.assertEqual(console.broken("x" * 30, 20), ["x" * 30])
        source = "   86 |       c = sums[i][j]"
        self.assertEqual(console.broken(source, 20), [source])
        message = "02_matmul/a.cu:86:70: error: expected ';' before '}' token"  # one line for an editor
        self.assertEqual(console.broken(message, 20), [message])

    def test_two_columns_fit(self):
        ours, theirs = ["int a;", "b" * 100], ["int a;", "c", "d" * 90]
        found = side_by_side.columns(ours, theirs, ("mine", "reference"), 80)
        self.assertTrue(all(len(line) <= 80 for line in found), found)
        self.assertEqual("".join(found).count("b"), 100)
        self.assertEqual("".join(found).count("d"), 90)

    def test_says_of_a_reference_only_what_its_code_has(self):
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = Path(folder, "a.cu"), Path(folder, "b.cu")
            ours.write_text("// __shared__\nvoid f() { __syncthreads(); }\n")
            theirs.write_text(
                '#include "c.cuh"\n__global__ void f() { __shared__ int x; puts("atomicAdd("); }\n'
            )
            Path(folder, "c.cuh").write_text("void g() { __syncthreads(); }\n")
            more, less = differences.words(ours, [theirs], Path(folder))
            self.assertEqual((len(more), less), (1, []))
            self.assertIn("__shared__", more[0])
            self.assertEqual(differences.numbers(ours, [theirs]), ["The reference has 1 kernel, yours none."])

    def test_counts_of_both_in_words(self):
        line = {"memory": "global", "requests": 64, "bytes_moved": 8192, "wavefronts": 0}
        half = {**line, "bytes_moved": 4096}
        mine, reference = (
            {"kernels": [{"launches": 1, "lines": [one], "metrics": {"x_op_ffma_x": 5}}]}
            for one in (line, half)
        )
        self.assertEqual(
            differences.counted(mine, reference)[:3],
            [
                "The reference moves 4,096 bytes in global memory, yours 8,192 (2.00 times as many).",
                "Both make 64 requests to global memory.",
                "Both compute 10 fp32 operations.",
            ],
        )


class Completion(unittest.TestCase):
    def complete(self, *words):
        """What bash offers after `words`."""
        script = completion.script("bash", parser())
        typed = " ".join(f"'{word}'" for word in ("workbook", *words))
        line = f"COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _workbook; echo ${{COMPREPLY[@]}}"
        done = subprocess.run(["bash", "-c", script + "\n" + line], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash(self):
        self.assertEqual(self.complete("wat"), ["watch"])
        names = [exercise.name for exercise in chapters.everything(chapters.find("02"))]
        self.assertEqual(self.complete("check", "02", ""), names)
        self.assertEqual(self.complete("hint", "6", "win"), ["windowed_attention"])
        self.assertIn("--undo", self.complete("reset", "--"))
        self.assertEqual(self.complete("completion", ""), ["bash", "zsh"])
        self.assertIn("matmul_fp32", self.complete("ladder", "02", ""))
        self.assertEqual(self.complete("check", "--device", "c"), ["cpu", "cuda"])
        self.assertIn("07", self.complete("solution", ""))

    @unittest.skipUnless(shutil.which("zsh"), "no zsh")
    def test_zsh_reads_the_script(self):
        asked = "_workbook_words second ladder 02; _workbook_words values check --device; whence -w _workbook"
        script = completion.script("zsh", parser()) + f"\n{asked}; print ${{_comps[workbook]}}"
        done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        ladders, devices, *function = done.stdout.splitlines()
        self.assertIn("matmul_fp32", ladders.split())
        self.assertEqual(devices, "auto cpu cuda")
        self.assertEqual(function, ["_workbook: function", "_workbook"])


if __name__ == "__main__":
    unittest.main()
