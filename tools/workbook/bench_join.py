"""Joins the rows of a benchmark program with those of the starter and of PyTorch: one file, one table."""

from __future__ import annotations

import json
import re
from pathlib import Path

from . import files
from .console import paint, say

SCHEMA_VERSION = 1
ROOF_MARGIN = 1.15  # kRoofMargin in common/harness/bench_measure.h


def load(file: Path, ours: bool = True) -> dict | None:
    """A results file of kind "benchmarks", or None when there is none that can be read."""
    return files.load(file, SCHEMA_VERSION, is_benchmark, ours=ours)


def is_benchmark(document: dict) -> bool:
    """Whether it has what `join`, `show` and the plots read (docs/results_schema.md)."""
    rows = document["body"]["rows"]
    return (
        document["kind"] == "benchmarks"
        and isinstance(document["device"]["kind"], str)
        and all(isinstance(document.get(name, ""), (str, type(None))) for name in ("created", "commit"))
        and isinstance(document["body"].get("roofs", {}), (dict, type(None)))
        and isinstance(rows, list)
        and all(is_row(row) for row in rows)
    )


def is_row(row: dict) -> bool:
    names = ("contract", "problem", "implementation", "baseline", "outcome", "message")
    rates = ("speedup", "bytes_per_second", "flops_per_second", "fraction_of_roof")
    times = row["seconds"].values() if row["outcome"] == "ok" else ()
    return (
        all(isinstance(row[name], str) for name in names)
        and all(is_number(row[name]) for name in ("bytes", "flops"))
        and (row["outcome"] != "ok" or row["seconds"]["median"] > 0)
        and all(is_number(time) for time in times)
        and all(row.get(name) is None or is_number(row[name]) for name in rates)
    )


def is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def save(document: dict, file: Path) -> None:
    files.write_text(file, json.dumps(document, indent=2) + "\n")


def problem_of(row: dict) -> tuple:
    return row["contract"], row["problem"]


def problems_of(listing: str, name: str) -> list:
    """(contract, problem) of each benchmark of `name`, in what --benchmark_list_tests prints."""
    found = []
    for line in listing.splitlines():
        test = re.fullmatch(r"([^/]+)/(.+)/([^/]+)/iterations:.*", line.strip())
        if test and test.group(3) == name:
            found.append((test.group(1), test.group(2)))
    return found


def yardsticks(document: dict) -> dict:
    """(contract, problem) -> its rows, the baseline first."""
    found = {}
    for row in document["body"]["rows"]:
        rows = found.setdefault(problem_of(row), [])
        rows.insert(0 if row["implementation"] == row["baseline"] else len(rows), row)
    return found


def roof_fraction(row: dict, own: list, roofs: dict) -> float | None:
    """The share of the roof that binds. All rows of a problem do the same work: it scales with the time.

    None where arithmetic binds, bf16 is stored and the roof of tensor cores was not measured.
    """
    for other in own:
        if other["outcome"] != "ok" or other["fraction_of_roof"] is None:
            continue
        of_memory = other["bytes"] / other["seconds"]["median"] / roofs["copy_bytes_per_second"]
        known = roofs.get("bf16_flops")
        if not known and row["contract"].endswith("_bf16") and other["fraction_of_roof"] > 1.01 * of_memory:
            return None
        return other["fraction_of_roof"] * other["seconds"]["median"] / row["seconds"]["median"]
    return None


def derived(row: dict, own: list, roofs: dict | None) -> dict:
    """A row measured elsewhere as if the benchmark had measured it: against its baseline and its roofs.

    `roofs` is None on the CPU device, which has no rates.
    """
    baseline = own[0]
    row = {**row, "baseline": baseline["baseline"]}
    if row["outcome"] != "ok":
        return row
    median = row["seconds"]["median"]
    row["speedup"] = baseline["seconds"]["median"] / median if baseline["outcome"] == "ok" else None
    for work in ("bytes", "flops"):
        row[work] = baseline[work]
        row[f"{work}_per_second"] = None if roofs is None else baseline[work] / median
    row["fraction_of_roof"] = None if roofs is None else roof_fraction(row, own, roofs)
    if row["fraction_of_roof"] is not None and row["fraction_of_roof"] > ROOF_MARGIN:
        row["outcome"] = "above_roof"
        row["message"] = (
            f"{row['fraction_of_roof']:.2f} times the roof: less was done, or timed, than declared"
        )
    return row


