"""`test`, `list` and `setup`: the commands that are a few lines each."""

from __future__ import annotations

from pathlib import Path

from . import chapters, console, device, editor, machine, position, process, setup
from .build import Build
from .console import heading, paint, say, warn
from .errors import Exit, WorkbookError
from .machine import RESULTS, ROOT, run_environment


def test(options) -> int:
    """Build everything and run ctest; its own summary is the last thing printed."""
    chosen = device.choose(options.device)
    setup.ensure(chosen)
    build = Build(chosen, options.jobs, options.verbose)
    build.configure()
    build.build([])
    if not options.regex:
        # What single tests would build one after another.
        build.build_what_compiles("proof_programs", "starters and wrong kernels")
    command = [
        Path(machine.cmake()[0]).with_name("ctest"),
        "--preset",
        chosen,
        "--parallel",
        str(options.jobs + 1),  # some tests mostly wait: for a time limit, a terminal, or another's build
        "--no-tests=error",
    ]
    command += ["--tests-regex", options.regex] if options.regex else []
    command += ["--verbose"] if options.verbose else []
    # Every test program leaves its results file, for graders and plots.
    code = process.in_the_open(command, cwd=ROOT, env={**run_environment(), "WB_RESULTS_DIR": str(RESULTS)})
    return Exit.OK if code == 0 else Exit.FAILED


def setup_only(options) -> int:
    """Install what is missing, build nothing."""
    # No GPU is needed to compile for one.
    chosen = device.choose("auto") if options.device == "auto" else options.device
    if chosen == "cuda" and not device.nvcc()[0]:
        raise WorkbookError(f"--device cuda: {device.cuda_problem()}", Exit.USAGE)
    setup.ensure(chosen, plots=True)
    problem = editor.write()
    if problem:
        warn(problem)
    say(f"Everything for the {chosen} device is here. Next: ./workbook test, or ./workbook journey")
    return Exit.OK


def show_list(options) -> int:
    """Chapters, their exercises and implementations, and how far the student is."""
    places = {place.exercise: place for place in position.survey()}
    if options.json:
        console.document("list", {"chapters": [entry(chapter, places) for chapter in chapters.chapters()]})
        return Exit.OK
    names = [e.name for chapter in chapters.chapters() for e in chapters.everything(chapter)]
    width = max(map(len, names), default=0)
    for chapter in chapters.chapters():
        text = chapters.title(chapter)
        heading(f"{chapter.name}" + (f"  {text}" if text else ""))
        exercises = chapters.everything(chapter)
        if not exercises:
            say("    " + paint("no exercises yet", "dim"))
        for exercise in exercises:
            state = places[exercise].standing.words if exercise in places else "no starter yet"
            say(f"    {exercise.name:<{width}}  {state:<28}  {exercise.about}")
    solved = sum(place.solved for place in places.values())
    say(f"\n{solved} of {len(places)} starters solved. Check one: ./workbook check 01")
    return Exit.OK


def entry(chapter: Path, places: dict) -> dict:
    """A chapter in the list's JSON document."""
    rows = []
    for exercise in chapters.everything(chapter):
        standing = (
            places[exercise].standing if exercise in places else chapters.Standing("none", "no starter yet")
        )
        names = [] if isinstance(exercise, chapters.Fixit) else exercise.implementations
        rows.append({"exercise": exercise.name, "state": standing.kind, "words": standing.words})
        rows[-1]["implementations"] = names
    return {"chapter": chapter.name, "title": chapters.title(chapter), "exercises": rows}
