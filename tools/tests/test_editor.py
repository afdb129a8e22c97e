import json
import os
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support
from workbook import editor


def small(folder):
    """A workbook of a few files."""
    root = Path(folder)
    for name, text in {
        "01_x/x_solution.cu": '#include "01_x/x.cuh"\n',
        "01_x/x.cuh": '#include "x_part.cuh"\n',
        "01_x/x_part.cuh": "",
        "01_x/x_test.cpp": "",
        "01_x/x_library_cuda.cu": '#include "01_x/wide.cuh"\n',
        "01_x/wide.cuh": "",
        "common/simt/tests/01.cu": '#include "common/simt/tests/ladder.h"\n',
        "build/cpu/x.cu": "",
        ".venv/x.cu": "",
        "mine.cu": "",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def names(paths, root):
    return {path.relative_to(root).as_posix() for path in paths}


class Entries(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = small(os.path.realpath(folder.name))

    def read(self):
        return {
            os.path.relpath(entry["file"], self.root): entry
            for entry in json.loads((self.root / editor.FILE).read_text())
        }

    def test_every_source_has_one_and_what_is_built_has_none(self):
        self.assertEqual(editor.write(self.root), "")
        entries = self.read()
        self.assertIn("01_x/x_solution.cu", entries)
        self.assertIn("01_x/x_part.cuh", entries)
        self.assertIn("mine.cu", entries)
        self.assertNotIn("build/cpu/x.cu", entries)
        self.assertNotIn(".venv/x.cu", entries)
        self.assertEqual(len(entries), len({entry["file"] for entry in entries.values()}))

    def test_kernel_files_are_cuda_and_host_files_are_not(self):
        editor.write(self.root)
        entries = self.read()
        for name in ("01_x/x_solution.cu", "01_x/x.cuh", "mine.cu"):
            self.assertIn("cuda", entries[name]["arguments"], name)
        for name in ("01_x/x_test.cpp", "common/simt/tests/01.cu"):
            self.assertNotIn("cuda", entries[name]["arguments"], name)
        self.assertEqual(entries["mine.cu"]["arguments"][-1], str(self.root / "mine.cu"))

    def test_the_cpu_build_has_what_its_files_include_and_no_more(self):
        found = names(editor.Tree(self.root).for_cpu(), self.root)
        self.assertIn("01_x/x_part.cuh", found)
        self.assertNotIn("01_x/wide.cuh", found)
        self.assertNotIn("01_x/x_library_cuda.cu", found)

    def test_a_folder_of_ours_hides_no_header_of_the_system(self):
        arguments = editor.entry(self.root / "01_x/x_test.cpp", self.root)["arguments"]
        self.assertNotIn(f"-I{self.root / '01_x'}", arguments)  # as common/simt/runtime, which has a limits.h

    def test_downloaded_libraries_are_found(self):
        (self.root / "build/cpu/_deps/fmt-src/include").mkdir(parents=True)
        arguments = editor.entry(self.root / "01_x/x_test.cpp", self.root)["arguments"]
        self.assertIn(str(self.root / "build/cpu/_deps/fmt-src/include"), arguments)

    def test_nothing_is_written_twice(self):
        editor.write(self.root)
        with mock.patch.object(editor.files, "write_text", side_effect=AssertionError):
            self.assertEqual(editor.write(self.root), "")

    def test_a_link_stays_as_it_is(self):
        (self.root / editor.FILE).symlink_to("build/compile_commands.json")
        self.assertIn("is a link", editor.write(self.root))
        self.assertTrue((self.root / editor.FILE).is_symlink())

    def test_a_folder_that_cannot_be_written_is_told_in_words(self):
        with mock.patch.object(
            editor.files, "write_text", side_effect=PermissionError(13, "Permission denied")
        ):
            self.assertIn("no compile_commands.json for editors", editor.write(self.root))


class Suppressed(unittest.TestCase):
    """.clangd hides the diagnostics of what Clang cannot judge, and of nothing else."""

    def setUp(self):
        text = (support.ROOT / ".clangd").read_text()
        self.patterns = [re.compile(one) for one in re.findall(r"^    - (.+)$", text, re.M)]

    def hidden(self, name):
        return any(pattern.fullmatch(name) for pattern in self.patterns)

    def test_hides_every_file_that_is_not_read_as_it_is_compiled(self):
        tree = editor.Tree()
        judged = set(tree.for_cpu())
        for path in tree.files:
            name = path.relative_to(support.ROOT).as_posix()
            if path not in judged or (path.suffix == ".cu" and not editor.is_kernel_file(path)):
                self.assertTrue(self.hidden(name), name)

    def test_hides_nothing_that_a_student_writes_or_reads_for_the_cpu_device(self):
        tree = editor.Tree()
        found = [
            name for name in names(tree.for_cpu(), support.ROOT) if re.match(r"\d\d_|docs/|solutions/", name)
        ]
        self.assertGreater(len(found), 100)
        self.assertEqual([name for name in found if self.hidden(name)], [])


class EditorFiles(unittest.TestCase):
    """.vscode and .devcontainer are read by programs that are not here."""

    def test_they_are_json(self):
        for name in (".vscode/tasks.json", ".vscode/extensions.json", ".vscode/settings.json"):
            json.loads((support.ROOT / name).read_text())
        json.loads((support.ROOT / ".devcontainer" / "devcontainer.json").read_text())

    def test_tasks_are_commands_that_there_are(self):
        from workbook import cli

        tasks = json.loads((support.ROOT / ".vscode" / "tasks.json").read_text())["tasks"]
        self.assertGreaterEqual(len(tasks), 3)
        for task in tasks:
            self.assertEqual(task["command"], "./workbook")
            cli.parser().parse_args(["02" if "{" in word else word for word in task["args"]])

    def test_compiler_errors_become_entries_without_another_extension(self):
        """$gcc is the matcher of an extension that is not recommended."""
        tasks = json.loads((support.ROOT / ".vscode" / "tasks.json").read_text())["tasks"]
        matchers = [task["problemMatcher"] for task in tasks]
        self.assertFalse([one for one in matchers if isinstance(one, str)])
        pattern = next(one["pattern"] for one in matchers if one)
        groups = [pattern[name] for name in ("file", "line", "column", "severity", "message")]
        for line, found in (
            ("01_x/a_starter.cu:12:3: error: no i", ("01_x/a_starter.cu", "12", "3", "error", "no i")),
            ("a.h:3: fatal error: none", ("a.h", "3", None, "error", "none")),
            ("  step 2: error: none", None),
            ("In file included from a.h:3:", None),
        ):
            match = re.match(pattern["regexp"], line)
            self.assertEqual(match and match.group(*groups), found, line)

    def test_the_container_has_what_setup_installs(self):
        from workbook import packages

        text = (support.ROOT / ".devcontainer" / "devcontainer.json").read_text()
        for package in packages.needed("cpu", plots=True):
            for name in package.apt:
                self.assertIn(name, text)


if __name__ == "__main__":
    unittest.main()
