#!/usr/bin/env python3
"""Prove that the inspector alone finds mutants that are a race, out of bounds, or read unwritten memory.

    inspected_mutants.py PROGRAM FOLDER [--all]

PROGRAM is the test program of an exercise, linked with inspected mutants. What the inspector must say of one
stands in its head comment, after the test that shows it soonest:

    // Inspected in: Suite.Test
    // Inspected as: shared_race, line: sums[threadIdx.x] = value;

Results are not looked at: only findings count. One of them must be of that kind and name a line with that
text, in the mutant or in what mutants of its folder share. A mutant without these lines is wrong in its
numbers, where there is nothing to find; with --all, which takes minutes, those run all their tests, and must
have no finding.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

from workbook import process, test_run  # noqa: E402

TEST = re.compile(r"^// Inspected in: (\S+)$", re.MULTILINE)
FINDING = re.compile(r"^// Inspected as: (.+), line: (.+)$", re.MULTILINE)
SECONDS = 300.0


def findings(program: Path, mutant: str, tests: list) -> list:
    """What the inspector found in these tests, each in a process of its own."""
    found = []
    for test in tests:
        with tempfile.TemporaryDirectory() as results:
            outcome = test_run.run(program, ["--impl", mutant, "--test", test], SECONDS, Path(results))
        if not outcome.tests:
            found.append({"what": f"{test} did not run: {outcome.problem}", "parties": []})
        found += [finding for one in outcome.tests for finding in one.findings]
    return found


def tests_of(program: Path, mutant: str) -> list:
    """Those that run this mutant, but for bad arguments: its launcher checks nothing."""
    names, suite = {}, ""
    for line in process.quiet([program, "--gtest_list_tests"])[1].splitlines():
        if line.endswith("."):
            suite = line.strip().rpartition("/")[2].rstrip(".") if "/" in line else line.strip(".")
        elif line.startswith("  ") and line.split()[0].endswith(f"/{mutant}"):
            names[f"{suite}.{line.split()[0].partition('/')[0]}"] = None
    return [name for name in names if not re.search(r"\.(Rejects|Refuses)", name)]


def source_lines(finding: dict, folder: Path) -> list:
    """The text of the lines in `folder` that a finding names."""
    found = []
    for party in finding["parties"]:
        file = folder / Path(party["file"]).name
        text = file.read_text().splitlines() if file.exists() else []
        found += [text[party["line"] - 1].strip()] if 0 < party["line"] <= len(text) else []
    return found


def in_words(found: list, folder: Path) -> str:
    lines = [f"  {finding['what']}: {' | '.join(source_lines(finding, folder))}" for finding in found]
    return "\n".join(dict.fromkeys(lines)) or "  nothing"


def problem(program: Path, mutant: Path, everything: bool) -> str | None:
    """What is wrong with the proof of one mutant; empty when it holds, None where nothing was asked of it."""
    head = mutant.read_text()
    wanted, test = FINDING.findall(head), TEST.search(head)
    if not wanted:
        if not everything:
            return None
        found = findings(program, mutant.stem, tests_of(program, mutant.stem))
        return f"is wrong in its numbers alone, but:\n{in_words(found, mutant.parent)}" if found else ""
    if not test:
        return "does not say in which test ('// Inspected in: ...')"
    found = findings(program, mutant.stem, [test.group(1)])
    for kind, line in wanted:
        if not any(
            one["what"] == kind and any(line in text for text in source_lines(one, mutant.parent))
            for one in found
        ):
            return f"no finding '{kind}' at '{line}', but:\n{in_words(found, mutant.parent)}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="run every test of every mutant")
    arguments = parser.parse_args()
    problems = proved = 0
    for mutant in sorted(arguments.folder.glob("*.cu")):
        said = problem(arguments.program.resolve(), mutant, arguments.all)
        if said is None:
            continue
        proved += 1
        problems += bool(said)
        print(f"{mutant.stem}: {said or 'as its head says'}", flush=True)
    print(f"{proved} mutants, {problems} problems")
    return 1 if problems or not proved else 0


if __name__ == "__main__":
    sys.exit(main())
