import contextlib
import io
import json
import sys
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

import support
from test_bench import document, row
from workbook import answers, bench, cli, completion, predict, progress
from workbook.errors import Exit, WorkbookError

LISTING = """matmul/256 NN/starter/iterations:20/manual_time
matmul/512 NN/starter/iterations:20/manual_time
matmul/256 NN/solution/iterations:20/manual_time
matmul_bf16/64/solution/iterations:20/manual_time
"""


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Predicts(unittest.TestCase):
    def setUp(self):
        self.root = support.folder_of(self)
        starter = self.root / "softmax_starter.cu"
        starter.touch()
        self.exercise = Namespace(name="softmax", key="03_softmax/softmax", starter=starter)
        for patch in (
            mock.patch.object(predict, "RESULTS", self.root),
            mock.patch.object(predict.process, "quiet", lambda *_, **__: (0, LISTING)),
        ):
            patch.start()
            self.addCleanup(patch.stop)
        self.store = progress.Store(self.root)

    def prediction(self, text, starter=True, stdin=""):
        options = Namespace(predict=text, starter=starter)
        with mock.patch.object(sys, "stdin", Terminal(stdin)), support.captured() as said:
            made = predict.wanted(options, [self.exercise])
            made.aim(Path("softmax_bench"), "on a GPU")
        made.said = said.getvalue()
        return made

    def judge(self, made, *rows):
        with support.captured() as said:
            about = made.judge(document(*rows) if rows else None, "cpu")
        return about, said.getvalue()

    def rows(self, starter=2e-3, solution=4e-3, **changes):
        of = {"problem": "512 NN", "contract": "matmul"}
        return row("solution", solution, **of), row("starter", starter, **{**of, **changes})

    def test_reads_ratios_and_times(self):
        for text, value, unit in (
            ("1.5", 1.5, "ratio"),
            ("3x", 3, "ratio"),
            (".5", 0.5, "ratio"),
            ("2ms", 2e-3, "seconds"),
            ("120 us", 120e-6, "seconds"),
            ("1s", 1, "seconds"),
        ):
            made = self.prediction(text)
            self.assertAlmostEqual(made.value, value)
            self.assertEqual(made.unit, unit)

    def test_refuses_the_rest(self):
        for text in ("fast", "0", "-1", "nan", "inf", "1e9", "1.5kg", "1,5", "2 ms more", "²"):
            with self.assertRaises(WorkbookError, msg=text) as caught:
                self.prediction(text)
            self.assertEqual(caught.exception.code, Exit.USAGE)
        with self.assertRaisesRegex(WorkbookError, "add --starter"):
            self.prediction("1.5", starter=False)

    def test_without_a_terminal_it_does_not_ask(self):
        with mock.patch.object(sys, "stdin", io.StringIO("2ms\n")):
            with self.assertRaisesRegex(WorkbookError, "standard input is none"):
                predict.wanted(Namespace(predict=predict.ASK, starter=False), [self.exercise])

    def test_it_is_for_one_exercise(self):
        for exercises in ([], [self.exercise] * 2):
            with self.assertRaisesRegex(WorkbookError, "for one exercise"):
                predict.wanted(Namespace(predict="2ms", starter=False), exercises)
        self.assertIsNone(predict.wanted(Namespace(predict=None, starter=False), []))

    def test_asks_until_there_is_an_answer_and_names_the_problem_first(self):
        made = self.prediction(predict.ASK, stdin="quick\n\n2\n")
        self.assertEqual((made.value, made.unit), (2, "ratio"))
        self.assertIn("The prediction is for matmul 512 NN, on a GPU.", made.said)
        self.assertLess(made.said.index("512 NN"), made.said.index("How many times"))
        self.assertIn("'quick' is not a prediction", made.said)
        self.assertEqual(made.said.count("How many times"), 3)

    def test_the_end_of_the_input_ends_it(self):
        with self.assertRaisesRegex(WorkbookError, "nothing was measured"):
            self.prediction(predict.ASK, stdin="")

    def test_the_problem_is_the_last_of_the_first_contract(self):
        self.assertEqual(predict.problem_of(LISTING, "starter"), ("matmul", "512 NN"))
        self.assertEqual(predict.problem_of(LISTING, "solution"), ("matmul", "256 NN"))
        self.assertIsNone(predict.problem_of(LISTING, "naive"))

    def test_says_how_far_it_was_and_keeps_the_score(self):
        about, text = self.judge(self.prediction("1"), *self.rows())
        self.assertAlmostEqual(about["measured"], 2)
        self.assertIn("You predicted 1.00x; measured: 2.00x, off by a factor of 2.00.", text)
        self.assertIn("Your score: 1 prediction, 0 right within 10%", text)
        about, text = self.judge(self.prediction("1.9ms"), *self.rows())
        self.assertIn("You predicted 1.900 ms; measured: 2.000 ms, right within 10%.", text)
        self.assertIn("2 predictions, 1 right within 10%, the median off by a factor of 1.53", text)
        kept = self.store.predictions()
        self.assertEqual([one["unit"] for one in kept], ["ratio", "seconds"])
        self.assertEqual(kept[0]["problem"], "512 NN")

    def test_too_much_and_too_little_are_as_far(self):
        for text in ("4", "1"):
            about, _ = self.judge(self.prediction(text), *self.rows())
            self.assertAlmostEqual(about["factor"], 2)

    def test_what_has_no_valid_figure_does_not_count(self):
        for rows, words in (
            ((), "was not measured"),
            (self.rows()[:1], "the starter was not measured"),
            (self.rows(outcome="wrong_result"), "no valid time (wrong result)"),
            (self.rows(starter=4e-3), "no difference was measured"),
        ):
            about, text = self.judge(self.prediction("1.5"), *rows)
            self.assertIn("It does not count", text)
            self.assertIn(words, text)
            self.assertIsNone(about["factor"])
        self.assertEqual(self.store.predictions(), [])

    def test_hints_and_predictions_stand_side_by_side(self):
        self.store.show_hint(self.exercise.key, "1", 2)
        self.judge(self.prediction("1"), *self.rows())
        self.assertEqual(self.store.hints(self.exercise.key), {"1": 2})
        self.assertEqual(len(self.store.predictions()), 1)

    def test_a_damaged_score_is_set_aside(self):
        entry = {"predictions": [{"factor": "much"}]}
        text = json.dumps({"schema_version": 1, "exercises": {"x": entry}})
        (self.root / "progress.json").write_text(text)
        with support.captured():
            self.assertEqual(self.store.predictions(), [])
        self.assertTrue((self.root / "progress.json.damaged").exists())


