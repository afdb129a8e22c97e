"""The command as a person meets it: its words and exit codes for wrong arguments."""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import forks
import support
from workbook import arguments, cli, command_table, completion, examples, journey, sample
from workbook.errors import Exit, WorkbookError


def workbook(*arguments, **changes):
    return subprocess.run(
        [sys.executable, "-S", str(support.ROOT / "workbook"), *arguments],
        capture_output=True,
        text=True,
        env={**support.compiled_once(), **changes},
    )


class Refuses(unittest.TestCase):
    def refused(self, *arguments, words):
        done = forks.workbook(arguments, support.compiled_once())
        self.assertEqual(done.returncode, Exit.USAGE, done)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_as_a_process(self):
        done = workbook("check", "77")
        self.assertEqual((done.returncode, done.stdout), (Exit.USAGE, ""))
        self.assertIn("no chapter '77'", done.stderr)

    def test_wrong_arguments_in_one_line(self):
        self.refused("sing", words="there is no command 'sing'")
        self.refused("wacth", words="did you mean watch?")
        self.refused("check", "77", words="no chapter '77'")
        self.refused("test", "--jobs", "0", words="'0' is not a whole number of 1 or more")
        self.refused("test", "--device", "tpu", words="invalid choice: 'tpu'")
        self.refused("journey", "--steps", "0", words="--steps is 0")
        self.refused("journey", "--batch-size", "0", words="--batch-size is 0")
        self.refused("journey", "--steps", "many", words="'many' is not a whole number")
        self.refused("journey", "--data", "/nowhere/at/all", words="no such file")
        self.refused("journey", "--data", "/", words="/: it is a folder")
        self.refused("journey", "--stage", "9", words="no stage '9'; the stages are v1, v2, 1")
        self.refused("journey", "--preset", "bogus", words="no preset 'bogus'; the presets are nano, ")

    def test_sampling_that_cannot_be(self):
        self.refused("sample", "--checkpoint", "/nowhere/at/all", words="/nowhere/at/all is not there")
        self.refused("sample", "--checkpoint", "", words="--checkpoint is empty")
        self.refused("sample", "--checkpoint", __file__, words="it is a file, not a folder")
        self.refused("sample", "--tokens", "0", words="--tokens is 0; it must be 1 or more")
        self.refused("sample", "--temperature", "-1", words="--temperature is -1.0")
        self.refused("sample", "--temperature", "nan", words="'nan' is not a number")
        self.refused("sample", "--top-p", "1.5", words="--top-p is 1.5")
        self.refused("sample", "--seed", "-1", words="--seed is -1")
        self.refused("sample", "--prompt", "", words="--prompt is empty")

    def test_an_empty_data_file(self):
        with tempfile.NamedTemporaryFile() as file:
            self.refused("journey", "--data", file.name, words="is empty")

    def test_help_everywhere(self):
        for command in ("journey", "watch", "hint"):
            done = workbook(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"./workbook {command}", done.stdout)

    def test_every_command_has_an_example(self):
        self.assertEqual(set(examples.EXAMPLES), set(command_table.COMMANDS))
        for name, sub in completion.commands_of(cli.parser()).items():
            example, _ = examples.EXAMPLES[name]
            self.assertIn(example, sub.format_help())
            words = shlex.split(
                example.partition("./workbook ")[2].rstrip(')"') if "$(" in example else example
            )
            given, _ = arguments.split(words if "$(" in example else words[1:])
            self.assertEqual(cli.parser().parse_args(given).command, name, example)

    def test_every_line_of_help_fits_a_terminal(self):
        with mock.patch.dict(os.environ, {"COLUMNS": "80"}):
            for sub in (cli.parser(), *completion.commands_of(cli.parser()).values()):
                self.assertLess(max(map(len, sub.format_help().splitlines())), 80)

    def test_works_from_any_folder(self):
        done = subprocess.run(
            [sys.executable, "-S", str(support.ROOT / "workbook"), "list"],
            cwd="/",
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("01_vector_add", done.stdout)


class Journey(unittest.TestCase):
    def options(self, **given):
        names = (name.replace("-", "_") for name, _, _ in journey.OPTIONS)
        return argparse.Namespace(**{**dict.fromkeys(names), **given})

    def test_reads_presets_and_stages_off_the_trainer(self):
        known = ["nano", "nano_long", "shakespeare", "small", "small_long", "medium", "tinyllama"]
        self.assertEqual(journey.presets(), known)
        self.assertEqual(journey.stages(), ["v1", "v2", "1", "2", "3", "4", "5", "v4"])

    def test_has_the_programs_options(self):
        source = (journey.PROGRAM / "options.cpp").read_text()
        declared = set(re.findall(r'add_option\("--([\w-]+)', source)) - {"text", "output"}
        self.assertEqual({name for name, _, _ in journey.OPTIONS}, declared)

    def test_passes_options_on_and_the_text_last(self):
        given = journey.arguments(self.options(preset="nano", batch_size=8, seed=0, data="/a b.txt"))
        for name, text in (
            ("--preset", "nano"),
            ("--batch-size", "8"),
            ("--seed", "0"),
            ("--data", "/a b.txt"),
        ):
            self.assertEqual(given[given.index(name) + 1], text)
        self.assertNotIn("--steps", given)
        after = given[given.index("--text") + 1 :]
        self.assertIn(str(support.ROOT / "README.md"), after)
        self.assertTrue(all(Path(file).is_file() for file in after))

    def test_one_stage_alone_does_not_train_on_text(self):
        self.assertNotIn("--text", journey.arguments(self.options(stage=["3"])))

    def test_stages_may_be_repeated(self):
        options = cli.parser().parse_args(["journey", "--stage", "2", "--stage", "3"])
        given = journey.arguments(options)
        self.assertEqual([given[i + 1] for i, word in enumerate(given) if word == "--stage"], ["2", "3"])

    def test_accepts_good_options(self):
        journey.refuse_bad_input(self.options(steps=3, preset="nano", stage=["V1", "2"]))
        with self.assertRaises(WorkbookError):
            journey.refuse_bad_input(self.options(steps=-1))


class Sample(unittest.TestCase):
    def test_has_the_programs_options(self):
        source = (sample.PROGRAM / "options.cpp").read_text()
        declared = set(re.findall(r'add_option\("--([\w-]+)', source)) - {"logits", "ids"}
        self.assertEqual({name for name, _, _ in sample.OPTIONS}, declared)

    def test_passes_options_on(self):
        options = cli.parser().parse_args(["sample", "--prompt=-x y", "--checkpoint", "/", "--top-k", "5"])
        self.assertEqual(sample.arguments(options), ["--checkpoint=/", "--prompt=-x y", "--top-k=5"])


if __name__ == "__main__":
    unittest.main()
