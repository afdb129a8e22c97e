#!/usr/bin/env python3
"""Draw how warps of the lessons' kernels meet memory: a request, or one above another to compare.

tools/figures/access.py            write the figures
tools/figures/access.py --check    exit 1 when a committed figure differs

The requests are those that the meter saw (docs/results/meter); ctest metered keeps these reports true.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Callable

from svg import GUIDES, ROOT, command

sys.path.insert(0, str(ROOT / "tools" / "plots"))
from access_shapes import Picture, picture
from access_svg import stacked

REPORTS = ROOT / "docs" / "results" / "meter"
PATTERNS, CHAPTERS, FAST_MATMUL = "access_patterns", "chapter_kernels", "fast_matmul"

# The figure: report, case, kind, and words of the source line.
FIGURES = {
    ROOT / "01_vector_add" / "vector_add_access.svg": (
        (CHAPTERS, "vector_add", "global_load", "a[i] + b[i]"),
        (PATTERNS, "copy_strided_by_8", "global_load", "in[8 * i]"),
    ),
    ROOT / "02_matmul" / "matmul_access.svg": (
        (CHAPTERS, "matmul_naive_nn", "global_load", "from_b"),
        (CHAPTERS, "matmul_naive_nt", "global_load", "from_b"),
    ),
    ROOT / "02_matmul" / "transpose_access.svg": (
        (PATTERNS, "transpose_naive", "global_store", "out[column"),
        (PATTERNS, "transpose_padded", "global_store", "out["),
    ),
    ROOT / "02_matmul" / "transpose_banks.svg": (
        (PATTERNS, "transpose_unpadded", "shared_load", "tile[threadIdx.x][y]"),
        (PATTERNS, "transpose_padded", "shared_load", "tile[threadIdx.x][y]"),
    ),
    ROOT / "02_matmul" / "fast_matmul_banks.svg": (
        (FAST_MATMUL, "register_tile", "shared_store", "a_tile["),
        (FAST_MATMUL, "solution", "shared_store", "a_tile[a_depth + 0]"),
    ),
    ROOT / "03_softmax" / "softmax_access.svg": (
        (CHAPTERS, "softmax_three_pass", "global_load", "maximum = fmaxf"),
        (CHAPTERS, "softmax", "global_load", "held[i] = as_floats(in[index])"),
    ),
    ROOT / "04_layernorm" / "layernorm_access.svg": ((CHAPTERS, "layernorm", "global_load", "__ldcs"),),
    ROOT / "05_rmsnorm_rope" / "rmsnorm_access.svg": (
        (CHAPTERS, "rmsnorm", "global_store", "out[index] = scaled"),
        (CHAPTERS, "rmsnorm_thread_per_row", "global_store", "out[i] = rounded_to"),
    ),
    ROOT / "05_rmsnorm_rope" / "repeat_kv_access.svg": (
        (CHAPTERS, "repeat_kv_token_major", "global_load", "packs[n]"),
        (CHAPTERS, "repeat_kv_feature_major", "global_load", "packs[n]"),
    ),
    ROOT / "06_flash_attention" / "attention_access.svg": (
        (CHAPTERS, "attention_warp_token_major", "global_load", "float4"),
        (CHAPTERS, "attention_warp_feature_major", "global_load", "row.x[i].x = data"),
    ),
    GUIDES / "memory_hierarchy_banks.svg": (
        (PATTERNS, "transpose_unpadded", "shared_load", "tile[threadIdx.x][y]"),
        (PATTERNS, "transpose_padded", "shared_load", "tile[threadIdx.x][y]"),
    ),
}


def request(report: str, case: str, kind: str, words: str) -> Picture:
    kernels = json.loads((REPORTS / f"{report}.json").read_text(encoding="utf-8"))["kernels"]
    found = [
        (kernel, line)
        for kernel in kernels
        if kernel["case"] == case
        for line in kernel["lines"]
        if line["kind"] == kind and words in line["text"]
    ]
    if not found:
        sys.exit(f"figures: {report}.json has no {kind} with '{words}' in {case}")
    return picture(*found[0])


def draw(requests: tuple) -> str:
    return stacked([request(*one) for one in requests])


def figures() -> dict[Path, Callable[[], str]]:
    return {target: partial(draw, requests) for target, requests in FIGURES.items()}


if __name__ == "__main__":
    sys.exit(command(__file__, figures()))
