"""Sectors per request and bank conflicts of each kernel: what `inspect` counts, in a line per kernel."""

from __future__ import annotations

import math

from . import inspect
from .access_advice import SECTOR
from .console import warn

SIDES = (("ld", "load"), ("st", "store"))
REQUESTS = "l1tex__t_requests_pipe_lsu_mem_global_op_{}.sum"
SECTORS = "l1tex__t_sectors_pipe_lsu_mem_global_op_{}.sum"
PER_REQUEST = "l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_{}.ratio"
SHARED = "smsp__sass_inst_executed_op_shared_{}.sum"
CONFLICTS = "l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{}.sum"


def count(exercise, names: list, options) -> dict:
    """An implementation to what inspect counts of it (inspect.Counted); left out where it cannot run here."""
    runnable = [name for name in names if name in inspect.names_of(exercise)]
    for name in names:
        if name not in runnable:
            warn(f"{name} runs on a GPU only, so its accesses are not counted")
    found = inspect.count(exercise, runnable, options)
    for name, counted in found.items():
        for words in [*counted.wrong, *([counted.bad_end] if counted.bad_end else [])]:
            warn(f"{name}: {words}")
    return found


def text(counted) -> list:
    """A line per kernel."""
    if not counted.report:
        return ["not counted"]
    about = f"counted on the CPU device: {', '.join(counted.problems)}"
    about += "; results are wrong" if counted.wrong else ""
    kernels = counted.report["kernels"]
    return [about, *([f"  {kernel['name']}: {of_kernel(kernel)}" for kernel in kernels] or ["  no kernel"])]


def of_kernel(kernel: dict) -> str:
    values = kernel["metrics"]
    parts = [
        f"{values[PER_REQUEST.format(side)]:.2f} sectors per global {word} "
        f"(ideal {ideal(kernel, side, word):.2f})"
        for side, word in SIDES
        if values[REQUESTS.format(side)]
    ]
    requests = sum(values[SHARED.format(side)] for side, _ in SIDES)
    if requests:
        conflicts = sum(values[CONFLICTS.format(side)] for side, _ in SIDES)
        parts.append(f"{conflicts:,} bank conflicts in {requests:,} shared requests")
    return ", ".join(parts) or "no access to global or shared memory"


def ideal(kernel: dict, side: str, word: str) -> float:
    """Sectors per request, if no byte of them were moved in vain."""
    best = sum(line["ideal_sectors"] for line in kernel["lines"] if line["kind"] == f"global_{word}")
    return best / kernel["metrics"][REQUESTS.format(side)]


def answer(found: dict) -> dict:
    """For --json: inspect's own figures, under Nsight Compute's names."""
    return {
        name: {
            "problems": counted.problems,
            "wrong": counted.wrong,
            "bad_end": counted.bad_end,
            "kernels": [
                {key: kernel[key] for key in ("name", "launches", "metrics")}
                for kernel in (counted.report or {"kernels": []})["kernels"]
            ],
        }
        for name, counted in found.items()
    }


def differences(found: dict) -> list:
    """(ratio, sentence) of two implementations; of totals only where both made the same calls."""
    reports = {name: one.report["kernels"] for name, one in found.items() if one.report}
    if len(reports) != 2:
        return []
    names, sides = list(reports), list(reports.values())
    moved = [sum_of(one, "sectors") for one in sides]
    best = [sum_of(one, "ideal_sectors") for one in sides]
    ranked = []
    if all(best):
        pair = [round(sectors / least, 2) for sectors, least in zip(moved, best)]
        ranked += sentence("Sectors moved in global memory per ideal sector", names, pair)
    if found[names[0]].problems == found[names[1]].problems:
        if all(moved):
            ranked += sentence("Bytes moved in global memory", names, [SECTOR * sectors for sectors in moved])
        if all(sum(total(one, SHARED.format(side)) for side, _ in SIDES) for one in sides):
            pair = [sum(total(one, CONFLICTS.format(side)) for side, _ in SIDES) for one in sides]
            ranked += sentence("Bank conflicts", names, pair)
    return ranked


def sum_of(kernels: list, what: str) -> int:
    return sum(line[what] for kernel in kernels for line in kernel["lines"] if line["memory"] == "global")


def total(kernels: list, metric: str) -> int:
    return sum(kernel["metrics"][metric] for kernel in kernels)


def sentence(what: str, names: list, pair: list) -> list:
    if pair[0] == pair[1]:
        return []
    ratio = max(pair) / min(pair) if min(pair) else math.inf
    return [(ratio, f"{what}: {names[0]} {pair[0]:,}, {names[1]} {pair[1]:,}.")]
