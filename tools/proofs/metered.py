#!/usr/bin/env python3
"""Runs the metered programs, and compares what they count with what is published.

    tools/proofs/metered.py --bin build/cpu/bin            exit 1 when a count differs from the published one
    tools/proofs/metered.py --bin build/cpu/bin --write    publish what they count, for tables and pictures

The programs are access_patterns_metered, chapter_kernels_metered and fast_matmul_metered_bench; the reports
are in docs/results/meter. tools/publish.py sets the first two beside what Nsight Compute counted of the same
programs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from workbook import files  # noqa: E402

PUBLISHED = ROOT / "docs" / "results" / "meter"
SECONDS = 120
LANES = 32
FAST_MATMUL_SIZE = 128  # of the first problem of fast_matmul_bench.cpp on the CPU device
ARITHMETIC = "thread_inst_executed_op_"  # which the processor decides, too: it may have no fused operations
COUNTS = (
    "requests",
    "sectors",
    "ideal_sectors",
    "bytes_used",
    "bytes_moved",
    "wavefronts",
    "ideal_wavefronts",
    "active_lanes",
)


def run(program: Path, *arguments: str) -> dict:
    """What the meter reports of one run."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        environment = {**os.environ, "SIMT_METER_REPORT": str(report)}
        found = subprocess.run(
            [program, *arguments], env=environment, capture_output=True, text=True, timeout=SECONDS
        )
        if found.returncode != 0 or not report.exists():
            sys.exit(f"metered: {program.name} {' '.join(arguments)} failed: {found.stderr.strip()}")
        return json.loads(report.read_text())


def patterns(programs: Path) -> dict:
    """Each kernel is a case, in the order of the source."""
    report = run(programs / "access_patterns_metered")
    kernels = [{**kernel, "case": kernel["name"]} for kernel in report["kernels"]]
    return shortened(sorted(kernels, key=lambda kernel: min(line["line"] for line in kernel["lines"])))


def chapters(programs: Path) -> dict:
    """Each case is a run of its own, since kernels of one name would be added up."""
    program = programs / "chapter_kernels_metered"
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, timeout=SECONDS, check=True)
    kernels = []
    for case in listed.stdout.split():
        kernels += [{**kernel, "case": case} for kernel in run(program, case)["kernels"]]
    return shortened(kernels)


def fast_matmul(programs: Path) -> dict:
    """Each implementation multiplies the benchmark's first problem: a table and a picture of the lesson."""
    program, kernels = programs / "fast_matmul_metered_bench", []
    for case in ("tile", "register_tile", "solution"):
        (kernel,) = run(program, "--once", "--impl", case)["kernels"]
        kernels.append({**kernel, "case": case, "multiply_adds": FAST_MATMUL_SIZE**3 // LANES})
    return shortened(kernels)


REPORTS = {"access_patterns": patterns, "chapter_kernels": chapters, "fast_matmul": fast_matmul}


def shortened(kernels: list) -> dict:
    """Without what depends on where the workbook lies, in a fixed order."""
    for kernel in kernels:
        for line in kernel["lines"]:
            file = Path(line["file"])
            line["file"] = str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else file.name
        kernel.pop("passes", None)
        kernel["lines"].sort(
            key=lambda line: (line["file"], line["line"], line["kind"], line["worst"]["array"])
        )
    return {"schema": 1, "kernels": kernels}


def text_of(report: dict) -> str:
    """JSON with a line of text for each line of source."""
    blocks = []
    for kernel in report["kernels"]:
        head = {key: value for key, value in kernel.items() if key != "lines"}
        lines = ",\n".join("  " + json.dumps(line) for line in kernel["lines"])
        blocks.append(json.dumps(head)[:-1] + ', "lines": [\n' + lines + "]}")
    return '{"schema": 1, "kernels": [\n' + ",\n".join(blocks) + "]}\n"


def counts(report: dict) -> dict:
    """What has to stay, by case, line, kind and array: counts, and the request that a picture shows."""
    found = {}
    for kernel in report["kernels"]:
        metrics = {name: value for name, value in kernel["metrics"].items() if ARITHMETIC not in name}
        found[(kernel["case"], "metrics")] = metrics
        for line in kernel["lines"]:
            place = f"{line['file']}:{line['line']} {line['kind']} {line['worst']['array']}".strip()
            found[(kernel["case"], place)] = {name: line[name] for name in COUNTS}
            found[(kernel["case"], f"{place}, worst request")] = line["worst"]
    return found


def differences(published: dict, measured: dict) -> list:
    before, now = counts(published), counts(measured)
    found = []
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            found.append(f"{key[0]}, {key[1]}: published {before.get(key)}, counted {now.get(key)}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bin", type=Path, required=True, help="where the metered programs are")
    parser.add_argument("--write", action="store_true", help="publish the counts")
    options = parser.parse_args()
    found = []
    for name, measure in REPORTS.items():
        file = PUBLISHED / f"{name}.json"
        report = measure(options.bin.resolve())
        if options.write:
            PUBLISHED.mkdir(parents=True, exist_ok=True)
            files.write_text(file, text_of(report))
            print(f"written {file.relative_to(ROOT)}")
        elif not file.exists():
            found.append(f"{file.relative_to(ROOT)} is missing")
        else:
            found += differences(json.loads(file.read_text()), report)
    for difference in found:
        print(difference, file=sys.stderr)
    if found:
        print(
            f"metered: {len(found)} counts are not the published ones. Where that is meant: "
            "tools/proofs/metered.py --bin build/cpu/bin --write, then tools/publish.py",
            file=sys.stderr,
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
