"""`ladder NN [name]`: measure the rungs of a chapter's ladders beside its solution, library and PyTorch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from . import answers, bench, bench_join, chapters, console, device, files, plot, process, setup
from .build import Build
from .console import heading, say
from .errors import Exit, WorkbookError, shown
from .machine import ROOT

LADDERS = ROOT / "solutions" / "ladders"
CALL = re.compile(
    r"^add_ladder\((\w+) CHAPTER (\w+) TESTS (\w+)(?: \w+)* BENCH (\w+)(?: CONTRACTS ([\w ]+))?\)", re.M
)
RUNG = re.compile(r"^\d\d_(\w+?)(?:_cuda)?\.cu$")
PEERS = ("pytorch", "pytorch_compile", "triton", "cudnn", "pytorch_flash")
PLOT = ROOT / "tools" / "plots" / "ladder.py"


@dataclass(frozen=True)
class Ladder:
    folder: Path
    exercise: chapters.Exercise  # whose benchmark measures it
    contracts: tuple  # of the exercise, which the ladder climbs

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def rungs(self) -> list:
        """Their ideas, the lowest first."""
        found = [RUNG.match(file.name) for file in sorted(self.folder.glob("*.cu"))]
        return [match[1] for match in found if match]

    @property
    def program(self) -> str:
        return f"ladder_{self.name}_bench"


def ladders(folder: Path = LADDERS) -> list:
    """All there are, in the order of the folder's CMakeLists.txt, which says what each belongs to."""
    calls = CALL.findall(files.read_text(folder / "CMakeLists.txt"))
    found = []
    for name, chapter, tests, bench_of, contracts in calls:
        climbed = tuple((contracts or tests).split())
        found.append(Ladder(folder / name, chapters.Exercise(ROOT / chapter, bench_of), climbed))
    return found


def chosen(options) -> list:
    chapter = chapters.find(options.chapter)
    of_chapter = [one for one in ladders() if one.exercise.chapter == chapter]
    if not of_chapter:
        others = ", ".join(sorted({one.exercise.chapter.name[:2] for one in ladders()}))
        raise WorkbookError(f"{chapter.name} has no ladder yet; there are ladders of {others}", Exit.USAGE)
    if options.name is None:
        return of_chapter
    named = [one for one in of_chapter if one.name == options.name]
    if not named:
        names = ", ".join(one.name for one in of_chapter)
        raise WorkbookError(f"{chapter.name} has no ladder '{options.name}'; it has {names}", Exit.USAGE)
    return named


def command(options) -> int:
    wanted = chosen(options)
    files.require_writable(bench.FOLDER)
    place = device.choose(options.device)
    with console.aside(options.json):
        setup.ensure(place)
        build = Build(place, options.jobs, options.verbose)
        build.configure()
        files.make_folder(bench.FOLDER)
        code = max(climb(build, ladder, options) for ladder in wanted)
    if options.json:
        documents = [bench_join.load(results_of(ladder, place)) for ladder in wanted]
        about = {"exit_code": int(code), "device": place}
        console.document("ladder", {**about, "ladders": [one for one in documents if one]})
    return code


def results_of(ladder: Ladder, place: str) -> Path:
    return bench.FOLDER / f"ladder_{ladder.name}-{place}.json"


def climb(build: Build, ladder: Ladder, options) -> Exit:
    """One results file of all rungs, a table of it, and a picture."""
    heading(f"\n{ladder.exercise.chapter.name} / ladder {ladder.name} on {device.label(build.device)}")
    output = results_of(ladder, build.device)
    files.remove(output)
    if not (build.folder / "solutions" / "ladders" / "CMakeFiles" / f"{ladder.program}.dir").exists():
        say(
            f"No rung of {ladder.name} runs here: they need a GPU with tensor cores. "
            f"Read them, and the measurements, in {shown(ladder.folder / 'README.md')}."
        )
        return Exit.OK
    build.build([ladder.program], ladder.name)
    started = [
        build.program(ladder.program),
        "--output",
        shown(output),
        f"--benchmark_filter=^({'|'.join(ladder.contracts)})/",
    ]
    if bench.launched(started, options) != 0:
        return Exit.FAILED
    # As in `bench`: PyTorch's time on a GPU says nothing beside the CPU device's.
    asked = options.peers and build.device == "cuda"
    peers = bench.run_peer(ladder.exercise, output, options) if asked else []
    document, *others = [bench_join.load(file) for file in [output, *peers]]
    if document:
        document = bench_join.join(document, [other for other in others if other])
        document = in_order(document, ladder.rungs)
        bench_join.save(document, output)
        bench_join.show(document)
        if build.device == "cuda":  # the CPU device has no TFLOP/s to draw
            draw(ladder, output, options)
        say(f"\nResults: {shown(output)}. What each rung does: {shown(ladder.folder / 'README.md')}")
    return Exit.OK if document else Exit.FAILED


def in_order(document: dict, rungs: list) -> dict:
    """Each problem's rows as one climbs: the baseline, the chapter's others, the rungs, the peers."""
    rows = []
    for own in bench_join.yardsticks(document).values():
        of_ladder = {row["implementation"]: row for row in own if row["implementation"] in rungs}
        others = [row for row in own if row["implementation"] not in rungs]
        peers = [row for row in others if row["implementation"] in PEERS]
        rows += [row for row in others if row not in peers]
        rows += [of_ladder[idea] for idea in rungs if idea in of_ladder] + peers
    return {**document, "body": {**document["body"], "rows": rows}}


def draw(ladder: Ladder, results: Path, options) -> None:
    picture = results.with_suffix(".png")
    started = [plot.matplotlib_python(), PLOT, shown(results), shown(picture), *ladder.rungs]
    process.in_the_open(started, cwd=ROOT, stdout=answers.output_of(options))
