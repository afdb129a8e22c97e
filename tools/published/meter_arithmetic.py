"""Floating-point operations by kind, of the meter and of Nsight Compute: a row for each kernel with any."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from . import meter_reasons, nsight_compute
from .meter_tables import UnexplainedError, right_aligned
from .nsight_compute import ARITHMETIC

SUFFIX = "_arithmetic"


@dataclass(frozen=True)
class Row:
    case: str
    counted: tuple  # additions, multiplications, fused multiply-adds of the meter
    counted_there: tuple
    reason: str = ""

    @property
    def equal(self) -> bool:
        return self.counted == self.counted_there


def rows_of(folder: Path, program: str) -> tuple[str, list]:
    """(what is said of the GPU's run, a row for each kernel with floating-point operations)."""
    report = folder / "meter" / f"{program}.json"
    kernels = json.loads(report.read_text(encoding="utf-8"))["kernels"]
    about, launches = nsight_compute.load(folder / "nsight_compute" / f"{program}{SUFFIX}.csv")
    if len(kernels) != len(launches):
        raise UnexplainedError(f"{report.name} has {len(kernels)} launches, Nsight Compute {len(launches)}")
    rows = [
        Row(
            kernel["case"],
            tuple(kernel["metrics"].get(name, 0) for name in ARITHMETIC),
            tuple(launch.metrics.get(name, 0) for name in ARITHMETIC),
            meter_reasons.ARITHMETIC.get(kernel["case"], ""),
        )
        for kernel, launch in zip(kernels, launches)
    ]
    rows = [row for row in rows if any(row.counted) or any(row.counted_there)]
    for row in rows:
        if row.equal and row.reason:
            raise UnexplainedError(
                f"{row.case}: both count the same arithmetic, but meter_reasons.py has a reason"
            )
        if not row.equal and not row.reason:
            raise UnexplainedError(f"{row}: meter_reasons.py has no reason for this difference")
    return about, rows


def table(folder: Path, program: str) -> str:
    about, rows = rows_of(folder, program)
    lines = []
    for row in rows:
        pairs = [f"{figure:,}" for both in zip(row.counted, row.counted_there) for figure in both]
        lines.append([f"`{row.case}`", *pairs, "equal" if row.equal else f"**differs**: {row.reason}"])
    heading = ["kernel", "FADD", "ncu", "FMUL", "ncu", "FFMA", "ncu", ""]
    same = sum(row.equal for row in rows)
    return f"{about}. {same} of {len(rows)} rows are equal.\n\n{right_aligned(heading, lines, left=1)}"
