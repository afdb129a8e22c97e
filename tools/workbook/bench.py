"""`bench NN`: measure the implementations of one chapter, and PyTorch beside them where it is installed."""

from __future__ import annotations

from pathlib import Path

from . import (
    answers,
    bench_join,
    chapters,
    console,
    device,
    files,
    needs,
    plot,
    predict,
    process,
    python_env,
    setup,
)
from .build import Build
from .console import heading, say, warn
from .errors import Exit, WorkbookError, shown
from .machine import RESULTS, ROOT, run_environment

PEERS = ROOT / "tools" / "peers"
FOLDER = RESULTS / "bench"


def command(options) -> int:
    exercises = chosen_exercises(options)
    options.prediction = predict.wanted(options, exercises)
    options.judged = None
    with console.aside(options.json):
        chosen, code = run(exercises, options)
    if options.json:
        documents = [bench_join.load(result_of(exercise.name + "_bench", chosen)) for exercise in exercises]
        about = {"exit_code": int(code), "device": chosen, "prediction": options.judged}
        console.document("bench", {**about, "benchmarks": [one for one in documents if one]})
    return code


def run(exercises: list, options) -> tuple:
    """Measure them all; the device, and the worst exit code."""
    files.require_writable(FOLDER)
    chosen = device.choose(options.device)
    exercises = needs.possible(exercises, chosen)
    setup.ensure(chosen)
    build = Build(chosen, options.jobs, options.verbose)
    build.configure()
    files.make_folder(FOLDER)
    codes = [measure(build, exercise, options) for exercise in exercises]
    return chosen, max(codes)


def result_of(program: str, chosen: str) -> Path:
    return FOLDER / f"{program}-{chosen}.json"


def chosen_exercises(options) -> list:
    """Those with a benchmark: of one chapter, or of all."""
    if options.chapter is None:
        found = [e for chapter in chapters.chapters() for e in chapters.exercises(chapter)]
        return [e for e in found if e.has("bench.cpp")]
    chapter = chapters.find(options.chapter)
    found = [e for e in chapters.select(chapter, options.exercise) if e.has("bench.cpp")]
    if not found:
        raise WorkbookError(f"{chapter.name} has no benchmark yet; chapter 01 has one", Exit.USAGE)
    return found


def measure(build: Build, exercise, options) -> Exit:
    """The program of the references, then what is compared with it; one results file and one table of all."""
    programs = [f"{exercise.name}_bench"]
    if options.starter and exercise.starter.exists():
        programs.append(f"{exercise.name}_starter_bench")
    build.build(programs, exercise.name)
    if options.prediction:
        options.prediction.aim(build.program(programs[-1]), f"on {device.label(build.device)}")
    code = Exit.OK
    measured = []
    for program in programs:
        heading(f"\n{exercise.chapter.name} / {program} on {device.label(build.device)}")
        measured.append(result_of(program, build.device))
        files.remove(measured[-1])
        started = [build.program(program), "--output", shown(measured[-1])]
        if launched(started, options) != 0:
            code = Exit.FAILED
    if build.device == "cuda" and options.peers:
        measured += run_peer(exercise, measured[0], options)
    document, *others = [bench_join.load(file) for file in measured]
    others = [other for other in others if other]
    if document and others:
        document = bench_join.join(document, others)
        bench_join.save(document, measured[0])
        heading(f"\n{exercise.chapter.name} / {exercise.name}, all together")
        bench_join.show(document)
    if options.prediction:
        options.judged = options.prediction.judge(document, build.device)
    if document:
        asked = f"./workbook plot {exercise.chapter.name[:2]} {exercise.name}"
        draw = f" Draw them: {asked}" if plot.has_picture(document) else ""
        say(f"\nResults: {shown(measured[0])}.{draw}")
    return code


def launched(command: list, options) -> int:
    """Run a program in the user's terminal; its exit code."""
    limit, output = options.timeout, answers.output_of(options)
    return process.in_the_open(command, cwd=ROOT, env=run_environment(), timeout=limit, stdout=output)


def run_peer(exercise, like: Path, options) -> list:
    """The same problems in PyTorch, measured now and on this machine: its results file, if there is one."""
    script = PEERS / f"{exercise.name}.py"
    if not script.exists() or not like.exists():
        return []
    python = python_env.find("torch")
    if python is None:
        say(f"No PyTorch here, so {shown(script)} is not measured.")
        return []
    heading(f"\n{shown(script)}")
    output = FOLDER / f"{exercise.name}_peer.json"
    files.remove(output)
    started = [python, script, "--like", shown(like), "--output", shown(output)]
    started += [] if options.compile else ["--no-compile"]
    if launched(started, options) != 0:
        warn(f"{shown(script)} failed; the workbook's own figures stand")
    return [output] if output.exists() else []
