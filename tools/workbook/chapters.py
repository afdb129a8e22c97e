"""Chapters, their exercises and implementations, read off the folders: nothing is listed twice."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from . import process
from .errors import Exit, WorkbookError
from .machine import RESULTS, ROOT

CHAPTER = re.compile(r"^(\d\d)_\w+$")
FIXIT_CALL = re.compile(r"^add_fixit\(\s*(\w+)", re.M)
CHAPTER_CALL = re.compile(r"^add_chapter\((.*?)\)", re.M | re.S)
REGISTRATION = re.compile(r"^\s*WB_REGISTER\(\s*(\w+)\s*,\s*(\w+)\s*,", re.M)


@dataclass(frozen=True)
class Exercise:
    chapter: Path
    name: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.chapter

    @property
    def starter(self) -> Path:
        return self.folder / f"{self.name}_starter.cu"

    @property
    def reference(self) -> Path:
        """What to compare with, once it is solved."""
        return self.folder / f"{self.name}_solution.cu"

    def has(self, suffix: str) -> bool:
        """Whether the folder has NAME_suffix, e.g. has("bench.cpp")."""
        return (self.folder / f"{self.name}_{suffix}").exists()

    @property
    def about(self) -> str:
        """For the list, in a few words."""
        return "implementations: " + (", ".join(self.implementations) or "none yet")

    @property
    def implementations(self) -> list:
        """Names that this exercise's files register, the starter apart."""
        names = {}
        for file in sorted(self.chapter.glob(f"{self.name}_*.c[up]*")):
            if file == self.starter or exercise_of(file, self.chapter) != self.name:
                continue
            for _, name in REGISTRATION.findall(file.read_text(errors="replace")):
                names[name] = None
        return list(names)

    def fingerprint(self) -> str:
        return hashlib.sha256(self.starter.read_bytes()).hexdigest()[:16]

    @property
    def last_check(self) -> dict | None:
        """What the last ./workbook check found, or None."""
        try:
            return json.loads(self._check_file.read_text())
        except (OSError, ValueError):
            return None

    def remember(self, outcome: dict) -> None:
        """Keep the outcome of a check, with the state of the file that it is about."""
        RESULTS.mkdir(exist_ok=True)
        self._check_file.parent.mkdir(exist_ok=True)
        record = {"exercise": self.name, "starter": self.fingerprint(), **outcome}
        temporary = self._check_file.with_suffix(".tmp")
        temporary.write_text(json.dumps(record, indent=2) + "\n")
        temporary.replace(self._check_file)

    @property
    def _check_file(self) -> Path:
        return RESULTS / "check" / f"{self.chapter.name}-{self.name}.json"

    def state(self) -> str:
        """The student's state in a few words."""
        if not self.starter.exists():
            return "no starter yet"
        last = self.last_check
        if last and last.get("starter") == self.fingerprint():
            if last["passed"]:
                return f"solved ({last['device']} device)"
            if last.get("total"):
                return f"{last['failed']} of {last['total']} tests fail"
            return "does not compile" if last["problem"] == "does not compile" else "does not finish"
        return "changed, not checked since" if is_changed(self.starter) else "untouched"


@dataclass(frozen=True)
class Fixit(Exercise):
    """A component that is there, but broken (cmake/Fixit.cmake)."""

    inside: Path

    @property
    def folder(self) -> Path:
        return self.inside

    @property
    def starter(self) -> Path:
        kernel = super().starter
        return kernel if kernel.exists() else kernel.with_suffix(".cpp")

    @property
    def reference(self) -> Path:
        return ROOT / "solutions" / "journey" / f"{self.name}.md"

    @property
    def about(self) -> str:
        return "a component that is broken: mend it"


