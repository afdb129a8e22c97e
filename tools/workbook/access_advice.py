"""One sentence below a line of the meter's report, where the addresses of its worst request prove it."""

from __future__ import annotations

from dataclasses import dataclass

SECTOR = 32  # bytes
BANKS = 32
WORD = 4  # bytes
GROUPS = (32, 16, 8, 4)  # lanes that can make a row of a block


@dataclass
class Pattern:
    """How the lanes of a request stand to each other."""

    stride: int | None  # bytes from one lane to the next; None: it changes
    group: int  # lanes for which that holds: all, or those of one row of the block
    bytes: int  # that each lane asks for
    offsets: list

    @property
    def lanes(self) -> int:
        return len(self.offsets)

    @property
    def is_whole(self) -> bool:
        return self.group >= self.lanes

    @property
    def neighbors(self) -> str:
        return "Neighboring lanes" if self.is_whole else f"In groups of {self.group} lanes, neighbors"


def excess(line: dict) -> int:
    return line["sectors"] - line["ideal_sectors"] + line["wavefronts"] - line["ideal_wavefronts"]


def pattern_of(worst: dict) -> Pattern:
    asked = worst["lanes"]
    offsets = [lane["offset"] for lane in asked]
    steps = [
        (second["lane"], (second["offset"] - first["offset"]) / (second["lane"] - first["lane"]))
        for first, second in zip(asked, asked[1:])
    ]
    for group in GROUPS:
        inside = {step for lane, step in steps if lane % group != 0}
        if len(inside) == 1 and float(stride := inside.pop()).is_integer():
            group = max(group, 32 if all(step == stride for _, step in steps) else 0)
            return Pattern(int(stride), group, asked[0]["bytes"], offsets)
    return Pattern(None, 0, asked[0]["bytes"], offsets)


def advice(line: dict) -> str:
    """The sentence, or nothing."""
    pattern = pattern_of(line["worst"])
    if line["kind"] == "atomic":
        return of_atomics(pattern)
    if excess(line) and is_by_members(line, pattern):
        return of_members(pattern)
    if excess(line):
        return of_sectors(pattern) if line["memory"] == "global" else of_banks(pattern)
    if len(set(pattern.offsets)) == 1 < pattern.lanes and line["sectors"] == line["requests"]:
        return f"All lanes read the same {pattern.bytes} bytes: one sector serves them, and that is fine."
    return ""


def is_by_members(line: dict, pattern: Pattern) -> bool:
    """Whether lanes take neighboring vectors of 8 or 16 bytes word by word."""
    if pattern.bytes != WORD or pattern.stride not in (8, 16):
        return False
    words = pattern.stride // WORD
    return len({word % words for word in range(4) if line["words"] >> word & 1}) == words


def of_members(pattern: Pattern) -> str:
    return (
        f"Each lane takes its {pattern.stride} bytes word by word. nvcc joins that to one access only where "
        "it can prove the alignment: a copy of the whole vector is certain."
    )


def of_sectors(pattern: Pattern) -> str:
    if pattern.stride is None:
        return ""
    step = abs(pattern.stride)
    if step == pattern.bytes and pattern.is_whole:
        return (
            f"The lanes ask for {pattern.lanes * pattern.bytes} bytes in a row that do not start at a "
            f"multiple of {SECTOR}: a first element at such an address saves a sector."
        )
    if step <= pattern.bytes:
        return ""
    served = max(1, SECTOR // step)
    lanes = "one lane" if served == 1 else f"{served} lanes"
    cause = f", so a sector of {SECTOR} bytes serves {lanes}" if pattern.is_whole else ""
    remedy = "let neighboring threads take neighboring elements"
    return f"{pattern.neighbors} are {step} bytes apart{cause}: {remedy}."


def of_banks(pattern: Pattern) -> str:
    """Padding is advised where it is worked out to help."""
    if pattern.stride is None or pattern.bytes != WORD or abs(pattern.stride) <= WORD:
        return ""
    row = abs(pattern.stride)
    before = wavefronts(pattern.offsets)
    after = wavefronts([offset + offset // row * WORD for offset in pattern.offsets])
    if row % WORD != 0 or after >= before:
        return ""
    return (
        f"{pattern.neighbors} are {row // WORD} words apart, and there are {BANKS} banks. If that is a row "
        f"of the tile, one word of padding per row leaves {after} of these {before} wavefronts."
    )


def wavefronts(offsets: list) -> int:
    """Of lanes with 4 bytes each: the most distinct words in one bank."""
    banks = [set() for _ in range(BANKS)]
    for offset in offsets:
        banks[offset // WORD % BANKS].add(offset // WORD)
    return max(len(words) for words in banks)


def of_atomics(pattern: Pattern) -> str:
    if len(set(pattern.offsets)) != 1 or pattern.lanes < 2:
        return ""
    return (
        f"{pattern.lanes} lanes meet at one address and take turns: combine their values in the warp first, "
        "then let one lane add."
    )
