"""`doctor`: one line for every requirement: whether it is here and, if not, how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from . import console, device, files, machine, packages, process, python_env
from .console import heading, paint, say
from .errors import Exit, WorkbookError
from .machine import ROOT

NEEDED_DISK = 2e9  # bytes, for both build directories and the packages
TOOLKIT_MEND = "install the CUDA toolkit from NVIDIA or your distribution, and put its bin folder on PATH"
COLORS = {"ok": "green", "missing": "red", "warning": "yellow", "optional": "dim"}


@dataclass(frozen=True)
class Finding:
    status: str  # ok, missing (the chosen device cannot build), warning, optional (absent and not needed)
    name: str
    detail: str
    mend: str = ""


def command(options) -> int:
    chosen, problem = decide(options.device)
    findings = [*tools(), *libraries(chosen), *cuda(chosen == "cuda"), *extras()]
    if options.json:
        about = {"device": None if problem else chosen, "problem": problem}
        console.document("doctor", {**about, "findings": [asdict(one) for one in findings]})
        return Exit.SETUP if problem or any(one.status == "missing" for one in findings) else Exit.OK
    heading(f"{platform.system()} {platform.machine()}, {system_name()}, {os.cpu_count()} cores")
    for finding in findings:
        show(finding)
    say()
    absent = [f for f in findings if f.status == "missing"]
    if problem:
        say(problem)
        return Exit.SETUP
    say(f"Device: {device.label(chosen)}" + ("" if options.device != "auto" else why(chosen)))
    if not absent:
        say("Ready: ./workbook test, ./workbook journey")
        return Exit.OK
    lacking = packages.missing(chosen)
    say(f"Missing: {', '.join(f.name for f in absent)}.")
    if lacking:
        say("./workbook setup installs what it can; by hand: " + packages.install_command(lacking))
    return Exit.SETUP


def decide(wanted: str) -> tuple:
    """(device to examine, why it cannot be used or an empty string)."""
    try:
        return device.choose(wanted), ""
    except WorkbookError as error:
        return "cuda", str(error)


def why(chosen: str) -> str:
    return "" if chosen == "cuda" else f", since {device.cuda_problem()}"


def show(finding: Finding) -> None:
    status = paint(f"{finding.status:<8}", COLORS[finding.status])
    say(f"{status} {finding.name:<18} {finding.detail}")
    if finding.mend:
        say(f"{'':<8} {'':<18} fix: {finding.mend}")


def system_name() -> str:
    try:
        for line in files.read_text(Path("/etc/os-release")).splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.split("=", 1)[1].strip('"')
    except OSError:
        pass
    return platform.release()


def tools() -> list:
    """Python, compiler, CMake, Ninja."""
    found = [Finding("ok", "Python", f"{platform.python_version()}, {sys.executable}")]
    program, kind, version = machine.compiler()
    if program and machine.compiler_is_new_enough(kind, version):
        found.append(Finding("ok", "C++ compiler", f"{kind} {machine.dotted(version)}, {program}"))
    else:
        has = f"{kind} {machine.dotted(version)} is too old for C++20" if program else "none"
        mending = f"{mend('C++ compiler')} (g++ 12 or newer; or set CXX)"
        found.append(Finding("missing", "C++ compiler", has, mending))
    cmake, version = machine.cmake()
    if version >= machine.MINIMUM_CMAKE:
        found.append(Finding("ok", "CMake", f"{machine.dotted(version)}, {cmake}"))
    else:
        has = f"{machine.dotted(version)} is older than 3.25" if cmake else "none"
        mending = f"{mend('CMake')}, or: python3 -m venv .venv && .venv/bin/pip install cmake"
        found.append(Finding("missing", "CMake", has, mending))
    if machine.ninja():
        found.append(Finding("ok", "Ninja", machine.ninja()))
    elif shutil.which("make"):
        found.append(Finding("warning", "Ninja", "none; Make is used, which is slower", mend("Ninja")))
    else:
        found.append(Finding("missing", "Ninja", "none, and no Make either", mend("Ninja")))
    return found


def libraries(chosen: str) -> list:
    """The C++ libraries of the chosen device. CMake downloads some of them where they are missing."""
    found = []
    for package in packages.needed(chosen):
        if package.name in ("C++ compiler", "CMake", "Ninja"):
            continue
        if package.present():
            found.append(Finding("ok", package.name, package.why))
        elif package.fetched:
            detail = f"{package.why}: not installed; the build downloads it"
            found.append(Finding("warning", package.name, detail, mend(package.name)))
        else:
            found.append(Finding("missing", package.name, package.why, mend(package.name)))
    return found


def mend(name: str) -> str:
    return packages.install_command([p for p in packages.PACKAGES if p.name == name])


def cuda(chosen: bool) -> list:
    """nvcc, driver, GPU, cuBLAS, CUPTI. Absence is only a fault when the CUDA device is the chosen one."""
    absent = "missing" if chosen else "optional"
    program, toolkit = device.nvcc()
    card, reason = device.gpu()
    if not program:
        found = [Finding(absent, "nvcc", "none: CUDA programs cannot be built", TOOLKIT_MEND)]
    else:
        found = [Finding("ok", "nvcc", f"CUDA {machine.dotted(toolkit)}, {program}")]
    if card is None:
        mending = "install NVIDIA's driver; then nvidia-smi lists the GPU" if program else ""
        found.append(Finding(absent, "GPU", reason, mending))
    else:
        capability = f"compute capability {machine.dotted(card.capability)}"
        found.append(Finding("ok", "GPU", f"{card.name}, {capability}"))
        found += lacking(card.capability)
    if card and program:
        found += [driver_against_toolkit(card, toolkit), architecture(card, program)]
    if program:
        found += toolkit_parts(Path(program).resolve().parents[1], absent)
    return found


# What a GPU may lack, by the compute capability that brought it, and what the workbook does without.
FEATURES = (
    ((7, 5), "what CUDA 13 compiles for", "use a CUDA 12 toolkit, or the CPU device"),
    (
        (8, 0),
        "bf16 arithmetic, bf16 and tf32 on tensor cores, cp.async",
        "what needs them is left out by name",
    ),
    ((9, 0), "TMA, wgmma and thread-block clusters", "the last rungs of the ladders are skipped by name"),
)


def lacking(capability: tuple) -> list:
    """What this GPU does not have of what the workbook uses: no fault, but good to know."""
    return [
        Finding("optional", "GPU lacks", f"{what} (needs {machine.dotted(since)}): {without}")
        for since, what, without in FEATURES
        if capability < since
    ]


def driver_against_toolkit(card: device.Gpu, toolkit: tuple) -> Finding:
    text = f"runs CUDA {machine.dotted(card.driver)}, toolkit {machine.dotted(toolkit)}"
    if card.driver >= toolkit[:2]:
        return Finding("ok", "driver", text)
    update = f"update the driver, or install a CUDA {machine.dotted(card.driver)} toolkit"
    return Finding("warning" if card.driver[0] == toolkit[0] else "missing", "driver", text, update)


def architecture(card: device.Gpu, program: str) -> Finding:
    name = f"{card.capability[0]}{card.capability[1]}"
    known = device.architectures(program)
    if not known or name in known:
        return Finding("ok", "GPU architecture", f"sm_{name}, which this nvcc compiles for")
    text = f"sm_{name} is not one of this nvcc's: {', '.join(known)}"
    return Finding("missing", "GPU architecture", text, "install a toolkit that supports this GPU")


def toolkit_parts(home: Path, absent: str) -> list:
    """The toolkit's libraries that the CUDA device links."""
    found = []
    for name, header, why in (
        ("cuBLAS", "cublas_v2.h", "the library matmul"),
        ("CUPTI", "cupti.h", "the per-kernel profile"),
    ):
        patterns = (f"include/{header}", f"targets/*/include/{header}", f"extras/CUPTI/include/{header}")
        places = [path for pattern in patterns for path in home.glob(pattern)]
        places += [path for path in (Path("/usr/include") / header,) if path.exists()]
        if places:
            found.append(Finding("ok", name, f"{why}, {places[0]}"))
        else:
            mending = f"install the CUDA toolkit's {name} package"
            found.append(Finding(absent, name, f"{why}: no {header}", mending))
    return found


