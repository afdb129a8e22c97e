"""Configure and build one device's build directory through the CMake presets, with one progress line."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from . import device as devices
from . import files, lock, machine, packages, process, repair
from .console import Progress, say, warn
from .errors import Exit, WorkbookError, shown
from .machine import ROOT

NINJA_STEP = re.compile(r"^\[(\d+)/(\d+)\] (.*)$")
MAKE_STEP = re.compile(r"^\[\s*(\d+)%\] (.*)$")
CMAKE_CHATTER = re.compile(
    r"^(-- |ninja: |gmake|make(\[\d+\])?: |Scanning dependencies|Consolidate compiler)"
)
CCACHE_GAVE_UP = re.compile(r"^ccache: error: ", re.M)
SHOWN_LINES = 60
CMAKE_FILES = ("CMakeLists.txt", "cmake/*.cmake", "0*_*/CMakeLists.txt", "0*_*/*/CMakeLists.txt")
STEP_SECONDS = 3600.0  # for one file to compile
MENDINGS = 3
UNUSABLE = '[];#"\\<>|'  # what CMake lists, Ninja files or their quotes cannot carry in a path


class Build:
    """The build directory of `device`: build/cpu or build/cuda."""

    def __init__(self, device: str, jobs: int, verbose: bool = False, patience: float = 0.0) -> None:
        self.device = device
        self.patience = patience  # of the progress line
        self.jobs = jobs
        self.verbose = verbose
        self.folder = ROOT / "build" / device
        self.env = process.environment()
        self.mended = False
        self.beside = None  # what runs beside the build as soon as it is linked (Beside)

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name

    def configure(self) -> None:
        """Run CMake when there is no usable build system yet; later changes CMake notices by itself."""
        refuse_folder_name()
        with lock.held(self.folder):
            self._configure()

    def lists(self, name: str, entry: str) -> bool:
        """Whether a list that CMake writes has this entry. A list that lacks it may be older than the
        exercise (git pull), or than an interrupted configuration. If so, CMake runs before the answer."""
        file = self.folder / f"{name}.txt"
        if entry in lines_of(file):
            return True
        with lock.held(self.folder):
            if not self._is_stale():
                return False
            self._require_configured(self._run_cmake())
        return entry in lines_of(file)

    def _is_stale(self) -> bool:
        """Whether one of CMake's files is newer than what CMake has written."""
        made = [path for path in (self.folder / "build.ninja", self.folder / "Makefile") if path.is_file()]
        inputs = [path for pattern in CMAKE_FILES for path in ROOT.glob(pattern)]
        newest = max((path.stat().st_mtime_ns for path in inputs), default=0)
        return bool(made) and newest > max(path.stat().st_mtime_ns for path in made)

    def build(
        self, targets: list, what: str = "", limit: float = STEP_SECONDS, parts: list | None = None
    ) -> None:
        """Build the programs `targets` (none: everything), and `parts`: targets that are not programs. A
        failure raises with the compiler's words.

        A step that takes longer than `limit` seconds ends the build. What is damaged in the build directory
        is mended once, in one line.
        """
        with lock.held(self.folder):
            self._configure()
            swept = repair.sweep(self.folder)
            if swept:
                first = shown(swept[0])
                say(f"{len(swept)} half-written file(s), such as {first}, are built again.")
            wanted = [*targets, *(parts or [])]
            lines = self._run(wanted, what, limit)
            for _ in range(MENDINGS):
                if self.beside and (lines.timed_out or lines.code != 0):
                    self.beside.close()  # its program may be linked again
                if lines.timed_out or not self._mend(lines, targets):
                    break
                lines = self._run(wanted, what, limit)
            if lines.timed_out or lines.code != 0:
                raise self._failed(lines, what, limit)
            absent = [name for name in targets if not repair.is_program(self.program(name))]
            if absent:
                message = f"the build left no {shown(self.program(absent[0]))}; delete {shown(self.folder)}"
                raise WorkbookError(f"{message}, then run the same command again", Exit.BUILD)

    def build_what_compiles(self, part: str, what: str) -> None:
        """Build as much as there can be of a target that is no program: a student's starter may not compile.
        Whoever needs what is absent says so."""
        with lock.held(self.folder):
            self._configure()
            self._run([part], what, STEP_SECONDS, keep_going=True)

    def _configure(self) -> None:
        wrong = self._wrong()
        if not wrong:
            return
        made = self.folder.is_dir() and any(path.name not in repair.KEPT for path in self.folder.iterdir())
        if made:
            say(repair.mended(self.folder, wrong))
            repair.clear(self.folder)
        lines = self._run_cmake()
        if lines.code != 0 and made and not packages.missing(self.device):
            shutil.rmtree(
                self.folder / "_deps", ignore_errors=True
            )  # what was downloaded may be cut off, too
            lines = self._run_cmake()
        self._require_configured(lines)

    def _require_configured(self, lines: process.Lines) -> None:
        if lines.code != 0:
            fault = repair.machines_fault(lines.text, self.folder)
            code = Exit.SETUP if fault else Exit.BUILD
            raise WorkbookError(fault or self._configure_advice(), code, cmake_errors(lines.text))

    def _wrong(self) -> str:
        return repair.wrong_configuration(self.folder, self.device)

    def _run_cmake(self) -> process.Lines:
        command = [machine.cmake()[0], "--preset", self.device, *self._definitions()]
        if self.verbose:
            say(process.shown(command))
        progress = Progress(f"configure {self.device}", self.patience)
        lines = process.Lines(command, env=self.env, cwd=ROOT, timeout=STEP_SECONDS, renewed=True)
        for line in lines:
            progress.note(line[3:] if line.startswith("-- ") else line)
        self._log("configure.log", lines.text)
        progress.finish("done" if lines.code == 0 else "failed")
        return lines

    def _run(self, targets: list, what: str, limit: float, keep_going: bool = False) -> process.Lines:
        command = [machine.cmake()[0], "--build", str(self.folder), "--parallel", str(self.jobs)]
        command += ["--target", *targets] if targets else []
        command += ["--verbose"] if self.verbose else []
        if keep_going:
            command += ["--", "-k", "0"] if machine.ninja() else ["--", "-k"]
        progress = Progress(f"build {self.device}" + (f" {what}" if what else ""), self.patience)
        env = {**self.env, "NINJA_STATUS": "[%f/%t] "}
        lines = process.Lines(command, env=env, cwd=ROOT, timeout=limit, renewed=True)
        if self.beside:
            lines.sweep, lines.on_look = False, self.beside.look
        warnings = []
        for line in lines:
            if self.verbose:
                progress.clear()
                say(line)
            if re.search(r"\bwarning\b", line, re.I):
                warnings.append(line)
            step = parse_step(line)
            if step:
                progress.update(*step)
            if step and self.beside and NINJA_STEP.match(line):  # Make tells it before the link
                self.beside.built(step[2])
        self._log("build.log", lines.text)
        incomplete = "done but for what does not compile" if keep_going else "failed"
        progress.finish("done" if lines.code == 0 else incomplete)
        if lines.code == 0 and warnings and not self.verbose:
            warn(f"the build has {len(warnings)} warning(s), the first: {warnings[0].strip()}")
        return lines

    def _mend(self, lines: process.Lines, targets: list) -> bool:
        """Whether there was something to mend, so that another try may do better."""
        if lines.code == 0:
            broken = [self.program(name) for name in targets if not repair.is_program(self.program(name))]
            again = [path for path in broken if path.is_file()]
            for path in again:
                say(f"{shown(path)} is not a program, so it is linked again.")
                path.unlink()
            return bool(again) or (bool(broken) and self._anew(f"there is no program {broken[0].name}"))
        if CCACHE_GAVE_UP.search(lines.text) and "CCACHE_DISABLE" not in self.env:
            say("ccache does not work here (ccache --show-config): building without it.")
            self.env["CCACHE_DISABLE"] = "1"
            return True
        if repair.machines_fault(lines.text, self.folder):
            return False
        why = repair.damage(lines.text, self.folder)
        return self._anew(why) if why else False

    def _anew(self, why: str) -> bool:
        """From nothing, once."""
        if self.mended:
            return False
        self.mended = True
        say(repair.mended(self.folder, why))
        repair.clear(self.folder)
        self._configure()
        return True

    def _failed(self, lines: process.Lines, what: str, limit: float) -> WorkbookError:
        """What the last try came to, as an error."""
        words = failure(lines.text)
        subject = f"the build of {what or 'the workbook'}"
        log = f"all of it: {shown(self.folder / 'build.log')}"
        if lines.timed_out:
            message = f"{subject} was stopped: a step of it took more than {limit:.0f} s"
            return WorkbookError(f"{message} (a template without an end?)", Exit.BUILD, words)
        fault = repair.machines_fault(lines.text, self.folder)
        if fault:
            return WorkbookError(f"{fault} ({log})", Exit.SETUP, words)
        again = "Mend what the compiler says, then run the same command again. It continues from here"
        return WorkbookError(f"{subject} failed ({log}). {again}", Exit.BUILD, words)

    def _definitions(self) -> list:
        definitions = []
        if machine.ninja() is None:
            definitions += ["-G", "Unix Makefiles"]
        elif not shutil.which("ninja"):
            definitions.append(f"-DCMAKE_MAKE_PROGRAM={machine.ninja()}")
        usual = shutil.which("c++")
        chosen = machine.compiler()[0]
        if chosen and chosen != usual:
            definitions.append(f"-DCMAKE_CXX_COMPILER={chosen}")
            if self.device == "cuda":
                definitions.append(f"-DCMAKE_CUDA_HOST_COMPILER={chosen}")
        if shutil.which("ccache"):
            definitions.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
            if self.device == "cuda":
                definitions.append("-DCMAKE_CUDA_COMPILER_LAUNCHER=ccache")
        if self.device == "cuda" and not shutil.which("nvidia-smi") and devices.gpu()[0]:
            major, minor = devices.gpu()[0].capability
            definitions.append(f"-DCMAKE_CUDA_ARCHITECTURES={major}{minor}{'a' if major == 9 else ''}")
        return definitions

    def _configure_advice(self) -> str:
        message = f"CMake could not configure {shown(self.folder)}"
        absent = packages.missing(self.device)
        if absent:
            return f"{message}. Missing here; install: {packages.install_command(absent)}"
        log = shown(self.folder / "configure.log")
        return f"{message} (all of it: {log}). ./workbook doctor looks for the cause"

    def _log(self, name: str, text: str) -> None:
        files.write_text(self.folder / name, text + "\n")


