"""The index of concepts: where each is taught, practiced and tested, from tags in lessons and guides.

A tag stands below the heading of its section:

    <!-- teaches: barrier; race -->
    <!-- practices: barrier (CountsEveryProductOnce); bounds guard (GuardsTheTail) -->

In parentheses stand the tests of the step that needs the concept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from . import markdown

CONCEPTS = (
    "thread and block index",
    "bounds guard",
    "launch",
    "error of a launch",
    "device memory and copies",
    "asynchronous launch",
    "streams and overlap",
    "CUDA graph",
    "64-bit index",
    "coalesced access",
    "vector load",
    "memory bound",
    "bytes in flight",
    "warp and lane",
    "2-D block",
    "divergence",
    "shared memory",
    "barrier",
    "race",
    "bank conflict",
    "register tile",
    "compute bound",
    "occupancy",
    "layout of operands",
    "reduction",
    "warp shuffle",
    "prefix sum",
    "overflow of exp",
    "online softmax",
    "masked values and NaN",
    "cancellation",
    "absorption in long sums",
    "two-stage reduction",
    "atomics",
    "privatization",
    "deterministic result",
    "fusion",
    "strides and views",
    "gradient by hand",
    "recomputation",
    "grouped queries",
    "bf16 storage",
    "tensor cores",
    "optimizer step",
    "first loss",
    "measuring time",
    "profiling",
    "Amdahl's law",
    "grid-wide barrier",
    "independent thread scheduling",
    "memory fence",
    "release and acquire",
    "cooperative groups",
)
# Taught here, and practiced in no exercise, with the reason.
HOLES = {
    "divergence": "no exercise is slow because of it",
    "bytes in flight": "the reading of `vectorized` in chapter 01; no test can see it",
    "occupancy": "the benchmarks show it",
    "bf16 storage": "starters are fp32",
    "grid-wide barrier": "no exercise needs a cooperative launch",
    "independent thread scheduling": "programs to read and run",
    "memory fence": "programs to read and run; the scan of chapter 03 orders by release and acquire",
    "cooperative groups": "programs to read and run",
    "Amdahl's law": "arithmetic before a fix-it",
}
TAG = re.compile(r"^<!-- (teaches|practices): (.*?) -->$", re.S)
HEADING = re.compile(r"^#+ (.*)$")
ENTRY = re.compile(r"^(?P<name>[^()]+?)(?: \((?P<tests>[\w, ]+)\))?$")


class ConceptError(Exception):
    """One line on a tag that the index cannot use, or a concept without a place."""


@dataclass
class Places:
    taught: list = field(default_factory=list)
    practiced: list = field(default_factory=list)
    tests: list = field(default_factory=list)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")


def tags(text: str):
    """(heading, kind, entries) of every tag."""
    heading = ""
    for line in text.splitlines():
        if found := HEADING.match(line):
            heading = found[1].strip()
        elif found := TAG.match(line):
            yield heading, found[1], [entry.strip() for entry in found[2].split(";")]


def collect(root: Path) -> dict:
    """concept -> Places."""
    index = {name: Places() for name in CONCEPTS}
    for document in sorted(
        [*root.glob("0*_*/*.md"), *root.glob("0*_*/*/README.md"), *root.glob("docs/*.md")]
    ):
        where = document.relative_to(root)
        for heading, kind, entries in tags(document.read_text()):
            for entry in entries:
                add(index, entry, kind, f"[{where_named(where)}]({link(where)}#{anchor(heading)})", where)
    return index


def add(index: dict, entry: str, kind: str, place: str, where: Path) -> None:
    found = ENTRY.match(entry)
    if not found or found["name"] not in index:
        raise ConceptError(f"{where}: '{entry}' is no concept of tools/published/concepts.py")
    places = index[found["name"]]
    (places.taught if kind == "teaches" else places.practiced).append(place)
    if found["tests"]:
        places.tests += [f"`{name.strip()}`" for name in found["tests"].split(",")]


def where_named(where: Path) -> str:
    chapter = where.parts[0]
    if chapter == "docs":
        return where.stem.replace("_", " ")
    return chapter[:2] if len(where.parts) == 2 else f"{chapter[:2]} {where.parts[1]}"


def link(where: Path) -> str:
    return where.name if where.parts[0] == "docs" else f"../{where.as_posix()}"


def table(root: Path) -> str:
    index = collect(root)
    lines = []
    for name, places in sorted(index.items(), key=lambda pair: pair[0].lower()):
        if not places.taught:
            raise ConceptError(f"no lesson or guide teaches '{name}': <!-- teaches: {name} -->")
        if not places.practiced and name not in HOLES:
            raise ConceptError(f"no exercise practices '{name}', and HOLES gives no reason")
        if places.practiced and name in HOLES:
            raise ConceptError(f"an exercise practices '{name}' now: take it out of HOLES")
        practiced = unique(places.practiced) or f"not: {HOLES[name]}"
        lines.append([name, unique(places.taught), practiced, unique(places.tests) or "-"])
    return markdown.rows(["concept", "taught in", "practiced in", "tested by"], lines, left=4)


def unique(names: list) -> str:
    return ", ".join(dict.fromkeys(names))
