"""A small workbook in a folder of its own, with the real command: two exercises, and nothing to build.

`check` is what it is everywhere; where a test program would be, a script judges the starter by a word.
"""

import atexit
import compileall
import functools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import forks
import support

HINTS = """# Hints
## Step 1: first
<details><summary>Question</summary>

What is one and one?

</details>
<details><summary>Pseudo-code</summary>

    two

</details>
"""
LESSON = "# 01 · {name}\n\n1. **First step.** `Adds` passes.\n2. **Second step.** `Guards` passes.\n"
TO_WRITE = "TODO"  # apart: exercises_complete.py finds work left undone by it
STARTER = f"// {TO_WRITE} 1\n__global__ void kernel() {{}}\n"
SOLUTION = "// done\n__global__ void kernel() { __shared__ float tile[32]; __syncthreads(); }\n"
TEST = "TEST_P(Suite, Adds) {}\nTEST_P(Suite, Guards) {}\n"
# Stands in for a test program: red until the starter says "right"; "long" takes for ever, "stubborn" does so
# even after SIGTERM.
PROGRAM = """#!{python} -S
import json, os, signal, sys, time
text = open({starter!r}).read()
print("suite\\n  Adds  starter \\x02", end="", flush=True)
if "stubborn" in text:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
while "long" in text or "stubborn" in text:
    time.sleep(0.05)
print("\\x03ok", flush=True)
def test(name, good):
    return dict(suite="Suite", test=name, implementation="starter", status="passed" if good else "failed",
                messages=[] if good else [name + " got 0, expected 1"], launches=1, compared=1)
tests = [test("Adds", "one" in text or "right" in text), test("Guards", "right" in text)]
document = dict(schema_version=1, kind="tests", body=dict(tests=tests))
os.pwrite(int(os.environ["WB_VERDICT_FD"]), json.dumps(document).encode(), 64)
sys.exit(any(t["status"] == "failed" for t in tests))
"""
# Behind tools/workbook/build.py: there is nothing to build.
NO_BUILD = """

class Build(Build):
    def configure(self):
        pass

    def build(self, targets, what="", limit=0, parts=None):
        pass

    def lists(self, name, entry):
        return False
"""

# Behind tools/workbook/device.py: a toy has the CPU device alone, also on a machine with a GPU.
NO_GPU = """

def cuda_problem():
    return "a toy workbook has no CUDA device"
"""


@functools.cache
def command() -> Path:
    """tools/workbook with nothing to build, compiled once for all checkouts."""
    folder = Path(tempfile.mkdtemp(prefix="wb_toy_command_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = folder / "workbook"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(support.ROOT / "tools" / "workbook", made, ignore=ignored)
    for name, text in {"build.py": NO_BUILD, "device.py": NO_GPU}.items():
        with open(made / name, "a") as file:
            file.write(text)
    compileall.compile_dir(made, quiet=1)
    return made


def make(folder: Path, git: bool = True) -> Path:
    """A checkout of it in `folder`."""
    root = folder / "workbook"
    shutil.copytree(command(), root / "tools" / "workbook")
    shutil.copy2(support.ROOT / "workbook", root / "workbook")
    shutil.copy2(support.ROOT / ".gitignore", root / ".gitignore")
    (root / "build" / "cpu" / "bin").mkdir(parents=True)
    (root / "build" / "cpu" / "build.ninja").write_text("")
    (root / "common").mkdir()
    for number, name in ((1, "first"), (2, "second")):
        chapter = root / f"{number:02d}_{name}"
        chapter.mkdir()
        for file, text in {
            "CMakeLists.txt": f"add_chapter(EXERCISES {name})\n",
            "README.md": LESSON.format(name=name),
            "hints.md": HINTS.replace("# Hints", f"# Hints for {name}"),
            f"{name}.h": "",
            f"{name}_starter.cu": STARTER,
            f"{name}_solution.cu": SOLUTION,
            f"{name}_test.cpp": TEST,
        }.items():
            (chapter / file).write_text(text)
        program = root / "build" / "cpu" / "bin" / f"{name}_starter_test"
        program.write_text(PROGRAM.format(python=sys.executable, starter=str(chapter / f"{name}_starter.cu")))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    if git:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
            subprocess.run(["git", "-C", root, *identity, *arguments], check=True, capture_output=True)
    return root


def environment(**changes: str) -> dict:
    env = {name: value for name, value in os.environ.items() if not name.startswith("WB_")}
    return {**env, "PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm", "COLUMNS": "80", **changes}


def run(root: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess:
    """A command of that checkout. Those in a terminal (test_watch.py) are processes of their own."""
    return forks.workbook(arguments, environment(**changes), root)
