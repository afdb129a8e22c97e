"""Theoretical occupancy: how many blocks of a kernel fit on a multiprocessor, and what stops the next one.

The arithmetic is that of cuda_occupancy.h in the CUDA toolkit; a test compares the two. Limits: CUDA C++
Programming Guide, technical specifications per compute capability.
"""

from __future__ import annotations

from typing import NamedTuple

WARP = 32
PARTITIONS = 4  # of a multiprocessor, each with a quarter of the registers
REGISTERS = 65536  # of a multiprocessor
REGISTER_UNIT = 256  # a warp's registers are rounded up to it
REGISTERS_PER_THREAD = 255
BLOCK_THREADS = 1024
ORDER = ("threads", "blocks", "registers", "shared memory")  # of limits that come to the same


class Limits(NamedTuple):
    """Of one multiprocessor."""

    warps: int
    blocks: int
    shared: int  # bytes
    shared_unit: int  # a block's bytes are rounded up to it
    reserved: int  # bytes per block that the system takes


LIMITS = {
    "7.5": Limits(32, 16, 65536, 256, 0),
    "8.0": Limits(64, 32, 167936, 128, 1024),
    "8.6": Limits(48, 16, 102400, 128, 1024),
    "8.9": Limits(48, 24, 102400, 128, 1024),
    "9.0": Limits(64, 32, 233472, 128, 1024),
    "10.0": Limits(64, 32, 233472, 128, 1024),
    "12.0": Limits(48, 24, 102400, 128, 1024),
}


class Occupancy(NamedTuple):
    blocks: int  # on a multiprocessor
    warps: int
    share: float  # of the warps that a multiprocessor can have
    limiter: str  # what stops the next block


def rounded_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def occupancy(capability: str, block: int, registers: int, shared: int) -> Occupancy:
    """Of a kernel with blocks of `block` threads, `registers` per thread and `shared` bytes per block."""
    limits = LIMITS[capability]
    warps = -(-block // WARP)
    per_warp = rounded_up(registers * WARP, REGISTER_UNIT)
    fits = {"threads": limits.warps // warps, "blocks": limits.blocks}
    if per_warp * rounded_up(warps, PARTITIONS) > REGISTERS or registers > REGISTERS_PER_THREAD:
        fits["registers"] = 0
    elif per_warp:
        fits["registers"] = REGISTERS // PARTITIONS // per_warp * PARTITIONS // warps
    taken = rounded_up(shared + limits.reserved, limits.shared_unit)
    if taken:
        fits["shared memory"] = limits.shared // taken
    blocks = min(fits.values())
    limiter = next(name for name in ORDER if fits.get(name) == blocks)
    return Occupancy(blocks, blocks * warps, blocks * warps / limits.warps, limiter)
