"""`plot [NN] [exercise]`: draw what `bench` measured, or what is published under docs/results/."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from . import answers, bench_join, chapters, console, files, process, python_env, setup
from .console import say
from .errors import Exit, WorkbookError, shown
from .machine import RESULTS, ROOT

PROGRAM = ROOT / "tools" / "plots" / "benchmarks.py"
MEASURED = RESULTS / "bench"
PUBLISHED = ROOT / "docs" / "results"
PICTURES = RESULTS / "plots"


def command(options) -> int:
    names = exercise_names(options)
    found = published(names) if options.published else measured(names)
    if not found:
        raise WorkbookError(nothing(options, names), Exit.USAGE)
    files.make_folder(PICTURES)
    with console.aside(options.json):
        code, pictures = draw(found, options)
    if options.json:
        console.document("plot", {"exit_code": int(code), "pictures": pictures})
    return code


def draw(found: list, options) -> tuple:
    """The exit code, and with --json what was drawn."""
    started = [matplotlib_python(), PROGRAM, shown(PICTURES)]
    started += ["--prefix=published-"] if options.published else []
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "pictures.json"
        started += ["--list", listed] if options.json else []
        command = [*started, *(shown(file) for file in found)]
        code = process.in_the_open(command, cwd=ROOT, stdout=answers.output_of(options))
        pictures = json.loads(files.read_text(listed)) if listed.is_file() else []
    return Exit.OK if code == 0 else Exit.FAILED, pictures


def exercise_names(options) -> list:
    """The exercises asked for: of one chapter, or of all."""
    if options.chapter is None:
        return [e.name for chapter in chapters.chapters() for e in chapters.exercises(chapter)]
    return [e.name for e in chapters.select(chapters.find(options.chapter), options.exercise)]


def measured(names: list) -> list:
    """results/bench/NAME_bench-DEVICE.json, which holds the starter's and PyTorch's rows as well."""
    found = [file for name in names for file in sorted(MEASURED.glob(f"{name}_bench-*.json"))]
    return [file for file in found if bench_join.load(file)]


def published(names: list) -> list:
    """docs/results/NAME-DEVICE.json of benchmarks."""
    found = [file for name in names for file in sorted(PUBLISHED.glob(f"{name}-*.json"))]
    return [f for f in found if kind_of(f) == "benchmarks" and bench_join.load(f, ours=False)]


def kind_of(file: Path) -> str:
    try:
        return json.loads(files.read_text(file)).get("kind", "")
    except (OSError, ValueError, AttributeError):
        return ""


def has_picture(document: dict) -> bool:
    """Whether tools/plots/benchmarks.py draws any of it. On the CPU device ratios, so none of one row."""
    rows = [row for row in document["body"]["rows"] if row["outcome"] == "ok"]
    if document["device"]["kind"] != "cpu":
        return bool(rows)
    names = {}
    for row in rows:
        names.setdefault(row["contract"], set()).add(row["implementation"])
    return any(len(names[row["contract"]]) > 1 and row["speedup"] is not None for row in rows)


def nothing(options, names: list) -> str:
    what = f"of {', '.join(names)}" if options.chapter else "at all"
    if options.published:
        return f"docs/results/ has no benchmark {what}; ./workbook plot draws your own measurements"
    number = chapters.find(options.chapter).name[:2] if options.chapter else "01"
    return (
        f"results/bench/ has no measurement {what}; run ./workbook bench {number} first, "
        "or draw the published ones: ./workbook plot --published"
    )


def matplotlib_python() -> str:
    python = python_env.find("matplotlib")
    if python is None:
        say("No Python here can import matplotlib, which draws the pictures.")
        setup.ensure("cpu", plots=True)
        python = python_env.find("matplotlib")
    if python is None:
        raise WorkbookError("no matplotlib, no plots; ./workbook doctor says how to install it", Exit.SETUP)
    return python
