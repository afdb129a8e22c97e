"""`inspect NN`: which lines of a kernel are slow, and what would be ideal, counted on the CPU device.

`inspect FILE.cu` looks for mistakes in a program of the user's own (own_file.py); --count counts there, too.

docs/metering.md says what is counted. A benchmark's program has a twin, NAME_metered_bench, that calls each
implementation once and leaves a report.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import access_report, answers, chapters, console, files, own_build, own_file, process, setup, test_run
from .build import Build
from .console import heading, mark, say, warn
from .errors import Exit, WorkbookError, shown
from .machine import RESULTS, ROOT, run_environment

FOLDER = RESULTS / "inspect"
PLOT = ROOT / "tools" / "plots" / "access.py"
REPORT = "SIMT_METER_REPORT"  # where a metered program writes what it counted
SCHEMA = 1
SECONDS = 120  # for a program, or a step of the build
# What an exercise asks for: its other precisions have contracts of their own.
CONTRACTS = "(?!.*_(bf16|tf32)$).*"


@dataclass
class Counted:
    """What one run of a metered program came to."""

    report: dict | None = None
    problems: list = field(default_factory=list)  # "matmul 256 NN", as the program names what it called
    wrong: list = field(default_factory=list)  # its words on what came out wrong
    bad_end: str = ""  # it did not finish
    output: str = ""


def command(options) -> int:
    if own_file.is_own_file(options.what[0]):
        if options.impl is not None:
            message = "--impl is for the exercises of a chapter, not for a file of your own"
            raise WorkbookError(message, Exit.USAGE)
        options.files = options.what
        return count_own(options) if options.count else own_file.inspect(options)
    refuse_own_options(options)
    options.chapter, options.exercise = (*options.what, None)[:2]
    options.timeout = options.timeout or SECONDS
    return inspect_chapter(options)


def count_own(options) -> int:
    """A whole program of the user's own: its output and exit code, and what its kernels moved."""
    with answers.Output(options) as output:
        with console.aside(options.json):
            report, code = count_program(options, output.descriptor)
        if options.json:
            own = {"output": output.text, "report": report}
            console.document("inspect", {"exit_code": int(code), "exercises": [], "own_file": own})
    return code


def count_program(options, output: int | None) -> tuple:
    """The meter's report, and the exit code."""
    program = own_file.prepared(options, own_build.METERED)
    files.make_folder(FOLDER)
    report = FOLDER / f"{program.name}.json"
    files.remove(report)
    code = own_file.started(program, options, {REPORT: str(report)}, own_file.GRACE_SECONDS, output)
    document = read(report) if report.is_file() else None
    if document is None:
        message = f"inspect: {program.name} ended before the meter could report; ./workbook inspect without"
        raise WorkbookError(f"{message} --count looks for a mistake", Exit.FAILED)
    show_kernels(document, options)
    draw(report)
    return document, code


def refuse_own_options(options) -> None:
    """What only a file of the user's own takes."""
    given = [f"-{letter}" for letter, values in (("I", options.include), ("D", options.define)) if values]
    given += ["-l"] if options.library else []
    given += ["--count"] if options.count else []
    given += ["--"] if options.arguments else []
    if given:
        raise WorkbookError(f"{given[0]} is for a FILE.cu of your own, not for a chapter", Exit.USAGE)
    if len(options.what) > 2:
        words = " ".join(options.what[2:])
        raise WorkbookError(f"unrecognized arguments: {words} (see ./workbook inspect --help)", Exit.USAGE)


def inspect_chapter(options) -> int:
    if options.device == "cuda":
        message = (
            "inspect counts on the CPU device, also where a GPU is; leave --device out, or say --device cpu"
        )
        raise WorkbookError(f"{message}. On a GPU, ncu counts: docs/profiling.md", Exit.USAGE)
    wanted = chosen(options)
    with console.aside(options.json):
        setup.ensure("cpu")
        build = Build("cpu", options.jobs, options.verbose)
        build.configure()
        files.make_folder(FOLDER)
        done = [inspect_one(build, exercise, name, options) for exercise, name in wanted]
    code = max(code for code, _, _ in done)
    if options.json:
        print_json(done, code)
    return code


def chosen(options) -> list:
    """[(exercise, implementation)]: the student's starter, or what --impl names."""
    chapter = chapters.find(options.chapter)
    exercises = chapters.select(chapter, options.exercise)
    ready = [e for e in exercises if e.has("bench.cpp") and e.starter.suffix == ".cu"]
    if not ready:
        names = ", ".join(e.name for e in exercises) or "none"
        message = f"{chapter.name} has no kernel with a benchmark here ({names}), and inspect runs benchmarks"
        listed = "; ./workbook list shows the exercises"
        other = f"; ./workbook check {exercises[0].call} looks for races" if len(exercises) == 1 else listed
        raise WorkbookError(f"{message}{other}", Exit.USAGE)
    if options.impl is None:
        return [(e, "starter" if e.starter.exists() else "solution") for e in ready]
    found = [(e, options.impl) for e in ready if options.impl in names_of(e)]
    if not found:
        known = list(dict.fromkeys(name for e in ready for name in names_of(e)))
        message = f"--impl: no implementation is called '{options.impl}'; there is {', '.join(known)}"
        raise WorkbookError(message, Exit.USAGE)
    return found


def names_of(exercise) -> list:
    return [*(["starter"] if exercise.starter.exists() else []), *exercise.registered(but_of="cuda")]


