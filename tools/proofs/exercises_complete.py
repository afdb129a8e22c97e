#!/usr/bin/env python3
"""Prove that every exercise is whole: its files, its sections in lesson and hints, mutants, a picture.

    exercises_complete.py [ROOT] [--handed-out]

Prints every gap, one a line, and exits with 1 when there is one. --handed-out also wants TODOs in every
starter, which a learner's checkout no longer has. Chapters and their exercises are those that the builds
declare: add_chapter(EXERCISES ...) and, for components that are there but broken, add_fixit(NAME ...).
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbook import chapters

FEWEST_MUTANTS = 4
FEWEST_HINTS = 3  # of a ladder: question, concept, place, pseudo-code

CONTRACT = re.compile(
    r'^struct (\w+) \{\s*static constexpr const char\* kName = "(\w+)";(.*?)^\};', re.M | re.S
)
MEASURED = re.compile(r"wb::(\w+)")
MARKER = re.compile(r"<!-- benchmark:begin (\S+) -->")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+\.(?:svg|png))\)")
HEADING = re.compile(r"^(#+) (.*)$", re.M)

# A comment that begins with it is work left undone; a sentence about TODOs is not.
UNDONE = re.compile(r"(?://|/\*|#|^\s*\*)\s*(?:TODO|FIXME|XXX)\b", re.M)  # never in a file that is handed out
CODE = (".cu", ".cuh", ".h", ".cpp", ".py", ".cmake", ".sh", ".yml", ".yaml", "CMakeLists.txt", "workbook")
NOT_OURS = ("build", "results", ".git", ".venv", "__pycache__")


def text_of(file: Path) -> str:
    return file.read_text(errors="replace") if file.is_file() else ""


def sections(document: str, name: str) -> list:
    """The text below every heading that names the exercise, down to the next heading of its rank."""
    wanted = f" {name.replace('_', ' ')} "
    found = []
    headings = list(HEADING.finditer(document))
    for index, heading in enumerate(headings):
        words = re.sub(r"[^a-z0-9]+", " ", f" {heading.group(2).lower()} ")
        if wanted not in words:
            continue
        rank = len(heading.group(1))
        after = [h.start() for h in headings[index + 1 :] if len(h.group(1)) <= rank]
        found.append(document[heading.end() : after[0] if after else len(document)])
    return found


def contracts_of(chapter: Path) -> dict:
    """Struct name -> contract name, of the operations that the chapter's headers declare."""
    found = {}
    for header in sorted(chapter.glob("*.h")):
        for struct, name, rest in CONTRACT.findall(text_of(header)):
            # What answers a question about memory is no operation.
            if re.search(r"using Function = (?:(?:void|cudaError_t)\(|\w+::Function;)", rest):
                found[struct] = name
    return found


def measured_contracts(exercise: chapters.Exercise) -> list:
    """Contracts of the chapter that the exercise's benchmark names."""
    known = contracts_of(exercise.chapter)
    named = MEASURED.findall(text_of(exercise.chapter / f"{exercise.name}_bench.cpp"))
    own = contracts_of_header(exercise)
    return [name for struct, name in known.items() if struct in named and struct in own]


def contracts_of_header(exercise: chapters.Exercise) -> set:
    """Structs that the exercise's own headers declare: a benchmark also names what it hands its operation."""
    headers = [h for h in exercise.chapter.glob("*.h") if included(exercise, h)]
    return {struct for h in headers for struct, _, _ in CONTRACT.findall(text_of(h))}


def included(exercise: chapters.Exercise, header: Path) -> bool:
    """Whether a header is the exercise's contract, or of a contract that is no exercise of its own."""
    return header.stem == exercise.name or header.stem not in chapters.exercise_names(exercise.chapter)


def missing_files(exercise: chapters.Exercise) -> list:
    wanted = (".h", "_starter.cu", "_solution.cu", "_test.cpp", "_bench.cpp")
    names = [exercise.name + ending for ending in wanted]
    return [f"has no {name}" for name in names if not (exercise.chapter / name).is_file()]


def starter_gaps(exercise: chapters.Exercise) -> list:
    starter = exercise.starter
    if starter.is_file() and "TODO" not in text_of(starter):
        return [f"{starter.name} has no TODO: what is a learner to write?"]
    return []


def mutant_gaps(exercise: chapters.Exercise, root: Path) -> list:
    folder = root / "solutions" / "mutants" / exercise.name
    mutants = sorted(folder.glob("*.cu"))
    gaps = []
    if len(mutants) < FEWEST_MUTANTS:
        gaps.append(f"has {len(mutants)} mutants, {FEWEST_MUTANTS} are the fewest")
    for mutant in mutants:
        for line in ("// Mistake: ", "// Caught as: "):
            if line not in text_of(mutant):
                gaps.append(f"the mutant {mutant.name} says no '{line.strip()}'")
    return gaps


