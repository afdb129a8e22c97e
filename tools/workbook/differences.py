"""In words: what a reference does that a student's file does not. Only what two texts, or counts, prove."""

from __future__ import annotations

import re
from pathlib import Path

from . import files

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
# What stands in the code, and what it does there.
MEANS = (
    (r"__shared__", "keeps data in shared memory (__shared__)"),
    (r"__syncthreads(?:_\w+)?\s*\(", "lets the threads of a block wait for each other (__syncthreads)"),
    (r"__shfl(?:_\w+)?_sync\s*\(", "passes values from lane to lane in a warp (__shfl_sync)"),
    (r"__(?:reduce_\w+|ballot|any|all)_sync\s*\(", "votes or reduces in a warp with one instruction"),
    (r"\b(?:float|int|uint|double)[24]\b|\bPack<", "moves several elements at once (float4, Pack)"),
    (r"\batomic\w+\s*\(", "uses atomic operations"),
    (r"__restrict__", "promises that pointers do not overlap (__restrict__)"),
    (r"#\s*pragma\s+unroll", "unrolls loops (#pragma unroll)"),
    (r"__launch_bounds__", "bounds the registers of a thread (__launch_bounds__)"),
    (r"\b__ldg\s*\(", "loads through the read-only cache (__ldg)"),
    (r"\btemplate\s*<", "is a template: constants known when it is compiled"),
    (r"\b(?:rsqrtf|__expf|__fdividef|__fsqrt_rn)\s*\(", "uses fast approximations (rsqrtf, __expf)"),
    (r"\bfmaf?\s*\(", "multiplies and adds in one rounding (fmaf)"),
    (r"cudaFuncSetAttribute\s*\(", "asks for more shared memory than the default (cudaFuncSetAttribute)"),
    (r"cooperative_groups", "uses cooperative groups"),
)
FLOPS = (("op_fadd", 1), ("op_fmul", 1), ("op_ffma", 2))  # metrics of a kernel: fp32
COUNTED = ((r"__global__", "kernel"), (r"<<<", "launch"))


def code_of(file: Path) -> str:
    """Without comments and strings."""
    return STRING.sub('""', COMMENT.sub("", files.read_text(file)))


def with_headers(file: Path, root: Path) -> str:
    """The code of a file and of the headers for device code (.cuh) that it names."""
    text = files.read_text(file)
    found = [file.parent / name for name in INCLUDE.findall(text)]
    found += [root / name for name in INCLUDE.findall(text)]
    headers = [path for path in dict.fromkeys(found) if path.suffix == ".cuh" and path.is_file()]
    return "\n".join(code_of(path) for path in (file, *headers))


def words(ours: Path, theirs: list, root: Path) -> tuple:
    """(what theirs does and ours does not, the other way around): sentences without a subject.

    A file does what stands in its own text. It does not what stands neither there nor in its headers.
    """
    own, own_all = code_of(ours), with_headers(ours, root)
    reference = "\n".join(code_of(file) for file in theirs)
    reference_all = "\n".join(with_headers(file, root) for file in theirs)
    more = [does for what, does in MEANS if re.search(what, reference) and not re.search(what, own_all)]
    less = [does for what, does in MEANS if re.search(what, own) and not re.search(what, reference_all)]
    return more, less


def numbers(ours: Path, theirs: list) -> list:
    """What can be counted in both texts, where it differs."""
    found = []
    for what, name in COUNTED:
        counts = [sum(len(re.findall(what, code_of(file))) for file in side) for side in ([ours], theirs)]
        if counts[0] != counts[1]:
            many = "es" if name.endswith("ch") else "s"
            found.append(f"The reference has {plural(counts[1], name, many)}, yours {counts[0] or 'none'}.")
    return found


def plural(count: int, name: str, many: str = "s") -> str:
    return f"{count} {name}" + ("" if count == 1 else many)


def totals(report: dict) -> dict:
    """What a report of the meter adds up to: docs/metering.md."""
    lines = [line for kernel in report["kernels"] for line in kernel["lines"]]
    in_global = [line for line in lines if line["memory"] == "global"]
    metrics = [name_value for kernel in report["kernels"] for name_value in kernel["metrics"].items()]
    in_shared = [line for line in lines if line["memory"] == "shared"]
    return {
        "launches": sum(kernel["launches"] for kernel in report["kernels"]),
        "global_requests": sum(line["requests"] for line in in_global),
        "global_bytes": sum(line["bytes_moved"] for line in in_global),
        "shared_wavefronts": sum(line["wavefronts"] for line in in_shared),
        "operations": sum(weight * value for name, value in metrics for key, weight in FLOPS if key in name),
    }


def counted(ours: dict, theirs: dict) -> list:
    """Sentences on two reports of the meter: the same problems, on the CPU device."""
    mine, reference = totals(ours), totals(theirs)
    about = (
        ("global_bytes", "moves", "bytes in global memory"),
        ("global_requests", "makes", "requests to global memory"),
        ("shared_wavefronts", "needs", "wavefronts in shared memory"),
        ("operations", "computes", "fp32 operations"),
        ("launches", "makes", "kernel launches"),
    )
    found = []
    for name, verb, what in about:
        a, b = mine[name], reference[name]
        if a == b and (a == 0 or name == "launches"):
            continue
        same = f"Both {verb[:-1]} {a:,} {what}."
        found.append(same if a == b else f"The reference {verb} {b:,} {what}, yours {a:,}{times(a, b)}.")
    return found


def times(ours: int, theirs: int) -> str:
    return f" ({ours / theirs:.2f} times as many)" if theirs else ""