def is_changed(file: Path) -> bool:
    """Whether `file` differs from the published version: origin's default branch, else the last commit."""
    relative = file.relative_to(ROOT).as_posix()
    for revision in ("origin/HEAD", "HEAD"):
        code, _ = process.quiet(["git", "-C", ROOT, "cat-file", "-e", f"{revision}:{relative}"])
        if code == 0:
            return process.quiet(["git", "-C", ROOT, "diff", "--quiet", revision, "--", relative])[0] == 1
    return False


def exercise_of(file: Path, chapter: Path) -> str | None:
    """The exercise (or operation) that a file belongs to: the longest name that its own begins with."""
    declared = exercise_names(chapter) + operation_names(chapter)
    return max((name for name in declared if file.name.startswith(name + "_")), key=len, default=None)


def exercise_names(chapter: Path) -> list:
    """As the chapter's CMakeLists.txt declares them, in the order of the lesson."""
    return declared_names(chapter, "EXERCISES")


def operation_names(chapter: Path) -> list:
    """What the chapter builds and tests as it does an exercise, but asks nobody to write."""
    return declared_names(chapter, "OPERATIONS")


def declared_names(chapter: Path, what: str) -> list:
    """The words after `what` in the chapter's call of add_chapter (cmake/Chapter.cmake)."""
    try:
        call = CHAPTER_CALL.search((chapter / "CMakeLists.txt").read_text())
    except OSError:
        return []
    names, taking = [], False
    for word in call.group(1).split() if call else []:
        if word.isupper():
            taking = word == what
        elif taking:
            names.append(word)
    return names


def exercises(chapter: Path) -> list:
    return [Exercise(chapter, name) for name in exercise_names(chapter)]


def fixits(chapter: Path) -> list:
    """As the CMakeLists.txt of the chapter's folders declare them."""
    builds = sorted(chapter.glob("*/CMakeLists.txt"))
    return [
        Fixit(chapter, name, file.parent) for file in builds for name in FIXIT_CALL.findall(file.read_text())
    ]


def everything(chapter: Path) -> list:
    """The chapter's exercises, then its fix-its."""
    return exercises(chapter) + fixits(chapter)


def chapters(root: Path = ROOT) -> list:
    return sorted(path for path in root.iterdir() if path.is_dir() and CHAPTER.match(path.name))


def title(chapter: Path) -> str:
    """The first heading of the chapter's lesson."""
    try:
        for line in (chapter / "README.md").read_text(errors="replace").splitlines():
            if line.startswith("# "):
                return re.sub(r"^#\s*(?:Chapter\s*)?\d*\s*[:.·-]?\s*", "", line).strip()
    except OSError:
        pass
    return ""


def find(text: str, root: Path = ROOT) -> Path:
    """The chapter that a person calls `1`, `01`, `01_vector_add`, `01_vector_add/` or `vector_add`."""
    wanted = text.rstrip("/").split("/")[-1]
    number = f"{int(wanted):02d}" if wanted.isdigit() else None
    for chapter in chapters(root):
        if chapter.name == wanted or chapter.name[3:] == wanted or chapter.name[:2] == number:
            return chapter
    for chapter in chapters(root):
        if any(exercise.name == wanted for exercise in everything(chapter)):
            place = f"'{text}' is an exercise of {chapter.name}: say {chapter.name[:2]} {wanted}"
            raise WorkbookError(place, Exit.USAGE)
    known = ", ".join(chapter.name for chapter in chapters(root))
    raise WorkbookError(f"there is no chapter '{text}'; the chapters are {known}", Exit.USAGE)


def select(chapter: Path, name: str | None) -> list:
    """The exercise of that name, or all of the chapter's, fix-its included."""
    found = everything(chapter)
    if name is None:
        return found
    chosen = [exercise for exercise in found if exercise.name == name]
    if not chosen:
        known = ", ".join(exercise.name for exercise in found) or "none yet"
        message = f"{chapter.name} has no exercise '{name}'; its exercises are: {known}"
        raise WorkbookError(message, Exit.USAGE)
    return chosen
