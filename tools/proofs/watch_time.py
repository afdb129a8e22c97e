#!/usr/bin/env python3
"""Time `./workbook watch` from a save to the verdict, for each exercise of chapters 01 to 06.

    watch_time.py [--rounds 3] [--limit 5] [EXERCISE...]

`watch` runs in a terminal of 80 columns. Two fills of the starter are saved in turn: a right one, which is
the reference, and a wrong one, which is the last step of the walkthrough that does not pass every test. Each
save changes a comment too, so that the starter is compiled, and without ccache. The time ends when `watch`
shows the verdict and its keys. The table has the seconds of the median round and of the slowest one, the
processor seconds of the median round (all that `watch` started), and the largest load of the machine before a
round; above a load of 0.5 or so, seconds say little.
Fails where a verdict is not the expected one, or where the median is above the limit.

The starters are put back. Where one of them is not as it was handed out, this is a learner's checkout, and
nothing is done (exit code 77). Results go to a folder of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "tests")]

from check_time import FIRST_CHAPTERS, HEAD, NOT_OURS, pasted, row  # noqa: E402
from terminal import Terminal  # noqa: E402
from walkthrough import page, steps  # noqa: E402
from workbook import chapters  # noqa: E402

KEYS = "q quit"
SECONDS = 600.0  # for what is not measured: a build on a busy machine
SOLVED = "Solved."


@dataclass
class Timing:
    seconds: float
    processor: float  # user and system
    load: float
    wrong: str  # what the screen said where the verdict is not the expected one


def unfinished(exercise) -> str:
    """The last step of the walkthrough that is one file and does not pass every test."""
    tests = page.Tests(exercise)
    for number, step in reversed(list(enumerate(steps.read(exercise)))):
        if len(step.sources) == 1 and len(tests.green(number)) < len(tests.all):
            return step.sources[exercise.name]
    raise SystemExit(f"{exercise.name}: every step of its walkthrough passes every test")


def processor(pid: int) -> float:
    """Seconds of a process and of all that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def save(terminal: Terminal, starter: Path, text: str, is_right: bool) -> Timing:
    load, used = os.getloadavg()[0], processor(terminal.pid)
    temporary = starter.with_name(f".{starter.name}.timed")
    temporary.write_text(f"// Saved at {time.time_ns()}.\n{text}")
    began = time.monotonic()
    temporary.replace(starter)  # as many editors do
    terminal.expect("saved", SECONDS)
    screen = terminal.expect(KEYS, SECONDS)
    seconds = time.monotonic() - began
    as_expected = (SOLVED in screen) == is_right
    return Timing(seconds, processor(terminal.pid) - used, load, "" if as_expected else screen)


def measure(exercise, rounds: int, env: dict) -> dict:
    """Name of a fill -> its Timings; after a wrong verdict, that one alone."""
    fills = {"right": pasted(exercise), "wrong": unfinished(exercise)}
    handed_out, found = exercise.starter.read_bytes(), {name: [] for name in fills}
    command = [str(ROOT / "workbook"), "watch", *exercise.call.split(), "--device", "cpu"]
    try:
        with Terminal(command, env, ROOT) as terminal:
            terminal.expect(KEYS, SECONDS)  # builds what else is not built
            for _ in range(rounds):
                for name, text in fills.items():
                    timing = save(terminal, exercise.starter, text, name == "right")
                    if timing.wrong:
                        return {name: [timing]}
                    found[name].append(timing)
            terminal.type("q")
            terminal.wait()
    finally:
        exercise.starter.write_bytes(handed_out)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=5.0)
    parser.add_argument("names", nargs="*", metavar="EXERCISE")
    options = parser.parse_args()
    folders = [folder for folder in chapters.chapters() if folder.name[:2] in FIRST_CHAPTERS or options.names]
    found = [one for folder in folders for one in chapters.exercises(folder)]
    chosen = [one for one in found if not options.names or one.name in options.names]
    if not chosen or options.rounds < 1:
        parser.error("no such exercise" if not chosen else "--rounds is at least 1")
    if any(chapters.starters_changed([one.starter for one in chosen]).values()):
        print("skipped: a starter is not as it was handed out")
        return NOT_OURS

    bad = 0
    with tempfile.TemporaryDirectory(prefix="wb_watch_time_") as results:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("WB_", "SIMT_"))}
        env |= {"WB_RESULTS_DIR": results, "CCACHE_DISABLE": "1", "TERM": "xterm"}
        print(f"{'exercise':<20} {'fill':<6} {HEAD}", flush=True)
        for one in chosen:
            for fill, timings in measure(one, options.rounds, env).items():
                columns, slow = row(timings, options.limit)
                wrong = timings[0].wrong
                bad += bool(wrong or slow)
                print(f"{one.name:<20} {fill:<6} {columns}", flush=True)
                if wrong:
                    print(f"    not the expected verdict:\n{wrong}")
    print(f"{len(chosen)} exercises, {bad} verdicts wrong or, in the median, later than {options.limit:g} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
