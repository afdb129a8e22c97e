"""--json: all commands but completion print what --help and docs/results_schema.md name, and nothing else."""

import contextlib
import io
import json
import tempfile
import unittest
from unittest import mock

import support
from workbook import answers, cli, commands, completion, data, own_file, packages, plot
from workbook import journey as journey_command
from workbook import sample as sample_command
from workbook import train as train_command

SCHEMA = (support.ROOT / "docs" / "results_schema.md").read_text()
# What ctest 3.25 wrote for tests that passed, failed, were skipped, had no program, took too long and were
# disabled.
JUNIT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="(empty)"
	tests="6"
	>
	<testcase name="good" classname="good" time="0.00537609" status="run">
		<system-out></system-out>
	</testcase>
	<testcase name="bad" classname="bad" time="0.00274647" status="fail">
		<failure message=""/>
		<system-out></system-out>
	</testcase>
	<testcase name="skips" classname="skips" time="0.0182694" status="notrun">
		<skipped message="SKIP_RETURN_CODE=77"/>
		<system-out></system-out>
	</testcase>
	<testcase name="gone" classname="gone" time="0" status="notrun">
		<skipped message="Unable to find executable"/>
		<system-out>Unable to find executable: /nowhere/x</system-out>
	</testcase>
	<testcase name="slow" classname="slow" time="1.00249" status="fail">
		<failure message=""/>
		<system-out></system-out>
	</testcase>
	<testcase name="off" classname="off" time="0" status="disabled">
		<system-out>Disabled</system-out>
	</testcase>
