"""Time on a GPU: the benchmark's own figures of two implementations, and Nsight Compute's where it may count.

The benchmark measures (bench.py); nothing here has a timer. ncu runs the same program once more, with --once,
and needs permission to read the counters of the GPU.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import bench_join, device, files, ncu, process, setup
from .build import Build
from .errors import Exit, WorkbookError
from .inspect import CONTRACTS
from .machine import RESULTS, ROOT, run_environment

FOLDER = RESULTS / "profile"
ALL = "all"


@dataclass
class Times:
    """What one call of --time came to; a reason where a part of it is missing."""

    problem: tuple | None = None  # (contract, problem); None: all
    problems: list = field(default_factory=list)  # that all implementations have
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
    listings = {name: listed(build.program(program)) for name, program in programs.items()}
    times.problem, times.problems = chosen(exercise, listings, options.problem)
    only = ["--problem", " ".join(times.problem)] if times.problem else []
    documents = []
    for program in distinct:
        output = FOLDER / f"{program}-cuda.json"
        files.remove(output)
        wanted = ",".join(name for name in names if programs[name] == program)
        command = [build.program(program), "--impl", wanted, "--output", output, *only]
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
    tool = ncu.program(device.nvcc()[0])
    for name, program in programs.items():
        once = [build.program(program), "--once", "--contracts", CONTRACTS, "--impl", name]
        kernels, why = ncu.counted(tool, [*once, *only])
        times.kernels[name] = kernels
        if why and why not in times.reasons:
            times.reasons.append(why)
    return times


def listed(program: Path) -> str:
    code, text = process.quiet([program, "--benchmark_list_tests"], cwd=ROOT)
    return text if code == 0 else ""


def chosen(exercise, listings: dict, wanted: str | None) -> tuple:
    """(the problem to measure, or None: all; those that all implementations have). Where nobody chose it is
    the last of the first contract, as of bench --predict.

    `listings`: an implementation to what --benchmark_list_tests prints of its program.
    """
    of_each = [bench_join.problems_of(listing, name) for name, listing in listings.items()]
    common = [problem for problem in of_each[0] if all(problem in others for others in of_each)]
    if wanted == ALL or (not common and wanted is None):
        return None, common
    if wanted is None:
        return [one for one in common if one[0] == common[0][0]][-1], common
    for one in common:
        if wanted in (one[1], " ".join(one)):
            return one, common
    there = ", ".join(" ".join(one) for one in common) or "none that both have"
    message = f"--problem: {exercise.name} has no problem '{wanted}'; there is {there}, and all"
    raise WorkbookError(message, Exit.USAGE)


def rows_of(documents: list) -> list:
    """Of all programs, those of one problem beside each other: the first document knows the roofs."""
    if not documents:
        return []
    first, *others = documents
    return bench_join.join(first, others)["body"]["rows"]


def text(times: Times, names: list) -> list:
    lines = about_problem(times)
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
        lines += ncu.text(name, times.kernels.get(name, []))
    return [*lines, *times.reasons]


def about_problem(times: Times) -> list:
    """Which problem was measured, and how to choose another."""
    if not times.problem:
        return []
    lines = [f"  Measured: {' '.join(times.problem)}."]
    others = [" ".join(one) for one in times.problems if one != times.problem]
    if others:
        lines.append(f"  --problem NAME takes another ({', '.join(others)}), --problem all takes all.")
    return lines


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
    problem = " ".join(times.problem) if times.problem else None
    return {"problem": problem, "rows": times.rows, "kernels": kernels, "missing": times.reasons}
