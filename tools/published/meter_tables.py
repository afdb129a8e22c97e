"""The meter of the CPU device beside Nsight Compute: the same programs, counted by both."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from . import markdown, meter_reasons, nsight_compute
from .nsight_compute import GLOBAL

PROGRAMS = ("access_patterns", "chapter_kernels")
COMPARED = "meter_vs_nsight_compute.json"
SHARED_REQUESTS = "smsp__sass_inst_executed_op_shared_{}.sum"
SHARED_WAVEFRONTS = "smsp__sass_l1tex_data_pipe_lsu_wavefronts_mem_shared_op_{}.sum"

# Of the meter: kind and memory of a line. Of Nsight Compute: the metrics of requests, and of what they move.
ACCESSES = {
    "global load": ("global_load", "global", GLOBAL.format("requests", "ld"), GLOBAL.format("sectors", "ld")),
    "global store": (
        "global_store",
        "global",
        GLOBAL.format("requests", "st"),
        GLOBAL.format("sectors", "st"),
    ),
    "global atomic": ("atomic", "global", GLOBAL.format("requests", "red"), GLOBAL.format("sectors", "red")),
    "shared load": ("shared_load", "shared", SHARED_REQUESTS.format("ld"), SHARED_WAVEFRONTS.format("ld")),
    "shared store": ("shared_store", "shared", SHARED_REQUESTS.format("st"), SHARED_WAVEFRONTS.format("st")),
}


class UnexplainedError(Exception):
    """A difference without a reason, or a reason without a difference."""


@dataclass(frozen=True)
class Row:
    case: str
    access: str
    requests: int  # of the meter
    requests_there: int
    moved: int  # sectors of global memory, wavefronts of shared memory
    moved_there: int
    reason: str = ""

    @property
    def equal(self) -> bool:
        return (self.requests, self.moved) == (self.requests_there, self.moved_there)


def folders(folder: Path, program: str) -> tuple[Path, Path]:
    return folder / "meter" / f"{program}.json", folder / "nsight_compute" / f"{program}.csv"


def is_published(folder: Path) -> bool:
    return all(file.exists() for program in PROGRAMS for file in folders(folder, program))


def rows_of(folder: Path, program: str) -> list:
    """A row for each kernel and kind of access that either of the two saw."""
    report, counted = folders(folder, program)
    kernels = json.loads(report.read_text(encoding="utf-8"))["kernels"]
    _, launches = nsight_compute.load(counted)
    if len(kernels) != len(launches):
        raise UnexplainedError(f"{report.name} has {len(kernels)} launches, {counted.name} {len(launches)}")
    pairs = zip(kernels, launches)
    rows = [compared(kernel, launch.metrics, access) for kernel, launch in pairs for access in ACCESSES]
    rows = [row for row in rows if row.requests or row.requests_there]
    if wrong := [text for row in rows if (text := objection(row))]:
        raise UnexplainedError("\n".join(wrong))
    return rows


def objection(row: Row) -> str:
    """What is wrong with the reason of a row."""
    if row.equal and row.reason:
        return f"{row.case}, {row.access}: both count the same, but meter_reasons.py has a reason"
    if not row.equal and not row.reason:
        return f"{row}: meter_reasons.py has no reason for this difference"
    return ""


def compared(kernel: dict, metrics: dict, access: str) -> Row:
    kind, memory, requests, moved = ACCESSES[access]
    lines = [line for line in kernel["lines"] if line["kind"] == kind and line["memory"] == memory]
    unit = "sectors" if memory == "global" else "wavefronts"
    return Row(
        kernel["case"],
        access,
        sum(line["requests"] for line in lines),
        metrics.get(requests, 0),
        sum(line[unit] for line in lines),
        metrics.get(moved, 0),
        meter_reasons.reason(kernel["case"], access),
    )


def table(folder: Path, program: str) -> str:
    if not all(file.exists() for file in folders(folder, program)):
        return "Nothing is published yet: `tools/gpu/nsight_compute.sh FOLDER` counts on a GPU."
    rows = rows_of(folder, program)
    lines = []
    for row in rows:
        figures = (row.requests, row.requests_there, row.moved, row.moved_there)
        verdict = "equal" if row.equal else f"**differs**: {row.reason}"
        lines.append([f"`{row.case}`", row.access, *(f"{figure:,}" for figure in figures), verdict])
    heading = ["kernel", "access", "requests", "ncu", "sectors or wavefronts", "ncu", ""]
    same = sum(row.equal for row in rows)
    about, _ = nsight_compute.load(folders(folder, program)[1])
    return f"{about}. {same} of {len(rows)} rows are equal.\n\n{right_aligned(heading, lines)}"


def right_aligned(heading: list, lines: list, left: int = 2) -> str:
    """As markdown.rows, with words in the first columns and in the last."""
    text = markdown.rows(heading, lines, left=left).split("\n")
    text[1] = text[1].rsplit("--:", 1)[0] + ":-- |"
    return "\n".join(text)


def document(folder: Path) -> dict:
    """All rows as a results file."""
    programs = {}
    for program in PROGRAMS:
        about, _ = nsight_compute.load(folders(folder, program)[1])
        rows = [{**asdict(row), "equal": row.equal} for row in rows_of(folder, program)]
        programs[program] = {"nsight_compute": about, "rows": rows}
    return {"schema_version": 1, "kind": "meter_comparison", "device": {"kind": "cuda"}, "body": programs}