def extras() -> list:
    """What only some commands use: never a reason to fail."""
    found = []
    for module, name, why, mending in (
        ("matplotlib", "matplotlib", "the plots", mend("matplotlib")),
        ("torch", "PyTorch", "the peers in ./workbook bench", "python3 -m pip install torch"),
    ):
        python = python_env.find(module)
        absent = "warning" if module == "matplotlib" else "optional"
        detail = f"{why}, {python}" if python else f"{why}: no Python here imports {module}"
        found.append(Finding("ok" if python else absent, name, detail, "" if python else mending))
    code, text = process.quiet(["git", "--version"])
    if code == 0:
        found.append(Finding("ok", "git", text.strip()))
    else:
        found.append(Finding("warning", "git", "none: results will not name their commit", "install git"))
    ccache = shutil.which("ccache")
    found.append(Finding("ok" if ccache else "optional", "ccache", ccache or "makes rebuilding faster"))
    free = shutil.disk_usage(ROOT).free
    detail = f"{free / 1e9:.1f} GB free in {ROOT}"
    if free < NEEDED_DISK:
        mending = f"make room: builds take up to {NEEDED_DISK / 1e9:.0f} GB"
        found.append(Finding("warning", "disk", detail, mending))
    else:
        found.append(Finding("ok", "disk", detail))
    return found