def inspect_one(build: Build, exercise, name: str, options) -> tuple:
    """Build, run and show one implementation: (exit code, exercise, what was counted)."""
    say()
    heading(f"{exercise.chapter.name} / {exercise.name}, {name}")
    target = target_of(exercise, name)
    build.configure()
    if not build.lists("metered", exercise.name):
        message = f"{target} is not part of this build: kernels are metered with GCC or Clang on Linux only"
        raise WorkbookError(f"{message}, and without another sanitizer", Exit.SETUP)
    build.build([target], exercise.name, options.timeout)
    report = FOLDER / f"{exercise.name}-{name}.json"
    counted = run(build.program(target), name, report, options.timeout)
    show(counted, exercise, name, options)
    if counted.report:
        draw(report)
    return (Exit.FAILED if counted.wrong or counted.bad_end else Exit.OK), exercise, counted


def count(exercise, names: list, options) -> dict:
    """{implementation: what it came to}, without a word: for other commands, which show it in their way."""
    if not exercise.has("bench.cpp") or exercise.starter.suffix != ".cu":
        raise WorkbookError(
            f"--count: {exercise.name} has no benchmark whose kernels could be counted", Exit.USAGE
        )
    setup.ensure("cpu")
    build = Build("cpu", options.jobs, options.verbose)
    build.configure()
    if not build.lists("metered", exercise.name):
        raise WorkbookError(
            "--count: this build has no meter (docs/metering.md says which builds have one)", Exit.SETUP
        )
    files.make_folder(FOLDER)
    found = {}
    for name in names:
        target = target_of(exercise, name)
        build.build([target], exercise.name, SECONDS)
        report = FOLDER / f"{exercise.name}-{name}.json"
        found[name] = run(build.program(target), name, report, SECONDS)
    return found


def target_of(exercise, name: str) -> str:
    return f"{exercise.name}_{'starter_' if name == 'starter' else ''}metered_bench"


def run(program: Path, name: str, report: Path, limit: float) -> Counted:
    """Call the implementation once on the first problem of each contract."""
    files.remove(report)
    command_line = [program, "--once", "--contracts", CONTRACTS, "--impl", name]
    env = {**run_environment(), REPORT: str(report)}
    done = process.Lines(command_line, env=env, cwd=ROOT, timeout=limit)
    lines = list(done)
    counted = Counted(output="\n".join(lines))
    for line in lines:
        subject, _, verdict = line.partition(f" {name}: ")
        if verdict == "right":
            counted.problems.append(subject)
        elif verdict:
            counted.problems.append(subject)
            counted.wrong.append(f"{subject}: {verdict}")
    if done.timed_out:
        counted.bad_end = f"stopped after {limit:.0f} s; --timeout S allows more"
    elif done.code != 0 and not counted.wrong:
        counted.bad_end = test_run.died("", done.code).replace("the test program", "the program")
    if report.is_file() and not done.timed_out:
        counted.report = read(report)
    return counted


def read(report: Path) -> dict | None:
    """The report, if it is whole and of the version that is known."""
    try:
        document = json.loads(files.read_text(report))
    except ValueError:
        return None
    return document if isinstance(document, dict) and document.get("schema") == SCHEMA else None


def show(counted: Counted, exercise, name: str, options) -> None:
    again = f"./workbook check {exercise.chapter.name[:2]} {exercise.name}"
    again += "" if name == "starter" else f" --solution --impl {name}"
    if counted.bad_end:
        say(f"{mark(False)} {counted.bad_end}")
    for words in counted.wrong:
        say(f"{mark(False)} {words}")
    if counted.bad_end or counted.wrong:
        rest = [] if counted.wrong else test_run.tail(counted.output).splitlines()
        for line in test_run.device_words(counted.output) or rest:
            say(f"    {line}")
    if counted.bad_end:
        say(f"Next: {again}, which looks for the mistake.")
    elif counted.wrong:
        say(f"The counts below are those of a kernel whose results are wrong. {again} says what is wrong.")
    elif counted.problems:
        say(f"counted on the CPU device, one call of each: {', '.join(counted.problems)}; results are right")
    if counted.report:
        show_kernels(counted.report, options)


def show_kernels(report: dict, options) -> None:
    if not report["kernels"]:
        say("No kernel was launched.")
    for kernel in report["kernels"]:
        say()
        for line in access_report.kernel_text(kernel, options.verbose):
            say(line)


def draw(report: Path) -> None:
    """The worst request as a picture. Needs nothing but Python."""
    document = read(report)
    if not any(line["worst"]["lanes"] for kernel in document["kernels"] for line in kernel["lines"]):
        return
    picture = report.with_suffix(".svg")
    done = process.Lines([sys.executable, PLOT, report, picture], env=run_environment(), cwd=ROOT, timeout=60)
    words = list(done)
    if done.code == 0:
        say(f"\nThe worst request as a picture: {shown(picture)}. All figures: {shown(report)}")
    else:
        warn(f"no picture was drawn: {' '.join(words[-1:])}")


def print_json(done: list, code: int) -> None:
    documents = [
        {"exercise": exercise.name, "problems": counted.problems, "wrong": counted.wrong}
        | {"bad_end": counted.bad_end, "report": counted.report}
        for _, exercise, counted in done
    ]
    console.document("inspect", {"exit_code": int(code), "exercises": documents, "own_file": None})
