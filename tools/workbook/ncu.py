"""Nsight Compute's metrics of the kernels that a program launches, or in a sentence why there are none.

The reader was tested with ncu's documented CSV and with the form that ncu 2025.3.1 wrote on an H200 for
tools/gpu/nsight_compute.sh. These metrics of these programs have not been counted on a GPU yet.
"""

from __future__ import annotations

import csv
import glob
import os
import re
import shutil
from pathlib import Path

from . import process
from .machine import ROOT, run_environment

SECONDS = 300.0
OPTIONS = ("--csv", "--page", "raw", "--print-units", "base", "--clock-control", "none")
DURATION = "gpu__time_duration.sum"  # ns
# Nsight Compute's name, and how a person reads it.
METRICS = {
    DURATION: "{:,.0f} ns",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed": "DRAM {:.0f}% of its peak",
    "sm__throughput.avg.pct_of_peak_sustained_elapsed": "SMs {:.0f}%",
    "sm__warps_active.avg.pct_of_peak_sustained_active": "achieved occupancy {:.0f}%",
    "lts__t_sector_hit_rate.pct": "L2 hits {:.0f}%",
    "l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_ld.ratio": "{:.2f} sectors per global load",
    "l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_st.ratio": "{:.2f} per global store",
    "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum": "{:,.0f} bank conflicts",
}
# Units of time in ns: the names of older versions, and of one that does not know --print-units.
NANOSECONDS = {"": 1e9, "n": 1.0, "u": 1e3, "m": 1e6}
TIME = re.compile(r"(|n|u|m)(?:s|sec|second)s?")
# A comma between groups of three digits and nowhere else: "65,77" is no number in this locale.
NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?")
MISSING = "Nsight Compute's metrics are missing"
NO_PERMISSION = "ERR_NVGPUCTRPERM"


def program(nvcc: str | None) -> str | None:
    """Nsight Compute on PATH, beside nvcc, in CUDA_HOME, or where its own installer puts it."""
    home = os.environ.get("CUDA_HOME")
    places = [
        shutil.which("ncu"),
        str(Path(nvcc).parent / "ncu") if nvcc else None,
        str(Path(home) / "bin" / "ncu") if home else None,
        *sorted(glob.glob("/opt/nvidia/nsight-compute/*/ncu"), reverse=True),
    ]
    return next((place for place in places if place and os.access(place, os.X_OK)), None)


def counted(ncu: str | None, command: list) -> tuple:
    """([(kernel, {metric: value})], why there are none, or not all, or "")."""
    if ncu is None:
        return [], f"{MISSING}: there is no ncu on PATH, beside nvcc or in CUDA_HOME/bin."
    started = [ncu, *OPTIONS, "--metrics", ",".join(METRICS), *command]
    run = process.Lines(started, env={**run_environment(), "LC_ALL": "C"}, cwd=ROOT, timeout=SECONDS)
    try:
        lines = list(run)
    except OSError as error:
        return [], f"{MISSING}: {ncu} does not start ({error.strerror})."
    found = kernels_of("\n".join(lines))
    if not found:
        return [], f"{MISSING}: {reason(lines, run)}."
    if run.timed_out or run.code != 0:
        return found, f"Nsight Compute's metrics may not be complete: {reason(lines, run)}."
    return found, ""


def reason(lines: list, run) -> str:
    """ncu's own words, in one line."""
    if any(NO_PERMISSION in line for line in lines):
        return (
            f"this user may not read the GPU's counters ({NO_PERMISSION}; docs/profiling.md says what helps)"
        )
    if run.timed_out:
        return f"ncu was stopped after {SECONDS:.0f} s"
    for kind in ("==ERROR==", "==WARNING=="):
        for line in lines:
            if line.startswith(kind):
                return line.removeprefix(kind).strip().rstrip(".")
    return f"ncu counted no kernel (exit code {run.code})"


def kernels_of(raw: str) -> list:
    """The longest launch of each kernel in ncu's output, in the order of the first launches."""
    longest = {}
    for kernel, values in launches(raw):
        if values and values.get(DURATION, 0) >= longest.get(kernel, {}).get(DURATION, 0):
            longest[kernel] = values
    return list(longest.items())


def launches(raw: str) -> list:
    """[(kernel, {metric: value})] of every launch: a row each with a column per metric (--page raw), or a row
    for each metric (the other pages). What a program prints between the tables is left out."""
    found: dict = {}
    names, units, table = [], {}, 0
    for cells in csv.reader(line for line in raw.splitlines() if line.startswith('"')):
        if cells[0] == "ID":
            names, units = cells, {}
            table = len(found)  # another process counts its launches from 0
            continue
        if len(cells) != len(names):
            continue
        row = dict(zip(names, cells))
        if not row["ID"]:
            units = row
            continue
        if not row["ID"].isdigit() or not row.get("Kernel Name"):
            continue
        key = (table, row.get("Process ID"), row["ID"], row["Kernel Name"])
        values = found.setdefault(key, {})
        if "Metric Name" in row:
            row, units = (
                {row["Metric Name"]: row.get("Metric Value", "")},
                {row["Metric Name"]: row.get("Metric Unit", "")},
            )
        for name in METRICS:
            value = number(row.get(name) or "", units.get(name, "") if name == DURATION else None)
            if value is not None:
                values[name] = value
    return [(kernel, values) for (*_, kernel), values in found.items()]


def number(text: str, unit: str | None = None) -> float | None:
    """None for what is no number ("n/a", "(!) nan"). With a unit: in ns, or None if it is no time."""
    if not NUMBER.fullmatch(text.strip()):
        return None
    scale = 1.0
    if unit is not None and unit.strip():
        time = TIME.fullmatch(unit.strip())
        if not time:
            return None
        scale = NANOSECONDS[time[1]]
    return scale * float(text.replace(",", ""))


def shown(kernels: list) -> list:
    """The same with names as `profile` has them elsewhere, where these are as clear."""
    from .profile_compile import plain_name

    names = [plain_name(re.sub(r"<?unnamed>::", "", kernel)) for kernel, _ in kernels]
    return [
        (name if names.count(name) == 1 else kernel, values) for name, (kernel, values) in zip(names, kernels)
    ]


def text(name: str, kernels: list) -> list:
    """A line per kernel."""
    return [
        f"  {name}, {kernel}: "
        + ", ".join(words.format(values[metric]) for metric, words in METRICS.items() if metric in values)
        for kernel, values in shown(kernels)
    ]
