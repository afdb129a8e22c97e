"""`profile NN [exercise]`: what the compiler made of each kernel, and how many of its blocks fit.

It needs nvcc and no GPU. nvcc compiles one file to PTX, and that to a cubin with -Xptxas -v: registers,
spills and shared memory are ptxas' own, the block size is what __launch_bounds__ says, and the theoretical
occupancy follows from these.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from . import chapters, console, device, files, occupancy, process
from .build import clip
from .console import heading, paint, say
from .errors import Exit, WorkbookError, shown
from .machine import ROOT

BLOCK = 256  # threads, where __launch_bounds__ says nothing
SECONDS = 300.0
ENTRY = re.compile(r"Compiling entry function '(\w+)'")
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?, (\d+)(?:\+\d+)? bytes smem)?")
IN_PTX = re.compile(r"\.entry\s+(\w+)\s*\((.*?)\)\s*((?:\.\w+[^\n{]*\n)*)\{(.*?)^\}", re.S | re.M)
BOUNDS = re.compile(r"\.maxntid\s+(\d+)(?:\s*,\s*(\d+))?(?:\s*,\s*(\d+))?")
DYNAMIC = re.compile(r"\.extern\s+\.shared\s.*?(\w+)\[\]")


ABOUT = "show registers, spills, shared memory and occupancy of each kernel; needs nvcc and no GPU"


def declare(sub, positive) -> None:
    sub.add_argument("chapter", metavar="NN", help="the chapter: 2, 02 or 02_matmul")
    sub.add_argument("exercise", nargs="?", help="the exercise (default: the first with a kernel)")
    sub.add_argument(
        "--impl", metavar="NAME,NAME", help="the implementations to compare (default: starter,solution)"
    )
    sub.add_argument(
        "--capability", default="9.0", metavar="X.Y", help=f"{', '.join(occupancy.LIMITS)} (default: 9.0)"
    )
    sub.add_argument(
        "--block",
        type=positive,
        metavar="N",
        help="threads of a block (default: what __launch_bounds__ says)",
    )
    sub.add_argument(
        "--dynamic", type=positive, default=0, metavar="BYTES", help="dynamic shared memory of a block"
    )
    sub.add_argument("--json", action="store_true", help="print JSON on standard output")


class Kernel(NamedTuple):
    name: str
    registers: int
    spill_stores: int  # bytes
    spill_loads: int
    shared: int  # bytes of a block that are known when it is compiled
    bounds: int  # threads of __launch_bounds__, 0 without
    dynamic: bool  # extern __shared__: more bytes are chosen at the launch


def command(options) -> int:
    exercise = chosen(options)
    names = options.impl.split(",") if options.impl else ["starter", "solution"]
    sources = [(name, sources_of(exercise, name)) for name in names]
    program, _ = device.nvcc()
    if program is None:
        message = (
            "no nvcc here, and profile reads what it compiles; install the CUDA toolkit (no GPU is needed)"
        )
        raise WorkbookError(message, Exit.SETUP)
    with console.aside(options.json):
        found = {
            name: [kernel for file in paths for kernel in compiled(program, file, options.capability)]
            for name, paths in sources
        }
    if options.json:
        console.document("profile", answer(exercise, found, options))
        return Exit.OK
    for name, kernels in found.items():
        show(exercise, name, kernels, options)
    tell(found, options)
    return Exit.OK


def chosen(options):
    """The one exercise that is meant; a chapter alone means its first."""
    chapter = chapters.find(options.chapter)
    kernels = [e for e in chapters.select(chapter, options.exercise) if e.starter.suffix == ".cu"]
    kernels = [e for e in kernels if e.reference.suffix == ".cu" and e.reference.is_file()]
    if not kernels:
        raise WorkbookError(f"{chapter.name} has no kernel of that name to profile", Exit.USAGE)
    if options.capability not in occupancy.LIMITS:
        known = ", ".join(occupancy.LIMITS)
        raise WorkbookError(f"--capability is '{options.capability}'; it can be {known}", Exit.USAGE)
    if options.block is not None and options.block > occupancy.BLOCK_THREADS:
        raise WorkbookError(f"--block is {options.block}; a block has at most 1024 threads", Exit.USAGE)
    return kernels[0]


def sources_of(exercise, name: str) -> list:
    """The .cu files that register an implementation of this name."""
    found, known = [], {}
    for file in sorted(exercise.folder.glob(f"{exercise.name}_*.cu")):
        if file.stem.endswith("_cpu") or chapters.exercise_of(file, exercise.chapter) != exercise.name:
            continue
        names = {one for _, one in chapters.REGISTRATION.findall(files.read_text(file))}
        known |= dict.fromkeys(sorted(names))
        found += [file] if name in names else []
    if not found:
        message = f"{exercise.name} has no implementation '{name}' in CUDA C++; it has {', '.join(known)}"
        raise WorkbookError(message, Exit.USAGE)
    return found


def compiled(program: str, source: Path, capability: str) -> list:
    """The kernels of one file, in nvcc's order."""
    architecture = f"-arch=sm_{capability.replace('.', '')}" + ("a" if capability == "9.0" else "")
    with tempfile.TemporaryDirectory(prefix="workbook-profile-") as folder:
        ptx = Path(folder) / "kernels.ptx"
        common = [program, architecture, "-O3"]
        run(
            [*common, "-std=c++20", "-DNDEBUG", f"-I{ROOT}", "-diag-suppress=177", "-ptx", "-o", ptx, source],
            source,
        )
        text = run([*common, "-cubin", "-Xptxas", "-v", "-o", ptx.with_suffix(".cubin"), ptx], source)
        return kernels_of(text, files.read_text(ptx))


