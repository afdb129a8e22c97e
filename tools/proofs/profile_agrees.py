#!/usr/bin/env python3
"""Prove that `./workbook profile` shows what nvcc and the disassembler say, for every reference kernel file.

    profile_agrees.py [--sample] [--capability X.Y] [FILE...]

Each file is compiled a second time, by one call of nvcc to a cubin with -Xptxas -v, and listed by nvdisasm,
whose listing profile does not read. Of each kernel, registers, spills and static shared memory are compared
with ptxas' report, and the numbers of all instructions and of those in NAMES with a search of the listing.
--sample takes one small file. Exit code 77 without nvcc, cuobjdump or nvdisasm.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from workbook import chapters, device, occupancy, profile_compile, sass  # noqa: E402

SKIPPED = 77
SECONDS = 600
SAMPLE = ROOT / "01_vector_add" / "vector_add_solution.cu"
# Searched as they stand, up to a blank: with and without widths.
NAMES = ("FFMA", "FADD", "FMUL", "MUFU", "HMMA", "HGMMA", "LDGSTS", "SHFL", "BAR", "BRA", "IMAD", "ISETP")
WIDE = {"LDG": "global load", "STG": "global store", "LDS": "shared load", "STS": "shared store"}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", action="store_true", help="one small file")
    parser.add_argument("--capability", default="9.0", choices=[*occupancy.LIMITS])
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    nvcc = device.nvcc()[0]
    tool = sass.program(nvcc) if nvcc else None
    nvdisasm = Path(tool).with_name("nvdisasm") if tool else None
    if not nvdisasm or not nvdisasm.is_file():
        print("skipped: needs nvcc, and cuobjdump with nvdisasm beside it")
        return SKIPPED
    files = [file.resolve() for file in options.files] or ([SAMPLE] if options.sample else references())
    kernels = figures = wrong = 0
    started = time.monotonic()
    for file in files:
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(profile_compile, "FOLDER", Path(folder)),
        ):
            mine, why = profile_compile.compiled(nvcc, file, options.capability)
            theirs = independent(nvcc, nvdisasm, file, options.capability, Path(folder))
        differences, compared = differ(mine, theirs)
        differences += [why] if why else []
        kernels += len(mine)
        figures += compared
        wrong += len(differences)
        verdict = "WRONG" if differences else "same"
        print(f"{verdict:<6} {file.relative_to(ROOT)}: kernels {len(mine)}", flush=True)
        for line in differences:
            print(f"       {line}")
    seconds = time.monotonic() - started
    print(
        f"{len(files)} files, {kernels} kernels, {figures} figures compared, {wrong} differ, {seconds:.0f} s"
    )
    return 1 if wrong or not kernels else 0


def references() -> list:
    """The CUDA files of the chapters that register something else than a starter, and the fixed fix-its."""
    folders = [*chapters.chapters(), ROOT / "solutions" / "journey"]
    return [
        file
        for folder in folders
        for file in sorted(folder.glob("*.cu"))
        if not file.stem.endswith(("_starter", "_cpu"))
        and chapters.REGISTRATION.search(file.read_text(encoding="utf-8"))
    ]


def independent(nvcc: str, nvdisasm: Path, file: Path, capability: str, folder: Path) -> dict:
    """Kernel name to its figures, by other ways than profile's."""
    cubin = folder / "direct.cubin"
    architecture = f"-arch=sm_{capability.replace('.', '')}" + ("a" if capability == "9.0" else "")
    command = [nvcc, architecture, *profile_compile.OPTIONS, f"-I{ROOT}", "-cubin", "-Xptxas", "-v"]
    said = output([*command, "-o", cubin, file]).stderr
    listing = output([nvdisasm, "-c", cubin]).stdout
    found = {}
    for part in said.split("Compiling entry function '")[1:]:
        name = part[: part.index("'")]
        found[name] = {
            "registers": int(re.search(r"Used (\d+) registers", part).group(1)),
            "spill_stores": int(re.search(r"(\d+) bytes spill stores", part).group(1)),
            "spill_loads": int(re.search(r"(\d+) bytes spill loads", part).group(1)),
            "shared": int((re.search(r"(\d+)(?:\+\d+)? bytes smem", part) or [0, 0])[1]),
        }
    sections = re.split(r"^\s*\.section\s+\.text\.([^,\s]+).*$", listing, flags=re.M)[1:]
    for name, text in zip(sections[::2], sections[1::2]):
        lines = [line for line in text.splitlines() if re.search(r"/\*[0-9a-f]{4,}\*/", line)]
        words = [set(line.replace(";", " ").split()) for line in lines]
        names = [[word.split(".") for word in some] for some in words]

        def lines_with(base: str, modifier: str = "", names: list = names) -> int:
            wanted = {base, modifier} - {""}
            return sum(any(word[0] == base and wanted <= set(word) for word in line) for line in names)

        counts = {one: lines_with(one) for one in (*NAMES, *WIDE)}
        for one in WIDE:
            counts |= {f"{one} {size}": lines_with(one, str(8 * size)) for size in (8, 16)}
        for one in ("LDS", "STS"):  # tiles of a warp: 4 bytes of each per thread
            counts |= {
                f"{one} {size}": counts[f"{one} {size}"] + lines_with(f"{one}M", str(size // 4))
                for size in (8, 16)
            }
        counts["instructions"] = sum(not line & {"NOP"} for line in words)
        found.setdefault(name, {}).update(counts)
    return {profile_compile.readable(name): values for name, values in found.items()}


def output(command: list) -> subprocess.CompletedProcess:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, timeout=SECONDS)


def differ(mine: list, theirs: dict) -> tuple:
    """(what is not the same, how many figures were compared)."""
    if sorted(kernel.name for kernel in mine) != sorted(theirs):
        return [f"kernels {sorted(kernel.name for kernel in mine)}, nvcc has {sorted(theirs)}"], 0
    found, compared = [], 0
    for kernel in mine:
        for name, value in theirs[kernel.name].items():
            compared += 1
            shown = figure(kernel, name)
            if shown != value:
                found.append(f"{kernel.name}: {name} is {shown} in profile, and {value}")
    return found, compared


def figure(kernel, name: str):
    """What profile has under a name of `independent`."""
    if hasattr(kernel, name):
        return getattr(kernel, name)
    if kernel.mix is None:
        return None
    if name == "instructions":
        return kernel.mix.instructions
    base, _, size = name.partition(" ")
    if not size:
        return kernel.mix.names.get(base, 0)
    return kernel.mix.widths.get(WIDE[base], {}).get(int(size), 0)


if __name__ == "__main__":
    sys.exit(main())
