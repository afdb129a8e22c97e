import contextlib
import os
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import support  # noqa: F401
from workbook import build
from workbook.errors import WorkbookError

NINJA_FAILURE = """[1/4] Building CXX object core/CMakeFiles/core.dir/check.cpp.o
[2/4] Building CXX object 01/CMakeFiles/x_starter.dir/x_starter.cu.cpp.o
FAILED: 01/CMakeFiles/x_starter.dir/x_starter.cu.cpp.o
/usr/bin/c++ -I/somewhere -o x.o -c x.cpp
x_starter.cu:12:5: error: expected ';' before 'out'
   12 |   int i = 0
[3/4] Building CXX object core/CMakeFiles/core.dir/rng.cpp.o
FAILED: core/CMakeFiles/core.dir/rng.cpp.o
/usr/bin/c++ -c rng.cpp
rng.cpp:1:1: error: another one
ninja: build stopped: subcommand failed."""

NEWER_NINJA_FAILURE = NINJA_FAILURE.replace("FAILED: ", "FAILED: [code=1] ")


PROGRAM = Path(sys.executable)


class ParsesProgress(unittest.TestCase):
    def test_ninja(self):
        step = build.parse_step("[3/12] Building CXX object a/CMakeFiles/t.dir/x.cpp.o")
        self.assertEqual(step, (3, 12, "x.cpp"))

    def test_make(self):
        step = build.parse_step("[ 25%] Building CXX object a/CMakeFiles/t.dir/x.cpp.o")
        self.assertEqual(step, (25, 100, "x.cpp"))

    def test_linking(self):
        self.assertEqual(build.parse_step("[4/4] Linking CXX executable bin/journey")[2], "link journey")

    def test_everything_else_is_no_step(self):
        for line in ("x.cpp:3: error: [1/2] no", "", "FAILED: x.o", "-- Configuring done"):
            self.assertIsNone(build.parse_step(line), line)


class StartsBesideTheBuild(unittest.TestCase):
    """The tests of one program run while the other one is still compiled."""

    class Started:
        def __init__(self):
            self.advanced, self.closed = 0, False

        def advance(self):
            self.advanced += 1

        def close(self):
            self.closed = True

    def beside(self):
        return build.Beside({PROGRAM: self.Started})

    def test_once_its_program_is_linked(self):
        beside = self.beside()
        for what in ("x.cu", "link another", f"link {PROGRAM.name}_inspected"):
            beside.built(what)
        self.assertEqual(beside.running, {})
        self.assertFalse(beside.look())
        beside.built(f"link {PROGRAM.name}")
        running = beside.running[PROGRAM]
        self.assertFalse(beside.look())  # True would end the build
        beside.built(f"link {PROGRAM.name}")
        self.assertIs(beside.running[PROGRAM], running)
        self.assertEqual(running.advanced, 1)
        beside.close()
        self.assertTrue(running.closed)
        self.assertEqual(beside.running, {})

    def test_in_the_order_in_which_they_are_linked(self):
        shell = Path("/bin/sh")
        beside = build.Beside({PROGRAM: self.Started, shell: self.Started})
        beside.built("link sh")
        self.assertEqual(list(beside.running), [shell])
        beside.built(f"link {PROGRAM.name}")
        both = list(beside.running.values())
        self.assertEqual(list(beside.running), [shell, PROGRAM])
        beside.look()
        self.assertEqual([one.advanced for one in both], [1, 1])
        beside.close()
        self.assertEqual([one.closed for one in both], [True, True])

    def test_not_where_there_is_no_program(self):
        beside = build.Beside({Path(__file__): self.Started})
        beside.built(f"link {Path(__file__).name}")
        self.assertEqual(beside.running, {})

    def test_a_program_that_does_not_start_is_left_to_the_check(self):
        def fails():
            raise OSError("no memory")

        beside = build.Beside({PROGRAM: fails})
        beside.built(f"link {PROGRAM.name}")
        self.assertEqual(beside.running, {})