def lesson_gaps(exercise: chapters.Exercise) -> list:
    gaps = []
    page = exercise.lesson
    lesson = text_of(page)
    if exercise.starter.name not in lesson:
        gaps.append(f"{page.name} has no section on it: {exercise.starter.name} is not named there")
    hints = sections(text_of(exercise.chapter / "hints.md"), exercise.name)
    if not any(section.count("<details>") >= FEWEST_HINTS for section in hints):
        gaps.append("hints.md has no ladder for it below a heading that names it")
    published = MARKER.findall(lesson)
    for contract in measured_contracts(exercise):
        if contract not in published:
            marker = f"<!-- benchmark:begin {contract} -->"
            gaps.append(f"{page.name} has no {marker}, which its benchmark measures")
    return gaps


def chapter_gaps(chapter: Path) -> list:
    pages = sorted(chapter.glob("*.md"))
    lesson = "".join(text_of(page) for page in pages)
    gaps = []
    pictures = [name for name in PICTURE.findall(lesson) if (chapter / name).is_file()]
    if not pictures:
        gaps.append("its lesson shows no picture")
    known = contracts_of(chapter).values()
    for name in MARKER.findall(lesson):
        if name not in known:
            gaps.append(f"its lesson publishes '{name}', which no header of the chapter declares")
    return gaps


def fixit_gaps(fixit: chapters.Fixit, root: Path) -> list:
    """A broken component needs itself, its test, a lesson with the symptom, and the diagnosis kept apart."""
    folder, name, gaps = fixit.folder, fixit.name, []
    starters = [file for file in folder.glob(f"{name}_starter.*") if file.suffix in (".cu", ".cpp")]
    if len(starters) != 1:
        gaps.append(f"has {len(starters)} starters, one is right")
    if not (folder / f"{name}_test.cpp").is_file():
        gaps.append(f"has no {name}_test.cpp")
    if not (root / "solutions" / "journey" / f"{name}.md").is_file():
        gaps.append(f"has no diagnosis: solutions/journey/{name}.md")
    lessons = "".join(text_of(file) for file in (*folder.glob("*.md"), *folder.parent.glob("*.md")))
    if name not in lessons:
        gaps.append(f"no lesson in {folder.name}/ or {folder.parent.name}/ names it")
    return gaps


def source_files(root: Path):
    for folder, inside, files in os.walk(root):
        inside[:] = sorted(name for name in inside if name not in NOT_OURS)
        for name in sorted(files):
            if name.endswith(CODE):
                yield Path(folder) / name


def undone(root: Path) -> list:
    """Files with work left undone; only starters may have it, on purpose."""
    gaps = []
    for file in source_files(root):
        if re.search(r"_starter\.(cu|cpp)$", file.name):
            continue
        text = text_of(file)
        line = UNDONE.search(text)
        is_solution = "_solution" in file.name or "solutions" in file.relative_to(root).parts
        if line is None and is_solution:
            line = re.search(r"\bTODO\b", text)
        if line is not None:
            number = text.count("\n", 0, line.end()) + 1
            gaps.append(f"{file.relative_to(root).as_posix()}:{number}: work left undone")
    return gaps


def gaps(root: Path, handed_out: bool = False) -> list:
    """Everything that is missing, one line each."""
    found = []
    for chapter in chapters.chapters(root):
        found += [f"{chapter.name}: {gap}" for gap in chapter_gaps(chapter)]
        exercises = chapters.exercises(chapter)
        if not exercises:
            found.append(f"{chapter.name}: its CMakeLists.txt declares no exercise")
        for exercise in exercises:
            own = missing_files(exercise) + mutant_gaps(exercise, root)
            own += starter_gaps(exercise) if handed_out else []
            found += [f"{chapter.name}/{exercise.name}: {gap}" for gap in own + lesson_gaps(exercise)]
        for fixit in chapters.fixits(chapter):
            found += [f"{chapter.name}/{fixit.name}: {gap}" for gap in fixit_gaps(fixit, root)]
    return found + undone(root)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, nargs="?", default=Path(__file__).parents[2], metavar="ROOT")
    parser.add_argument("--handed-out", action="store_true", help="no starter may be solved yet")
    options = parser.parse_args()
    root = options.root.resolve()
    found = gaps(root, options.handed_out)
    for gap in found:
        print(gap)
    known = chapters.chapters(root)
    exercises = sum(len(chapters.exercises(chapter)) for chapter in known)
    broken = sum(len(chapters.fixits(chapter)) for chapter in known)
    print(f"{exercises} exercises and {broken} fix-it exercises in {len(known)} chapters, {len(found)} gaps")
    return 1 if found or not exercises else 0


if __name__ == "__main__":
    sys.exit(main())
