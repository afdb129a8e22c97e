#!/usr/bin/env python3
"""Prove that an editor's Clang shows no error in kernel files of the CPU build, and still finds real ones.

    editor.py [--sample] [--jobs N] [FILE...]

Reads each file with its entry of compile_commands.json (tools/workbook/editor.py): by `clangd --check` where
clangd is installed, else by `clang++ -fsyntax-only`. The files are the kernel files of chapters, ladders and
guides, the fix-its in C++, and the programs in tools/tests/own_files/right. Then files that are wrong in one
place, which must be refused there. --sample takes one file of each chapter, a starter and a reference in
turn, and clangd then tries no hover and no refactoring at each word, which reports no errors of the file.
Exit code 77 without either program.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from workbook import editor, machine  # noqa: E402

SKIPPED = 77
OLDEST = (14,)
SECONDS = 120
CLANG = ("clang++", *(f"clang++-{version}" for version in range(25, 13, -1)))
CLANGD = ("clangd", *(f"clangd-{version}" for version in range(25, 13, -1)))
# What both programs call an error. clangd's "tweak: ... FAIL" is about a refactoring that it tried.
ERROR = re.compile(
    r"^E\[[\d:.]+\] \[\w+\] Line (\d+): (.*)$|^[^\s:]*:(\d+):\d+: (?:fatal )?error: (.*)$", re.M
)
CHAPTERS = re.compile(r"^\d\d_")
FIXIT = re.compile(r"_(starter|solution)\.cpp$")  # of the host's code
RIGHT = """#include <cuda_runtime.h>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>
__constant__ float table[16];
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
  const char* what() const noexcept override { return "failure"; }
};
template <class T>
__global__ void kernel(const T* x, T* y, int n) {
  extern __shared__ float own[];
  __shared__ float tile[32];
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  tile[threadIdx.x % 32] = std::exp(table[i % 16]) + fmaxf(1.0f, std::max(2.0f, 3.0f));
  own[threadIdx.x] = __shfl_xor_sync(0xffffffff, tile[0], 1);
  __syncthreads();
  if (i < n) y[i] = x[i];
}
int main() {
  std::vector<float> host(100, 1.0f);
  const int n = static_cast<int>(host.size());
  float *x, *y;
  if (cudaMalloc(&x, 400) != cudaSuccess || cudaMalloc(&y, 400) != cudaSuccess) throw Failure("memory");
  kernel<<<dim3(1, 1), 128, 512>>>(x, y, n);
  kernel<float><<<1, 128, 512, nullptr>>>(x, y, n);
  std::cout << cudaGetErrorString(cudaDeviceSynchronize()) << "\\n";
}
"""
# A program without C++'s headers, which take most of the time that reading RIGHT takes; and mistakes in it
# that a student should see in the editor: what the program has instead, and a word of the error.
SHORT = """#include <cuda_runtime.h>
template <class T>
__global__ void kernel(const T* x, T* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  __syncthreads();
  if (i < n) y[i] = x[i];
}
int main() {
  const int n = 100;
  float *x, *y;
  if (cudaMalloc(&x, 400) != cudaSuccess || cudaMalloc(&y, 400) != cudaSuccess) return 1;
  kernel<<<dim3(1, 1), 128, 512>>>(x, y, n);
  kernel<float><<<1, 128, 512, nullptr>>>(x, y, n);
  return cudaDeviceSynchronize();
}
"""
WRONG = {
    "a name that is not there": ("y[i] = x[i];", "y[i] = x[row];", "row"),
    "a launch of what is no kernel": ("__global__ ", "", "global function"),
    "a launch with an argument too few": ("(x, y, n);", "(x, y);", "no matching function"),
    "a barrier with a wrong name": ("__syncthreads", "__syncthread", "__syncthread"),
}


class Reader:
    """clangd or clang++, with the entries in a folder of their own."""

    def __init__(self, folder: Path, sample: bool) -> None:
        self.folder = folder
        self.less = ["--check-lines=1-1"] if sample else []
        self.program = newest(CLANGD) or newest(CLANG)
        self.is_clangd = bool(self.program) and "clangd" in Path(self.program).name

    def errors(self, path: Path) -> list:
        """(line, words) of each error in `path`; a reader that ends by a signal is one as well."""
        if self.is_clangd:
            command = [self.program, f"--check={path}", f"--compile-commands-dir={self.folder}", *self.less]
        else:
            command = [self.program, *editor.entry(path)["arguments"][1:], "-fsyntax-only"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT)
        except subprocess.TimeoutExpired:
            return [(0, f"took more than {SECONDS} s")]
        text = done.stdout + done.stderr
        found = [(int(one[0] or one[2]), one[1] or one[3]) for one in ERROR.findall(text)]
        finished = "All checks completed" in text if self.is_clangd else done.returncode in (0, 1)
        if not found and (not finished or (not self.is_clangd and done.returncode)):
            found = [(0, f"{self.program} ended with {done.returncode}: {text[-200:].strip()}")]
        return found


def newest(names: tuple) -> str | None:
    """The first of `names` that is installed and new enough."""
    for name in names:
        if shutil.which(name) and machine.compiler_facts(name)[1] >= OLDEST:
            return shutil.which(name)
    return None


def subjects(sample: bool) -> list:
    """Kernel files that a student reads or writes."""
    tree = editor.Tree()
    found = []
    for path in tree.for_cpu():
        name = relative(path)
        wanted = CHAPTERS.match(name) or name.startswith(
            ("solutions/ladders/", "solutions/journey/", "docs/", "tools/tests/own_files/right/")
        )
        is_kernel = path.suffix != ".cpp" and editor.is_kernel_file(path)
        if wanted and (is_kernel or FIXIT.search(name)):
            found.append(path)
    if not sample:
        return found
    chapters = sorted({path.relative_to(ROOT).parts[0] for path in found if CHAPTERS.match(relative(path))})
    endings = ["_starter.cu", "_solution.cu"]
    kept = []
    for number, chapter in enumerate(chapters):
        kept += [
            path
            for path in found
            if relative(path).startswith(chapter) and path.name.endswith(endings[number % 2])
        ][:1]
    return kept


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def made(folder: Path) -> dict:
    """Files of our own: path -> (name, word of the error). The right ones have no word."""
    cases = [("a right program", RIGHT, ""), ("a short right program", SHORT, "")]
    for name, (old, new, word) in WRONG.items():
        assert old in SHORT, name
        cases.append((name, SHORT.replace(old, new), word))
    found = {}
    for number, (name, text, word) in enumerate(cases):
        path = folder / f"case_{number}.cu"
        path.write_text(text)
        found[path] = (name, word)
    return found


def problems_of(path: Path, errors: list, cases: dict) -> list:
    """What is wrong with the reader's answer."""
    name, word = cases.get(path, (relative(path), ""))
    if not word:
        return [f"{name}:{line}: {words}" for line, words in errors]
    return [] if any(word in words for _, words in errors) else [f"{name}: not found; errors: {errors}"]


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sample", action="store_true", help="one file of each chapter")
    options.add_argument(
        "--jobs", type=int, default=machine.default_jobs(), metavar="N", help="files at once"
    )
    options.add_argument("files", nargs="*", metavar="FILE", help="only these files")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbook-editor-") as name:
        folder = Path(name)
        reader = Reader(folder, given.sample)
        if reader.program is None:
            print("skipped: neither clangd nor clang++ of version 14 or newer is here")
            return SKIPPED
        cases = made(folder)
        paths = [Path(file).resolve() for file in given.files] or subjects(given.sample)
        every = [*paths, *cases]
        (folder / editor.FILE).write_text(json.dumps([editor.entry(path) for path in every]))
        started = time.monotonic()
        problems = []
        with ThreadPoolExecutor(max(1, given.jobs)) as pool:
            for path, errors in zip(every, pool.map(reader.errors, every)):
                problems += problems_of(path, errors, cases)
        for problem in problems:
            print(problem)
        took = time.monotonic() - started
        count = f"{len(paths)} files, {len(WRONG)} wrong ones"
        print(f"{Path(reader.program).name}: {count}, {len(problems)} problems, {took:.1f} s")
    return 1 if problems or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
