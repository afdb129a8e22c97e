#!/usr/bin/env python3
"""Prove on a GPU that compute-sanitizer finds the races of a fix-it, and none in what is mended.

    racecheck.py PROGRAM --mutants PROGRAM FOLDER [--starter PROGRAM]

PROGRAM tests the mended component and must be clean. Each wrong mend in FOLDER whose head says
"// Caught on: inspector" must be found; a starter as well. Skipped where compute-sanitizer is not installed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbook import racecheck

SECONDS = 300.0


def verdict(name: str, program: Path, wrong: bool, arguments: list) -> bool:
    inspection = racecheck.run(program.resolve(), arguments, SECONDS)
    print(f"{name}: {inspection.problem or f'{len(inspection.findings)} races reported'}", flush=True)
    for finding in inspection.findings[:1]:
        print("\n".join("    " + line for line in finding.splitlines()))
    return not inspection.problem and bool(inspection.findings) == wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, nargs="?")
    parser.add_argument("--mutants", type=Path, nargs=2, metavar=("PROGRAM", "FOLDER"))
    parser.add_argument("--starter", type=Path, metavar="PROGRAM")
    arguments = parser.parse_args()
    if not racecheck.tool():
        print("skipped: compute-sanitizer is not installed")
        return 0
    good = [verdict("mended", arguments.program, False, [])] if arguments.program else []
    good += [verdict("starter", arguments.starter, True, [])] if arguments.starter else []
    program, folder = arguments.mutants or (None, Path())
    for mutant in sorted(folder.glob("*.cu")) if program else []:
        if "// Caught on: inspector" in mutant.read_text():
            good.append(verdict(mutant.stem, program, True, ["--impl", mutant.stem]))
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
