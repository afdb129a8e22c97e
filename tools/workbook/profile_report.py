"""What `profile` found, as text, as JSON and as CSV: three views of the same figures."""

from __future__ import annotations

import csv
import io
import textwrap
from dataclasses import dataclass, field

from . import bench_join, console, profile_counts, profile_times, sass
from .console import heading, paint, say
from .profile_words import BLOCK, compared, occupied

# Kinds whose instructions do not cost or mean the same: their names are shown.
NAMED = (
    "tensor cores",
    "bulk copy",
    "fp64",
    "fp32",
    "fp16",
    "barrier or fence",
    "shuffle or vote",
    "global atomic",
)
NAMES_SHOWN = 3
WIDTH = 96
COLUMNS = ("implementation", "kernel", "problem", "figure", "value")
SAME = ("registers", "spill_stores", "spill_loads", "shared", "bounds", "dynamic")  # of a Kernel


@dataclass
class Profile:
    exercise: object
    options: object
    kernels: dict = field(default_factory=dict)  # implementation to what nvcc made
    missing: dict = field(default_factory=dict)  # sentences, in their order
    counts: dict | None = None  # with --count: implementation to inspect.Counted
    times: profile_times.Times | None = None  # with --time

    def differences(self) -> list:
        more = profile_times.differences(self.times, list(self.kernels))
        more += profile_counts.differences(self.counts or {})
        return compared(self.kernels, self.options, tuple(more))


def show(found: Profile) -> None:
    about = f"{found.exercise.chapter.name} / {found.exercise.name}"
    for name, kernels in found.kernels.items():
        heading(f"\n{about}, {name}, compute capability {found.options.capability}")
        show_kernels(kernels, found.options)
        for line in profile_counts.text(found.counts[name]) if found.counts and name in found.counts else []:
            wrapped(f"  {line}")
    if found.times:
        heading(f"\n{about}, on the GPU")
        for line in profile_times.text(found.times, list(found.kernels)):
            wrapped(line) if line.startswith("  --problem") else say(line)
    tell(found)


def show_kernels(kernels: list, options) -> None:
    if not kernels:
        say("  no kernel")
        return
    titles = f"{'registers':>9} {'spilled':>8} {'shared':>8} {'block':>6} {'occupancy':>9}"
    say(f"    {titles}  limited by")
    for kernel in kernels:
        block, assumed, result = occupied(kernel, options)
        more = "+" if kernel.dynamic and not options.dynamic else ""
        spilled = kernel.spill_stores + kernel.spill_loads
        numbers = f"{kernel.registers:>9} {spilled:>8} {str(kernel.shared) + more:>8}"
        threads = str(block) + ("?" if assumed else "")
        say(f"  {paint(kernel.name, 'bold')}")
        say(f"    {numbers} {threads:>6} {result.share:>9.1%}  {result.limiter}")
        for line in mix_text(kernel.mix) if kernel.mix else []:
            wrapped(f"    {line}")


def wrapped(line: str) -> None:
    indent = " " * (len(line) - len(line.lstrip()))
    width = console.width_of(WIDTH)
    for part in textwrap.wrap(line.strip(), width, initial_indent=indent, subsequent_indent=indent + "  "):
        say(part)


def mix_text(mix) -> list:
    """The kinds of instructions, most frequent first, and how wide the loads and stores are."""
    groups = ", ".join(f"{kind} {count}{members(mix, kind)}" for kind, count in mix.groups.items())
    sizes = [
        f"{kind} {', '.join(f'{count} of {size} bytes' for size, count in found.items())}"
        for kind, found in sorted(mix.widths.items())
    ]
    return [f"{mix.instructions} instructions: {groups}", *(["widths: " + "; ".join(sizes)] if sizes else [])]


def members(mix, kind: str) -> str:
    """In brackets, as (FFMA 64, FADD 32); nothing for kinds that need no names."""
    names = [f"{name} {count}" for name, count in mix.names.items() if sass.is_in(kind, name)]
    return f" ({', '.join(names[:NAMES_SHOWN])})" if kind in NAMED and names else ""


def tell(found: Profile) -> None:
    """What the marks mean, and where two implementations differ most."""
    kernels = [kernel for every in found.kernels.values() for kernel in every]
    options = found.options
    say()
    if any(occupied(kernel, options)[1] for kernel in kernels):
        say(f"? No __launch_bounds__: blocks of {BLOCK} threads are assumed. --block N says what you launch.")
    if any(kernel.dynamic for kernel in kernels) and not options.dynamic:
        say("+ The launch adds dynamic shared memory (extern __shared__). --dynamic BYTES says how much.")
    for line in [*found.missing, *found.differences()]:
        say(line)
    if found.counts is None and found.times is None:
        say("More: --count adds sectors per request and bank conflicts; --time, on a GPU, times.")


def answer(found: Profile) -> dict:
    """For --json."""
    implementations = {}
    for name, kernels in found.kernels.items():
        rows = implementations[name] = []
        for kernel in kernels:
            block, assumed, result = occupied(kernel, found.options)
            about = {"block": block, "block_assumed": assumed, "occupancy": result._asdict()}
            rows.append({**kernel._asdict(), "mix": kernel.mix and kernel.mix._asdict(), **about})
    exercise = found.exercise
    return {
        "chapter": exercise.chapter.name,
        "exercise": exercise.name,
        "capability": found.options.capability,
        "implementations": implementations,
        "counts": None if found.counts is None else profile_counts.answer(found.counts),
        "times": found.times and profile_times.answer(found.times),
        "missing": [*found.missing],
        "differences": found.differences(),
    }


def table(found: Profile) -> str:
    """For --csv: a row per figure, so that a figure that a kernel lacks leaves no hole."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, kernels in found.kernels.items():
        for kernel in kernels:
            writer.writerows((name, kernel.name, "", *pair) for pair in figures(kernel, found.options))
    for name, counted in (found.counts or {}).items():
        for kernel in counted.report["kernels"] if counted.report else []:
            problem = "; ".join(counted.problems)
            writer.writerows((name, kernel["name"], problem, *pair) for pair in kernel["metrics"].items())
    for row in found.times.rows if found.times else []:
        if row["outcome"] == "ok":
            about = (row["implementation"], "", " ".join(bench_join.problem_of(row)))
            writer.writerow((*about, "seconds", row["seconds"]["median"]))
            if row["fraction_of_roof"] is not None:
                writer.writerow((*about, "fraction_of_roof", row["fraction_of_roof"]))
    for name, kernels in found.times.kernels.items() if found.times else ():
        for kernel, values in kernels:
            writer.writerows((name, kernel, "", f"ncu {metric}", value) for metric, value in values.items())
    return out.getvalue()


def figures(kernel, options) -> list:
    """(figure, value) of one kernel."""
    block, assumed, result = occupied(kernel, options)
    found = [(name, getattr(kernel, name)) for name in SAME]
    found += [("block", block), ("block_assumed", assumed), ("occupancy", result.share)]
    found += [("blocks", result.blocks), ("warps", result.warps), ("limiter", result.limiter)]
    if kernel.mix:
        found.append(("instructions", kernel.mix.instructions))
        found += [(f"instructions {kind}", count) for kind, count in kernel.mix.groups.items()]
        found += [
            (f"{kind} of {size} bytes", count)
            for kind, sizes in kernel.mix.widths.items()
            for size, count in sizes.items()
        ]
    return [(name, int(value) if isinstance(value, bool) else value) for name, value in found]
