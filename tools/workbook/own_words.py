"""What the translator, the compiler and the linker say about a file of the user's own, made short.

Shown are the user's lines. What a message says about the CPU device's own headers or templates is left out,
and what the CPU device does not have is called by its name. --verbose shows every word.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from .console import complain
from .errors import Exit, WorkbookError
from .machine import ROOT
from .process import Lines

SHOWN_ERRORS = 5
SHOWN_LINES = 40  # of words that are passed on as they are
HEADERS = str(ROOT / "common" / "simt" / "include")
GPU = "or run the file where a GPU and nvcc are: --device cuda"

# Libraries of the CUDA toolkit, by how their headers begin.
LIBRARIES = (
    ("cublas", "cuBLAS"),
    ("curand", "cuRAND"),
    ("cufft", "cuFFT"),
    ("cusparse", "cuSPARSE"),
    ("cusolver", "cuSOLVER"),
    ("cudnn", "cuDNN"),
    ("cutlass/", "CUTLASS"),
    ("cute/", "CuTe"),
    ("nccl", "NCCL"),
    ("npp", "NPP"),
    ("nvrtc", "NVRTC"),
    ("nvToolsExt", "NVTX"),
    ("nvtx3/", "NVTX"),
    ("thrust/", "Thrust"),
    ("cub/", "CUB"),
    ("cuda/", "libcu++ (<cuda/...>)"),
    ("texture_fetch_functions", "textures"),
    ("surface_functions", "surfaces"),
)
LIBRARY_NAMES = (
    "cublas",
    "cublasLt",
    "curand",
    "cufft",
    "cusparse",
    "cusolver",
    "cudnn",
    "nccl",
    "nvrtc",
    "cuda",
)

DIAGNOSTIC = re.compile(r"^(.+?):(\d+):(?:(\d+):)? (fatal error|error|warning): (.*)$")
CONTEXT = re.compile(r"^(.+?):(\d+):(?:\d+:)?   required from here$|inlined from .* at (.+?):(\d+):\d+")
EXCERPT = re.compile(r"^\s*\d* \|")
NO_FILE = re.compile(r"fatal error: '?([^':]+)'?(?:: No such file or directory| file not found)")
FROM = re.compile(r"\s*(?:In file included from|\s+from) (.+?):(\d+)[,:]")
NOT_FITTING = re.compile(r"no match for call to ‘\(simt::detail::TypedLauncher<.*?\)>, ?(.*)>\) \((.*)\)’")
NOT_DECLARED = re.compile(
    r"‘((?:cuda|CU|cu[A-Z])\w+)’ (?:was not declared|does not name a type|has not been declared)"
    r"|(?:undeclared identifier|unknown type name) '((?:cuda|CU|cu[A-Z])\w+)'"
)
CLANG_NOT_FITTING = re.compile(r"no matching function for call to object of type '.*simt::.*Launcher<")
# Names that CUDA itself has dropped.
DROPPED = {
    "cudaThreadSynchronize": "cudaDeviceSynchronize",
    "cudaThreadExit": "cudaDeviceReset",
    "cudaThreadSetLimit": "cudaDeviceSetLimit",
    "cudaThreadSetCacheConfig": "cudaDeviceSetCacheConfig",
}
ELSEWHERE = re.compile(
    r": move (?:this|the kernel) to a file named \*_cuda\.cu(?:, which only the CUDA build compiles)?"
)
UNDEFINED = re.compile(r"undefined reference to [`‘](.+?)'?’?$", re.M)
TWICE = re.compile(r"multiple definition of [`‘](.+?)['’];")


def named(path: str | Path) -> str:
    """A file as the user would type it here."""
    try:
        short = os.path.relpath(path)
    except (OSError, ValueError):
        return str(path)
    return str(path) if short.startswith("..") else short


def plain(message: str) -> str:
    """A message of the CPU device for kernels of the workbook, for a file of the user's own."""
    message = re.sub(r"^call to ‘(\S+?)(?:<.*>)?’ declared with attribute error: ", r"\1: ", message)
    message = re.sub(r'^#error "(.*)"$', r"\1", message)
    return ELSEWHERE.sub(f". Write it without, {GPU}", message)


def not_translated(text: str) -> WorkbookError:
    """The translator's one line: file:line: error: reason."""
    found = DIAGNOSTIC.match(text.splitlines()[0] if text else "")
    if not found:
        return WorkbookError(f"the translator of the CPU device failed: {text.strip()}", Exit.BUILD)
    return WorkbookError(f"{named(found[1])}:{found[2]}: {plain(found[5])}", Exit.BUILD)


def not_compiled(lines: Lines, source: Path, by_nvcc: bool) -> WorkbookError:
    if by_nvcc:
        return WorkbookError(f"nvcc refuses {named(source)}", Exit.BUILD, clipped(lines.text))
    missing = missing_library(lines.text)
    if missing:
        return WorkbookError(missing, Exit.BUILD)
    errors = diagnostics(lines.text, ("error", "fatal error"))
    if not errors:
        return WorkbookError(f"{named(source)} does not compile", Exit.BUILD, clipped(lines.text))
    words = errors[:SHOWN_ERRORS]
    if len(errors) > SHOWN_ERRORS:
        words.append(f"... and {len(errors) - SHOWN_ERRORS} more errors (--verbose shows all)")
    unknown = list(dict.fromkeys(first or second for first, second in NOT_DECLARED.findall(lines.text)))
    for name in [name for name in unknown if name in DROPPED]:
        unknown.remove(name)
        words.append(f"CUDA has dropped {name}; call {DROPPED[name]}.")
    if unknown:
        names = ", ".join(unknown[:4]) + (", ..." if len(unknown) > 4 else "")
        words.append(
            f"The CPU device has no {names}. Look for a misspelling; else write it without, {GPU}. "
            "common/simt/README.md says what the device has."
        )
    many = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    message = f"{named(source)} does not compile ({many}); fix the first, then run this again"
    if is_chapters(source):
        message = f"{named(source)} does not compile by itself ({many}); {advice_without_main(source)}"
    return WorkbookError(message, Exit.BUILD, "\n".join(words))


