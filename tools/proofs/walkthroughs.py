#!/usr/bin/env python3
"""Prove the walkthroughs: every step compiles, and exactly the tests pass that its page says.

    walkthroughs.py [--build build/cpu] [--record] [--sample] [--nvcc] [EXERCISE[/STEP]...]

A step is built as `./workbook check` builds a starter: with the commands of the build directory for
EXERCISE_starter_test, of which only the files of the step differ. The starters stay as they are. --record
writes what was found into tests.json, from which the page is written. --sample tries one step, another one
for every commit, and builds nothing else. --nvcc compiles every step with nvcc instead, for which
neither a GPU nor a build directory is needed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from walkthrough import page, steps  # noqa: E402
from workbook import machine, test_run  # noqa: E402

NOT_BUILT = 77
SLOW = ("attention", "layernorm", "rmsnorm", "windowed_attention")  # 5 to 20 s of a processor: no sample
TIMED = ("fix_kv_layout", "fix_step_timer", "fix_swiglu")  # their tests compare times: one step at a time
NVCC = [
    "-std=c++20",
    "-arch=sm_90a",
    "-w",
    "-Xcicc",
    "-O1",
    "-Xptxas",
    "-O0",
    "-c",
]
SECONDS = 120.0
# The references are compiled without these (cmake/Chapter.cmake).
OF_REFERENCES = ["-Wno-uninitialized", "-Wno-maybe-uninitialized"]
LISTED = re.compile(r"^  (\w+)/(\w+)")


class ProofError(Exception):
    """A step that does not compile, or a build directory that cannot compile it."""


class Recipe:
    """The commands of a build directory for EXERCISE_starter_test, as a function of the starter's files."""

    def __init__(self, build: Path, exercise) -> None:
        self.build = build
        target = f"{exercise.name}_starter_test"
        asked = ["ninja", "-C", str(build), "-t", "commands", target]
        said = subprocess.run(asked, capture_output=True, text=True, check=False)
        if said.returncode != 0:
            raise ProofError(f"{build} has no {target}: cmake --build {build}")
        commands = [shlex.split(line) for line in said.stdout.splitlines()]
        self.link = [word for word in commands[-1] if word not in (":", "&&")]
        of_starter = re.compile(rf"/{exercise.name}_starter\.c(u|pp)\b.*\.o$")
        self.object = next(word for word in self.link if of_starter.search(word))
        self.compile = next(one for one in commands if self.object in one and "-c" in one)
        self.source = self.compile[self.compile.index("-c") + 1]
        self.translate = next((one for one in commands if one[-2:] == ["-o", self.source]), None)
        # Relative names are the build directory's.
        inputs = [word for word in self.link if word.endswith((".o", ".a")) and not word.startswith("/")]
        self.needed = [word for word in inputs if word != self.object]

    def is_built(self) -> bool:
        return all((self.build / name).is_file() for name in self.needed)

    def build_needed(self) -> None:
        """What is linked beside the files of a step."""
        tools = ["bin/simt-translate"] if self.translate else []
        self.run(["ninja", *tools, *self.needed])

    def program(self, sources: list, folder: Path, options: list) -> Path:
        """The test program with these files instead of the starter."""
        objects = []
        for source in sources:
            if self.translate:
                at = self.translate.index("-o")
                translated = folder / f"{source.name}.cpp"
                self.run([*self.translate[3 : at - 1], str(source), "-o", str(translated)])
                source = translated
            made = folder / f"{source.name}.o"
            new = {self.object: str(made), f"{self.object}.d": f"{made}.d", self.source: str(source)}
            self.run([new.get(word, word) for word in self.compile] + options)
            objects.append(str(made))
        program = folder / "test"
        at = self.link.index("-o")
        link = [*self.link[:at], "-o", str(program), *self.link[at + 2 :]]
        where = link.index(self.object)
        self.run(link[:where] + objects + link[where + 1 :])
        return program

    def run(self, command: list) -> None:
        done = subprocess.run(command, cwd=self.build, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ProofError(f"does not compile:\n{done.stdout}{done.stderr}")


def passing(program: Path, results: Path) -> tuple:
    """(names of all tests that ran, names of those that passed)."""
    outcome = test_run.run(program, [], SECONDS, results, sweep=False, aloud=False)
    every = listed(program)
    if len(outcome.tests) == len(every):
        return verdicts(outcome)
    # The program did not come to its end: each test alone.
    names, green = [], []
    for test in every:
        alone = test_run.run(program, ["--test", test], SECONDS, results, sweep=False, aloud=False)
        names.append(test)
        green += [test] if alone.passed else []
    return names, green


def verdicts(outcome) -> tuple:
    ran = [test for test in outcome.tests if test.status != "skipped"]
    return [test.name for test in ran], [test.name for test in ran if test.status == "passed"]


def listed(program: Path) -> list:
    """SUITE.TEST of every test."""
    said = subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, check=False)
    suite, found = "", []
    for line in said.stdout.splitlines():
        if not line.startswith(" "):
            suite = line.strip().rstrip(".").split("/")[-1]
        elif LISTED.match(line):
            found.append(f"{suite}.{LISTED.match(line)[1]}")
    return found


