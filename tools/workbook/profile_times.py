"""Time on a GPU: the benchmark's own figures of two implementations, and Nsight Compute's where it may count.

The benchmark measures (bench.py); nothing here has a timer. ncu runs the same program once more, with --once,
and needs permission to read the counters of the GPU.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import bench_join, device, files, process, setup
from .build import Build
from .inspect import CONTRACTS
from .machine import RESULTS, ROOT, run_environment

FOLDER = RESULTS / "profile"
NCU_SECONDS = 300.0
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
NO_PERMISSION = "ERR_NVGPUCTRPERM"


@dataclass
class Times:
    """What one call of --time came to; a reason where a part of it is missing."""

    rows: list = field(default_factory=list)  # of the benchmark's results document, as bench shows them
    kernels: dict = field(default_factory=dict)  # implementation to [(kernel, {metric: value})]
    reasons: list = field(default_factory=list)
    failed: bool = False  # a benchmark did not end well


def measure(exercise, names: list, options) -> Times:
    problem = device.cuda_problem()
    if problem:
        return Times(reasons=[f"No time was measured: {problem}."])
    if not exercise.has("bench.cpp"):
        return Times(reasons=[f"No time was measured: {exercise.name} has no benchmark."])
    setup.ensure("cuda")
    build = Build("cuda", options.jobs, options.verbose)
    build.configure()
    files.make_folder(FOLDER)
    programs = {name: f"{exercise.name}_{'starter_' if name == 'starter' else ''}bench" for name in names}
    distinct = sorted(set(programs.values()), key=len)  # the references first: their rows have the roofs
    build.build(distinct, exercise.name)
    times = Times()
    documents = []
    for program in distinct:
        output = FOLDER / f"{program}-cuda.json"
        files.remove(output)
        wanted = ",".join(name for name in names if programs[name] == program)
        command = [build.program(program), "--impl", wanted, "--output", output]
        code = process.in_the_open(
            command, cwd=ROOT, env=run_environment(), timeout=options.timeout, stdout=sys.stderr.fileno()
        )
        document = bench_join.load(output) if output.exists() else None
        documents += [document] if document else []
        if code != 0 or not document:
            times.failed = True
            times.reasons.append(
                f"{program} --impl {wanted} ended with exit code {code}; its words are above."
            )
    times.rows = rows_of(documents)
    ncu = ncu_program(device.nvcc()[0])
    for name, program in programs.items():
        kernels, why = counted(
            ncu, [build.program(program), "--once", "--contracts", CONTRACTS, "--impl", name]
        )
        times.kernels[name] = kernels
        if why and why not in times.reasons:
            times.reasons.append(why)
    return times


def rows_of(documents: list) -> list:
    """Of all programs, those of one problem beside each other: the first document knows the roofs."""
    if not documents:
        return []
    first, *others = documents
    return bench_join.join(first, others)["body"]["rows"]


def ncu_program(nvcc: str | None) -> str | None:
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
    """([(kernel, {metric: value})], why there are none or "")."""
    if ncu is None:
        return (
            [],
            "Nsight Compute's metrics are missing: there is no ncu on PATH, beside nvcc or in CUDA_HOME/bin.",
        )
    started = [ncu, *OPTIONS, "--metrics", ",".join(METRICS), *command]
    run = process.Lines(started, env={**run_environment(), "LC_ALL": "C"}, cwd=ROOT, timeout=NCU_SECONDS)
    try:
        lines = list(run)
    except OSError as error:
        return [], f"Nsight Compute's metrics are missing: {ncu} does not start ({error.strerror})."
    found = kernels_of("\n".join(lines))
    if found:
        return found, ""
    return [], f"Nsight Compute's metrics are missing: {reason(lines, run)}."


def reason(lines: list, run) -> str:
    """ncu's own words, in one line."""
    if any(NO_PERMISSION in line for line in lines):
        return (
            f"this user may not read the GPU's counters ({NO_PERMISSION}; docs/profiling.md says what helps)"
        )
    if run.timed_out:
        return f"ncu was stopped after {NCU_SECONDS:.0f} s"
    said = [line.removeprefix("==ERROR==").strip() for line in lines if line.startswith("==ERROR==")]
    return said[0].rstrip(".") if said else f"ncu counted no kernel (exit code {run.code})"


def kernels_of(raw: str) -> list:
    """The longest launch of each kernel in ncu's raw page, in the order of the first launches."""
    from published import nsight_compute  # the reader that the published tables use

    longest = {}
    for row in (row for block in nsight_compute.blocks(raw) for row in block):
        values = {name: number(row[name]) for name in METRICS if row.get(name)}
        values = {name: value for name, value in values.items() if value is not None}
        kernel = row["Kernel Name"]
        if values and values.get(DURATION, 0) >= longest.get(kernel, {}).get(DURATION, 0):
            longest[kernel] = values
    return list(longest.items())


def number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:  # "n/a"
        return None


def text(times: Times, names: list) -> list:
    lines = []
    if times.rows:
        lines.append(f"  {'':<40} {'implementation':<16} {'time':>11} {'of roof':>8}")
    for row in times.rows:
        problem = " ".join(bench_join.problem_of(row))
        if row["outcome"] != "ok":
            shown = row["outcome"].replace("_", " ")
        else:
            roof = row["fraction_of_roof"]
            share = "-" if roof is None else f"{roof:.1%}"
            shown = f"{bench_join.time_text(row['seconds']['median']):>11} {share:>8}"
        lines.append(f"  {problem:<40} {row['implementation']:<16} {shown}")
    for name in names:
        for kernel, values in times.kernels.get(name, []):
            said = ", ".join(
                words.format(values[metric]) for metric, words in METRICS.items() if metric in values
            )
            lines.append(f"  {name}, {kernel}: {said}")
    return [*lines, *times.reasons]


def differences(times: Times | None, names: list) -> list:
    """(ratio, sentence) for the problem on which two implementations differ most, beyond the noise."""
    rows = {(bench_join.problem_of(row), row["implementation"]): row for row in times.rows} if times else {}
    pairs = [
        (row, rows[problem, names[1]])
        for (problem, name), row in rows.items()
        if len(names) == 2 and name == names[0] and (problem, names[1]) in rows
    ]
    pairs = [
        pair for pair in pairs if all(row["outcome"] == "ok" for row in pair) and bench_join.differs(*pair)
    ]
    ratios = [mine["seconds"]["median"] / theirs["seconds"]["median"] for mine, theirs in pairs]
    if not ratios:
        return []
    most = max(ratios, key=lambda ratio: max(ratio, 1 / ratio))
    slow, fast = names if most > 1 else names[::-1]
    problem = " ".join(bench_join.problem_of(pairs[ratios.index(most)][0]))
    most = max(most, 1 / most)
    return [(most, f"Time: {slow} takes {most:.2f} times as long as {fast} for {problem}.")]


def answer(times: Times) -> dict:
    """For --json."""
    kernels = {
        name: [{"name": kernel, "metrics": values} for kernel, values in found]
        for name, found in times.kernels.items()
    }
    return {"rows": times.rows, "kernels": kernels, "missing": times.reasons}
