"""What a lesson counts of an exercise's implementations, from the meter's report of them."""

from __future__ import annotations

import json
from pathlib import Path

from . import markdown

REPORTS = ("fast_matmul",)
MULTIPLY_ADDS_PER_CLOCK = 4  # of warps, on a multiprocessor; in the same clock it serves one wavefront


def table(folder: Path, name: str) -> str:
    """Per multiply-add of a warp: requests and wavefronts of shared memory, requests of global memory."""
    kernels = json.loads((folder / "meter" / f"{name}.json").read_text(encoding="utf-8"))["kernels"]
    lines = []
    for kernel in kernels:
        whole = kernel["multiply_adds"]
        wavefronts = summed(kernel, "shared", "wavefronts") / whole
        figures = (
            summed(kernel, "shared", "requests") / whole,
            wavefronts,
            summed(kernel, "global", "requests") / whole,
        )
        limit = markdown.percent(1 / (MULTIPLY_ADDS_PER_CLOCK * wavefronts))
        lines.append([f"`{kernel['case']}`", *(f"{figure:.3f}" for figure in figures), limit])
    heading = ["kernel", "shared requests", "shared wavefronts", "global requests", "at most, of the peak"]
    return markdown.rows(heading, lines)


def summed(kernel: dict, memory: str, what: str) -> int:
    return sum(line[what] for line in kernel["lines"] if line["memory"] == memory)