def examine(recipe: Recipe, exercise, number: int, step) -> tuple:
    """Build and run one step."""
    is_last = number + 1 == len(steps.read_handed_out(exercise))
    with tempfile.TemporaryDirectory(prefix=f"wb_walkthrough_{exercise.name}_") as place:
        folder = Path(place)
        sources = []
        for stem, text in step.sources.items():
            sources.append(folder / f"{stem}{exercise.starter.suffix}")
            sources[-1].write_text(text)
        program = recipe.program(sources, folder, OF_REFERENCES if is_last else [])
        return passing(program, folder)


def judge(tests: page.Tests, number: int, names: list, green: list) -> str:
    """What the page says and is not so, or nothing."""
    said = tests.green(number)
    wrong = [f"{test} passes" for test in green if test not in said]
    wrong += [f"{test} does not pass" for test in said if test not in green]
    wrong += [f"{test} is not listed" for test in names if test not in tests.all]
    return "; ".join(wrong)


def compile_with_nvcc(exercise, wanted: list) -> int:
    """Print a line per step; the number of those that nvcc does not compile."""
    found = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    walk, bad, done = steps.read_handed_out(exercise), 0, {}
    with tempfile.TemporaryDirectory(prefix="wb_walkthrough_") as place:
        for number in wanted or range(len(walk)):
            for stem, text in walk[number].sources.items():
                if text in done:  # as in an earlier step
                    continue
                source = Path(place) / f"{stem}{exercise.starter.suffix}"
                source.write_text(text)
                command = [found, *NVCC, f"-I{ROOT}", str(source), "-o", f"{source}.o"]
                said = subprocess.run(command, capture_output=True, text=True, check=False)
                done[text] = said.returncode == 0
                bad += said.returncode != 0
                verdict = "compiles" if done[text] else f"does not compile:\n{said.stdout}{said.stderr}"
                print(f"{exercise.name}/{walk[number].name}, {stem}: {verdict}", flush=True)
    return bad


def prove(recipe: Recipe, exercise, wanted: list, record: bool, jobs: int) -> int:
    """Print a line per step; the number of problems."""
    tests, walk = page.Tests(exercise), steps.read_handed_out(exercise)
    numbers = wanted or list(range(len(walk)))
    found, problems = {}, 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        began = time.monotonic()
        running = {n: pool.submit(examine, recipe, exercise, n, walk[n]) for n in numbers}
        for number in numbers:
            try:
                names, green = found[number] = running[number].result()
                problem = "" if record else judge(tests, number, names, green)
            except ProofError as error:
                problem = str(error)
                names, green = [], []
            problems += bool(problem)
            words = f"{len(green)} of {len(names)} tests pass"
            where = f"{exercise.name}/{walk[number].name}"
            print(f"{where}: {problem or words} ({time.monotonic() - began:.1f} s)", flush=True)
    if record and not problems:
        if len(found[len(walk) - 1][1]) != len(found[len(walk) - 1][0]):
            print(f"{exercise.name}: the reference does not pass all tests")
            return 1
        tests.record(found[len(walk) - 1][0], [found[n][1] for n in range(len(walk))])
    return problems


def sampled(chosen: list) -> tuple:
    """(exercise, number of a step), by the commit: all have their turn."""
    quick = [one for one in chosen if one.name not in SLOW + TIMED]
    every = [(one, n) for one in quick for n in range(1, len(list(steps.folder(one).glob("*.md"))) + 1)]
    code, commit = machine.git_bytes("rev-parse", "HEAD", root=ROOT)
    return every[int(hashlib.sha256(commit if code == 0 else b"").hexdigest(), 16) % len(every)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "cpu")
    parser.add_argument("--record", action="store_true", help="write tests.json instead of comparing with it")
    parser.add_argument("--sample", action="store_true", help="one step alone, another one for every commit")
    parser.add_argument("--nvcc", action="store_true", help="compile with nvcc; runs nothing")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*", metavar="EXERCISE[/STEP]", help="these only")
    options = parser.parse_args()
    wanted = dict(name.partition("/")[::2] for name in options.names)
    chosen = [one for one in steps.written() if one.name in wanted or not wanted]
    if not chosen or (options.record and any(wanted.values())):
        parser.error("--record is for whole exercises" if chosen else "no such walkthrough")
    only = {one.name: [int(wanted[one.name])] for one in chosen if wanted.get(one.name)}
    if options.sample:
        one, number = sampled(chosen)
        chosen, only = [one], {one.name: [number]}
    problems = 0
    for one in chosen:
        try:
            if options.nvcc:
                problems += compile_with_nvcc(one, only.get(one.name, []))
                continue
            recipe = Recipe(options.build.resolve(), one)
            if not options.sample:
                recipe.build_needed()
            elif not recipe.is_built():
                print(f"skipped: {one.name}_test is not built")
                return NOT_BUILT
            jobs = 1 if one.name in TIMED else options.jobs
            problems += prove(recipe, one, only.get(one.name, []), options.record, jobs)
        except (ProofError, steps.StepError) as error:
            print(error)
            problems += 1
    print(f"{len(chosen)} walkthroughs, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
