"""Build CUDA files of the user's own into a program: for the CPU device, for its inspector, or with nvcc.

Each program has a folder under build/own, named after its first file and a hash of all their paths. On the
CPU device the files, and the headers of the user's own that they include, are translated into a copy of
their folders there, so that kernels and launches may stand in headers. Only what has changed is compiled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from pathlib import Path

from . import device as devices
from . import files, lock, machine, own_words, process
from .build import STEP_SECONDS, Build
from .console import Progress, say
from .errors import Exit, WorkbookError, shown
from .machine import ROOT

FOLDER = ROOT / "build" / "own"
PLAIN, INSPECTED, METERED, CUDA = "cpu", "inspected", "metered", "cuda"  # what a program is built for
# What listens to every access, and the options that make the compiler tell it: names in own_file.json.
LISTENERS = {INSPECTED: ("inspector", "inspect_options"), METERED: ("meter", "meter_options")}
STANDARD = "-std=gnu++20"
VERSION = 3  # of own_file.json, which cmake/OwnFile.cmake writes
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.M)
DEVICE_CODE = re.compile(rb"<<<|\b__(?:shared|global|device)__\b")
# Mistakes in every program; no matter of taste.
WARNINGS = ("-Wreturn-type", "-Wformat", "-Wuninitialized", "-Waddress")
WRAPPED = "-Wl,--wrap=memcpy,--wrap=memmove,--wrap=memset"
WRAPPED_HEAP = "-Wl,--wrap=malloc,--wrap=free"  # for what kernels allocate themselves
PATIENCE = 2.0  # seconds that a build takes before it is worth a line


class OwnProgram:
    """The program that `sources` make; `options` are those of the command."""

    def __init__(self, sources: list, kind: str, options) -> None:
        self.sources = [Path(os.path.abspath(source)) for source in sources]
        self.kind = kind
        self.options = options
        paths = b"\0".join(os.fsencode(source) for source in self.sources)
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", self.sources[0].stem)[:40].strip("_") or "program"
        self.folder = FOLDER / f"{name}-{hashlib.sha256(paths).hexdigest()[:10]}"
        self.copies = self.folder / "translated"
        self.made = self.folder / kind
        self.program = self.made / name
        self.include = [Path(os.path.abspath(folder)) for folder in options.include]
        self.parts = {}

    def build(self) -> Path:
        """Everything that is out of date; the program. Errors are the compiler's words, made short."""
        if self.kind != CUDA:
            self.parts = parts(self.options, self.kind)
        with lock.held(self.folder):
            files.make_folder(self.made)
            if self.kind != CUDA:
                self._translate()
            progress = Progress(f"build {self.sources[0].name}", patience=PATIENCE)
            try:
                objects = self._compile(progress)
                self._link(objects)
            except BaseException:
                progress.clear()
                raise
            progress.finish()
        return self.program

    # --- translation

    def _translate(self) -> None:
        """Bring the copies up to date: CUDA files and headers translated, other headers as they are."""
        known = read(self.folder / "copies.json")
        wanted = {}
        for source in self.sources:
            if source.suffix == ".cu":
                self._reach(source, wanted)
        for path in set(known) - set(wanted):
            with contextlib.suppress(OSError):
                self._copy(Path(path)).unlink()
        translator = self.parts["translator"]
        tool = stamp(translator)
        for path, content in wanted.items():
            wanted[path] = [*stamp(path), *tool]
            copy = self._copy(Path(path))
            if known.get(path) == wanted[path] and copy.is_file():
                continue
            files.make_folder(copy.parent)
            if not path.endswith(".cu") and not DEVICE_CODE.search(content):
                quoted = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
                write_bytes(copy, b'#line 1 "%s"\n%s' % (quoted, content))
                continue
            command = [translator, path, "-o", copy]
            lines = self._run(command)
            if lines.code != 0:
                raise own_words.not_translated(lines.text)
        files.write_text(self.folder / "copies.json", json.dumps(wanted))

    def _reach(self, source: Path, reached: dict) -> None:
        """`source` and the headers of the user's own that it includes, with their contents."""
        if str(source) in reached or source.is_relative_to(self.parts["include"]):
            return
        try:
            content = source.read_bytes()
        except OSError:  # the compiler will say it, with the line
            return
        reached[str(source)] = content
        for quoted, angled in INCLUDE.findall(content):
            name = os.fsdecode(quoted or angled)
            folders = [source.parent, *self.include] if quoted else self.include
            places = (Path(os.path.normpath(folder / name)) for folder in folders)
            found = next((place for place in places if place.is_file()), None)
            if found:
                self._reach(found, reached)

    def _copy(self, path: Path) -> Path:
        copy = self.copies / path.relative_to(path.anchor)
        return copy.with_name(copy.name + ".cpp") if path.suffix == ".cu" else copy

    # --- compiler and linker

    def _compile(self, progress: Progress) -> list:
        objects = []
        for number, source in enumerate(self.sources):
            made = self.made / f"{number}.o"
            progress.update(number, len(self.sources) + 1, source.name)
            self._make(made, self._compiler(source), source)
            objects.append(made)
        return objects

    def _compiler(self, source: Path) -> list:
        """The command that compiles `source`; its output is still to be named."""
        defined = [f"-D{name}" for name in self.options.define]
        level = f"-O{self.options.optimize}"
        if self.kind == CUDA:
            folders = [f"-I{folder}" for folder in self.include]
            apart = ["-rdc=true"] if len(self.sources) > 1 else []
            host = [f"-Xcompiler={option}" for option in self.options.host_option]
            return [
                *nvcc(),
                "-std=c++20",
                level,
                "-lineinfo",
                *apart,
                *host,
                *defined,
                *folders,
                "-c",
                source,
            ]
        here = source
        folders = []
        if source.suffix == ".cu":
            here = self._copy(source)
            folders += ["-iquote", source.parent]
            folders += [f"-I{self._copy(folder)}" for folder in self.include]
        folders += [f"-I{folder}" for folder in self.include]
        prelude = self._prelude(source)
        folders += ["-isystem", prelude] if prelude else []
        folders += ["-isystem", self.parts["include"]]
        command = [self.parts["compiler"], *self.parts["flags"], STANDARD, level]
        if self.kind in LISTENERS:
            command += self.parts[LISTENERS[self.kind][1]]
        command += [*self.parts["kernel_options"], *WARNINGS, "-fdiagnostics-color=never"]
        command += ["-w"] if self.kind in LISTENERS else []
        return [*command, *self._host_options(), *defined, *folders, "-c", here]

    def _prelude(self, source: Path) -> str | None:
        """The folder of the device's headers, precompiled for these options (cmake/Prelude.cmake)."""
        return self.parts.get("preludes", {}).get(self.kind) if source.suffix == ".cu" else None

    def _host_options(self) -> list:
        return [word for option in self.options.host_option for word in option.split(",") if word]

    def _make(self, made: Path, command: list, source: Path) -> None:
        """Run the compiler unless `made` is what this command made of the same files before."""
        record = made.with_suffix(".json")
        command = [str(part) for part in command]
        told = read(record)
        if made.is_file() and told.get("command") == command and unchanged(told.get("inputs", {})):
            return
        depends = made.with_suffix(".d")
        files.remove(record)
        began = time.time_ns()
        lines = self._run([*command, "-MD", "-MF", depends, "-o", made])
        if lines.code != 0:
            raise own_words.not_compiled(lines, source, self.kind == CUDA)
        prelude = self._prelude(source)
        unnamed = [f"{prelude}/simt/prelude.h.gch"] if prelude else []  # GCC names no precompiled header
        inputs = {path: stamp(path) for path in [*dependencies(depends), *unnamed]}
        if any(changed > began for changed, _ in inputs.values()):
            inputs = {}  # edited while the compiler read it: compiled again next time
        if lines.text and not self.options.verbose:
            own_words.warnings(lines.text)
        files.write_text(record, json.dumps({"command": command, "inputs": inputs}))

    def _link(self, objects: list) -> None:
        libraries = [f"-l{name}" for name in self.options.library]
        if self.kind == CUDA:
            command = [*nvcc(), "-rdc=true"] if len(objects) > 1 else nvcc()
            host = [f"-Xcompiler={option}" for option in self.options.host_option]
            command = [*command, *host, *objects, *libraries]
            inputs = objects
        else:
            listener = self.parts[LISTENERS[self.kind][0]] if self.kind in LISTENERS else []
            own = self.parts["libraries"]
            shared = [f"-Wl,-rpath,{Path(path).parent}" for path in own if ".so" in Path(path).name]
            command = [self.parts["compiler"], *self.parts["flags"], *self.parts["link_flags"], *objects]
            command += [*self._host_options(), *listener, *own, *shared, *libraries, "-pthread", "-ldl"]
            command += [WRAPPED] if listener else []
            command += [WRAPPED_HEAP] if self.kind == INSPECTED else []
            inputs = [*objects, *listener, *own]
        record = self.made / "program.json"
        command = [str(part) for part in command]
        now = {"command": command, "inputs": {str(path): stamp(path) for path in inputs}}
        if self.program.is_file() and read(record) == now:
            return
        files.remove(record)
        fresh = self.program.with_name(self.program.name + ".new")  # the old one may be running
        lines = self._run([*command, "-o", fresh])
        if lines.code != 0:
            raise own_words.not_linked(lines, self.sources)
        fresh.replace(self.program)
        files.write_text(record, json.dumps(now))

    def _run(self, command: list) -> process.Lines:
        if self.options.verbose:
            say(process.shown(command))
        env = {**process.environment(), "LC_ALL": "C.UTF-8"}
        lines = process.Lines(command, env=env, timeout=STEP_SECONDS).run()
        if self.options.verbose and lines.text:
            say(lines.text)
        if lines.timed_out:
            raise WorkbookError(f"{Path(command[0]).name} took more than {STEP_SECONDS:.0f} s", Exit.BUILD)
        return lines


