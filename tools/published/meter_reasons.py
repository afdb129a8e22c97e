"""Why the meter and Nsight Compute differ, where they do: a sentence for each kernel and kind of access."""

from __future__ import annotations

UNROLLED = (
    "nvcc unrolls the loop over the row by four: where lanes of one warp have four passes and others three, "
    "the two make their accesses in different instructions. The sectors are the same"
)
REASONS: dict = {
    ("atomic_one_address", "global atomic"): "a GPU counts a sector for each of the 32 lanes that add to one "
    "address; the meter counts the one sector that they touch",
    ("softmax_three_pass", "global load"): UNROLLED,
    ("softmax_three_pass", "global store"): UNROLLED,
    (
        "softmax_three_pass",
        "shared load",
    ): "nvcc joins reads of neighboring elements of `of_warp` into one of 16 bytes",
}


EXPONENTIAL = (
    "nvcc makes four FFMA, one FADD and one FMUL of each `expf`, and several operations of each division"
)
ROOT = "nvcc makes several operations of a division and of a square root, and fuses other sums"
ARITHMETIC: dict = {
    "softmax": EXPONENTIAL,
    "softmax_three_pass": EXPONENTIAL,
    "layernorm": ROOT,
    "rmsnorm": ROOT,
    "rmsnorm_thread_per_row": "nvcc makes five FFMA of the division of each row",
    "attention_warp_token_major": EXPONENTIAL,
    "attention_warp_feature_major": EXPONENTIAL,
    "attention_tiled": EXPONENTIAL,
}


def reason(case: str, access: str) -> str:
    return REASONS.get((case, access), "")
