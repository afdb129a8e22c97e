"""`bench --predict`: say what will be measured before it is, see how far that was, and keep a score.

A prediction is a ratio ("1.5": your starter is 1.5 times as fast as the reference) or a time ("2ms": what
your starter takes, or the reference without --starter). It is about one problem, the last of the exercise's
first contract, which is named before it is asked for.
"""

from __future__ import annotations

import re
import statistics
import sys
from pathlib import Path

from . import bench_join, process, progress
from .console import say
from .errors import Exit, WorkbookError
from .machine import RESULTS, ROOT

ASK = "ask"  # what --predict without a value stands for
GIVEN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})\s*(x|s|ms|us|ns|)")
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
CLOSE = 1.1  # a factor that counts as right
REFERENCE, STARTER = "solution", "starter"


def wanted(options, exercises: list) -> Prediction | None:
    """What --predict asks for, refused before anything is built where it cannot be; None without it."""
    if options.predict is None:
        return None
    if len(exercises) != 1:
        raise WorkbookError("--predict is for one exercise: ./workbook bench 02 matmul --predict", Exit.USAGE)
    prediction = Prediction(exercises[0], options.starter)
    if options.starter and not exercises[0].starter.exists():
        raise WorkbookError(f"{exercises[0].name} has no starter to predict the speed of", Exit.USAGE)
    if options.predict != ASK:
        prediction.take(options.predict)
    elif not sys.stdin.isatty():
        message = "--predict asks in a terminal, and standard input is none; write what you predict after it"
        raise WorkbookError(f"{message}: --predict 2ms, or with --starter also --predict 1.5", Exit.USAGE)
    return prediction


class Prediction:
    """Of the time of an implementation, or of its speed-up, for one problem of an exercise."""

    def __init__(self, exercise, of_starter: bool) -> None:
        self.exercise, self.name = exercise, STARTER if of_starter else REFERENCE
        self.value, self.unit = None, ""
        self.problem = None  # (contract, problem)

    def take(self, text: str) -> None:
        """Read `text`, or raise in words."""
        found = GIVEN.fullmatch(text.strip())
        value = float(found.group(1)) if found else 0.0
        if value <= 0:
            message = f"'{text}' is not a prediction; write a time, such as 2ms or 120us"
            more = ", or a ratio, such as 1.5" if self.name == STARTER else ""
            raise WorkbookError(message + more, Exit.USAGE)
        unit = found.group(2)
        if unit not in SECONDS and self.name != STARTER:
            message = "a ratio compares your starter with the reference: add --starter, or predict a time"
            raise WorkbookError(f"{message} (--predict 2ms)", Exit.USAGE)
        self.value = value * SECONDS.get(unit, 1.0)
        self.unit = "seconds" if unit in SECONDS else "ratio"

    def aim(self, program: Path, where: str) -> None:
        """Choose the problem from what `program` lists, and ask for the prediction where none was given."""
        code, text = process.quiet([program, "--benchmark_list_tests"], cwd=ROOT)
        self.problem = problem_of(text, self.name) if code == 0 else None
        if self.problem is None:
            raise WorkbookError(f"{program.name} has no benchmark of {self.name} to predict", Exit.FAILED)
        say(f"\nThe prediction is for {' '.join(self.problem)}, {where}.")
        if self.value is None:
            self.ask()

    def ask(self) -> None:
        if self.name == STARTER:
            question = (
                "How many times as fast as the reference is your starter? (1.5; or its time: 2ms, 120us)"
            )
        else:
            question = "How long does the reference take? (2ms, 120us)"
        while self.value is None:
            say(question)
            answer = sys.stdin.readline()
            if not answer:
                raise WorkbookError("no prediction was given, so nothing was measured", Exit.USAGE)
            try:
                self.take(answer.strip())
            except WorkbookError as error:
                say(str(error))

    def judge(self, document: dict | None, device: str) -> dict:
        """Say how far it was, note it, and return that for --json."""
        measured, problem = self.measured(document)
        about = {"implementation": self.name, "unit": self.unit, "predicted": self.value, "device": device}
        about |= {"contract": self.problem[0], "problem": self.problem[1], "measured": measured}
        if problem:
            say(f"\nYou predicted {self.words(self.value)}. It does not count: {problem}.")
            return {**about, "factor": None, "why_not": problem}
        about["factor"] = factor = max(measured / self.value, self.value / measured)
        verdict = "right within 10%" if factor <= CLOSE else f"off by a factor of {factor:.2f}"
        say(f"\nYou predicted {self.words(self.value)}; measured: {self.words(measured)}, {verdict}.")
        store = progress.Store(RESULTS)
        store.note_prediction(self.exercise.key, about)
        say(score([one["factor"] for one in store.predictions()]))
        return about

    def measured(self, document: dict | None) -> tuple:
        """What came out, and why it cannot be compared (empty where it can)."""
        rows = document["body"]["rows"] if document else []
        rows = {row["implementation"]: row for row in rows if bench_join.problem_of(row) == self.problem}
        names = (self.name,) if self.unit == "seconds" else (self.name, REFERENCE)
        for name in names:
            if name not in rows:
                return None, f"the {name} was not measured"
            if rows[name]["outcome"] != "ok":
                return None, f"the {name} has no valid time ({rows[name]['outcome'].replace('_', ' ')})"
        mine, reference = rows[self.name], rows[names[-1]]
        if self.unit == "seconds":
            return mine["seconds"]["median"], ""
        ratio = reference["seconds"]["median"] / mine["seconds"]["median"]
        if not bench_join.differs(mine, reference):
            return ratio, "no difference was measured, that is, none larger than the spread"
        return ratio, ""

    def words(self, value: float) -> str:
        return f"{value:.2f}x" if self.unit == "ratio" else bench_join.time_text(value)


def problem_of(listing: str, name: str) -> tuple | None:
    """The last problem of the first contract that `name` has, in what --benchmark_list_tests prints."""
    found = bench_join.problems_of(listing, name)
    return [one for one in found if one[0] == found[0][0]][-1] if found else None


def score(factors: list) -> str:
    """All predictions in a sentence."""
    right = sum(factor <= CLOSE for factor in factors)
    middle = statistics.median(factors)
    count = "1 prediction" if len(factors) == 1 else f"{len(factors)} predictions"
    return f"Your score: {count}, {right} right within 10%, the median off by a factor of {middle:.2f}."