class Beside:
    """Programs that start when the build has linked them, and run while the rest is built."""

    def __init__(self, starts: dict) -> None:
        self.starts = starts  # program -> how it is started
        self.running = {}  # program -> what that returned

    def built(self, what: str) -> None:
        for program, start in self.starts.items():
            if what == f"link {program.name}" and program not in self.running and repair.is_program(program):
                with contextlib.suppress(OSError):  # it is started after the build, and its error is told
                    self.running[program] = start()

    def look(self) -> bool:
        for running in self.running.values():
            running.advance()
        return False

    def close(self) -> None:
        """End them, and forget what they have found."""
        while self.running:
            self.running.popitem()[1].close()


def lines_of(file: Path) -> list:
    return files.read_text(file).split() if file.is_file() else []


def refuse_folder_name() -> None:
    """CMake lists, Ninja files and their quotes end at some characters: say so before they do."""
    found = [letter for letter in str(ROOT) if letter in UNUSABLE or not letter.isprintable()]
    if found:
        message = f"the workbook's folder is called {str(ROOT)!r}, and CMake cannot build in a folder with"
        raise WorkbookError(f"{message} {found[0]!r} in its path; rename or move it", Exit.USAGE)


def parse_step(line: str) -> tuple | None:
    """(done, total, what) from a line of Ninja ('[3/12] Building ...') or Make ('[ 25%] Building ...')."""
    found = NINJA_STEP.match(line)
    if found:
        return int(found.group(1)), int(found.group(2)), brief(found.group(3))
    found = MAKE_STEP.match(line)
    if found:
        return int(found.group(1)), 100, brief(found.group(2))
    return None


