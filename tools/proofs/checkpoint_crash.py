#!/usr/bin/env python3
"""Kill a run that writes a checkpoint every step at random moments: it must go on from the last one.

    checkpoint_crash.py build/cpu/bin/checkpoint_driver [--kills 100] [--seed 1]

The driver resumes at each start, so the next start is the check of the kill before it: it must load, at the
last step that was announced or the one whose announcement the kill cut off, with the parameters and moments
that a run without kills has at that step. Exits with 1 and one line at the first kill where it does not.
"""

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

LONGEST = 4.0  # checkpoints that a run has time for, before it is killed
START_LIMIT_SECONDS = 120
MOST_STEPS = 100_000


class Failure(Exception):
    pass


class Run:
    """The driver, its lines read while it runs, killed at the end."""

    def __init__(self, driver: Path, folder: Path):
        self.lines, self.times = [], []
        self.process = subprocess.Popen(
            [str(driver), str(folder), str(MOST_STEPS), "save"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.changed = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                if line.endswith("\n"):
                    self.lines.append(line.split())
                    self.times.append(time.monotonic())
                self.changed.notify()
        with self.changed:
            self.ended = True
            self.changed.notify()

    def wait_for_lines(self, count: int):
        with self.changed:
            enough = self.changed.wait_for(
                lambda: len(self.lines) >= count or self.ended, START_LIMIT_SECONDS
            )
        if not enough:
            self.kill()
            raise Failure(f"the driver said {len(self.lines)} lines in {START_LIMIT_SECONDS} s")

    def kill_after(self, seconds: float):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return
        problem = self.process.stderr.read().strip()
        self.kill()
        raise Failure(f"the driver ended by itself: {problem}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()


def seconds_per_checkpoint(driver: Path, folder: Path) -> float:
    run = Run(driver, folder)
    run.wait_for_lines(8)
    run.kill_after(0)
    between = [after - before for before, after in zip(run.times, run.times[1:])]
    return statistics.median(between)


def expect(condition: bool, kill: int, what: str):
    if not condition:
        raise Failure(f"after kill {kill}: {what}")


def prove(driver: Path, kills: int, seed: int, folder: Path) -> str:
    chance = random.Random(seed)
    longest = LONGEST * seconds_per_checkpoint(driver, folder.with_name("trial"))
    announced, fingerprints = 0, {}
    inside = after_start = 0
    for kill in range(kills + 1):
        # A run needs a while for its first step. Half of the kills come after its first checkpoint, a quarter
        # after it has loaded, a quarter at any time from its start.
        awaited = (0, 1, 2, 2)[kill % 4]
        run = Run(driver, folder)
        run.wait_for_lines(awaited)
        run.kill_after(chance.uniform(0, longest))
        for what, step_text, fingerprint in run.lines:
            step = int(step_text)
            if what == "began":
                expect(announced == 0, kill, f"nothing was loaded, but step {announced} had been saved")
            elif what == "loaded":
                expect(
                    announced <= step <= announced + 1,
                    kill,
                    f"step {step} was loaded, but {announced} was the last one saved",
                )
                inside += step == announced + 1
            expect(
                fingerprints.setdefault(step, fingerprint) == fingerprint,
                kill,
                f"step {step} differs from what was saved",
            )
            announced = step
        after_start += bool(run.lines)
        checkpoints = [entry for entry in folder.glob("step-*") if (entry / "manifest.json").exists()]
        expect(
            len(checkpoints) == len(list(folder.glob("step-*"))), kill, "there is a folder without a manifest"
        )
    whole = subprocess.run(
        [str(driver), str(folder), str(announced), "none"], capture_output=True, text=True, check=True
    )
    for line in whole.stdout.splitlines():
        _, step, fingerprint = line.split()
        expect(
            fingerprints.get(int(step), fingerprint) == fingerprint,
            kills,
            f"step {step} differs from that of a run without kills",
        )
    if announced < kills // 2:
        raise Failure(f"only {announced} steps in {kills} runs: the kills come too early to prove anything")
    return (
        f"{kills} kills, {announced} steps, each saved: every start found the last checkpoint whole "
        f"({inside} kills fell between a checkpoint and its announcement, "
        f"{kills + 1 - after_start} before the first line)"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("driver", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wb_crash_"))
    try:
        print(prove(options.driver, options.kills, options.seed, folder / "run"))
        return 0
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"checkpoint_crash: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
