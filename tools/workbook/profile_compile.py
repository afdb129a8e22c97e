"""One kernel file through nvcc: what ptxas reports of each kernel, and the instructions in its cubin.

nvcc compiles the file to PTX, and that to a cubin with -Xptxas -v. The answer is kept in
results/profile until the file, a header that it includes, or a program that made it changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from . import device, files, process, sass
from .build import clip
from .errors import Exit, WorkbookError, shown
from .machine import RESULTS, ROOT, dotted

VERSION = 2  # of what is kept, and of the kinds of instructions in it
FOLDER = RESULTS / "profile"
SECONDS = 300.0
ENTRY = re.compile(r"Compiling entry function '(\w+)'")
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?, (\d+)(?:\+\d+)? bytes smem)?")
IN_PTX = re.compile(r"\.entry\s+(\w+)\s*\((.*?)\)\s*((?:\.\w+[^\n{]*\n)*)\{(.*?)^\}", re.S | re.M)
BOUNDS = re.compile(r"\.maxntid\s+(\d+)(?:\s*,\s*(\d+))?(?:\s*,\s*(\d+))?")
DYNAMIC = re.compile(r"\.extern\s+\.shared\s.*?(\w+)\[\]")
DEPENDENCY = re.compile(r"(?:[^\s\\]|\\.)+")
OPTIONS = ("-O3", "-std=c++20", "-DNDEBUG", "-diag-suppress=177")


class Kernel(NamedTuple):
    name: str
    registers: int
    spill_stores: int  # bytes
    spill_loads: int
    shared: int  # bytes of a block that are known when it is compiled
    bounds: int  # threads of __launch_bounds__, 0 without
    dynamic: bool  # extern __shared__: more bytes are chosen at the launch
    mix: sass.Mix | None = None  # None where cuobjdump is missing


def compiled(program: str, source: Path, capability: str) -> tuple:
    """(the kernels of one file in nvcc's order, why their instructions are missing, else "")."""
    architecture = f"sm_{capability.replace('.', '')}" + ("a" if capability == "9.0" else "")
    tool = sass.program(program)
    made_by = [VERSION, program, dotted(device.nvcc()[1]), tool, shutil.which("c++filt")]
    kept = FOLDER / f"{source.parent.name}-{source.stem}-{architecture}.json"
    found = recalled(kept, made_by)
    if found is not None:
        return found, "" if tool else missing(program)
    with tempfile.TemporaryDirectory(prefix="workbook-profile-") as folder:
        ptx, cubin, dependencies = (Path(folder) / f"kernels.{end}" for end in ("ptx", "cubin", "d"))
        start = [program, f"-arch={architecture}"]
        run([*start, *OPTIONS, f"-I{ROOT}", "-MMD", "-MF", dependencies, "-ptx", "-o", ptx, source], source)
        text = run([*start, "-O3", "-cubin", "-Xptxas", "-v", "-o", cubin, ptx], source)
        lines, why = sass.listing(tool, cubin) if tool else ("", missing(program))
        found = kernels_of(text, files.read_text(ptx), sass.mixes(lines) if lines else {})
        if tool and not why and (unread := [kernel.name for kernel in found if kernel.mix is None]):
            why = f"{tool} lists no instructions of {', '.join(unread)}"
        if not why or not tool:
            keep(kept, made_by, included(files.read_text(dependencies)), found)
    return found, why


def missing(program: str) -> str:
    return (
        f"no cuobjdump in {Path(program).parent}, on PATH or in CUDA_HOME/bin, so the instructions are not "
        "counted; it comes with the CUDA toolkit"
    )


def run(command: list, source: Path) -> str:
    code, text = process.quiet(command, timeout=SECONDS, cwd=ROOT)
    if code != 0:
        raise WorkbookError(f"nvcc does not compile {shown(source)}", Exit.BUILD, clip(text.splitlines()))
    return text


def included(rule: str) -> list:
    """The files that a dependency rule of nvcc names: the source and its headers."""
    _, _, names = rule.replace("\\\n", " ").partition(" : ")
    return [Path(name.replace("\\ ", " ")) for name in DEPENDENCY.findall(names)]


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def recalled(file: Path, made_by: list) -> list | None:
    """The kernels, where everything that they came from is as it was."""
    try:
        document = json.loads(files.read_text(file))
        if document["made_by"] != made_by:
            return None
        if any(digest(ROOT / name) != content for name, content in document["content"].items()):
            return None
        return [kernel_from(row) for row in document["kernels"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def kernel_from(row: dict) -> Kernel:
    mix = row.pop("mix")
    if mix:
        widths = {kind: {int(size): n for size, n in sizes.items()} for kind, sizes in mix["widths"].items()}
        mix = sass.Mix(**{**mix, "widths": widths})
    return Kernel(**row, mix=mix)


def keep(file: Path, made_by: list, sources: list, kernels: list) -> None:
    """Where the folder cannot be written to, the next call compiles again."""
    content = {str(path): digest(ROOT / path) for path in sources}
    rows = [{**kernel._asdict(), "mix": kernel.mix and kernel.mix._asdict()} for kernel in kernels]
    with contextlib.suppress(OSError, WorkbookError):
        files.make_folder(file.parent)
        files.write_text(file, json.dumps({"made_by": made_by, "content": content, "kernels": rows}) + "\n")


def kernels_of(verbose: str, ptx: str, mixes: dict) -> list:
    """From ptxas' words, the PTX that it read, and the instructions by mangled name."""
    bounds, dynamic = {}, {}
    arrays = DYNAMIC.findall(ptx)
    for mangled, _, directives, body in IN_PTX.findall(ptx):
        of_block = BOUNDS.search(directives)
        bounds[mangled] = math.prod(int(one or 1) for one in of_block.groups()) if of_block else 0
        dynamic[mangled] = any(re.search(rf"\b{array}\b", body) for array in arrays)
    found = []
    for part in re.split(r"(?=Compiling entry function)", verbose)[1:]:
        mangled = ENTRY.search(part).group(1)
        _, stores, loads = map(int, STACK.search(part).groups())
        registers, shared = USED.search(part).groups()
        place = bounds.get(mangled, 0), dynamic.get(mangled, False), mixes.get(mangled)
        found.append(Kernel(readable(mangled), int(registers), stores, loads, int(shared or 0), *place))
    return found


def readable(mangled: str) -> str:
    """`softmax_kernel<4, 2, 256>`; as the compiler has it where there is no c++filt."""
    code, text = process.quiet(["c++filt", mangled]) if shutil.which("c++filt") else (1, "")
    if code != 0:
        return mangled
    return plain_name(text.strip())


def plain_name(text: str) -> str:
    """Without result, parameters and namespaces."""
    depth, end = 0, len(text)
    for place, letter in reversed(list(enumerate(text))):  # the parameters are the last brackets
        depth += (letter == ")") - (letter == "(")
        if letter == "(" and depth == 0:
            end = place
            break
    name = text[:end].replace("(anonymous namespace)::", "").replace("void ", "", 1)
    return re.sub(r"\b(?:wb|std)::", "", name)
