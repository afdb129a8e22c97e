#!/usr/bin/env python3
"""Prove that no starter passes that solves nothing: each in tools/proofs/cheats tries a trick on vector_add.

    cheats.py --build FOLDER [NAME...]

A cheat says in its head comment what the verdict on it must say:

    // Caught as: exit code 0 before its last test       (a regular expression)

`honest` must pass: it shows that the others fail for their tricks.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

from workbook import chapters, check, judges, lock, process, test_run  # noqa: E402

CHEATS = TOOLS / "proofs" / "cheats"
CAUSE = re.compile(r"^// Caught as: (.+)$", re.MULTILINE)
SECONDS = 120.0


def build(folder: Path, targets: list) -> str:
    """All that link; what the build says of the others."""
    command = ["cmake", "--build", str(folder), "--target", *targets, "--", "-k", "0"]
    with lock.held(folder):
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
    return done.stdout


def verdict_on_test(folder: Path, cheat: Path) -> tuple:
    """(whether it passes, what is said)."""
    exercise = chapters.select(chapters.find("01"), "vector_add")[0]
    with tempfile.TemporaryDirectory() as results:
        outcome = test_run.run(folder / "bin" / f"cheat_{cheat.stem}", [], SECONDS, Path(results))
    inside = folder / CHEATS.relative_to(TOOLS.parent) / "CMakeFiles" / f"cheat_{cheat.stem}_starter.dir"
    linked = judges.parts(folder, exercise)
    linked.starter, linked.objects = cheat, sorted(inside.rglob("*.o"))
    check.judge(outcome, judges.Evidence(exercise, linked), filtered=False)
    # Whoever changes the tests of vector_add, or the harness, is not judged here.
    outcome.objections = [text for text in outcome.objections if "not as published" not in text]
    failures = [f"{len(outcome.failures)} tests fail"] if outcome.failures else []
    failures += [message for failure in outcome.failures for message in failure.messages]
    return outcome.passed, "\n".join([outcome.problem, *outcome.objections, *failures])


def verdict_on_bench(folder: Path, cheat: Path) -> tuple:
    program = folder / "bin" / f"cheat_{cheat.stem}"
    command = [program, "--samples", "5", "--benchmark_filter=n=65536"]
    code, text = process.quiet(command, timeout=SECONDS)
    return code == 0, text


def judge(folder: Path, cheat: Path, words: str) -> str:
    """What is wrong with the proof, or nothing."""
    cause = CAUSE.search(cheat.read_text()).group(1)
    bench = cheat.stem == "once_per_pointer"
    if (folder / "bin" / f"cheat_{cheat.stem}").exists():
        passes, said = (verdict_on_bench if bench else verdict_on_test)(folder, cheat)
    else:
        passes, said = False, words
    if cheat.stem == "honest":
        return "" if passes else f"must pass, but:\n{said}"
    if passes:
        return "PASSES"
    return "" if re.search(cause, said) else f"does not pass, but nothing says '{cause}':\n{said}"


def tests_of(program: Path) -> set:
    """ "Suite.Test" as GoogleTest lists them, whatever they are instantiated for."""
    names, suite = set(), ""
    for line in process.quiet([program, "--gtest_list_tests"])[1].splitlines():
        if line.startswith("  "):
            names.add(suite + line.split()[0].partition("/")[0])
        elif line.endswith("."):
            suite = line.strip("/")
    return names


def unlisted(folder: Path) -> list:
    """Exercises of which the verdict demands other tests than their program has."""
    found = []
    for exercise in (e for chapter in chapters.chapters() for e in chapters.everything(chapter)):
        program = folder / "bin" / f"{exercise.name}_test"
        if program.exists() and tests_of(program) != set(judges.listed_tests(exercise)):
            found.append(exercise.name)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("names", nargs="*", help="these only")
    arguments = parser.parse_args()
    folder = arguments.build.resolve()
    cheats = [file for file in sorted(CHEATS.glob("*.cu")) if file.stem in (arguments.names or [file.stem])]
    for file in cheats:
        (folder / "bin" / f"cheat_{file.stem}").unlink(missing_ok=True)
    words = build(folder, [f"cheat_{file.stem}" for file in cheats])
    problems = 0
    for file in cheats:
        problem = judge(folder, file, words)
        problems += bool(problem)
        print(f"{file.stem}: {problem or ('passes' if file.stem == 'honest' else 'caught')}", flush=True)
    for name in unlisted(folder):
        problems += 1
        print(f"{name}: {name}_test has other tests than the verdict demands")
    print(f"{len(cheats)} starters, {problems} problems")
    return 1 if problems or not cheats else 0


if __name__ == "__main__":
    sys.exit(main())
