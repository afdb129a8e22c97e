"""./workbook run and inspect on CUDA programs as people write them: right ones, wrong ones, refused ones.

The programs say in their heads what is expected of them: `// Prints: ` a line of their output, `// Expect: `
words of the inspector (wrong/) or of the refusal (refused/). nvcc compiles right/ as well where it is here:
these programs are CUDA, and not only what the CPU device takes.
"""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(HERE.parent), str(HERE)]
import forked  # noqa: E402
from support import compiled_once  # noqa: E402
from workbook import device, own_build  # noqa: E402

WORKBOOK = str(ROOT / "workbook")
HELLO = """#include <cstdio>
__global__ void hello() { printf("hello %d\\n", WORD); }
int main() { hello<<<1, 1>>>(); return cudaDeviceSynchronize(); }
"""
# nvcc includes these before every file.
NVCCS = {"<assert.h>", "<cmath>", "<cstdlib>", "<cuda_runtime.h>"}
NVCCS |= {"<math.h>", "<stdio.h>", "<stdlib.h>", "<string.h>"}
# What needs more than its own name on the command line.
WITH = {"never_ends.cu": ["--timeout", "1"], "two_files": ["-D", "FACTOR=2.5f"]}


def told(path, word):
    return re.findall(rf"^// {word}: (.*)$", path.read_text(encoding="utf-8"), re.M)


def programs(folder):
    return sorted((HERE / folder).glob("*.cu"))


def workbook(*words, typed="", cwd=HERE, order=None, **settings):
    command = [sys.executable, "-S", WORKBOOK, *map(str, words)]
    return subprocess.run(
        command,
        cwd=cwd,
        input=typed,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        env={**compiled_once(), **({"SIMT_ORDER": order} if order else {})},
        **settings,
    )


def in_parallel(work, items):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, items))


class Programs(unittest.TestCase):
    """Every program of the three folders."""

    def judge(self, paths, command, code, word):
        self.assertTrue(paths)
        commands = [[command, *WITH.get(path.name, []), path.relative_to(HERE)] for path in paths]
        for path, done in zip(paths, forked.run_all(commands, HERE)):
            with self.subTest(path.name):
                said = done.stdout + done.stderr
                self.assertEqual(done.returncode, code, said)
                expected = told(path, word)
                self.assertTrue(expected)
                for words in expected:
                    self.assertIn(words, said)
                yield done

    def test_right_programs_run(self):
        for done in self.judge(programs("right"), "run", 0, "Prints"):
            self.assertNotIn("finding", done.stdout)

    def test_right_programs_have_no_findings(self):
        for done in self.judge(programs("right"), "inspect", 0, "Prints"):
            self.assertRegex(done.stdout, r"\n0 findings")

    def test_wrong_programs_are_found(self):
        for done in self.judge(programs("wrong"), "inspect", 1, "Expect"):
            self.assertRegex(done.stdout, r"\n\d findings?\b")

    def test_lines_are_counted(self):
        done = workbook("inspect", "--count", "right/transpose.cu")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 elements differ", done.stdout)
        self.assertRegex(done.stdout, r"transpose.cu:19 +global store odata +800 +3.75 sectors +3.75 +100%")

    def test_refused_programs_are_refused_by_name(self):
        for done in self.judge(programs("refused"), "run", 4, "Expect"):
            self.assertEqual(done.stdout, "")
            self.assertLessEqual(len(done.stderr.splitlines()), 12)
            self.assertNotIn("simt::detail", done.stderr)

    def test_two_files_read_what_is_typed_get_arguments_and_return_a_code(self):
        files = ["right/two_files/main.cpp", "right/two_files/scale.cu"]
        for command in ("run", "inspect"):
            done = workbook(command, *files, *WITH["two_files"], "--", "a b", "--x", "", typed="typed\n")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertTrue(done.stdout.startswith("2.5 5 7.5 10 [a b] [--x] []\ntyped\n"), done.stdout)

    @unittest.skipUnless(shutil.which("nvcc"), "no nvcc here")
    def test_nvcc_builds_a_program_of_two_files_once(self):
        card = device.Gpu("a GPU that is not here", (9, 0), (13, 0))
        options = {
            "include": [],
            "define": ["FACTOR=2.5f"],
            "optimize": "1",
            "library": [],
            "host_option": [],
        }
        options = SimpleNamespace(**options, verbose=False, jobs=1)
        sources = [HERE / "right/two_files" / name for name in ("main.cpp", "scale.cu")]
        with mock.patch.object(device, "gpu", lambda: (card, "")):
            program = own_build.OwnProgram(sources, own_build.CUDA, options).build()
            built = program.stat().st_mtime_ns
            self.assertEqual(own_build.OwnProgram(sources, own_build.CUDA, options).build(), program)
        self.assertEqual(program.stat().st_mtime_ns, built)
        self.assertTrue(os.access(program, os.X_OK))

    @unittest.skipUnless(shutil.which("nvcc"), "no nvcc here")
    def test_right_programs_are_cuda(self):
        alike = {}  # programs by the headers that nvcc does not read anyway
        for path in programs("right"):
            alike.setdefault(frozenset(headers_of(path) - NVCCS), []).append(path)

        with tempfile.TemporaryDirectory() as folder:

            def compile(paths):  # to PTX: a quarter of the time, and all of each file is read
                together = Path(folder) / paths[0].name
                together.write_text(one_file(paths), encoding="utf-8")
                command = ["nvcc", "-std=c++20", "-arch=sm_90", "-ptx", f"-I{HERE / 'right'}"]
                command += [together, "-o", together.with_suffix(".ptx")]
                return subprocess.run(command, capture_output=True, text=True)

            for done in in_parallel(compile, alike.values()):
                self.assertEqual(done.returncode, 0, done.stderr)


