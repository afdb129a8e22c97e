"""`test`, `list` and `setup`: the commands that are a few lines each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from . import answers, chapters, console, device, editor, machine, packages, position, process, setup
from .build import Build
from .console import heading, paint, say, warn
from .errors import Exit, WorkbookError
from .machine import RESULTS, ROOT, run_environment

STATUSES = ("passed", "failed", "skipped")


def test(options) -> int:
    """Build everything and run ctest; its own summary is the last thing printed."""
    with console.aside(options.json), tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "junit.xml"
        chosen, code = run_tests(options, report)
        rows = rows_of(report) if options.json else []
    if options.json:
        count = {status: sum(row["status"] == status for row in rows) for status in STATUSES}
        console.document("test", {"exit_code": int(code), "device": chosen, **count, "tests": rows})
    return code


def run_tests(options, report: Path) -> tuple:
    """The device and the exit code; ctest writes `report` where --json asks for it."""
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
    command += ["--output-junit", str(report)] if options.json else []
    # Every test program leaves its results file, for graders and plots.
    env = {**run_environment(), "WB_RESULTS_DIR": str(RESULTS)}
    code = process.in_the_open(command, cwd=ROOT, env=env, stdout=answers.output_of(options))
    return chosen, Exit.OK if code == 0 else Exit.FAILED


def rows_of(report: Path) -> list:
    """The tests in ctest's report; none if ctest wrote no report."""
    if not report.is_file():
        return []
    from xml.etree import ElementTree  # here: few commands need it

    rows = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        words = " ".join(found.get("message") or "" for found in case if found.tag in ("failure", "skipped"))
        status = {"run": "passed", "disabled": "skipped"}.get(case.get("status"), "failed")
        # As ctest counts: only a test that asked for it is skipped; one without its program fails.
        status = "skipped" if words.startswith("SKIP_") else status
        about = {"test": case.get("name"), "status": status, "seconds": float(case.get("time") or 0)}
        rows.append({**about, "message": words})
    return rows


def setup_only(options) -> int:
    """Install what is missing, build nothing."""
    with console.aside(options.json):
        chosen, before, absent, problem = install(options)
    if options.json:
        installed = [one.name for one in before if one not in absent]
        about = {"device": chosen, "installed": installed, "missing": [one.name for one in absent]}
        console.document("setup", {**about, "problem": problem})
    return Exit.OK


def install(options) -> tuple:
    """The device, what was missing before and is after, and in words what editors lack."""
    # No GPU is needed to compile for one.
    chosen = device.choose("auto") if options.device == "auto" else options.device
    if chosen == "cuda" and not device.nvcc()[0]:
        raise WorkbookError(f"--device cuda: {device.cuda_problem()}", Exit.USAGE)
    before = packages.missing(chosen, plots=True) if options.json else []
    setup.ensure(chosen, plots=True)
    problem = editor.write()
    if problem:
        warn(problem)
    say(f"Everything for the {chosen} device is here. Next: ./workbook test, or ./workbook journey")
    return chosen, before, [one for one in before if not one.present()], problem


def show_list(options) -> int:
    """Chapters, their exercises and implementations, and how far the student is."""
    places = {place.exercise: place for place in position.survey()}
    if options.json:
        console.document("list", {"chapters": [entry(chapter, places) for chapter in chapters.chapters()]})
        return Exit.OK
    every = [e for chapter in chapters.chapters() for e in chapters.everything(chapter)]
    states = {e: places[e].standing.words if e in places else "no starter yet" for e in every}
    width = max((len(exercise.name) for exercise in every), default=0)
    wide = max(map(len, states.values()), default=0)
    for chapter in chapters.chapters():
        text = chapters.title(chapter)
        heading(f"{chapter.name}" + (f"  {text}" if text else ""))
        exercises = chapters.everything(chapter)
        if not exercises:
            say("    " + paint("no exercises yet", "dim"))
        for exercise in exercises:
            say(f"    {exercise.name:<{width}}  {states[exercise]:<{wide}}  {exercise.about}")
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
