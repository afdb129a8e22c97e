"""Which device to use: CUDA where nvcc and a GPU that its toolkit can drive are here, else the CPU."""

from __future__ import annotations

import ctypes
import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import machine, process
from .errors import Exit, WorkbookError

# CUdevice_attribute, from the driver API.
COMPUTE_CAPABILITY_MAJOR = 75
COMPUTE_CAPABILITY_MINOR = 76


@dataclass(frozen=True)
class Gpu:
    name: str
    capability: tuple  # (9, 0)
    driver: tuple  # the newest CUDA version that the driver runs: (13, 0)


@cache
def nvcc() -> tuple:
    """(program, toolkit version) or (None, ()). Looks where cmake/Device.cmake looks."""
    home = os.environ.get("CUDA_HOME")
    places = [
        os.environ.get("CUDACXX"),
        str(Path(home) / "bin" / "nvcc") if home else None,
        shutil.which("nvcc"),
        "/usr/local/cuda/bin/nvcc",
    ]
    for place in places:
        if place and os.access(place, os.X_OK):
            code, text = process.quiet([place, "--version"])
            if code == 0:
                return place, machine.parse_version(text[text.find("release") :])
    return None, ()


@cache
def gpu() -> tuple:
    """(Gpu, "") for the first GPU, or (None, why there is none). Asks the driver, as a CUDA program does."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None, "no NVIDIA driver (libcuda.so.1)"
    code = driver.cuInit(0)
    if code != 0:
        return None, f"the NVIDIA driver finds no usable GPU (cuInit: {error_name(driver, code)})"
    version, count, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(version))
    driver.cuDeviceGetCount(ctypes.byref(count))
    if count.value == 0:
        return None, "the NVIDIA driver sees no GPU (is CUDA_VISIBLE_DEVICES empty?)"
    driver.cuDeviceGet(ctypes.byref(device), 0)
    name = ctypes.create_string_buffer(128)
    driver.cuDeviceGetName(name, len(name), device)
    capability = []
    for attribute in (COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR):
        value = ctypes.c_int()
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        capability.append(value.value)
    newest = (version.value // 1000, version.value % 1000 // 10)
    return Gpu(name.value.decode(errors="replace"), tuple(capability), newest), ""


def error_name(driver, code: int) -> str:
    text = ctypes.c_char_p()
    if driver.cuGetErrorName(code, ctypes.byref(text)) == 0 and text.value:
        return text.value.decode()
    return f"error {code}"


@cache
def architectures(program: str) -> tuple:
    """The compute capabilities that this nvcc compiles for: ('75', '80', ... '90', ...)."""
    code, text = process.quiet([program, "--list-gpu-arch"])
    return tuple(line.replace("compute_", "").strip() for line in text.splitlines()) if code == 0 else ()


def cuda_problem() -> str:
    """Why the CUDA device cannot be used here, in one sentence; empty when it can."""
    program, toolkit = nvcc()
    if not program:
        return "there is no nvcc (install the CUDA toolkit, or put nvcc on PATH)"
    card, why = gpu()
    if card is None:
        return why
    if card.driver[0] < toolkit[0]:
        return (
            f"the driver runs CUDA {machine.dotted(card.driver)} but nvcc is {machine.dotted(toolkit)} "
            f"(update the driver, or use a CUDA {card.driver[0]} toolkit)"
        )
    known = architectures(program)
    if known and f"{card.capability[0]}{card.capability[1]}" not in known:
        return (
            f"nvcc {machine.dotted(toolkit)} does not compile for {card.name} "
            f"(compute capability {machine.dotted(card.capability)}); it has {known[0]} to {known[-1]}"
        )
    return ""


def choose(wanted: str) -> str:
    """'cpu' or 'cuda' for --device auto, cpu or cuda."""
    if wanted == "cpu":
        return "cpu"
    problem = cuda_problem()
    if wanted == "auto":
        return "cpu" if problem else "cuda"
    if problem:
        raise WorkbookError(
            f"--device cuda: {problem}. The CPU device needs neither: --device cpu. "
            "To compile for CUDA without running: cmake --preset cuda && cmake --build --preset cuda",
            Exit.USAGE,
        )
    return "cuda"


def label(device: str) -> str:
    """The device as a person would call it."""
    card = gpu()[0] if device == "cuda" else None
    return f"the CUDA device ({card.name})" if card else f"the {device.upper()} device"