def headers_of(path):
    return set(re.findall(r"^ *#include (.*)$", path.read_text(encoding="utf-8"), re.M))


def one_file(paths):
    """The text of programs that include the same headers apart from NVCCS, each in a namespace of its own:
    most of what nvcc does for one of them is reading these headers."""
    parts = [f"#include {name}" for name in sorted(set().union(*map(headers_of, paths)))]
    for number, path in enumerate(paths):
        text = path.read_text(encoding="utf-8")
        body = re.sub(r"^ *#include .*$", "", text, flags=re.M)
        parts += [f"namespace program_{number} {{", f'#line 1 "{path}"', body, "}"]
        parts += [f"#undef {name}" for name in re.findall(r"^ *# *define (\w+)", text, re.M)]
    return "\n".join(parts) + "\n"


class Written(unittest.TestCase):
    """Programs that the test writes, in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.addCleanup(self.forget, path)
        return path

    @staticmethod
    def made_of(path):
        for made in (ROOT / "build" / "own").glob("*"):
            copies = made / "copies.json"
            if copies.is_file() and json.dumps(str(path)) in copies.read_text():
                yield made

    def forget(self, path):
        for made in self.made_of(path):
            shutil.rmtree(made, ignore_errors=True)
            made.with_name(made.name + ".lock").unlink(missing_ok=True)

    def run_here(self, *words, **settings):
        return workbook(*words, cwd=self.folder, **settings)

    def test_odd_names(self):
        for name in (
            'it\'s with blanks and "quotes".cu',
            "[x] $HOME #1;.cu",
            "größe/ñ 中.cu",
            "-dash.cu",
        ):
            with self.subTest(name):
                self.write(name, '#include "own header.h"\n' + HELLO)
                self.write(str(Path(name).parent / "own header.h"), "#define WORD 7\n")
                typed = f"./{name}" if name.startswith("-") else name
                done = self.run_here("inspect", typed)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("hello 7\n", done.stdout)

    def test_only_what_changed_is_compiled(self):
        self.write("hello.cu", '#include "word.cuh"\n' + HELLO)
        self.write("word.cuh", '#include "deeper.h"\n')
        self.write("deeper.h", "#define WORD 1\n")

        def compiled():
            done = self.run_here("run", "hello.cu", "--verbose")
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout, done.stderr.count(" -c "), done.stderr.count("simt-translate /")

        self.assertEqual(compiled()[:2], ("hello 1\n", 1))
        self.assertEqual(compiled(), ("hello 1\n", 0, 0))
        self.write("deeper.h", "#define WORD 22\n")
        self.assertEqual(compiled()[:2], ("hello 22\n", 1))
        self.assertEqual(compiled()[1], 0)
        self.assertIn("hello 5", self.run_here("run", "hello.cu", "-O0", "-DOTHER").stdout.replace("22", "5"))
        (self.folder / "deeper.h").unlink()
        done = self.run_here("run", "hello.cu")
        self.assertEqual(done.returncode, 4)
        self.assertIn("word.cuh:1: fatal error: deeper.h", done.stderr)

    def test_the_precompiled_header_is_one_of_the_files_read(self):
        """So that a change of the device's headers compiles the user's files again."""
        path = self.write("hello.cu", "#define WORD 1\n" + HELLO)
        for command, kind in (("run", "cpu"), ("inspect", "inspected")):
            self.assertEqual(self.run_here(command, "hello.cu").returncode, 0)
            prelude = own_build.read(ROOT / "build/cpu/own_file.json")["preludes"].get(kind)
            if not prelude:
                self.skipTest("this compiler reads the headers themselves")
            (made,) = self.made_of(path)
            record = own_build.read(made / kind / "0.json")
            self.assertIn(f"{prelude}/simt/prelude.h.gch", record["inputs"])
            read = (made / kind / "0.d").read_text()
            self.assertNotIn("cuda_runtime.h", read, "the options are not those of the precompiled header")

    def test_launches_and_shared_memory_in_a_header_found_by_I(self):
        self.write(
            "include/kernels/sum.cuh",
            '#pragma once\n#include "../kind.h"\ntemplate <class T> __global__ '
            "void sum(T* p) {\n  extern __shared__ Kind s[];\n  s[threadIdx.x] = 2;\n  __syncthreads();\n"
            "  if (threadIdx.x == 0) p[0] = s[0] + s[1];\n}\n"
            "inline void launch(int* p) { sum<<<1, 2, 2 * sizeof(Kind)>>>(p); }\n",
        )
        self.write("include/kind.h", "using Kind = short;\n")
        self.write(
            "main.cu",
            "#include <kernels/sum.cuh>\n#include <cstdio>\nint main() { int* p; "
            "cudaMallocManaged(&p, 4); launch(p); cudaDeviceSynchronize(); "
            'printf("%d\\n", *p); cudaFree(p); }\n',
        )
        done = self.run_here("inspect", "main.cu", "-I", "include")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(done.stdout.startswith("4\n"), done.stdout)

    def test_signals_and_limits(self):
        self.write(
            "crash.cu",
            "int main(int n, char**) { volatile int* p = nullptr; if (n == 1) *p = 1; for (;;); }\n",
        )
        done = self.run_here("run", "crash.cu")
        self.assertEqual(done.returncode, 128 + signal.SIGSEGV)
        self.assertIn("crash was ended by SIGSEGV", done.stderr)
        done = self.run_here("run", "--timeout", "1", "crash.cu", "--", "loop")
        self.assertEqual(done.returncode, 124)
        self.assertIn("was stopped after 1 s", done.stderr)

    def test_ctrl_c_reaches_the_program_and_leaves_nothing(self):
        self.write(
            "spin.cu",
            "#include <cstdio>\n__global__ void spin(volatile int* p) { while (*p == 0); }\n"
            'int main() { int* p; cudaMallocManaged(&p, 4); *p = 0; spin<<<1, 1>>>(p); puts("spins"); '
            "fflush(stdout); cudaDeviceSynchronize(); }\n",
        )
        for command in ("run", "inspect"):
            with subprocess.Popen(
                [
                    sys.executable,
                    "-S",
                    "-c",
                    "import signal, os, sys; signal.signal(signal.SIGINT, "
                    "signal.default_int_handler); os.execv(sys.executable, sys.argv[1:])",
                    sys.executable,
                    "-S",
                    WORKBOOK,
                    command,
                    "spin.cu",
                ],
                cwd=self.folder,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process:
                self.assertEqual(process.stdout.readline(), "spins\n")
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, err)
            self.assertIn("interrupted", err)
            if command == "inspect":
                self.assertIn("up to the moment at which the program was stopped", out)
        until = time.monotonic() + 10
        while self.spinning() and time.monotonic() < until:
            time.sleep(0.02)
        self.assertEqual(self.spinning(), [])

    def spinning(self):
        return [name for name in os.listdir("/proc") if name.isdigit() and self.is_spin(name)]

    @staticmethod
    def is_spin(pid):
        try:
            return "/spin" in os.readlink(f"/proc/{pid}/exe")
        except OSError:
            return False

    def test_much_output_is_passed_on_whole(self):
        self.write(
            "much.cu",
            '#include <cstdio>\nint main() { for (int i = 0; i < 1000000; i++) printf("%7d\\n", i); }\n',
        )
        done = self.run_here("run", "much.cu")
        self.assertEqual((done.returncode, len(done.stdout)), (0, 8000000))
        self.assertTrue(done.stdout.endswith(" 999999\n"))

    def test_an_end_that_tells_nothing(self):
        self.write("quick.cu", "#include <unistd.h>\nint main() { _exit(0); }\n")
        done = self.run_here("inspect", "quick.cu")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ended without telling the inspector", done.stderr)


if __name__ == "__main__":
    unittest.main()
