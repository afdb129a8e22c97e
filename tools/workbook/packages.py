"""What the workbook builds with: how to tell that it is here, and what its package is called elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import machine, python_env

BOTH = ("cpu", "cuda")


@dataclass(frozen=True)
class Package:
    name: str
    why: str
    present: Callable[[], bool]
    apt: tuple = ()
    dnf: tuple = ()
    pacman: tuple = ()
    devices: tuple = BOTH
    fetched: bool = False  # CMake downloads it where the system has none
    optional: bool = False  # a warning, never a failure


def prefixes() -> list:
    """The folders in which CMake's find_package looks, most wanted first."""
    named = [os.environ.get(name, "") for name in ("CMAKE_PREFIX_PATH", "CONDA_PREFIX")]
    listed = [part for text in named for part in text.replace(";", os.pathsep).split(os.pathsep) if part]
    beside_path = [
        str(Path(part).parent)
        for part in os.environ.get("PATH", "").split(os.pathsep)
        if Path(part).name in ("bin", "sbin")
    ]
    unique = dict.fromkeys([*listed, *beside_path, "/usr/local", "/usr"])
    return [Path(part) for part in unique if os.path.isdir(part)]


def has_cmake_config(*names: str) -> bool:
    """Whether a CMake package file <name>Config.cmake or <name>-config.cmake is in one of the prefixes."""
    for prefix in prefixes():
        for folder in ("lib*/cmake", "lib/*/cmake", "share/cmake", "share"):
            for name in names:
                for file in (f"{name}Config.cmake", f"{name.lower()}-config.cmake"):
                    if any(prefix.glob(f"{folder}/{name}*/{file}")):
                        return True
        for name in names:
            folder = os.environ.get(f"{name}_DIR") or os.environ.get(f"{name}_ROOT")
            if folder and os.path.isdir(folder):
                return True
    return False


def has_file(*patterns: str) -> bool:
    return any(any(prefix.glob(pattern)) for prefix in prefixes() for pattern in patterns)


def has_openblas() -> bool:
    header = has_file("include/cblas.h", "include/openblas*/cblas.h", "include/*-linux-gnu/**/cblas.h")
    return header and has_file("lib*/libopenblas*.so", "lib/*-linux-gnu/libopenblas.so")


def has_compiler() -> bool:
    program, kind, version = machine.compiler()
    return program is not None and machine.compiler_is_new_enough(kind, version)


PACKAGES = [
    Package(
        "C++ compiler",
        "g++ 12 or clang++ 14, for C++20",
        has_compiler,
        apt=("g++",),
        dnf=("gcc-c++",),
        pacman=("gcc",),
    ),
    Package(
        "CMake",
        "3.25 or newer",
        lambda: machine.cmake()[1] >= machine.MINIMUM_CMAKE,
        apt=("cmake",),
        dnf=("cmake",),
        pacman=("cmake",),
    ),
    Package(
        "Ninja",
        "runs the build",
        lambda: machine.ninja() is not None,
        apt=("ninja-build",),
        dnf=("ninja-build",),
        pacman=("ninja",),
    ),
    Package(
        "GoogleTest",
        "the tests",
        lambda: has_cmake_config("GTest"),
        apt=("libgtest-dev", "libgmock-dev"),
        dnf=("gtest-devel", "gmock-devel"),
        pacman=("gtest",),
        fetched=True,
    ),
    Package(
        "Google Benchmark",
        "the benchmarks",
        lambda: has_cmake_config("benchmark"),
        apt=("libbenchmark-dev",),
        dnf=("google-benchmark-devel",),
        pacman=("benchmark",),
        fetched=True,
    ),
    Package(
        "fmt",
        "printing",
        lambda: has_cmake_config("fmt"),
        apt=("libfmt-dev",),
        dnf=("fmt-devel",),
        pacman=("fmt",),
        fetched=True,
    ),
    Package(
        "nlohmann-json",
        "results files",
        lambda: has_cmake_config("nlohmann_json"),
        apt=("nlohmann-json3-dev",),
        dnf=("json-devel",),
        pacman=("nlohmann-json",),
        fetched=True,
    ),
    Package(
        "CLI11",
        "command line options",
        lambda: has_cmake_config("CLI11"),
        apt=("libcli11-dev",),
        dnf=("cli11-devel",),
        pacman=("cli11",),
        fetched=True,
    ),
    Package(
        "Boost.Context",
        "switches threads on the CPU device",
        lambda: has_cmake_config("boost_context"),
        apt=("libboost-context-dev",),
        dnf=("boost-devel",),
        pacman=("boost",),
        devices=("cpu",),
        fetched=True,
    ),
    Package(
        "OpenBLAS",
        "the library matmul of the CPU device",
        lambda: has_openblas(),
        apt=("libopenblas-dev",),
        dnf=("openblas-devel",),
        pacman=("openblas", "cblas"),
        devices=("cpu",),
    ),
    Package(
        "matplotlib",
        "the plots",
        lambda: python_env.find("matplotlib") is not None,
        apt=("python3-matplotlib",),
        dnf=("python3-matplotlib",),
        pacman=("python-matplotlib",),
        optional=True,
    ),
]


def needed(device: str, plots: bool = False) -> list:
    """The packages for one device; with `plots`, what draws them too."""
    return [p for p in PACKAGES if device in p.devices and (plots or not p.optional)]


def missing(device: str, plots: bool = False) -> list:
    return [package for package in needed(device, plots) if not package.present()]


def install_command(packages: list) -> str:
    """The command that installs `packages` on this system, as a person would type it."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    managers = [
        ("apt-get", "apt-get install --no-install-recommends", "apt"),
        ("dnf", "dnf install", "dnf"),
        ("pacman", "pacman -S --needed", "pacman"),
    ]
    for program, command, names in managers:
        if shutil.which(program):
            return f"{sudo}{command} " + " ".join(name for p in packages for name in getattr(p, names))
    return "with this system's package manager: " + ", ".join(f"{p.name} ({p.why})" for p in packages)
