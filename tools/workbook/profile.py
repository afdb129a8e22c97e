"""`profile NN [exercise]`: what the compiler made of each kernel, and how many of its blocks fit.

It needs nvcc and no GPU. Registers, spills and shared memory are ptxas' own, the block size is what
__launch_bounds__ says, and the theoretical occupancy follows from these. The instructions are what cuobjdump
lists. --count adds what `inspect` counts, --time what `bench` measures.
"""

from __future__ import annotations

from . import (
    answers,
    chapters,
    console,
    device,
    files,
    machine,
    occupancy,
    profile_compile,
    profile_counts,
    profile_report,
    profile_times,
)
from .arguments import positive
from .errors import Exit, WorkbookError


def declare(sub) -> None:
    """The command's arguments on an argparse parser."""
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
    sub.add_argument(
        "--count",
        action="store_true",
        help="also sectors per request and bank conflicts, counted on the CPU device as inspect does; builds",
    )
    sub.add_argument(
        "--time",
        action="store_true",
        help="also the time of one problem and the share of the roof on this GPU, and Nsight Compute's "
        "metrics (tested with sample output of ncu, not on a GPU yet); builds",
    )
    sub.add_argument(
        "--problem",
        metavar="NAME",
        help="with --time: the problem to measure ('256 NN'), or all (default: the first contract's last)",
    )
    sub.add_argument(
        "--timeout",
        type=positive,
        default=3600,
        metavar="S",
        help="with --time: stop a benchmark after S seconds (default: 3600)",
    )
    shape = sub.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help=answers.help_of("profile"))
    shape.add_argument("--csv", action="store_true", help="print CSV on standard output, a row per figure")
    # What a build asks for.
    sub.set_defaults(jobs=machine.default_jobs(), verbose=False)


def command(options) -> int:
    exercise = chosen(options)
    if options.problem is not None and not options.time:
        raise WorkbookError("--problem is for --time, which measures; without it nothing runs", Exit.USAGE)
    names = options.impl.split(",") if options.impl else default_names(exercise)
    sources = [(name, sources_of(exercise, name)) for name in names]
    program, _ = device.nvcc()
    if program is None:
        message = (
            "no nvcc here, and profile reads what it compiles; install the CUDA toolkit (no GPU is needed)"
        )
        raise WorkbookError(message, Exit.SETUP)
    found = profile_report.Profile(exercise, options)
    with console.aside(options.json or options.csv):
        for name, paths in sources:
            compiled = [profile_compile.compiled(program, file, options.capability) for file in paths]
            found.kernels[name] = [kernel for kernels, _ in compiled for kernel in kernels]
            found.missing |= dict.fromkeys(why for _, why in compiled if why)
        if options.count and not exercise.has("bench.cpp"):
            found.missing[f"Nothing was counted: {exercise.name} has no benchmark to run."] = None
        elif options.count:
            found.counts = profile_counts.count(exercise, names, options)
        if options.time:
            found.times = profile_times.measure(exercise, names, options)
    if options.json:
        console.document("profile", profile_report.answer(found))
    elif options.csv:
        console.write(profile_report.table(found))
    else:
        profile_report.show(found)
    return Exit.FAILED if found.times and found.times.failed else Exit.OK


def chosen(options):
    """The one exercise that is meant; a chapter alone means its first."""
    chapter = chapters.find(options.chapter)
    kernels = [e for e in chapters.select(chapter, options.exercise) if e.starter.suffix == ".cu"]
    kernels = [e for e in kernels if e.reference.is_file() and kernel_files(e)]
    if not kernels:
        raise WorkbookError(f"{chapter.name} has no kernel of that name to profile", Exit.USAGE)
    if options.capability not in occupancy.LIMITS:
        known = ", ".join(occupancy.LIMITS)
        raise WorkbookError(f"--capability is '{options.capability}'; it can be {known}", Exit.USAGE)
    if options.block is not None and options.block > occupancy.BLOCK_THREADS:
        raise WorkbookError(f"--block is {options.block}; a block has at most 1024 threads", Exit.USAGE)
    return kernels[0]


def kernel_files(exercise) -> list:
    """The .cu files of an exercise; of a fix-it those of the broken and the fixed component."""
    found = sorted(exercise.folder.glob(f"{exercise.name}_*.cu"))
    if isinstance(exercise, chapters.Fixit):
        return found + [file for file in exercise.reference_sources if file.suffix == ".cu"]
    own = [file for file in found if chapters.exercise_of(file, exercise.chapter) == exercise.name]
    return [file for file in own if not file.stem.endswith("_cpu")] if exercise.reference in own else []


def default_names(exercise) -> list:
    """The starter and what it is compared with; some fix-its are mended by leaving the kernel out."""
    fixed = not isinstance(exercise, chapters.Fixit) or len(kernel_files(exercise)) > 1
    return ["starter", "solution"] if fixed else ["starter"]


def sources_of(exercise, name: str) -> list:
    """The .cu files that register an implementation of this name."""
    found, known = [], {}
    for file in kernel_files(exercise):
        names = {one for _, one in chapters.REGISTRATION.findall(files.read_text(file))}
        known |= dict.fromkeys(sorted(names))
        found += [file] if name in names else []
    if not found:
        message = f"{exercise.name} has no implementation '{name}' in CUDA C++; it has {', '.join(known)}"
        raise WorkbookError(message, Exit.USAGE)
    return found
