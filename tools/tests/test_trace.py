"""Traces: what `tools/check_trace.py` finds, on sound, broken and recorded ones."""

import copy
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import support

sys.path.insert(0, str(support.ROOT / "tools"))

import check_trace

RECORDED = support.ROOT / "docs" / "results" / "traces" / "nano.json"


def piece(category, name, process, start, length, **args):
    event = {"ph": "X", "cat": category, "name": name, "pid": process, "tid": 7, "ts": start, "dur": length}
    return {**event, "args": args} if args else event


def sound() -> dict:
    arrow = {"cat": "launch", "name": "launch", "id": 1, "tid": 7}
    return {
        "traceEvents": [
            {"ph": "M", "name": "thread_name", "pid": 1, "tid": 7, "args": {"name": "main thread"}},
            {"ph": "M", "name": "thread_name", "pid": 2, "tid": 7, "args": {"name": "stream 0: kernels"}},
            piece("range", "step 0", 1, 0.0, 100.0),
            piece("range", "forward", 1, 1.0, 10.0),
            piece("range", "backward", 1, 11.0, 10.0),
            piece("kernel", "add", 2, 5.0, 60.0, range="step 0 / forward"),
            piece("copy", "memcpy", 2, 65.0, 30.0, range="step 0"),
            {"ph": "s", "pid": 1, "ts": 2.0, **arrow},
            {"ph": "f", "pid": 2, "ts": 5.0, "bp": "e", **arrow},
        ]
    }


class CheckTrace(unittest.TestCase):
    def broken(self, change) -> list:
        trace = copy.deepcopy(sound())
        change(trace["traceEvents"])
        return check_trace.problems(trace)

    def test_a_sound_trace_has_no_problems(self):
        self.assertEqual(check_trace.problems(sound()), [])
        self.assertEqual(check_trace.kernels_per_step(sound()), [1])
        self.assertIn("1 steps of 1 kernels", check_trace.summary(sound()))

    def test_finds_what_is_wrong(self):
        cases = (
            (lambda e: e[3].update(dur=-1.0), "negative time"),
            (lambda e: e[3].update(ts=float("nan")), "negative time"),
            (lambda e: e[3].pop("dur"), "without dur"),
            (lambda e: e[3].update(ph="B"), "unknown kind 'B'"),
            (lambda e: e[3].update(dur=15.0), "'backward' at 11.0 us crosses the end of 'forward'"),
            (lambda e: e.pop(1), "track 7 of process 2 has no name"),
            (lambda e: e.pop(), "arrow 1 has one end only"),
            (lambda e: e[8].update(ts=1.0), "arrow 1 leads back in time"),
            (lambda e: e[6].update(dur=40.0), "copy 'memcpy' at 65.0 us lies outside of step 0"),
        )
        for change, words in cases:
            with self.subTest(words):
                found = self.broken(change)
                self.assertTrue(any(words in line for line in found), found)

    def test_the_program_says_so_too(self):
        script = support.ROOT / "tools" / "check_trace.py"
        bad = sound()
        bad["traceEvents"].pop()
        with tempfile.TemporaryDirectory() as folder:
            for text, code, words in (
                (json.dumps(sound()), 0, "sound; 3 ranges"),
                (json.dumps(bad), 1, "arrow 1 has one end only"),
                (json.dumps(sound())[:-5], 2, "not a trace that can be read"),
                ("[]", 2, "not a trace that can be read"),
            ):
                file = Path(folder) / "trace.json"
                file.write_text(text)
                done = subprocess.run([sys.executable, script, file], capture_output=True, text=True)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(words, done.stdout + done.stderr)

    def test_the_recorded_trace_is_sound(self):
        trace = check_trace.load(RECORDED)
        self.assertEqual(check_trace.problems(trace), [])
        self.assertGreater(len(check_trace.slices(trace, "kernel")), 50)


if __name__ == "__main__":
    unittest.main()
