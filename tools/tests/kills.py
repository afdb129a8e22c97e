"""Kills `check`, `watch`, `bench` and `journey` at random moments, and looks at what is left.

    python3 tools/tests/kills.py [--moments 100] [--seed N] [--commands check,watch,bench,journey]

At each moment one of the commands has been started, and gets SIGKILL, SIGINT or SIGTERM; before some of them
a part of the build is taken away, so that builds are hit, too. Afterwards no process may be left, the next
`./workbook check 01` must come to its verdict, and files that were being written must be whole or absent.
Results go to a folder of its own: nothing of the user's changes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import support

ROOT = Path(__file__).resolve().parents[2]
MARK = "WB_KILLS"
# How long a command takes on two cores. `watch` has no end, and its first check may be broken by then.
# Where there are many moments, the others are measured.
USUAL_SECONDS = {"check": 2.0, "watch": 5.0, "bench": 7.0, "journey": 6.0}
SKIPPED = 77  # exit code
FEW_MOMENTS = 12
SECONDS_TO_END = 10.0  # grace for an orderly end is 5 s
SMALL_MODEL = ("--layers", "1", "--batch-size", "1", "--seq-len", "32")
COMMANDS = {
    "check": ["check", "01"],
    "watch": ["watch", "01", "vector_add"],
    "bench": ["bench", "01", "--no-peers"],
    # A small model: all phases of a run are there to be hit, and none of them takes long.
    "journey": ["journey", "--stage", "5", "--stage", "v1", "--steps", "2", *SMALL_MODEL],
}
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
QUIET = (0, 130, 128 + signal.SIGTERM, *(-number for number in SIGNALS))


class Tree:
    """The checkout under test, and a results folder of our own."""

    def __init__(self, device: str, results: Path) -> None:
        self.device = device
        self.results = results
        self.bin = ROOT / "build" / device / "bin"
        self.mark = f"{os.getpid()}.{time.monotonic_ns()}"
        self.env = {**support.compiled_once(), MARK: self.mark, "WB_RESULTS_DIR": str(results)}

    def start(self, arguments: list, output: int) -> subprocess.Popen:
        command = [str(ROOT / "workbook"), arguments[0], "--device", self.device, *arguments[1:]]
        return subprocess.Popen(
            command,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def break_build(self, luck: random.Random) -> None:
        """Take away what a build would make again: a program, an object, or the end of one."""
        victims = [self.bin / "vector_add_starter_test", *self.objects()]
        victim = luck.choice([path for path in victims if path.exists()] or [None])
        if victim is None:
            return
        if luck.random() < 0.5:
            victim.unlink()
        else:
            os.truncate(victim, victim.stat().st_size // 2)

    def objects(self) -> list:
        return sorted((self.bin.parent / "01_vector_add").rglob("vector_add_starter*.o"))

    def left(self) -> list:
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if f"{MARK}={self.mark}\0".encode() in Path(f"/proc/{name}/environ").read_bytes():
                    found.append(int(name))
            except OSError:
                pass
        return found

    def wait_until_gone(self) -> list:
        until = time.monotonic() + SECONDS_TO_END
        while self.left() and time.monotonic() < until:
            time.sleep(0.05)
        left = [(pid, name_of(pid)) for pid in self.left()]
        for pid, _ in left:
            os.kill(pid, signal.SIGKILL)
        return left

    def damaged_files(self) -> list:
        """Results that are no JSON, and files that were begun."""
        found = []
        for path in self.results.rglob("*"):
            if path.suffix == ".json" and path.is_file():
                try:
                    json.loads(path.read_text(encoding="utf-8"))
                except ValueError:
                    found.append(path)
        return found


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:80]
    except OSError:
        return "?"


def one_moment(tree: Tree, name: str, longest: float, luck: random.Random) -> list:
    """What went wrong with one kill; an empty list when nothing did."""
    if luck.random() < 0.5:
        tree.break_build(luck)
    number = luck.choice(SIGNALS)
    moment = longest * luck.random() ** 2  # more of the early ones: imports, locks, the start of the build
    with tempfile.TemporaryFile() as output:
        process = tree.start(COMMANDS[name], output)
        time.sleep(moment)
        process.send_signal(number)
        problems = []
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
            problems.append("did not end")
        output.seek(0)
        said = output.read().decode(errors="replace")
    if code not in QUIET and code != 1:  # 1: it had come to its verdict before the signal
        problems.append(f"exit code {code}")
    if "Traceback" in said or "terminate called" in said:
        problems.append(f"raw text: {said[-300:]}")
    left = tree.wait_until_gone()
    if left:
        problems.append(f"left {left}")
    problems += [f"damaged: {path}" for path in tree.damaged_files()]
    return [f"{name}, {signal.Signals(number).name} after {moment:.2f} s: {problem}" for problem in problems]


def works(tree: Tree) -> str:
    """Why the next command does not work; empty when it comes to its verdict."""
    process = tree.start(["check", "01"], subprocess.PIPE)
    said = process.communicate()[0].decode(errors="replace")
    if process.returncode != 1 or "tests fail" not in said:
        return f"afterwards ./workbook check 01 ended with {process.returncode}: {said[-500:]}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(time.time())
    luck = random.Random(seed)
    problems = []
    with tempfile.TemporaryDirectory(prefix="wb_kills_") as folder:
        tree = Tree(options.device, Path(folder))
        problems += filter(None, [works(tree)])  # builds what is not built
        if problems:
            print(f"skipped: the starter of chapter 01 is changed, or does not build\n{problems[0]}")
            return SKIPPED
        names = options.commands.split(",")
        longest = dict(USUAL_SECONDS)
        for name in names if options.moments > FEW_MOMENTS else []:
            if name == "watch":
                continue
            started = time.monotonic()
            tree.start(COMMANDS[name], subprocess.DEVNULL).wait()
            longest[name] = 1.1 * (time.monotonic() - started)
        for count in range(options.moments):
            name = names[count % len(names)]
            found = one_moment(tree, name, longest[name], luck)
            found += filter(None, [works(tree)])
            for problem in found:
                print(problem, flush=True)
            problems += found
    print(f"{options.moments} moments, seed {seed}: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