def run(command: list, source: Path) -> str:
    code, text = process.quiet(command, timeout=SECONDS, cwd=ROOT)
    if code != 0:
        raise WorkbookError(f"nvcc does not compile {shown(source)}", Exit.BUILD, clip(text.splitlines()))
    return text


def kernels_of(verbose: str, ptx: str) -> list:
    """From ptxas' words and the PTX that it read."""
    bounds, dynamic = {}, {}
    arrays = DYNAMIC.findall(ptx)
    for mangled, _, directives, body in IN_PTX.findall(ptx):
        of_block = BOUNDS.search(directives)
        bounds[mangled] = product(int(one or 1) for one in of_block.groups()) if of_block else 0
        dynamic[mangled] = any(re.search(rf"\b{array}\b", body) for array in arrays)
    found = []
    for part in re.split(r"(?=Compiling entry function)", verbose)[1:]:
        mangled = ENTRY.search(part).group(1)
        _, stores, loads = map(int, STACK.search(part).groups())
        registers, shared = USED.search(part).groups()
        place = bounds.get(mangled, 0), dynamic.get(mangled, False)
        found.append(Kernel(readable(mangled), int(registers), stores, loads, int(shared or 0), *place))
    return found


def product(numbers) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result


def readable(mangled: str) -> str:
    """`softmax_kernel<4, 2, 256>`; as the compiler has it where there is no c++filt."""
    code, text = process.quiet(["c++filt", mangled]) if shutil.which("c++filt") else (1, "")
    if code != 0:
        return mangled
    depth, end = 0, len(text.strip())
    for place, letter in reversed(list(enumerate(text.strip()))):  # the parameters are the last brackets
        depth += (letter == ")") - (letter == "(")
        if letter == "(" and depth == 0:
            end = place
            break
    name = text.strip()[:end].replace("(anonymous namespace)::", "").replace("void ", "", 1)
    return re.sub(r"\b(?:wb|std)::", "", name)


def occupied(kernel: Kernel, options) -> tuple:
    """(threads of a block, whether that is assumed, occupancy)."""
    block = options.block or kernel.bounds or BLOCK
    assumed = not options.block and not kernel.bounds
    shared = kernel.shared + (options.dynamic if kernel.dynamic else 0)
    return block, assumed, occupancy.occupancy(options.capability, block, kernel.registers, shared)


def show(exercise, name: str, kernels: list, options) -> None:
    heading(f"\n{exercise.chapter.name} / {exercise.name}, {name}, compute capability {options.capability}")
    if not kernels:
        say("  no kernel")
        return
    titles = f"{'registers':>9} {'spilled':>8} {'shared':>8} {'block':>6} {'occupancy':>9}"
    say(f"    {titles}  limited by")
    for kernel in kernels:
        block, assumed, result = occupied(kernel, options)
        more = "+" if kernel.dynamic and not options.dynamic else ""
        spilled = kernel.spill_stores + kernel.spill_loads
        numbers = f"{kernel.registers:>9} {spilled:>8} {str(kernel.shared) + more:>8}"
        threads = str(block) + ("?" if assumed else "")
        say(f"  {paint(kernel.name, 'bold')}")
        say(f"    {numbers} {threads:>6} {result.share:>9.1%}  {result.limiter}")


def tell(found: dict, options) -> None:
    """What the marks mean, and where two implementations differ most."""
    kernels = [kernel for every in found.values() for kernel in every]
    say()
    if any(occupied(kernel, options)[1] for kernel in kernels):
        say(f"? No __launch_bounds__: blocks of {BLOCK} threads are assumed. --block N says what you launch.")
    if any(kernel.dynamic for kernel in kernels) and not options.dynamic:
        say("+ The launch adds dynamic shared memory (extern __shared__). --dynamic BYTES says how much.")
    for line in compared(found, options):
        say(line)


def compared(found: dict, options) -> list:
    """Two implementations in sentences, the largest difference first."""
    if len(found) != 2 or not all(found.values()):
        return []
    (first, mine), (second, theirs) = found.items()
    figures = {
        "most registers per thread": [max(k.registers for k in ks) for ks in (mine, theirs)],
        "bytes spilled, all kernels together": [
            sum(k.spill_stores + k.spill_loads for k in ks) for ks in (mine, theirs)
        ],
        "most bytes of static shared memory per block": [max(k.shared for k in ks) for ks in (mine, theirs)],
        "lowest occupancy in %": [
            round(100 * min(occupied(k, options)[2].share for k in ks), 1) for ks in (mine, theirs)
        ],
    }
    ratios = {name: (max(pair) + 1) / (min(pair) + 1) for name, pair in figures.items() if pair[0] != pair[1]}
    ordered = sorted(ratios, key=ratios.get, reverse=True)
    if not ordered:
        return [
            f"{first} and {second} do not differ in registers, spills, static shared memory or occupancy."
        ]
    return [
        f"{name[0].upper()}{name[1:]}: {first} {figures[name][0]:g}, {second} {figures[name][1]:g}."
        for name in ordered
    ]


def answer(exercise, found: dict, options) -> dict:
    """For --json."""
    implementations = {}
    for name, kernels in found.items():
        rows = implementations[name] = []
        for kernel in kernels:
            block, assumed, result = occupied(kernel, options)
            rows.append(
                {**kernel._asdict(), "block": block, "block_assumed": assumed, "occupancy": result._asdict()}
            )
    about = {"chapter": exercise.chapter.name, "exercise": exercise.name, "capability": options.capability}
    return {**about, "implementations": implementations, "differences": compared(found, options)}