def missing_library(text: str) -> str:
    """The library of the toolkit whose header stopped the compiler, absent or the toolkit's own."""
    absent = NO_FILE.search(text)
    found = DIAGNOSTIC.match(next((line for line in text.splitlines() if NO_FILE.search(line)), ""))
    if absent and found:
        library = library_of(absent[1])
        place = f"{named(found[1])}:{found[2]}"
        return has_no(place, f"<{absent[1]}>", library) if library else ""
    chain = FROM.findall(text.partition(" error: ")[0])
    for (header, _), (user, line) in zip(chain, chain[1:]):
        folder, name = os.path.split(header)
        library = library_of(name) or library_of(f"{os.path.basename(folder)}/{name}")
        if library and not header.startswith(HEADERS) and is_users(user):
            return has_no(f"{named(user)}:{line}", f"<{name}>", library)
    return ""


def library_of(header: str) -> str:
    return next((name for start, name in LIBRARIES if header.startswith(start)), "")


def has_no(place: str, header: str, library: str) -> str:
    return (
        f"{place}: {header}: the CPU device has no {library}. Write a kernel of your own in its place, {GPU}"
    )


def is_users(path: str) -> bool:
    return not path.startswith((HEADERS, "/usr/include/", "/usr/lib/", "/usr/local/"))


def diagnostics(text: str, kinds: tuple) -> list:
    """Each error once, with the user's line that it is about, and the compiler's picture of it."""
    lines = text.splitlines()
    found = {}
    for number, line in enumerate(lines):
        match = DIAGNOSTIC.match(line)
        if not match or match[4] not in kinds:
            continue
        file, at, message = match[1], match[2], match[5]
        picture = []
        for follower in lines[number + 1 :]:
            if not EXCERPT.match(follower):
                break
            picture.append(follower)
        if not is_users(file):
            file, at = nearest(lines, number) or (file, at)
            picture = []
        # The translator makes lines with launches longer: their columns are not the user's.
        if any("<<<" in part for part in picture):
            picture = picture[:1]
        fitting = NOT_FITTING.search(message)
        if fitting:
            message = f"the kernel takes ({fitting[1]}), but the launch passes ({fitting[2]})"
        elif CLANG_NOT_FITTING.match(message):
            message = "the arguments of the launch do not fit the parameters of the kernel"
        words = f"{named(file)}:{at}: {match[4]}: {plain(message)}"
        found.setdefault(words, "\n".join([words, *picture]))
    return list(found.values())


def nearest(lines: list, number: int) -> tuple | None:
    """The user's line that an error in a header comes from: said before it, or not at all."""
    for line in reversed(lines[max(0, number - 30) : number]):
        match = CONTEXT.search(line) or FROM.match(line)
        if match:
            file, at = [word for word in match.groups() if word][:2]
            if is_users(file):
                return file, at
    return None


def warnings(text: str) -> None:
    """Warnings of a file that did compile, on standard error."""
    found = diagnostics(text, ("warning",)) or ([] if " warning" not in text else [clipped(text)])
    for words in found[:SHOWN_ERRORS]:
        complain(words)


def not_linked(lines: Lines, sources: list) -> WorkbookError:
    what = named(sources[0]) if len(sources) == 1 else "of the files"
    undefined = list(dict.fromkeys(UNDEFINED.findall(lines.text)))
    if "main" in undefined:
        who = f"{what} has no main()" if len(sources) == 1 else "none of the files has a main()"
        return WorkbookError(f"{who}: {advice_without_main(sources[0])}", Exit.BUILD)
    if undefined:
        names = ", ".join(undefined[:4]) + (", ..." if len(undefined) > 4 else "")
        message = (
            f"the program cannot be linked: {names} is called and nowhere defined. Name all files of the"
        )
        return WorkbookError(f"{message} program on the command line", Exit.BUILD)
    twice = list(dict.fromkeys(TWICE.findall(lines.text)))
    if twice:
        message = f"the program cannot be linked: {', '.join(twice[:4])} is defined more than once"
        return WorkbookError(f"{message}; in headers say inline or static", Exit.BUILD)
    return WorkbookError("the program cannot be linked", Exit.BUILD, clipped(lines.text))


def is_chapters(source: Path) -> bool:
    return source.parent.parent == ROOT and re.match(r"\d\d_", source.parent.name) is not None


def advice_without_main(source: Path) -> str:
    if is_chapters(source):
        return f"files of the chapters are checked with ./workbook check {source.parent.name[:2]}"
    return "add one that calls your kernels, or name the file that has it beside this one"


def clipped(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > SHOWN_LINES:
        lines = [*lines[:SHOWN_LINES], f"... {len(lines) - SHOWN_LINES} more lines (--verbose shows all)"]
    return "\n".join(lines)