def join(document: dict, others: list) -> dict:
    """`document` with the rows of the other documents below those of the same problem."""
    roofs = document["body"]["roofs"] if document["device"]["kind"] != "cpu" else None
    known = yardsticks(document)
    extra = {}
    for other in others:
        for row in other["body"]["rows"]:
            key = problem_of(row)
            if key in known:
                extra.setdefault(key, []).append(derived(row, known[key], roofs))
    rows = []
    own = document["body"]["rows"]
    for index, row in enumerate(own):
        rows.append(row)
        if index + 1 == len(own) or problem_of(own[index + 1]) != problem_of(row):
            rows += extra.pop(problem_of(row), [])
    body = {**document["body"], "rows": rows}
    for other in others:
        if other["body"].get("peer"):
            body["peer"] = {"name": other["body"]["peer"], "version": other["body"]["peer_version"]}
    return {**document, "body": body}


def time_text(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{1e6 * seconds:.2f} us"
    return f"{1e3 * seconds:.3f} ms" if seconds < 1 else f"{seconds:.3f} s"


def differs(row: dict, baseline: dict) -> bool:
    """As `differs` in common/harness/bench_report.h: a ratio is more than the noise of both its times."""
    mine, other = row["seconds"], baseline["seconds"]
    if min(mine["lower_quartile"], mine["upper_quartile"]) <= 0:
        return False
    highest = other["upper_quartile"] / mine["lower_quartile"]
    lowest = other["lower_quartile"] / mine["upper_quartile"]
    return abs(other["median"] / mine["median"] - 1) > highest - lowest


def ratio_text(row: dict, baseline: dict) -> str:
    if row["speedup"] is None:
        return "-"
    if row is not baseline and not differs(row, baseline):
        return "no difference measured"
    return f"{row['speedup']:.2f}x"


def line(row: dict, on_gpu: bool, own_baseline: dict) -> str:
    name = f"  {row['implementation']:<16}"
    if row["outcome"] != "ok":
        return f"{name} {row['outcome'].replace('_', ' ')}: {row['message'].splitlines()[0]}"
    seconds = row["seconds"]
    spread = (seconds["upper_quartile"] - seconds["lower_quartile"]) / seconds["median"]
    rates = ""
    if on_gpu:
        roof = row["fraction_of_roof"]
        flops = f"{row['flops_per_second'] / 1e12:.3f}" if row["flops"] else "-"
        rates = f"{row['bytes_per_second'] / 1e9:>9.1f} {flops:>9} "
        rates += f"{'-' if roof is None else f'{roof:.1%}':>8} "
    ratio = ratio_text(row, own_baseline)
    baseline = "  baseline" if row["implementation"] == row["baseline"] else ""
    return f"{name} {time_text(seconds['median']):>11} {spread:>7.1%} {rates}{ratio:>8}{baseline}"


def show(document: dict) -> None:
    """Every problem with all its rows, as the benchmark programs print them."""
    on_gpu = document["device"]["kind"] != "cpu"
    rates = f"{'GB/s':>9} {'TFLOP/s':>9} {'of roof':>8} " if on_gpu else ""
    previous = None
    first = yardsticks(document)
    for row in document["body"]["rows"]:
        if problem_of(row) != previous:
            previous = problem_of(row)
            say(f"\n{paint(' '.join(previous), 'bold')}")
            say(f"  {'implementation':<16} {'median':>11} {'spread':>7} {rates}{'speed-up':>8}")
        say(line(row, on_gpu, first[previous][0]))
