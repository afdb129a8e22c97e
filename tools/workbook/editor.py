"""compile_commands.json in the workbook's folder: what clangd in an editor reads a file with.

Kernel files are read as they are for the CPU device: as CUDA for the host, with simt's headers and
common/simt/editor/kernels.h. So are files for the CUDA device alone, with errors; .clangd keeps these from
being shown. The entries depend on the files that are there, not on a build directory. `./workbook setup`
writes them, and so does CMake when it configures: python3 -m workbook.editor, in tools/.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from . import files
from .errors import WorkbookError

ROOT = Path(__file__).resolve().parents[2]
FILE = "compile_commands.json"
NOT_SOURCES = ("build", "data", "results")
SUFFIXES = (".cu", ".cuh", ".cpp")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
TESTED = re.compile(
    r"^\s*#\s*include\s*[<\"](?:gtest|gmock|benchmark|[\w/]*/(?:ladder|tests?_main))[/.]", re.M
)
LANGUAGE = ("-std=gnu++20", "-Wall", "-Wno-unused", "-Wno-unknown-pragmas")
# The toolkit's headers are left out, where there are any: simt's have the same names.
CUDA = (
    *("-x", "cuda", "--cuda-host-only", "-nocudainc", "-nocudalib", "-Wno-unknown-cuda-version"),
    *("-Xclang", "-fcuda-allow-variadic-functions", "-Wno-pragma-once-outside-header"),
)
FETCHED = ("*-src/include", "*-src/single_include", "googletest-src/*/include")


class Tree:
    """The C++ and CUDA files under `root`."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        places = [place for place in root.iterdir() if place.name[0] != "." and place.name not in NOT_SOURCES]
        found = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
        self.files = sorted(path for path in found if path.suffix in SUFFIXES and path.is_file())

    def for_cpu(self) -> list:
        """Those that the CPU build compiles, and the .cuh files that they include."""
        sources = [path for path in self.files if path.suffix != ".cuh" and not is_cuda_only(path, self.root)]
        wanted = self._included(sources).union(sources)
        return [path for path in self.files if path in wanted]

    def _included(self, sources: list) -> set:
        """What `sources` include in quotes, directly or not."""
        known: set = set()
        waiting = list(sources)
        while waiting:
            path = waiting.pop()
            for name in INCLUDE.findall(text_of(path)):
                for place in (path.parent / name, self.root / name, self.root / "common" / "simt" / name):
                    if place.is_file():
                        place = place.resolve()
                        if place not in known:
                            known.add(place)
                            waiting.append(place)
                        break
        return known


def is_cuda_only(path: Path, root: Path) -> bool:
    return path.stem.endswith("_cuda") or path.is_relative_to(root / "common" / "hopper")


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def is_kernel_file(path: Path) -> bool:
    """Whether Clang is to read it as CUDA. With GoogleTest's headers, Clang 14 crashes when it does."""
    return path.suffix in (".cu", ".cuh") and not TESTED.search(text_of(path))


def entry(path: Path, root: Path = ROOT) -> dict:
    """How clangd reads `path`, as the documentation of compile_commands.json has it."""
    simt = root / "common" / "simt"
    arguments = ["clang++", *LANGUAGE]
    if is_kernel_file(path):
        arguments += [*CUDA, "-isystem", str(simt / "editor"), "-include", str(simt / "editor" / "kernels.h")]
    elif path.suffix == ".cu":
        arguments += ["-x", "c++", "-include", str(simt / "include" / "simt" / "prelude.h")]
    folders = (root, simt / "include", simt)
    arguments += ['-DWB_DEVICE_NAME="cpu"', *(f"-I{folder}" for folder in folders)]
    for pattern in FETCHED:
        for folder in sorted((root / "build" / "cpu" / "_deps").glob(pattern)):
            arguments += ["-isystem", str(folder)]
    if is_cuda_only(path, root):
        arguments.append("-ferror-limit=0")  # a fatal error would be shown
    return {"directory": str(root), "file": str(path), "arguments": [*arguments, str(path)]}


def write(root: Path = ROOT) -> str:
    """Write the file; in words why not, where it could not be or is not ours to write."""
    target = root / FILE
    if target.is_symlink():  # as one to a build directory's own
        return f"{FILE} is a link and stays as it is; delete it, and ./workbook setup writes one for editors"
    text = json.dumps([entry(path, root) for path in Tree(root).files], indent=1) + "\n"
    if text_of(target) == text:
        return ""
    try:
        files.write_text(target, text)
    except (OSError, WorkbookError) as error:
        return f"no {FILE} for editors: {error}"
    return ""


if __name__ == "__main__":
    write()
    sys.exit(0)
