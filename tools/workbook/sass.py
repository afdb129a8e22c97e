"""The machine instructions of each kernel, and how wide its loads and stores are, by `cuobjdump -sass`.

It counts instructions in the code, once each: how often a loop runs is not in it. NOP, which fills the end of
the code, is left out. Names: "Instruction Set Reference" in NVIDIA's CUDA Binary Utilities.
"""

from __future__ import annotations

import os
import re
import shutil
import sysconfig
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from . import process

PROGRAM = "cuobjdump"
PACKAGED = "nvidia/*/bin"  # below Python's packages
SECONDS = 120.0
FUNCTION = re.compile(r"^\s*Function : (\S+)", re.M)
INSTRUCTION = re.compile(
    r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?\w+\s+)?([A-Z][A-Z0-9]*)((?:\.\w+)*)([^;\n]*)", re.M
)
# A constant into a register: it is as fast in the pipe of fp16, and nvcc uses both.
CONSTANT = re.compile(r"\s*R\d+, -RZ, RZ,")
PADDING = "NOP"
WORD = 4  # bytes, where an instruction does not say how wide it is
WIDTHS = {"U8": 1, "S8": 1, "U16": 2, "S16": 2, "64": 8, "128": 16, "256": 32, "F64": 8}
# What each kind does to which memory. An atomic operation whose result nobody reads is a reduction (RED).
ACCESSES = {
    "global load": ("LDG",),
    "global store": ("STG",),
    "asynchronous copy": ("LDGSTS",),
    "shared load": ("LDS", "LDSM"),
    "shared store": ("STS", "STSM"),
    "global atomic": ("ATOM", "ATOMG", "RED", "REDG"),
    "shared atomic": ("ATOMS",),
    "generic load": ("LD",),
    "generic store": ("ST",),
    "local load": ("LDL",),
    "local store": ("STL",),
}
GROUPS = {
    "tensor cores": r"[A-Z]*(?:MMA|MMAEXP)",
    "bulk copy": r"UBLK\w+|UTMA\w+|UTCCP|LDTM|STTM",
    "fp64": r"D(?:ADD|MUL|FMA|SETP|MNMX|SET)",
    "fp32": r"U?F(?:ADD|MUL|FMA|SWZADD)(?:2|32I)?|U?F(?:MNMX3?|SETP?|SEL|CHK|CMP)",
    "fp16": r"H(?:ADD|MUL|FMA|SETP?|MNMX)2?(?:32I|X)?|HFMA2",
    "special function": r"MUFU",
    "conversion": r"U?(?:F2|I2)\w+|U?FRND",
    "shuffle or vote": r"SHFL|U?VOTEU?|U?REDUX|CREDUX|MATCH",
    "barrier or fence": r"BAR|B2R|R2B|SYNCS|DEPBAR|LDGDEPBAR|ARRIVES|MEMBAR|ERRBAR|FENCE|CCTL\w*|"
    r"UCGABAR\w*|WARPGROUP|WARPSYNC|UTMACMDFLUSH|CGAERRBAR|ACQBULK|ACQSHMINIT|UTCBAR",
    "branch": r"BRA|BRX|BRXU|JMP|JMX|CALL|RET|EXIT|KILL|BSSY|BSYNC|BREAK|BMOV|YIELD|NANOSLEEP|BPT|RPCMOV|"
    r"PREEXIT|ELECT|WARPSYNCALL",
    "constant load": r"U?LDCU?",
    "move": r"U?MOV\d*I?|S2R|CS2R|S2UR|R2UR|UR2R|P2R|R2P|U?PRMT|U?SEL|USETMAXREG|U?P2UR|UR2UP|GETLMEMBASE|"
    r"LEPC|MOVM",
    "integer": r"U?(?:IMAD\d*|IADD3?|IADD2|LOP3?|LEA|SHF|SHL|SHR|ISETP?|IMNMX|VIADD|VIMNMX3?|VIADDMNMX|"
    r"VABSDIFF4?|IABS|POPC|FLO|BREV|BMSK|SGXT|PLOP3|ISCADD|IDP|IMUL|PSETP|LOP32I|IADD32I|ISEL)",
}
GROUP_OF = {name: re.compile(pattern) for name, pattern in GROUPS.items()}
ACCESS_OF = {base: kind for kind, bases in ACCESSES.items() for base in bases}
OTHER = "other"


