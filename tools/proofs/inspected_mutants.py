#!/usr/bin/env python3
"""Prove that the inspector alone finds mutants that are a race, out of bounds, or read unwritten memory.

    inspected_mutants.py PROGRAM FOLDER [--all]

PROGRAM is the test program of an exercise, linked with inspected mutants. What the inspector must say of one
stands in its head comment, after the test that shows it soonest:

    // Inspected in: Suite.Test
    // Inspected as: race in shared memory, line: sums[threadIdx.x] = value;

Results are not looked at: only findings count. One of them must be of that kind and name a line of the mutant
with that text. A mutant without these lines is wrong in its numbers, where there is nothing to find; with
--all, which takes minutes, those run all their tests too, and must have no finding.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

from workbook import test_run  # noqa: E402

TEST = re.compile(r"^// Inspected in: (\S+)$", re.MULTILINE)
FINDING = re.compile(r"^// Inspected as: (.+), line: (.+)$", re.MULTILINE)
SECONDS = 300.0
REFUSALS = "--gtest_filter=-*.Rejects*:*.Refuses*"  # a mutant's launcher checks nothing


def findings(program: Path, mutant: str, test: str) -> list:
    """What the inspector found in one test, or in all."""
    chosen = ["--test", test] if test else [REFUSALS]
    with tempfile.TemporaryDirectory() as results:
        outcome = test_run.run(program, ["--impl", mutant, *chosen], SECONDS, Path(results))
    if not outcome.tests:
        return [{"what": f"no test ran: {outcome.problem}", "parties": []}]
    return [finding for one in outcome.tests for finding in one.findings]


def source_lines(finding: dict, mutant: Path) -> list:
    """The text of the mutant's lines that a finding names."""
    text = mutant.read_text().splitlines()
    parties = [party for party in finding["parties"] if Path(party["file"]).name == mutant.name]
    return [text[party["line"] - 1].strip() for party in parties if 0 < party["line"] <= len(text)]


def in_words(found: list, mutant: Path) -> str:
    lines = [f"  {finding['what']}: {' | '.join(source_lines(finding, mutant))}" for finding in found]
    return "\n".join(dict.fromkeys(lines)) or "  nothing"


def problem(program: Path, mutant: Path, everything: bool) -> str | None:
    """What is wrong with the proof of one mutant; empty when it holds, None where nothing was asked of it."""
    head = mutant.read_text()
    wanted, test = FINDING.findall(head), TEST.search(head)
    if not wanted:
        if not everything:
            return None
        found = findings(program, mutant.stem, "")
        return f"is wrong in its numbers alone, but was found:\n{in_words(found, mutant)}" if found else ""
    found = findings(program, mutant.stem, test.group(1) if test and not everything else "")
    for kind, line in wanted:
        if not any(kind in one["what"] and line in source_lines(one, mutant) for one in found):
            return f"no finding '{kind}' at '{line}', but:\n{in_words(found, mutant)}"
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
