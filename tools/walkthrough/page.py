"""The page of a walkthrough, from its steps and from what the tests said of each (tests.json)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from workbook import files

from . import steps as walk

LONG_REMOVAL, SHOWN_OF_IT = 16, 6  # lines that go
GENERATED = "<!-- Written by tools/walkthroughs.py from the folder beside it. -->"


class Tests:
    """Which tests pass after each step, on the CPU device: tools/proofs/walkthroughs.py --record."""

    def __init__(self, exercise) -> None:
        self.file = walk.folder(exercise) / "tests.json"
        try:
            document = json.loads(files.read_text(self.file))
        except (OSError, ValueError):
            document = {"tests": [], "steps": []}
        self.all, self.changes = document["tests"], document["steps"]

    def green(self, step: int) -> list:
        """Of the step with this number, in the order of the tests."""
        now = set()
        for change in self.changes[: step + 1]:
            now = (now | set(change["green"])) - set(change["red"])
        return [test for test in self.all if test in now]

    def record(self, names: list, greens: list) -> None:
        """`greens`: the passing tests of each step."""
        changes, before = [], []
        for green in greens:
            new = [test for test in green if test not in before]
            changes.append({"green": new, "red": [test for test in before if test not in green]})
            before = green
        files.write_text(self.file, json.dumps({"tests": names, "steps": changes}, indent=1) + "\n")


def text(exercise, starter: str | None = None) -> str:
    """The page as Markdown."""
    steps, tests = walk.read(exercise, starter), Tests(exercise)
    if len(tests.changes) != len(steps):
        raise walk.StepError(
            f"{tests.file} is about {len(tests.changes) - 1} steps, there are {len(steps) - 1}: "
            f"tools/proofs/walkthroughs.py --record {exercise.name}"
        )
    references = " and ".join(link(file, exercise) for file in exercise.reference_sources)
    end = "the fixed file" if steps[-1].edits else references
    lines = [f"# Walkthrough: {exercise.name}", "", GENERATED, ""]
    lines += [
        f"From {link(exercise.starter, exercise)} to {end} in {amount(len(steps) - 1)}. "
        "Read it after you have solved the exercise. Every step compiles, and the tests named below it are "
        "those that begin to pass with it on the CPU device.",
        "",
    ]
    if tests.green(0):
        lines += [f"Before the first step {count(tests, 0)} tests pass: {listed(tests.green(0), tests)}.", ""]
    lines += ["| step | lines changed | tests that pass |", "| :-- | --: | --: |"]
    for number, (before, step) in enumerate(zip(steps, steps[1:]), 1):
        size = sum(walk.changed_lines(diff) for _, diff in walk.diffs(before, step, exercise.name))
        lines.append(f"| {number}. {step.title} | {size} | {count(tests, number)} |")
    for number, (before, step) in enumerate(zip(steps, steps[1:]), 1):
        lines += ["", f"## Step {number}: {step.title}", "", reason(step)]
        for _, diff in walk.diffs(before, step, exercise.name):
            lines += ["", "```diff", *shortened(diff), "```"]
        lines += ["", outcome(tests, number)]
    return "\n".join(lines) + "\n"


def amount(steps: int) -> str:
    return f"{steps} step" + ("s" if steps > 1 else "")


def reason(step: walk.Step) -> str:
    """Its links are relative to its file, which is one folder deeper than the page."""
    return step.reason.replace("](../", "](")


def link(file: Path, exercise) -> str:
    return f"[{file.name}]({os.path.relpath(file, walk.page(exercise).parent)})"


def shortened(diff: list) -> list:
    """Long removals, of what another file takes over say, do not show every line."""
    found, at = [], 0
    while at < len(diff):
        end = at
        while end < len(diff) and diff[end][:1] == "-":
            end += 1
        if end - at > LONG_REMOVAL:
            hidden = end - at - SHOWN_OF_IT
            found += [*diff[at : at + SHOWN_OF_IT - 1], f"- ... and {hidden} lines more", diff[end - 1]]
        else:
            end = max(end, at + 1)
            found += diff[at:end]
        at = end
    return [line.rstrip() for line in found]


def count(tests: Tests, step: int) -> str:
    return f"{len(tests.green(step))} of {len(tests.all)}"


def listed(names: list, tests: Tests) -> str:
    """Tests, with the suite's name where two suites have one of that name."""
    tails = [name.partition(".")[2] for name in tests.all]
    short = [name.partition(".")[2] for name in names]
    clear = [tail if tails.count(tail) == 1 else name for tail, name in zip(short, names)]
    return ", ".join(f"`{name}`" for name in clear)


def outcome(tests: Tests, step: int) -> str:
    change, passing = tests.changes[step], count(tests, step)
    if len(tests.green(step)) == len(tests.all) and not change["green"]:
        return f"Tests: all {len(tests.all)} pass, as before."
    said = (
        [f"begin to pass: {listed(change['green'], tests)}"] if change["green"] else ["no further one passes"]
    )
    if change["red"]:
        said.append(f"fail again: {listed(change['red'], tests)}")
    return f"Tests: {'; '.join(said)}. {passing} pass."