def parts(options, kind: str) -> dict:
    """The CPU device's translator, compiler and libraries, built if need be."""
    build = Build("cpu", options.jobs, options.verbose, patience=PATIENCE)
    build.configure()
    wanted = f"own_file_{LISTENERS[kind][0]}" if kind in LISTENERS else "own_file_parts"
    build.build(["simt-translate"], "the CPU device", parts=[wanted])
    found = read(build.folder / "own_file.json")
    if found.get("schema_version") != VERSION:
        message = f"{shown(build.folder / 'own_file.json')} is missing or of another version; delete"
        raise WorkbookError(f"{message} {shown(build.folder)}, then run this again", Exit.BUILD)
    # An empty CMake list is one empty word.
    for name in ("flags", "link_flags", "inspect_options", "meter_options"):
        found[name] = [word for word in found[name] if word]
    if kind in LISTENERS and not found[LISTENERS[kind][0]]:
        what = LISTENERS[kind][0]
        message = f"the {what} needs GCC or Clang on Linux, and no other sanitizer; {found['compiler']}"
        raise WorkbookError(f"{message} builds without it here. ./workbook run works", Exit.SETUP)
    return found


def nvcc() -> list:
    program, _ = devices.nvcc()
    major, minor = devices.gpu()[0].capability
    architecture = f"{major}{minor}{'a' if major == 9 else ''}"
    command = [program, f"-gencode=arch=compute_{architecture},code=sm_{architecture}"]
    chosen = machine.compiler()[0]
    return [*command, "-ccbin", chosen] if chosen else command


def stamp(path: Path | str) -> list:
    """What tells whether a file has changed; of one that is not there, nothing that a file can have."""
    try:
        status = os.stat(path)
    except OSError:
        return [0, -1]
    return [status.st_mtime_ns, status.st_size]


def unchanged(inputs: dict) -> bool:
    return bool(inputs) and all(told[1] >= 0 and stamp(path) == told for path, told in inputs.items())


def read(path: Path) -> dict:
    """A record of ours; nothing where there is none, or a damaged one: then it is made again."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_bytes(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)


def dependencies(path: Path) -> list:
    """The files that a compiler read: a Makefile rule, whose blanks, # and $ are escaped."""
    text = os.fsdecode(path.read_bytes())
    _, _, text = text.replace("\\\n", " ").partition(": ")
    words = re.findall(r"(?:\\.|[^\s\\]|\\)+", text)
    return [re.sub(r"\\([ #\\])", r"\1", word).replace("$$", "$") for word in words]
