#!/usr/bin/env python3
"""Time `./workbook check` after an edit: each starter of chapters 01 to 06 with the reference pasted into it.

    check_time.py [--rounds 3] [--limit 5] [--steps] [--paste FILE.cu] [EXERCISE...]

Each round changes a comment of the starter and checks it, without ccache: what a student waits for after a
save. The table has the seconds of the median round and of the slowest one, the processor seconds of the
median round's check (all that it started), and the largest load of the machine before a round; above a load
of 0.5 or so, seconds say little. --steps adds what the build took in the median round, and the two test
programs. --paste takes another answer than the reference, for one exercise. Fails where a check does not say
"Solved", or where the median is above the limit.

The starters are put back. Where one of them is not as it was handed out, this is a learner's checkout, and
nothing is done (exit code 77). Results go to a folder of its own.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from workbook import chapters  # noqa: E402

NOT_OURS = 77
BUILD = ROOT / "build" / "cpu"
INCLUDE = re.compile(r"^#include .*\n", re.M)
REGISTRATION = re.compile(r"^(WB_REGISTER\((\w+), )(\w+)(, .*\);)$", re.M)
FIRST_CHAPTERS = ("01", "02", "03", "04", "05", "06")


@dataclass
class Timing:
    seconds: float
    processor: float  # user and system
    load: float
    steps: list


def pasted(exercise) -> str:
    """The exercise's references in one file, as the starter: each in a namespace of its own."""
    wanted = [contract for contract, _ in chapters.REGISTRATION.findall(exercise.starter.read_text())]
    includes, bodies, there = {}, [], set()
    for file in [*exercise.references, *others(exercise)]:
        text = file.read_text()
        found = {contract for contract, _ in chapters.REGISTRATION.findall(text)}
        if not found & set(wanted) - there:
            continue
        includes |= dict.fromkeys(INCLUDE.findall(text))
        body = INCLUDE.sub("", text)
        name = f"pasted_{len(bodies)}"
        body = body.replace("\nnamespace wb {\n", f"\nnamespace wb {{\nnamespace {name} {{\n", 1)
        body = body.replace("\n}  // namespace wb\n", "\n}\n}  // namespace wb\n")
        missing = set(wanted) - there
        bodies.append(REGISTRATION.sub(lambda call, missing=missing: as_starter(call, missing), body))
        there |= found
    if not set(wanted) <= there:
        raise SystemExit(f"{exercise.name}: nothing registers {', '.join(set(wanted) - there)}")
    return "".join(includes) + "".join(bodies)


def as_starter(call: re.Match, wanted: set) -> str:
    """A starter registers its own contracts alone: not those that store bf16."""
    return f"{call[1]}starter{call[4]}" if call[2] in wanted else ""


def others(exercise) -> list:
    """Other implementations of it, for what the references leave to them."""
    found = sorted(exercise.folder.glob(f"{exercise.name}_*.cu"))
    return [file for file in found if file != exercise.starter and file not in exercise.references]


def check(exercise, env: dict) -> tuple:
    """(Timing, what it said)"""
    load = os.getloadavg()[0]
    log = BUILD / ".ninja_log"
    size = log.stat().st_size if log.is_file() else 0
    command = [str(ROOT / "workbook"), "check", *exercise.call.split(), "--device", "cpu"]
    began = time.monotonic()
    process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.stdout.read().decode(errors="replace")
    _, _, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    return Timing(seconds, usage.ru_utime + usage.ru_stime, load, steps_since(log, size)), said


def steps_since(log: Path, size: int) -> list:
    """(seconds at which it began and ended, output) of the steps that Ninja noted after `size` bytes."""
    if not log.is_file():
        return []
    lines = log.read_bytes()[size:].decode(errors="replace").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#") and line.count("\t") >= 3]
    return sorted(
        (int(row[0]) / 1000, int(row[1]) / 1000, Path(row[3]).parent.name, Path(row[3]).name) for row in rows
    )


def programs(exercise) -> list:
    """(name, seconds, processor seconds) of the two test programs, each alone."""
    found = []
    for kind in ("test", "inspected_test"):
        program = BUILD / "bin" / f"{exercise.name}_starter_{kind}"
        if program.is_file():
            began = time.monotonic()
            process = subprocess.Popen([program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, _, usage = os.wait4(process.pid, 0)
            found.append((program.name, time.monotonic() - began, usage.ru_utime + usage.ru_stime))
    return found


def median(timings: list) -> Timing:
    """That of the middle; of an even number, the slower one of the two."""
    return sorted(timings, key=lambda timing: timing.seconds)[len(timings) // 2]


def row(timings: list, limit: float) -> tuple:
    """(the columns of the table, whether the median is above the limit)"""
    middle = median(timings)
    slowest = max(timing.seconds for timing in timings)
    load = max(timing.load for timing in timings)
    slow = middle.seconds > limit
    remark = "  slower than the limit" if slow else ""
    return f"{middle.seconds:8.2f} {slowest:8.2f} {middle.processor:10.2f} {load:6.2f}{remark}", slow


HEAD = f"{'median':>8} {'slowest':>8} {'processor':>10} {'load':>6}"


def measure(exercise, answer: str, rounds: int, env: dict, steps: bool) -> tuple:
    """(the Timings of all rounds, what is wrong or "")"""
    handed_out = exercise.starter.read_bytes()
    timings = []
    try:
        for number in range(rounds + 1):  # the first builds what else is not built
            exercise.starter.write_text(f"// Edit {number} of {time.time_ns()}.\n{answer}")
            timing, said = check(exercise, env)
            if "Solved." not in said:
                return [timing], said
            if number:
                timings.append(timing)
        if steps:
            median(timings).steps += [
                (0.0, seconds, f"{cpu:.2f} s processor", name) for name, seconds, cpu in programs(exercise)
            ]
    finally:
        exercise.starter.write_bytes(handed_out)
    return timings, ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=5.0)
    parser.add_argument("--steps", action="store_true", help="what the build and the programs took")
    parser.add_argument("--paste", type=Path, metavar="FILE")
    parser.add_argument("names", nargs="*", metavar="EXERCISE")
    options = parser.parse_args()
    folders = [folder for folder in chapters.chapters() if folder.name[:2] in FIRST_CHAPTERS or options.names]
    found = [one for folder in folders for one in chapters.exercises(folder)]
    chosen = [one for one in found if not options.names or one.name in options.names]
    if not chosen or (options.paste and len(chosen) != 1):
        parser.error("no such exercise" if not chosen else "--paste is for one exercise")
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    if any(chapters.starters_changed([one.starter for one in chosen]).values()):
        print("skipped: a starter is not as it was handed out")
        return NOT_OURS

    bad = 0
    with tempfile.TemporaryDirectory(prefix="wb_check_time_") as results:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("WB_", "SIMT_"))}
        env |= {"WB_RESULTS_DIR": results, "CCACHE_DISABLE": "1"}
        print(f"{'exercise':<20} {HEAD}", flush=True)
        for one in chosen:
            answer = options.paste.read_text() if options.paste else pasted(one)
            timings, wrong = measure(one, answer, options.rounds, env, options.steps)
            columns, slow = row(timings, options.limit)
            bad += bool(wrong or slow)
            print(f"{one.name:<20} {columns}", flush=True)
            for began, ended, where, name in median(timings).steps if options.steps else []:
                print(f"    {began:6.2f} to {ended:6.2f}  {where} {name}")
            if wrong:
                print(f"    not solved:\n{wrong}")
    print(f"{len(chosen)} exercises, {bad} not solved within {options.limit:g} s in the median")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
