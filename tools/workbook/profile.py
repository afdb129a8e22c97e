"""`profile NN [exercise]`: what the compiler made of each kernel, and how many of its blocks fit.

It needs nvcc and no GPU. Registers, spills and shared memory are ptxas' own, the block size is what
__launch_bounds__ says, and the theoretical occupancy follows from these. The instructions are what cuobjdump
lists.
"""

from __future__ import annotations

import textwrap

from . import chapters, console, device, files, occupancy, profile_compile, sass
from .console import heading, paint, say
from .errors import Exit, WorkbookError
from .profile_words import BLOCK, compared, occupied

ABOUT = "show registers, occupancy and machine instructions of each kernel; needs nvcc and no GPU"

NAMED = (
    "tensor cores",
    "bulk copy",
    "fp64",
    "fp32",
    "fp16",
    "barrier or fence",
    "shuffle or vote",
    "global atomic",
)
NAMES_SHOWN = 3


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
        found, missing = {}, {}
        for name, paths in sources:
            answers = [profile_compile.compiled(program, file, options.capability) for file in paths]
            found[name] = [kernel for kernels, _ in answers for kernel in kernels]
            missing |= dict.fromkeys(why for _, why in answers if why)
    if options.json:
        console.document("profile", answer(exercise, found, missing, options))
        return Exit.OK
    for name, kernels in found.items():
        show(exercise, name, kernels, options)
    tell(found, missing, options)
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
        for line in mix_text(kernel.mix) if kernel.mix else []:
            for part in textwrap.wrap(line, 96, initial_indent="    ", subsequent_indent="      "):
                say(part)


def mix_text(mix) -> list:
    """The kinds of instructions, most frequent first, and how wide the loads and stores are."""
    groups = ", ".join(f"{kind} {count}{members(mix, kind)}" for kind, count in mix.groups.items())
    sizes = [
        f"{kind} {', '.join(f'{count} of {size} bytes' for size, count in found.items())}"
        for kind, found in sorted(mix.widths.items())
    ]
    return [f"{mix.instructions} instructions: {groups}", *(["widths: " + "; ".join(sizes)] if sizes else [])]


def members(mix, kind: str) -> str:
    """ " (FFMA 64, FADD 32)" of a kind whose instructions do not cost or mean the same."""
    names = [f"{name} {count}" for name, count in mix.names.items() if sass.is_in(kind, name)]
    return f" ({', '.join(names[:NAMES_SHOWN])})" if kind in NAMED and names else ""


def tell(found: dict, missing: dict, options) -> None:
    """What the marks mean, and where two implementations differ most."""
    kernels = [kernel for every in found.values() for kernel in every]
    say()
    if any(occupied(kernel, options)[1] for kernel in kernels):
        say(f"? No __launch_bounds__: blocks of {BLOCK} threads are assumed. --block N says what you launch.")
    if any(kernel.dynamic for kernel in kernels) and not options.dynamic:
        say("+ The launch adds dynamic shared memory (extern __shared__). --dynamic BYTES says how much.")
    for line in [*missing, *compared(found, options)]:
        console.paragraph(line)


def answer(exercise, found: dict, missing: dict, options) -> dict:
    """For --json."""
    implementations = {}
    for name, kernels in found.items():
        rows = implementations[name] = []
        for kernel in kernels:
            block, assumed, result = occupied(kernel, options)
            about = {"block": block, "block_assumed": assumed, "occupancy": result._asdict()}
            rows.append({**kernel._asdict(), "mix": kernel.mix and kernel.mix._asdict(), **about})
    about = {"chapter": exercise.chapter.name, "exercise": exercise.name, "capability": options.capability}
    more = {"missing": [*missing], "differences": compared(found, options)}
    return {**about, "implementations": implementations, **more}
