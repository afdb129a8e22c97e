"""`run FILE.cu` and `inspect FILE.cu`: a CUDA program of the user's own, alone or under the inspector."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from . import answers, console, device, files, own_build, own_words, process, setup
from .console import complain, say
from .errors import Exit, WorkbookError, reason

SOURCES = (".cu", ".cpp", ".cc", ".cxx")
REPORT = "SIMT_REPORT"  # where an inspected program writes what was found (inspector/program/program.cpp)
REPORT_VERSION = 1
GRACE_SECONDS = 20.0  # for an inspected program to look its findings up
MACRO = re.compile(r"[A-Za-z_]\w*(?:=.*)?", re.S)
SEES = "races, array bounds, unwritten memory, alignment, overflow; leaks, unchecked errors, missing waits"


def is_own_file(word: str) -> bool:
    """Whether `inspect` means a file, rather than a chapter."""
    return Path(word).suffix in SOURCES


def run(options) -> int:
    with answers.Output(options) as output:
        chosen, code = build_and_run(options, output.descriptor)
        if options.json:
            console.document("run", {"exit_code": code, "device": chosen, "output": output.text})
    return code


def build_and_run(options, output: int | None) -> tuple:
    """The device, and the exit code."""
    sources = checked(options)
    chosen = device.choose(options.device)
    if chosen == "cpu":
        refuse_libraries(options)
        with progress_aside():
            setup.ensure(chosen)
    program = built(sources, own_build.CUDA if chosen == "cuda" else own_build.PLAIN, options)
    return chosen, started(program, options, output=output)


def prepared(options, kind: str) -> Path:
    """The program that the inspector or the meter of the CPU device is linked into."""
    sources = checked(options)
    if options.device == "cuda":
        message = "--device cuda: inspect is part of the CPU device. Leave --device out; on a GPU use"
        raise WorkbookError(f"{message} compute-sanitizer and ncu from the CUDA toolkit", Exit.USAGE)
    refuse_libraries(options)
    with progress_aside():
        setup.ensure("cpu")
    return built(sources, kind, options)


def inspect(options) -> int:
    """Findings come after the output of the program, and make the exit code 1."""
    with answers.Output(options) as output:
        with console.aside(options.json):
            found, code = look(options, output.descriptor)
        if options.json:
            own = {"output": output.text, **{key: found[key] for key in ("complete", "launches", "findings")}}
            console.document("inspect", {"exit_code": int(code), "exercises": [], "own_file": own})
    return code


def look(options, output: int | None) -> tuple:
    """The inspector's report, and the exit code."""
    program = prepared(options, own_build.INSPECTED)
    report = program.with_name("report.json")
    files.remove(report)
    try:
        code = started(program, options, {REPORT: str(report)}, GRACE_SECONDS, output)
    except KeyboardInterrupt:
        with contextlib.suppress(WorkbookError):
            show(report)
        raise
    found = show(report)
    return found, Exit.FAILED if found["findings"] else code


def checked(options) -> list:
    """The files; refused before a build what cannot be one."""
    sources = []
    for given in options.files:
        path = Path(given)
        if path.suffix not in SOURCES and not path.is_dir():
            message = f"{given}: a CUDA file ends in .cu, a C++ file in .cpp. Arguments of the program come"
            raise WorkbookError(f"{message} after --", Exit.USAGE)
        files.require_regular(path, options.command)
        sources.append(path)
    twice = {path for path in sources if sources.count(path) > 1}
    if twice:
        raise WorkbookError(f"{twice.pop()} is named twice", Exit.USAGE)
    if not any(path.suffix == ".cu" for path in sources):
        raise WorkbookError(f"{sources[0]}: none of the files ends in .cu", Exit.USAGE)
    for folder in options.include:
        if not os.path.isdir(folder):
            raise WorkbookError(f"-I {folder}: there is no such folder", Exit.USAGE)
    for macro in options.define:
        if not MACRO.fullmatch(macro):
            raise WorkbookError(f"-D {macro}: give it NAME or NAME=VALUE", Exit.USAGE)
    for name in options.library:
        if not re.fullmatch(r"[\w.+:-]+", name) or name.startswith("-"):
            raise WorkbookError(f"-l {name}: this is not the name of a library; libm is -l m", Exit.USAGE)
    return sources


def refuse_libraries(options) -> None:
    for name in options.library:
        if name in own_words.LIBRARY_NAMES:
            message = (
                f"-l {name}: the CPU device has no libraries of the CUDA toolkit. Write a kernel of your"
            )
            raise WorkbookError(f"{message} own in its place, {own_words.GPU}", Exit.USAGE)


def built(sources: list, kind: str, options) -> Path:
    with progress_aside():
        return own_build.OwnProgram(sources, kind, options).build()


@contextlib.contextmanager
def progress_aside():
    """Standard output is the program's: what a build says goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def started(
    program: Path,
    options,
    extra: dict | None = None,
    grace: float | None = None,
    output: int | None = None,
) -> int:
    """The program's exit code; 128 and the number of the signal that ended it."""
    command = [program, *options.arguments]
    if options.verbose:
        complain(process.shown(command))
    try:
        code = process.in_the_open(
            command,
            env=process.environment(**(extra or {})),
            timeout=options.timeout,
            grace=grace or process.GRACE_SECONDS,
            stdin=None,
            stdout=output,
        )
    except subprocess.SubprocessError as error:  # the child could not become the program
        raise WorkbookError(f"{program.name} cannot be started: {error}", Exit.SETUP) from error
    except OSError as error:
        raise WorkbookError(f"{program.name} cannot be started: {reason(error)}", Exit.SETUP) from error
    if code >= 0:
        return code
    if code == -signal.SIGPIPE:  # whoever read its output has gone, as head does
        return 128 - code
    with contextlib.suppress(ValueError):
        complain(f"workbook: {program.name} was ended by {signal.Signals(-code).name}{cause(-code)}")
    return 128 - code


def cause(number: int) -> str:
    """What such a signal means, where it means one thing."""
    words = {
        signal.SIGSEGV: ": host code used memory that is not its own, or ran out of stack; "
        "./workbook inspect names the line where it is memory of the device",
        signal.SIGABRT: ": a failed assert, an exception that nobody caught, or abort()",
        signal.SIGFPE: ": host code divided an integer by zero",
        signal.SIGKILL: ": somebody has killed it; the system does so where memory runs out",
    }
    return words.get(number, "")


def show(report: Path) -> dict:
    """Print what the inspector found, and return its report."""
    found = own_build.read(report)
    if found.get("schema_version") != REPORT_VERSION:
        message = "inspect: the program ended without telling the inspector (by _exit, exec or a second kill)"
        raise WorkbookError(f"{message}; let main return or call exit", Exit.FAILED)
    findings = found["findings"]
    for finding in findings:
        say()
        say(finding["text"])
    if findings:
        say()
    count = len(findings)
    words = "1 finding" if count == 1 else f"{count} findings"
    if found["launches"] == 0:
        words += ". The program launched no kernel"
    elif not count:
        launches = "1 launch" if found["launches"] == 1 else f"{found['launches']} launches"
        words += f" in {launches} (looked for {SEES})"
    say(words if found["complete"] else f"{words} up to the moment at which the program was stopped")
    return found