</testsuite>
"""


class Fields(unittest.TestCase):
    def test_every_command_says_in_its_help_what_the_document_holds(self):
        (of_commands,) = (one for one in cli.parser()._actions if one.dest == "command")
        self.assertEqual({*of_commands.choices} - {"completion"}, {*answers.FIELDS})
        for name, sub in of_commands.choices.items():
            (option,) = (one for one in sub._actions if "--json" in one.option_strings)
            wanted = completion.NO_JSON if name == "completion" else answers.help_of(name)
            self.assertEqual(option.help, wanted, name)

    def test_the_schema_names_them_too(self):
        rows = [line for line in SCHEMA.partition("## Answers to")[2].splitlines() if line.startswith("| `")]
        for command, fields in answers.FIELDS.items():
            (row,) = [line for line in rows if f"`{command}`" in line.split(" | ")[0]]
            for field in fields:
                self.assertIn(f"`{field}`", row, command)


class Documents(unittest.TestCase):
    """Commands whose programs are stand-ins."""

    def setUp(self):
        self.folder = support.folder_of(self)
        build = mock.Mock()
        build.program.side_effect = lambda name: self.folder / name
        for module in (journey_command, train_command, sample_command, commands, own_file):
            self.replace(module.device, "choose", lambda wanted: "cpu")
            self.replace(module.setup, "ensure", lambda *_, **__: print("prepared"))
            if hasattr(module, "Build"):
                self.replace(module, "Build", lambda *_: build)
            if hasattr(module, "RESULTS"):
                self.replace(module, "RESULTS", self.folder)
        self.replace(cli, "require_places", lambda options: None)

    def replace(self, owner, name, value):
        patch = mock.patch.object(owner, name, value)
        patch.start()
        self.addCleanup(patch.stop)

    def script(self, name, body):
        """A program that says something, and writes what `body` writes."""
        file = self.folder / name
        file.write_text(f"#!/bin/sh\necho said by {name}\n{body}\n")
        file.chmod(0o755)

    def answer(self, *words, code=0):
        """The document, which is alone on standard output."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                self.assertEqual(cli.guarded([*words, "--json"], True), code, words)
            for file in (out, err):
                file.seek(0)
            document, self.words = json.loads(out.read()), err.read()
        wanted = ["schema_version", "kind", *answers.FIELDS[words[0]]]
        self.assertEqual(sorted(document), sorted(wanted))
        self.assertEqual((document["schema_version"], document["kind"]), (1, words[0]))
        if "exit_code" in document:
            self.assertEqual(document["exit_code"], code)
        return document

    def test_journey(self):
        self.replace(journey_command, "draw", lambda *_: True)
        self.replace(journey_command.python_env, "find", lambda module: None)
        result = self.folder / "journey.json"
        result.write_text('{"kind": "journey", "of": "an earlier run"}')
        self.script("journey", "exit 1")
        document = self.answer("journey", code=1)
        self.assertEqual((document["journey"], document["picture"]), (None, None))
        self.assertIn("said by journey", self.words)
        self.script("journey", f'echo \'{{"kind": "journey"}}\' > {result}.new; mv {result}.new {result}')
        document = self.answer("journey", "--stage", "3")
        self.assertEqual((document["journey"], document["pytorch"]), ({"kind": "journey"}, None))
        self.assertEqual(document["picture"], str(self.folder / "journey.png"))

    def test_train(self):
        self.replace(train_command, "draw", lambda *_: True)
        self.replace(train_command.train_starters, "program", lambda *_: self.folder / "train")
        self.script("train", f"mkdir {self.folder}/run; echo '{{}}' > {self.folder}/run/training.json")
        document = self.answer("train", "--output", f"{self.folder}/run")
        self.assertEqual((document["training"], document["checkpoint"]), ({}, f"{self.folder}/run"))
        self.assertIn("said by train", self.words)
        self.script("train", "exit 2")
        document = self.answer("train", "--output", f"{self.folder}/run", code=2)
        self.assertEqual((document["training"], document["checkpoint"]), (None, None))

    def test_sample(self):
        self.script("sample", "printf 'ROMEO: \\377 {}'; exit 1")
        document = self.answer("sample", "--checkpoint", str(self.folder), code=1)
        self.assertEqual(document["text"], "said by sample\nROMEO: \ufffd {}")

    def test_test(self):
        self.script("ctest", f"while [ $# -gt 1 ]; do shift; done; cat > $1 <<'END'\n{JUNIT}END\nexit 8")
        self.replace(commands.machine, "cmake", lambda: (str(self.folder / "cmake"), (3, 25)))
        document = self.answer("test", "-R", "good", code=1)
        found = {row["test"]: row["status"] for row in document["tests"]}
        skipped = {"skips": "skipped", "off": "skipped"}
        failed = {"bad": "failed", "gone": "failed", "slow": "failed"}
        self.assertEqual(found, {"good": "passed", **failed, **skipped})
        self.assertEqual([document[name] for name in commands.STATUSES], [1, 3, 2])
        self.assertEqual(document["tests"][3]["message"], "Unable to find executable")
        self.script("ctest", "exit 8")
        self.assertEqual(self.answer("test", code=1)["tests"], [])

    def test_setup(self):
        made = iter([False, True])
        late = packages.Package("late", "", lambda: next(made))
        plots = packages.Package("plots", "", lambda: False, optional=True)
        self.replace(
            commands.packages, "missing", lambda *_, **__: [p for p in (late, plots) if not p.present()]
        )
        self.replace(commands.editor, "write", lambda: "no room")
        document = self.answer("setup")
        self.assertEqual((document["installed"], document["missing"]), (["late"], ["plots"]))
        self.assertEqual(document["problem"], "no room")

    def test_data(self):
        self.replace(data, "FOLDER", self.folder)
        self.replace(data, "download", lambda *_: b"text")
        text = data.Text("/a", "a.txt", 4, data.hashlib.sha256(b"text").hexdigest(), "")
        self.replace(data, "TEXTS", {"shakespeare": text})
        self.assertEqual(self.answer("data", "shakespeare")["fetched"], True)
        document = self.answer("data", "shakespeare")
        self.assertEqual((document["fetched"], document["bytes"]), (False, 4))

    def test_plot(self):
        rows = [{"results": "a.json", "contract": "a", "picture": "a.png", "why": ""}]
        body = f"while [ \"$1\" != --list ]; do shift; done; echo '{json.dumps(rows)}' > $2"
        self.script("python", body)
        self.replace(plot, "PICTURES", self.folder / "plots")
        self.replace(plot, "measured", lambda names: [self.folder / "a.json"])
        self.replace(plot, "matplotlib_python", lambda: str(self.folder / "python"))
        self.assertEqual(self.answer("plot", "01")["pictures"], rows)
        self.script("python", "exit 1")
        self.assertEqual(self.answer("plot", "01", code=1)["pictures"], [])

    def test_run_and_inspect_of_a_file(self):
        source = self.folder / "mine.cu"
        source.write_text("int main() {}\n")
        self.replace(own_file, "built", lambda *_: self.folder / "mine")
        self.script("mine", "echo words >&2; exit 7")
        document = self.answer("run", str(source), code=7)
        self.assertEqual(document["output"], "said by mine\n")
        self.script("mine", "kill -SEGV $$")
        self.answer("run", str(source), code=139)
        found = {"schema_version": 1, "complete": True, "launches": 1, "findings": [{"text": "a race"}]}
        self.script("mine", f"echo '{json.dumps(found)}' > $SIMT_REPORT")
        document = self.answer("inspect", str(source), code=1)
        self.assertEqual(document["own_file"]["findings"], [{"text": "a race"}])
        self.assertEqual(document["own_file"]["output"], "said by mine\n")
        self.assertIn("a race", self.words)


class Refusals(unittest.TestCase):
    def test_completion_has_none(self):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.assertEqual(cli.guarded(["completion", "bash", "--json"], True), 2)
        self.assertEqual(json.loads(out.getvalue())["kind"], "error")
        self.assertIn("it has no --json; ./workbook list --json has", err.getvalue())


if __name__ == "__main__":
    unittest.main()
