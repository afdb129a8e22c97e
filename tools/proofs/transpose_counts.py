#!/usr/bin/env python3
"""Prove what the lesson on transpose counts: sectors and wavefronts per request, of each implementation.

    transpose_counts.py BENCH

BENCH is transpose_metered_bench. Its first problem has whole tiles, so that every request has 32 lanes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Per request: sectors of global memory, wavefronts of shared memory. As 02_matmul/README.md counts them.
EXPECTED = {
    "naive": {"global_load": 4, "global_store": 32},
    "tile": {"global_load": 4, "global_store": 4, "shared_store": 1, "shared_load": 32},
    "solution": {"global_load": 4, "global_store": 4, "shared_store": 1, "shared_load": 1},
}
SECONDS = 60


def counted(bench: Path, implementation: str) -> dict:
    """Kind of access -> what one request moves."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        environment = {**os.environ, "SIMT_METER_REPORT": str(report)}
        command = [bench, "--once", "--impl", implementation]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
        if done.returncode != 0:
            sys.exit(f"{implementation}: {done.stdout}{done.stderr}")
        kernels = json.loads(report.read_text())["kernels"]
    found = {}
    for line in kernels[0]["lines"]:
        unit = "sectors" if line["memory"] == "global" else "wavefronts"
        found[line["kind"]] = line[unit] / line["requests"]
    return found


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wrong = 0
    for implementation, expected in EXPECTED.items():
        found = counted(Path(sys.argv[1]), implementation)
        print(f"{implementation}: {found}")
        if found != expected:
            print(f"  but the lesson says {expected}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