class Lists(unittest.TestCase):
    def test_one_of_an_interrupted_configuration_is_written_again(self):
        with tempfile.TemporaryDirectory() as name:
            root, folder = Path(name), Path(name) / "build"
            folder.mkdir()
            file = folder / "metered.txt"

            def run_cmake(made):
                self.runs += 1
                if self.code == 0:
                    file.write_text("launch\nmatmul\n")
                    os.utime(folder / "build.ninja", (3, 3))
                return SimpleNamespace(code=self.code, text="CMake Error at CMakeLists.txt:1 (add):\n  no\n")

            for path, seconds in ((root / "CMakeLists.txt", 2), (folder / "build.ninja", 1)):
                path.write_text("")
                os.utime(path, (seconds, seconds))
            file.write_text("launch\n")
            self.runs, self.code = 0, 1
            with (
                mock.patch.object(build, "ROOT", root),
                mock.patch.object(build.Build, "_run_cmake", run_cmake),
                mock.patch.object(build.lock, "held", lambda folder: contextlib.nullcontext()),
            ):
                made = build.Build("cpu", 1, False)
                made.folder = folder
                self.assertTrue(made.lists("metered", "launch"))
                self.assertEqual(self.runs, 0)
                with self.assertRaises(WorkbookError):  # a configuration that fails is no answer
                    made.lists("metered", "matmul")
                self.code = 0
                self.assertTrue(made.lists("metered", "matmul"))
                self.assertFalse(made.lists("metered", "softmax"))
            self.assertEqual(self.runs, 2)


class ShowsTheCompilersWords(unittest.TestCase):
    def test_the_first_failure_without_its_command_line(self):
        for text in (NINJA_FAILURE, NEWER_NINJA_FAILURE):
            shown = build.failure(text)
            self.assertIn("x_starter.cu:12:5: error: expected ';' before 'out'", shown)
            self.assertIn("x_starter.dir", shown)
            self.assertNotIn("-I/somewhere", shown)
            self.assertNotIn("another one", shown)
            self.assertIn("1 more step(s) failed", shown)

    def test_a_file_that_is_compiled_twice_fails_once(self):
        step = (
            "FAILED: [code=1] {}/x_starter.cu.cpp.o\nc++ x\n{}/a/x_starter.cu:1:2: error: no ';'\n    1 | x\n"
        )
        text = step.format("y_inspected.dir", build.ROOT) + step.format("y_checked.dir", build.ROOT)
        shown = build.failure(text)
        self.assertNotIn("more step", shown)
        self.assertIn("y_checked.dir", shown)
        self.assertEqual(build.as_compiled(shown), "a/x_starter.cu:1:2: error: no ';'\n    1 | x")
        self.assertEqual(build.as_compiled("FAILED: bin/x\nundefined"), "FAILED: bin/x\nundefined")

    def test_cmake_errors_come_without_its_chatter(self):
        text = "-- The compiler\nCMake Error at cmake/Device.cmake:20 (message):\n  no nvcc\n\n-- Configuring"
        shown = build.failure(text)
        self.assertEqual(shown, "CMake Error at cmake/Device.cmake:20 (message):\n  no nvcc")

    def test_make_errors(self):
        text = "[ 10%] Building CXX object x.o\n/x.cpp:3:1: error: nonsense\nmake[2]: *** [x.o] Error 1"
        self.assertIn("/x.cpp:3:1: error: nonsense", build.failure(text))

    def test_long_output_is_clipped(self):
        lines = ["FAILED: x.o", "c++ x"] + [f"error {i}" for i in range(500)]
        shown = build.failure("\n".join(lines)).splitlines()
        self.assertLess(len(shown), 100)
        self.assertIn("more lines in the log", shown[-1])


if __name__ == "__main__":
    unittest.main()