class Json(unittest.TestCase):
    def test_standard_output_is_one_document(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            exercise = Namespace(name="softmax", key="x", starter=root / "none")
            (root / "softmax_bench-cpu.json").write_text(
                json.dumps(document(row("solution", 2e-3), device="cpu"))
            )

            def run(exercises, options):
                print("words for people")
                return "cpu", Exit.OK

            options = Namespace(json=True, predict=None, starter=False)
            with (
                mock.patch.multiple(bench, FOLDER=root, run=run, chosen_exercises=lambda _: [exercise]),
                contextlib.redirect_stderr(io.StringIO()) as words,
                contextlib.redirect_stdout(io.StringIO()) as said,
            ):
                self.assertEqual(bench.command(options), Exit.OK)
        answer = json.loads(said.getvalue())
        self.assertEqual((answer["kind"], answer["device"], answer["exit_code"]), ("bench", "cpu", 0))
        self.assertEqual(answer["benchmarks"][0]["body"]["rows"][0]["implementation"], "solution")
        self.assertIsNone(answer["prediction"])
        self.assertIn("words for people", words.getvalue())

    def test_programs_print_to_standard_error(self):
        self.assertEqual(answers.output_of(Namespace(json=True)), sys.stderr.fileno())
        self.assertIsNone(answers.output_of(Namespace(json=False)))

    def test_completion_knows_the_options(self):
        script = completion.script("bash", cli.parser())
        (line,) = [line for line in script.splitlines() if "'options bench')" in line]
        self.assertIn("--predict", line)
        self.assertIn("--json", line)


if __name__ == "__main__":
    unittest.main()
