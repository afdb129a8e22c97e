"""Two implementations in sentences, the largest difference first: only what their machine code proves."""

from __future__ import annotations

import math
from collections import Counter

from . import occupancy, sass

BLOCK = 256  # threads, where __launch_bounds__ says nothing
FEW = 1.25  # times as many arithmetic instructions per load: less is no difference worth a sentence
ARITHMETIC = ("fp64", "fp32", "fp16")
LOADS = ("global load", "shared load")
# Kinds that an implementation has by choice, rather than because all code has some.
TELLING = (
    "tensor cores",
    "bulk copy",
    "special function",
    "shuffle or vote",
    "barrier or fence",
    "fp64",
    "fp16",
)
TELLING += tuple(kind for kind in sass.ACCESSES if not kind.startswith("generic"))
VERBS = {
    "global load": ("reads", "load from global memory"),
    "global store": ("writes", "store to global memory"),
    "asynchronous copy": ("copies", "asynchronous copy"),
    "shared load": ("reads", "load from shared memory"),
    "shared store": ("writes", "store to shared memory"),
}


def occupied(kernel, options) -> tuple:
    """(threads of a block, whether that is assumed, occupancy)."""
    block = options.block or kernel.bounds or BLOCK
    assumed = not options.block and not kernel.bounds
    shared = kernel.shared + (options.dynamic if kernel.dynamic else 0)
    return block, assumed, occupancy.occupancy(options.capability, block, kernel.registers, shared)


def compared(found: dict, options, more: tuple = ()) -> list:
    """The sentences, those of `more`, (ratio, sentence), among them; none without two implementations."""
    if len(found) != 2 or not all(found.values()):
        return []
    names, sides = list(found), list(found.values())
    ranked = [*instructions(names, sides), *resources(names, sides, options), *more]
    ranked.sort(key=lambda pair: -pair[0])  # equal ratios stay in the order above
    if not ranked:
        also = (
            ", kinds of instructions, widths"
            if all(kernel.mix for kernels in sides for kernel in kernels)
            else ""
        )
        what = f"registers, spills, static shared memory{also} or occupancy"
        return [f"{names[0]} and {names[1]} do not differ in {what}."]
    return [sentence for _, sentence in ranked]


def ratio(pair: list) -> float:
    """The larger to the smaller; infinite where one of them has none."""
    return max(pair) / min(pair) if min(pair) else math.inf


def resources(names: list, sides: list, options) -> list:
    figures = {
        "most bytes of static shared memory per block": [max(k.shared for k in ks) for ks in sides],
        "bytes spilled, all kernels together": [
            sum(k.spill_stores + k.spill_loads for k in ks) for ks in sides
        ],
        "most registers per thread": [max(k.registers for k in ks) for ks in sides],
        "lowest occupancy in %": [
            round(100 * min(occupied(k, options)[2].share for k in ks), 1) for ks in sides
        ],
    }
    return [(ratio(pair), figure(name, names, pair)) for name, pair in figures.items() if pair[0] != pair[1]]


def figure(name: str, names: list, pair: list) -> str:
    return f"{name[0].upper()}{name[1:]}: {names[0]} {pair[0]:g}, {names[1]} {pair[1]:g}."


def instructions(names: list, sides: list) -> list:
    """(ratio, sentence) of what the machine code shows; nothing where one side has not been read."""
    if not all(kernel.mix for kernels in sides for kernel in kernels):
        return []
    groups = [total(kernel.mix.groups for kernel in kernels) for kernels in sides]
    return [*kinds(names, groups), *widths(names, sides), *per_load(names, groups)]


def total(counts) -> Counter:
    result = Counter()
    for one in counts:
        result.update(one)
    return result


def kinds(names: list, groups: list) -> list:
    """What only one of them has."""
    found = []
    for mine, theirs in ((1, 0), (0, 1)):
        only = [kind for kind in TELLING if groups[mine][kind] and not groups[theirs][kind]]
        if only:
            found.append(
                (math.inf, f"Only {whose(names[mine])} has instructions of these kinds: {', '.join(only)}.")
            )
    return found


def whose(name: str) -> str:
    return "yours" if name == "starter" else name


def widths(names: list, sides: list) -> list:
    """The widest access of each kind, where it is not the same."""
    found = []
    for kind, (verb, access) in VERBS.items():
        sizes = [total(kernel.mix.widths.get(kind, {}) for kernel in kernels) for kernels in sides]
        if not all(sizes) or max(sizes[0]) == max(sizes[1]):
            continue
        wide = int(max(sizes[1]) > max(sizes[0]))
        more, less = (amount(sizes[side]) for side in (wide, 1 - wide))
        subject = "Yours" if names[wide] == "starter" else names[wide]
        sentence = f"{subject} {verb} {more} bytes per {access}"
        sentence += f" where {whose(names[1 - wide])} {verb} {less}."
        found.append((ratio([max(one) for one in sizes]), sentence))
    return found


def amount(sizes: Counter) -> str:
    return f"up to {max(sizes)}" if len(sizes) > 1 else f"{max(sizes)}"


def per_load(names: list, groups: list) -> list:
    """Arithmetic beside loads, both counted in the code; not with tensor cores, which do much in one."""
    loads = [sum(one[kind] for kind in LOADS) for one in groups]
    sums = [sum(one[kind] for kind in ARITHMETIC) for one in groups]
    if not all(loads) or not all(sums) or any(one["tensor cores"] for one in groups):
        return []
    pair = [round(work / load, 1) for work, load in zip(sums, loads)]
    if not all(pair) or ratio(pair) < FEW:
        return []
    return [
        (ratio(pair), figure("arithmetic instructions per load from global or shared memory", names, pair))
    ]
