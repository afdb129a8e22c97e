#!/usr/bin/env python3
"""Runs `./workbook inspect` as a student does, and looks at what it counts and says.

    tools/proofs/inspect_command.py

The counts of vector add are known without a measurement: 65,536 elements are 2048 warps, and each request of
32 neighboring floats has 4 sectors. Starters are left out: they are the student's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = 65_536 // 32


def inspect(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-S", ROOT / "workbook", "inspect", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def problems() -> list:
    found = []

    def expect(is_true: bool, what: str) -> None:
        if not is_true:
            found.append(what)

    counted = inspect("01", "vector_add", "--impl", "solution", "--json")
    expect(counted.returncode == 0, f"exit code {counted.returncode}: {counted.stderr[-2000:]}")
    if found:
        return found
    (document,) = json.loads(counted.stdout)["exercises"]
    (kernel,) = document["report"]["kernels"]
    rows = {(line["kind"], line["array"]): line for line in kernel["lines"]}
    wanted = {("global_load", "a"), ("global_load", "b"), ("global_store", "out")}
    expect(rows.keys() == wanted, f"rows {sorted(rows)}")
    for name, line in rows.items():
        counts = [line[key] for key in ("requests", "sectors", "ideal_sectors", "active_lanes")]
        expect(counts == [REQUESTS, 4 * REQUESTS, 4 * REQUESTS, 32 * REQUESTS], f"{name}: {counts}")
        expect("out[i] = a[i] + b[i];" in line["text"], f"{name}: text {line['text']!r}")

    shown = inspect("01", "vector_add", "--impl", "vectorized")
    expect(shown.returncode == 0, f"exit code {shown.returncode}: {shown.stderr[-2000:]}")
    for words in ("results are right", "16.00 sectors", "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"):
        expect(words in shown.stdout, f"'{words}' is not in\n{shown.stdout}")
    return found


if __name__ == "__main__":
    wrong = problems()
    print("\n".join(wrong) or "inspect counts and says what it should")
    sys.exit(bool(wrong))
