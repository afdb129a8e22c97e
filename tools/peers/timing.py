"""Times calls as common/harness/bench_measure.cpp does: events around batches, rotating buffers, quartiles.

One thing differs, in PyTorch's favor: the device sleeps while the host queues a batch, so that the time
between two events is the device's alone, however long Python takes for a launch.
"""

from __future__ import annotations

import math
import time

import torch

WARM_UP_SECONDS = 0.02
BATCH_SECONDS = 1e-3
MAX_BATCH = 64  # a queue holds about a thousand launches, and a call may need a dozen
SAMPLES = 21
MAX_SETS = 512
CPU_CACHE_BYTES = 16 << 20  # as the C++ benchmarks on the CPU device
SLEEP_CYCLES_PER_SECOND = 2e9  # no GPU's clock is much faster
LONGEST_SLEEP = 0.05


def quantile(ordered: list, fraction: float) -> float:
    position = fraction * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def summary(samples: list) -> dict:
    """Seconds of one call, as docs/results_schema.md names them."""
    ordered = sorted(samples)
    return {
        "median": quantile(ordered, 0.5),
        "lower_quartile": quantile(ordered, 0.25),
        "upper_quartile": quantile(ordered, 0.75),
        "minimum": ordered[0],
        "maximum": ordered[-1],
    }


def buffer_sets(set_bytes: int, device: torch.device) -> int:
    """How many sets make three times the last-level cache."""
    on_gpu = device.type == "cuda"
    cache = torch.cuda.get_device_properties(device).L2_cache_size if on_gpu else CPU_CACHE_BYTES
    return max(1, min(MAX_SETS, math.ceil(3 * cache / max(set_bytes, 1))))


class Rotation:
    """Calls a function on one buffer set after the other, and keeps as many outputs as there are sets."""

    def __init__(self, call, sets: list) -> None:
        self.call, self.sets, self.next = call, sets, 0
        self.outputs = [None] * len(sets)

    def run(self, calls: int) -> None:
        for _ in range(calls):
            self.outputs[self.next] = self.call(*self.sets[self.next])
            self.next = (self.next + 1) % len(self.sets)


class DeviceTimer:
    """Seconds of a batch on a GPU, between two events."""

    def __init__(self) -> None:
        self.start, self.stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.host_seconds_per_call = 1e-4

    def batch(self, rotation: Rotation, calls: int) -> float:
        torch.cuda.synchronize()
        head_start = min(LONGEST_SLEEP, 1.5 * self.host_seconds_per_call * calls + 1e-4)
        torch.cuda._sleep(int(head_start * SLEEP_CYCLES_PER_SECOND))
        begin = time.perf_counter()
        self.start.record()
        rotation.run(calls)
        self.stop.record()
        self.host_seconds_per_call = (time.perf_counter() - begin) / calls
        self.stop.synchronize()
        return 1e-3 * self.start.elapsed_time(self.stop)


class HostTimer:
    """Seconds of a batch on the CPU."""

    def batch(self, rotation: Rotation, calls: int) -> float:
        begin = time.perf_counter()
        rotation.run(calls)
        return time.perf_counter() - begin


def measure(call, sets: list, device: torch.device) -> dict:
    """The fields of a results row that a measurement gives."""
    rotation = Rotation(call, sets)
    timer = DeviceTimer() if device.type == "cuda" else HostTimer()
    total, calls, one_call = 0.0, 1, 0.0
    while total < WARM_UP_SECONDS:
        seconds = max(timer.batch(rotation, calls), 1e-9)
        total, one_call = total + seconds, seconds / calls
        calls = min(2 * calls, MAX_BATCH)
    batch = max(1, min(MAX_BATCH, math.ceil(BATCH_SECONDS / one_call)))
    samples = [timer.batch(rotation, batch) / batch for _ in range(SAMPLES)]
    return {
        "seconds": summary(samples),
        "samples": SAMPLES,
        "calls_per_sample": batch,
        "buffer_sets": len(sets),
    }
