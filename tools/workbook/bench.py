"""`bench NN`: measure the implementations of one chapter, and PyTorch beside them where it is installed."""

from __future__ import annotations

from . import chapters, device, process, python_env, setup
from .build import Build
from .console import heading, say, warn
from .errors import Exit, WorkbookError
from .machine import RESULTS, ROOT, run_environment

PEERS = ROOT / "tools" / "peers"


def command(options) -> int:
    chapter = chapters.find(options.chapter)
    exercises = [e for e in chapters.select(chapter, options.exercise) if e.has("bench.cpp")]
    if not exercises:
        raise WorkbookError(f"{chapter.name} has no benchmark yet; chapter 01 has one", Exit.USAGE)
    chosen = device.choose(options.device)
    setup.ensure(chosen)
    build = Build(chosen, options.jobs, options.verbose)
    build.configure()
    RESULTS.mkdir(exist_ok=True)
    code = Exit.OK
    for exercise in exercises:
        programs = [f"{exercise.name}_bench"]
        if options.starter and exercise.starter.exists():
            programs.append(f"{exercise.name}_starter_bench")
        build.build(programs, exercise.name)
        for program in programs:
            heading(f"\n{exercise.chapter.name} / {program} on {device.label(chosen)}")
            output = (RESULTS / "bench" / f"{program}-{chosen}.json").relative_to(ROOT)
            started = [build.program(program), "--output", output]
            if process.in_the_open(started, cwd=ROOT, env=run_environment()) != 0:
                code = Exit.FAILED
        if chosen == "cuda":
            run_peer(exercise)
    return code


def run_peer(exercise) -> None:
    """The same operation in PyTorch, measured now and on this machine."""
    script = PEERS / f"{exercise.name}.py"
    if not script.exists():
        return
    python = python_env.find("torch")
    if python is None:
        say(f"No PyTorch here, so {script.relative_to(ROOT)} is not measured.")
        return
    output = (RESULTS / "bench" / f"{exercise.name}_peer.json").relative_to(ROOT)
    started = [python, script, "--output", output]
    if process.in_the_open(started, cwd=ROOT, env=run_environment()) != 0:
        warn(f"{script.relative_to(ROOT)} failed; the workbook's own figures stand")