class Mix(NamedTuple):
    instructions: int  # NOP left out
    groups: dict  # a name of GROUPS or ACCESSES to how many
    names: dict  # "FFMA" to how many
    widths: dict  # a name of ACCESSES to {bytes per thread: how many}


def program(nvcc: str) -> str | None:
    """cuobjdump beside nvcc, on PATH, in CUDA_HOME, or among the packages of this Python."""
    home = os.environ.get("CUDA_HOME")
    packages = Path(sysconfig.get_path("purelib"))
    places = [
        Path(nvcc).parent / PROGRAM,
        shutil.which(PROGRAM),
        Path(home) / "bin" / PROGRAM if home else None,
        *(folder / PROGRAM for folder in sorted(packages.glob(PACKAGED))),
    ]
    return next((str(one) for one in places if one and os.access(one, os.X_OK)), None)


def listing(tool: str, cubin: Path) -> tuple:
    """(what cuobjdump prints, "") or ("", why it does not). It starts nvdisasm from beside it, or PATH."""
    path = os.pathsep.join([str(Path(tool).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path}
    started = process.Lines([tool, "-sass", cubin], timeout=SECONDS, env=environment)
    try:
        lines = list(started)
    except OSError as error:
        return "", f"{tool} does not start: {error.strerror}"
    text = "\n".join(lines)
    if started.code == 0:  # without a kernel, it lists none
        return text, ""
    words = [line for line in lines if line.strip()] or [f"exit code {started.code}"]
    return "", f"{tool} does not list the instructions: {words[-1].strip()}"


def mixes(text: str) -> dict:
    """The mangled name of each kernel to its Mix."""
    parts = FUNCTION.split(text)[1:]
    return {name: mix_of(body) for name, body in zip(parts[::2], parts[1::2])}


def mix_of(body: str) -> Mix:
    names, groups, widths = Counter(), Counter(), {}
    for base, modifiers, operands in INSTRUCTION.findall(body):
        if base == PADDING:
            continue
        names[base] += 1
        if kind := ACCESS_OF.get(base):
            groups[kind] += 1
            widths.setdefault(kind, Counter())[width(base, modifiers)] += 1
        else:
            groups[group_of(base, modifiers, operands)] += 1
    sizes = {kind: dict(sorted(found.items(), reverse=True)) for kind, found in widths.items()}
    return Mix(sum(names.values()), dict(groups.most_common()), dict(names.most_common()), sizes)


def group_of(base: str, modifiers: str, operands: str) -> str:
    if base == "IMAD" and modifiers.startswith(".MOV"):
        return "move"
    if base == "HFMA2" and CONSTANT.match(operands):
        return "move"
    return next((name for name, pattern in GROUP_OF.items() if pattern.fullmatch(base)), OTHER)


def is_in(kind: str, name: str) -> bool:
    """Whether instructions of this name are of this kind."""
    return name in ACCESSES.get(kind, ()) or bool(kind in GROUP_OF and GROUP_OF[kind].fullmatch(name))


def width(base: str, modifiers: str) -> int:
    """The bytes per thread: LDG.E.128 is 16, LDSM.16.M88.4 four 8 x 8 tiles with 4 bytes per thread each."""
    parts = modifiers.split(".")[1:]
    if base in ("LDSM", "STSM"):
        return WORD * next((int(part) for part in parts if part in ("2", "4")), 1)
    return next((WIDTHS[part] for part in reversed(parts) if part in WIDTHS), WORD)
