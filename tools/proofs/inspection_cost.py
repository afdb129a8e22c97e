#!/usr/bin/env python3
"""Measure what the inspector costs: CPU time of each exercise's tests with and without it, at the same sizes.

    inspection_cost.py --build build/cpu [--document docs/inspector.md] [EXERCISE...]

The two programs of an exercise run one after the other, for all implementations, three times in turn; the
table has the medians. With --document it replaces the rows of these exercises between the markers there.
Fails where a ratio is above the limit.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

LIMIT = 15.0
ROUNDS = 3
MARKERS = ("<!-- inspection_cost.py: begin -->", "<!-- inspection_cost.py: end -->")
# A test that large operands make, and that the inspector leaves out.
LEFT_OUT = "--gtest_filter=-*CountsPastTwoToThe31*"


def seconds(program: Path, *options: str) -> float:
    """CPU time of a run, the system's part included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, LEFT_OUT, *options], stdout=subprocess.DEVNULL, check=True, env=environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def environment() -> dict:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("WB_", "SIMT_", "GTEST_"))
    }


def measure(folder: Path, name: str) -> tuple:
    plain, inspected = [], []
    for _ in range(ROUNDS):
        plain.append(seconds(folder / f"{name}_test"))
        inspected.append(seconds(folder / f"{name}_inspected_test", "--usual-sizes"))
    return statistics.median(plain), statistics.median(inspected)


def lines_of(rows: list) -> dict:
    return {name: f"| {name} | {a:.2f} | {b:.2f} | {b / a:.1f} |" for name, a, b in rows}


def table(lines: dict) -> str:
    head = ["| exercise | plain, s | inspected, s | ratio |", "| :-- | --: | --: | --: |"]
    return "\n".join([*head, *(lines[name] for name in sorted(lines))])


def put(document: Path, rows: list) -> None:
    """What was measured now takes the place of what was measured before."""
    begin, end = MARKERS
    found = re.compile(re.escape(begin) + "(.*?)" + re.escape(end), re.DOTALL)
    text = document.read_text()
    before = re.findall(r"^\| (\w+) (\|[ \d.|]+)$", found.search(text).group(1), re.MULTILINE)
    lines = {name: f"| {name} {rest}" for name, rest in before} | lines_of(rows)
    document.write_text(found.sub(lambda _: f"{begin}\n{table(lines)}\n{end}", text, count=1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--document", type=Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    folder = arguments.build / "bin"
    known = sorted(path.name[: -len("_inspected_test")] for path in folder.glob("*_inspected_test"))
    names = arguments.names or [name for name in known if (folder / f"{name}_test").is_file()]
    skipped = ("starter", "mistakes", "mutants")
    rows = []
    for name in names:
        if name.endswith(skipped):
            continue
        rows.append((name, *measure(folder, name)))
        print(f"{name}: {rows[-1][1]:.2f} s, {rows[-1][2]:.2f} s inspected", flush=True)
    print(table(lines_of(rows)))
    if arguments.document:
        put(arguments.document, rows)
    above = [name for name, plain, inspected in rows if inspected > LIMIT * plain]
    if above:
        print(f"above {LIMIT:.0f} times the plain program: {', '.join(above)}")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
