#!/usr/bin/env python3
"""Walks through chapter 01 as a newcomer does: in a terminal of 80 columns, with only what the screen says.

    tools/proofs/daily_loop.py

It starts with `./workbook`, types the commands that the screen names, writes what the lesson's steps ask for
into the starters, and saves. It builds where ./workbook does. The starters are put back; where one of them is
no longer as it was handed out, this is a learner's checkout, and nothing is done (exit code 77).
"""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "tests")]

from support import compiled_once  # noqa: E402
from terminal import Terminal  # noqa: E402
from workbook import chapters  # noqa: E402

NOT_OURS = 77
SECONDS = 300.0  # for a build and a test run on a busy machine
KEYS = "q quit"
FOLDER = ROOT / "01_vector_add"
STARTERS = {name: FOLDER / f"{name}_starter.cu" for name in ("vector_add", "launch")}
INDEX = "static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x"
# What a learner of vector_add has written after each step: the kernel's body, and the number of blocks.
STEPS = {
    "one block": ("const int i = threadIdx.x;\n  out[i] = a[i] + b[i];", "1"),
    "many blocks": (f"const std::int64_t i = {INDEX};\n  out[i] = a[i] + b[i];", "n / kThreads"),
    "the tail": (
        f"const std::int64_t i = {INDEX};\n  if (i < n) out[i] = a[i] + b[i];",
        "(n + kThreads - 1) / kThreads",
    ),
}


def vector_add(handed_out: str, body: str, blocks: str) -> str:
    """The starter with the answers in it."""
    head, _, rest = handed_out.partition(f"  // {'TODO'} 1")  # apart: not work left undone
    _, _, launcher = rest.partition("\n}\n")
    launcher = re.sub(r"blocks = 1;.*", f"blocks = {blocks};", launcher)
    return f"{head}  {body}\n}}\n{launcher}"


def launch() -> str:
    """The two references as one starter: the host side is written in one go."""
    first = (FOLDER / "launch_solution.cu").read_text()
    second = (FOLDER / "launch_streamed_solution.cu").read_text()
    text = first + second[second.index("namespace wb {") :]
    for include in re.findall(r"^#include .*$", second, re.M):
        text = text if include in text else f"{include}\n{text}"
    kernel = re.compile(r"__global__ void add_kernel\(.*?^}\n", re.M | re.S)
    twice = list(kernel.finditer(text))
    if len(twice) == 2:
        text = text[: twice[1].start()] + text[twice[1].end() :]
    return re.sub(r"(WB_REGISTER\(\w+, )solution,", r"\1starter,", text)


class Walk:
    """One session; `said` is all that the screen has shown."""

    def __init__(self, results: Path) -> None:
        env = {name: value for name, value in compiled_once().items() if not name.startswith("WB_")}
        self.env = {**env, "WB_RESULTS_DIR": str(results), "TERM": "xterm"}
        self.handed_out = {name: file.read_text() for name, file in STARTERS.items()}

    def typed(self, command: str) -> Terminal:
        print(f"$ {command}", flush=True)
        return Terminal(shlex.split(command), self.env, ROOT)

    def run(self, command: str) -> str:
        """A command to its end: what it said."""
        with self.typed(command) as terminal:
            terminal.wait(SECONDS)
            return terminal.plain

    def save(self, name: str, text: str) -> float:
        STARTERS[name].write_text(text)
        return time.monotonic()

    def restore(self) -> None:
        for name, text in self.handed_out.items():
            STARTERS[name].write_text(text)

    def go(self) -> None:
        screen = self.run("./workbook")
        expect("0 of " in screen and "You are at 01_vector_add / vector_add: untouched" in screen, screen)
        watch = re.search(r"(\./workbook watch 01 vector_add)\b", screen)
        expect(watch, screen)
        with self.typed(f"{watch[1]} --device cpu") as terminal:
            screen = terminal.expect(KEYS, SECONDS)
            for _ in STEPS:
                step = re.search(r"step \d of \d \(([^)]*)\)", screen)
                expect(step and step[1] in STEPS, screen)
                terminal.type("h")
                hint = terminal.expect(KEYS, SECONDS)
                expect("hint 1 of 4: question" in hint, hint)
                began = self.save("vector_add", vector_add(self.handed_out["vector_add"], *STEPS[step[1]]))
                terminal.expect("saved", SECONDS)
                screen = terminal.expect(KEYS, SECONDS)
                print(
                    f"after {step[1]}: a verdict {time.monotonic() - began:.1f} s after the save", flush=True
                )
            expect("Solved." in screen and "Next: 01_vector_add / launch" in screen, screen)
            terminal.type("s")
            expect("vector_add_solution.cu" in terminal.expect(KEYS, SECONDS), "no solution was shown")
            terminal.type("n")
            expect("01_vector_add/launch_starter.cu" in terminal.expect(KEYS, SECONDS), "no next exercise")
            self.save("launch", launch())
            terminal.expect("saved", SECONDS)
            screen = terminal.expect(KEYS, SECONDS)
            expect("Solved." in screen and "Next: 02_matmul" in screen, screen)
            expect(terminal.settings() != terminal.before, "the terminal was never taken")
            terminal.type("q")
            expect(terminal.wait(SECONDS) == 0, "watch did not end well")
            expect(terminal.settings() == terminal.before, "the terminal is not as it was")
        self.afterwards()

    def afterwards(self) -> None:
        screen = self.run("./workbook")
        expect("01_vector_add        2 of 2 ##" in screen, screen)
        screen = self.run("./workbook reset 01 vector_add")
        expect("is as in" in screen, screen)
        expect(STARTERS["vector_add"].read_text() == self.handed_out["vector_add"], "reset left another file")
        screen = self.run("./workbook status")
        expect(re.search(r"vector_add +untouched", screen), screen)
        screen = self.run("./workbook reset 01 vector_add --undo")
        expect(re.search(r"vector_add +solved", self.run("./workbook status")), "undo did not bring it back")


def expect(is_true, screen: str) -> None:
    if not is_true:
        raise AssertionError(f"the screen says:\n{screen}")


def main() -> int:
    if any(chapters.is_changed(file) is not False for file in STARTERS.values()):
        print("a starter of chapter 01 is not as it was handed out: left alone")
        return NOT_OURS
    with tempfile.TemporaryDirectory() as results:
        walk = Walk(Path(results))
        try:
            walk.go()
        finally:
            walk.restore()
    print("chapter 01 is walked to its end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
