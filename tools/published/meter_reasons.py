"""Why the meter and Nsight Compute differ, where they do: a sentence for each kernel and kind of access."""

from __future__ import annotations

REASONS: dict = {}


def reason(case: str, access: str) -> str:
    return REASONS.get((case, access), "")