def brief(description: str) -> str:
    """'Building CXX object a/b/CMakeFiles/t.dir/x.cpp.o' -> 'x.cpp'; 'Linking ... bin/y' -> 'link y'."""
    last = description.split()[-1] if description.split() else ""
    name = Path(last).name
    if description.startswith("Building") and name.endswith(".o"):
        return name[:-2]
    return f"link {name}" if description.startswith("Linking") else shortened(description)


def shortened(description: str) -> str:
    """A description without the folders of its files."""
    return " ".join(Path(word).name if "/" in word else word for word in description.split()[:6])


def failure(text: str) -> str:
    """The words of the first step that failed, without its command line and without other steps. A file that
    is compiled for the inspector too fails twice: then the step without it."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("FAILED: ")]
    if not starts:
        return cmake_errors(text)
    first = next((at for at in starts if "_inspected.dir" not in lines[at]), starts[0])
    block = [lines[first]]
    for line in lines[first + 2 :]:  # lines[first + 1] is the command
        if NINJA_STEP.match(line) or line.startswith(("FAILED: ", "ninja: build stopped")):
            break
        block.append(line)
    # A file is compiled once for the tests and once for the inspector: those are the same mistakes.
    others = {object_of(lines[at]) for at in starts} - {object_of(lines[first])}
    more = sum(object_of(lines[at]) in others for at in starts)
    return clip(block) + (f"\n({more} more step(s) failed)" if more else "")


def object_of(line: str) -> str:
    """The name of the file that a line FAILED: is about, without its folder."""
    return Path(line.split()[-1]).name


def as_compiled(details: str) -> str:
    """The compiler's words alone, with files as a person names them: for a source that does not compile."""
    lines = details.splitlines()
    if lines and lines[0].startswith("FAILED: ") and any("error" in line for line in lines[1:]):
        lines = lines[1:]
    return "\n".join(lines).replace(f"{ROOT}/", "")


def cmake_errors(text: str) -> str:
    """CMake's (or Make's) own error paragraphs, else the last lines."""
    lines = text.splitlines()
    found = [i for i, line in enumerate(lines) if re.match(r"CMake Error|.*\berror\b:|.*\*\*\* ", line)]
    if not found:
        return clip([line for line in lines if not CMAKE_CHATTER.match(line)][-20:])
    return clip([line for line in lines[found[0] :] if not CMAKE_CHATTER.match(line)])


def clip(lines: list) -> str:
    kept = [line for line in lines if line.strip()]
    if len(kept) > SHOWN_LINES:
        kept = [*kept[:SHOWN_LINES], f"... {len(kept) - SHOWN_LINES} more lines in the log"]
    return "\n".join(kept)
