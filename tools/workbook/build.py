"""Configure and build one device's build directory through the CMake presets, with one progress line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from . import device as devices
from . import files, machine, packages, process
from .console import Progress, say, warn
from .errors import Exit, WorkbookError, shown
from .machine import ROOT

NINJA_STEP = re.compile(r"^\[(\d+)/(\d+)\] (.*)$")
MAKE_STEP = re.compile(r"^\[\s*(\d+)%\] (.*)$")
CMAKE_CHATTER = re.compile(
    r"^(-- |ninja: |gmake|make(\[\d+\])?: |Scanning dependencies|Consolidate compiler)"
)
SHOWN_LINES = 60


class Build:
    """The build directory of `device`: build/cpu or build/cuda."""

    def __init__(self, device: str, jobs: int, verbose: bool = False) -> None:
        self.device = device
        self.jobs = jobs
        self.verbose = verbose
        self.folder = ROOT / "build" / device

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name

    def configure(self) -> None:
        """Run CMake when there is no usable build system yet; later changes CMake notices by itself."""
        if self._is_configured():
            return
        command = [machine.cmake()[0], *self._fresh(), "--preset", self.device, *self._definitions()]
        if self.verbose:
            say(process.shown(command))
        progress = Progress(f"configure {self.device}")
        lines = process.Lines(command, cwd=ROOT)
        for line in lines:
            progress.note(line.removeprefix("-- ") if hasattr(str, "removeprefix") else line)
        self._log("configure.log", lines.text)
        progress.finish("done" if lines.code == 0 else "failed")
        if lines.code != 0:
            raise WorkbookError(self._configure_advice(), Exit.BUILD, cmake_errors(lines.text))

    def build(self, targets: list, what: str = "", keep_going: bool = False) -> None:
        """Build `targets` (none: everything); a failure raises with the compiler's words."""
        command = [machine.cmake()[0], "--build", str(self.folder), "--parallel", str(self.jobs)]
        command += ["--target", *targets] if targets else []
        command += ["--verbose"] if self.verbose else []
        command += ["--", "-k", "0"] if keep_going else []
        title = f"build {self.device}" + (f" {what}" if what else "")
        progress = Progress(title)
        lines = process.Lines(command, env=process.environment(NINJA_STATUS="[%f/%t] "), cwd=ROOT)
        warnings = []
        for line in lines:
            if re.search(r"\bwarning\b", line, re.I):
                warnings.append(line)
            if self.verbose:
                progress.clear()
                say(line)
            step = parse_step(line)
            if step:
                progress.update(*step)
        self._log("build.log", lines.text)
        progress.finish("done" if lines.code == 0 else "failed")
        if lines.code != 0:
            raise WorkbookError(
                f"the build of {what or 'the workbook'} failed (all of it: {self._relative('build.log')}). "
                "Mend what the compiler says, then run the same command again: it goes on from here",
                Exit.BUILD,
                failure(lines.text),
            )
        if warnings and not self.verbose:
            warn(f"the build has {len(warnings)} warning(s), the first: {warnings[0].strip()}")

    def _is_configured(self) -> bool:
        cache = self.folder / "CMakeCache.txt"
        system = any((self.folder / name).exists() for name in ("build.ninja", "Makefile"))
        return system and cache.exists() and not self._is_stale(cache)

    def _is_stale(self, cache: Path) -> bool:
        """Made for a checkout that has moved, or with a compiler that is gone."""
        text = files.read_text(cache)
        home = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", text, re.M)
        compiler = re.search(r"^CMAKE_CXX_COMPILER:[A-Z]+=(.*)$", text, re.M)
        moved = not home or Path(home.group(1)).resolve() != ROOT
        return moved or (compiler is not None and shutil.which(compiler.group(1)) is None)

    def _fresh(self) -> list:
        return ["--fresh"] if (self.folder / "CMakeCache.txt").exists() else []

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
        log = self._relative("configure.log")
        return f"{message} (all of it: {log}). ./workbook doctor looks for the cause"

    def _log(self, name: str, text: str) -> None:
        files.write_text(self.folder / name, text + "\n")

    def _relative(self, name: str) -> str:
        return shown(self.folder / name)


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
    """The words of the first step that failed, without its command line and without other steps."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("FAILED: ")]
    if not starts:
        return cmake_errors(text)
    first = starts[0]
    block = [lines[first]]
    for line in lines[first + 2 :]:  # lines[first + 1] is the command
        if NINJA_STEP.match(line) or line.startswith(("FAILED: ", "ninja: build stopped")):
            break
        block.append(line)
    more = len(starts) - 1
    return clip(block) + (f"\n({more} more step(s) failed)" if more else "")


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
