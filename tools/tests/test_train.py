"""`./workbook train`: its arguments, what it refuses, what it starts, and how it ends."""

import importlib.util
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import support
from workbook import cli, process, train
from workbook.errors import Exit, WorkbookError


def options(*arguments):
    return cli.parser().parse_args(["train", *arguments])


class Arguments(unittest.TestCase):
    def test_are_those_of_the_program(self):
        source = (train.PROGRAM / "options.cpp").read_text()
        declared = set(re.findall(r'(?:add_option|add_flag|size)\(\s*"--([\w-]+)', source))
        known = {name for name, *_ in (*train.OPTIONS, *train.FLAGS)} | {"data", "kernel"}
        self.assertIn('"--graph,!--no-graph"', source)
        known.remove("no-graph")
        self.assertEqual(declared, known)

    def test_are_passed_on_and_data_comes_last(self):
        typed = options("--steps", "7", "--kernel", "rope=starter", "--strict", "--data", "/some/text.txt")
        given = train.arguments(typed)
        self.assertIn("--steps=7", given)
        self.assertIn("--kernel=rope=starter", given)
        self.assertIn("--strict", given)
        self.assertEqual(given[-2:], ["--data", "/some/text.txt"])
        self.assertIn(f"--output={support.ROOT / 'results' / 'train'}", given)

    def test_paths_are_those_of_the_person(self):
        given = train.arguments(options("--output", "runs/one"))
        self.assertIn(f"--output={Path.cwd() / 'runs' / 'one'}", given)

    def test_the_workbooks_own_text_is_trained_on_where_nothing_else_is_named(self):
        given = train.arguments(options())
        texts = given[given.index("--data") + 1 :]
        self.assertIn(str(support.ROOT / "README.md"), texts)
        self.assertGreater(len(texts), 20)
        self.assertNotIn("--data", train.arguments(options("--resume", "/run")))
        self.assertNotIn("--data", train.arguments(options("--tokens", "/t.bin")))

    def test_an_option_file_may_name_the_data(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "c.json"
            for content, named in (({"data": ["x"]}, True), ({"tokens": "x"}, True), ({"steps": 1}, False)):
                file.write_text(json.dumps(content))
                self.assertEqual(
                    "--data" not in train.arguments(options("--config", str(file))), named, content
                )


class Refuses(unittest.TestCase):
    def refused(self, *arguments, words):
        with self.assertRaises(WorkbookError) as raised:
            train.refuse_bad_input(options(*arguments))
        self.assertIn(words, str(raised.exception))
        self.assertEqual(raised.exception.code, Exit.USAGE)

    def test_before_it_builds(self):
        self.refused("--steps", "0", words="--steps is 0; it must be 1 or more")
        self.refused("--layers", "0", words="--layers is 0")
        self.refused("--learning-rate", "0", words="--learning-rate is 0")
        self.refused("--preset", "huge", words="no preset 'huge'; the presets are nano")
        self.refused("--data", "/dev/zero", words="it is a device")
        self.refused("--data", "/nowhere/at/all", words="no such file")
        self.refused("--tokens", "/", words="it is a folder")
        self.refused("--config", "/nowhere.json", words="no such file")
        self.refused("--resume", "/nowhere", words="no run's folder is there")
        self.refused("--data", __file__, "--tokens", __file__, words="not both")

    def test_a_package_that_is_missing(self):
        with mock.patch.object(train.python_env, "find", return_value=None):
            for name, module, _ in train.FEEDS:
                with self.assertRaisesRegex(
                    WorkbookError, f"--{name}: no Python here can import {module}"
                ) as raised:
                    train.feeder(name, module)
                self.assertEqual(raised.exception.code, Exit.SETUP)


class Runs(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self)

    def program(self, body):
        return [sys.executable, "-S", "-c", body]

    def test_a_feeder_reads_all_before_it_ends(self):
        metrics = self.folder / "metrics.jsonl"
        read = self.folder / "read.txt"
        feed = self.program(
            "import pathlib, signal, sys, time\n"
            "def end(*_):\n"
            f"    pathlib.Path({str(read)!r}).write_text(pathlib.Path({str(metrics)!r}).read_text())\n"
            "    sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, end)\n"
            f"pathlib.Path({str(read)!r}).write_text('ready')\n"
            "time.sleep(60)"
        )
        started = self.program(
            "import pathlib, time\n"
            f"while not pathlib.Path({str(read)!r}).exists(): time.sleep(0.01)\n"
            f"pathlib.Path({str(metrics)!r}).write_text('all of it')"
        )
        self.assertEqual(train.run(started, [[*feed, metrics]]), 0)
        self.assertEqual(read.read_text(), "all of it")

    def test_ctrl_c_leaves_the_program_time_to_write(self):
        written = self.folder / "checkpoint"
        ready = self.folder / "ready"
        program = (
            "import pathlib, signal, sys, time\n"
            "def end(*_):\n"
            "    time.sleep(0.3)\n"
            f"    pathlib.Path({str(written)!r}).write_text('whole')\n"
            "    sys.exit(130)\n"
            "signal.signal(signal.SIGINT, end)\n"
            f"pathlib.Path({str(ready)!r}).write_text('')\n"
            "time.sleep(60)"
        )
        script = (
            f"import sys; sys.path.insert(0, {str(support.ROOT / 'tools')!r})\n"
            f"{support.LISTEN_TO_CTRL_C}"
            "from workbook import process, train\n"
            "process.GRACE_SECONDS = 0.1\n"
            f"train.run([sys.executable, '-S', '-c', {program!r}], [])"
        )
        command = subprocess.Popen([sys.executable, "-S", "-c", script], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        command.send_signal(signal.SIGINT)
        command.wait(120)
        self.assertEqual(written.read_text(), "whole")

    def test_exit_codes(self):
        for of_program, expected in (
            (0, Exit.OK),
            (1, Exit.FAILED),
            (2, Exit.USAGE),
            (130, Exit.INTERRUPTED),
        ):
            build = mock.Mock()
            with (
                mock.patch.object(train.device, "choose", return_value="cpu"),
                mock.patch.object(train.setup, "ensure"),
                mock.patch.object(train, "Build", return_value=build),
                mock.patch.object(train.train_starters, "program", return_value="train"),
                mock.patch.object(process, "in_the_open", return_value=of_program) as started,
                mock.patch.object(train, "draw") as drawn,
                support.captured(),
            ):
                given = options("--output", str(self.folder))
                self.assertEqual(train.command(given), expected)
            self.assertEqual(started.call_args.kwargs["grace"], train.GRACE_SECONDS)
            self.assertEqual(drawn.called, of_program == 0)


class Feed(unittest.TestCase):
    def test_follows_a_file_line_by_line(self):
        import feed_metrics

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "metrics.jsonl"
            sink = mock.Mock()
            follower = feed_metrics.Follower(path)
            self.assertEqual(feed_metrics.feed(follower, sink), 0)
            path.write_text('{"step": 1, "loss": 2.5, "best": true}\n{"step": 2, "lo')
            self.assertEqual(feed_metrics.feed(follower, sink), 1)
            sink.add.assert_called_with(1, {"loss": 2.5})
            with path.open("a") as file:
                file.write('ss": null, "mfu": 0.5}\nnot json\n')
            self.assertEqual(feed_metrics.feed(follower, sink), 1)
            sink.add.assert_called_with(2, {"mfu": 0.5})
            self.assertEqual(feed_metrics.feed(follower, sink), 0)
            fresh = Path(folder) / "fresh"
            fresh.write_text('{"step": 9, "loss": 1}\n')
            fresh.replace(path)
            self.assertEqual(feed_metrics.feed(follower, sink), 1)
            sink.add.assert_called_with(9, {"loss": 1})

    def test_says_what_is_not_installed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "metrics.jsonl"
            path.write_text('{"step": 1, "loss": 2.5}\n')
            command = [sys.executable, "-S", "-E", str(train.FEED), "--wandb", "--once", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, env={"PATH": ""})
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr, "feed_metrics: wandb is not installed; install it with pip\n")


class Plot(unittest.TestCase):
    def test_refuses_what_is_no_training_run(self):
        here = importlib.util.find_spec("matplotlib") is not None
        python = sys.executable if here else train.python_env.find("matplotlib")
        if python is None:
            self.skipTest("no Python here can import matplotlib")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "training.json"
            file.write_text('{"schema_version": 1, "kind": "journey"}')
            done = subprocess.run([python, str(train.PLOT), str(file)], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is no training run", done.stderr)
            file.write_text(json.dumps(DOCUMENT))
            picture = Path(folder) / "loss.png"
            done = subprocess.run(
                [python, str(train.PLOT), str(file), str(picture)], capture_output=True, text=True
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertGreater(picture.stat().st_size, 10000)


DOCUMENT = {
    "schema_version": 1,
    "kind": "training",
    "commit": "abc",
    "created": "2026-01-02T03:04:05Z",
    "device": {"kind": "cpu", "name": "Some CPU"},
    "body": {
        "preset": "nano",
        "description": "C 128",
        "precision": "fp32",
        "data": "1000 bytes of a.txt",
        "unit": "byte",
        "steps": 20,
        "timings_of": "cpu",
        "tokens_per_second": 1234.5,
        "mfu": 0.12,
        "training": [
            {"step": 10, "loss": 3.0, "learning_rate": 1e-3, "gradient_norm": 1.5},
            {"step": 20, "loss": None, "learning_rate": 1e-4, "gradient_norm": None},
        ],
        "validation": [{"step": 0, "loss": 5.5}, {"step": 20, "loss": 2.5}],
        "best": {"step": 20, "loss": 2.5},
    },
}


if __name__ == "__main__":
    unittest.main()
