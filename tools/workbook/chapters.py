"""Chapters, their exercises and implementations, read off the folders: nothing is listed twice."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from . import files, machine, progress
from .errors import Exit, WorkbookError
from .machine import RESULTS, ROOT

RECORD_VERSION = 1
PUBLISHED = ("origin/HEAD", "HEAD")  # where a starter is as it was handed out

CHAPTER = re.compile(r"^(\d\d)_\w+$")
FIXIT_CALL = re.compile(r"^add_fixit\(\s*(\w+)", re.M)
CHAPTER_CALL = re.compile(r"^add_chapter\((.*?)\)", re.M | re.S)
REGISTRATION = re.compile(r"^\s*WB_REGISTER\(\s*(\w+)\s*,\s*(\w+)\s*,", re.M)


class Standing(NamedTuple):
    """How far a student is with one exercise."""

    kind: str  # none, untouched, changed, unknown (git cannot tell), red, solved
    words: str


@dataclass(frozen=True)
class Exercise:
    chapter: Path
    name: str

    @property
    def key(self) -> str:
        """Its name in the progress file."""
        return f"{self.chapter.name}/{self.name}"

    @property
    def call(self) -> str:
        """What a person types after a command: `02 matmul`."""
        return f"{self.chapter.name[:2]} {self.name}"

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.chapter

    @property
    def lesson(self) -> Path:
        """The page that teaches it: one of its own, or the README of its folder."""
        own = self.folder / f"{self.name}.md"
        return own if own.exists() else self.folder / "README.md"

    @property
    def starter(self) -> Path:
        return self.folder / f"{self.name}_starter.cu"

    @property
    def reference(self) -> Path:
        """What to compare with, once it is solved."""
        return self.folder / f"{self.name}_solution.cu"

    @property
    def references(self) -> list:
        """The reference, and what else registers a `solution` of the exercise: its backward pass, say."""
        others = [
            file
            for file in sorted(self.folder.glob(f"{self.name}_*.cu"))
            if file not in (self.reference, self.starter)
            and exercise_of(file, self.chapter) == self.name
            and any(name == "solution" for _, name in REGISTRATION.findall(files.read_text(file)))
        ]
        return [self.reference, *others]

    @property
    def reference_sources(self) -> list:
        """What a walkthrough may end with."""
        return self.references

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
        return self.registered()

    def registered(self, but_of: str = "") -> list:
        """The same without those of files for this device alone."""
        names = {}
        for file in sorted(self.chapter.glob(f"{self.name}_*.c[up]*")):
            if file == self.starter or exercise_of(file, self.chapter) != self.name:
                continue
            if but_of and file.stem.endswith(f"_{but_of}"):
                continue
            for _, name in REGISTRATION.findall(files.read_text(file)):
                names[name] = None
        return list(names)

    def fingerprint(self) -> str:
        return hashlib.sha256(self.starter.read_bytes()).hexdigest()[:16]

    @property
    def last_check(self) -> dict | None:
        """What the last ./workbook check found, or None."""
        return files.load(self._check_file, RECORD_VERSION, is_record, old=RECORD_VERSION)

    def remember(self, outcome: dict) -> None:
        """Keep the outcome of a check, with the state of the file that it is about."""
        about = {"schema_version": RECORD_VERSION, "exercise": self.name, "starter": self.fingerprint()}
        files.write_text(self._check_file, json.dumps({**about, **outcome}, indent=2) + "\n")
        if outcome["passed"]:
            progress.Store(RESULTS).solve(self.key, about["starter"], outcome["device"])

    @property
    def _check_file(self) -> Path:
        return RESULTS / "check" / f"{self.chapter.name}-{self.name}.json"

    def state(self) -> str:
        """The student's state in a few words."""
        return self.standing().words

    def standing(self, changed: dict | None = None, solved: dict | None = None) -> Standing:
        """By the content of the starter: a file that was checked and edited since is "changed".

        `changed` (starters_changed) and `solved` (Store.solved) save a question per exercise.
        """
        if not self.starter.is_file():
            return Standing("none", "no starter yet")
        now = self.fingerprint()
        last = self.last_check
        if last and last.get("starter") == now:
            if last["passed"]:
                return Standing("solved", f"solved ({last['device']} device)")
            if last.get("failed"):
                fail = "fails" if last["failed"] == 1 else "fail"
                return Standing("red", f"{last['failed']} of {last['total']} tests {fail}")
            if last.get("total") and last.get("problem"):
                return Standing("red", "tests pass, but not solved")
            never = last.get("problem") == "does not compile"
            return Standing("red", "does not compile" if never else "does not finish")
        known = progress.Store(RESULTS).solved() if solved is None else solved
        if now in known.get(self.key, {}):
            return Standing("solved", f"solved ({known[self.key][now]} device)")
        different = is_changed(self.starter) if changed is None else changed.get(self.starter)
        if different is None:
            return Standing("unknown", "not checked")  # git cannot tell whether it is as it was handed out
        return (
            Standing("changed", "changed, not checked") if different else Standing("untouched", "untouched")
        )


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
    def references(self) -> list:
        return [self.reference]

    @property
    def reference_sources(self) -> list:
        """The fixed component, where it is a file of its own."""
        fixed = self.reference.with_name(f"{self.name}_solution{self.starter.suffix}")
        return [fixed] if fixed.is_file() else []

    @property
    def about(self) -> str:
        return "a component with an error: fix it"


def is_record(record: dict) -> bool:
    """Whether it has what `state` reads of the last check."""
    counts = (record.get("total", 0), record.get("failed", 0))
    texts = (record["starter"], record["device"], record.get("problem", ""))
    return (
        isinstance(record["passed"], bool)
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(count, int) for count in counts)
    )


def is_changed(file: Path) -> bool | None:
    """Whether `file` differs from the published version; None where git does not know."""
    return starters_changed([file])[file]


def starters_changed(starters: list) -> dict:
    """File -> whether it differs from the published version: origin's default branch, else the last commit.

    None where git does not know: no git, no repository, or one that it refuses to read.
    """
    found = dict.fromkeys(starters)
    names = {file.relative_to(ROOT).as_posix(): file for file in starters}
    for revision in PUBLISHED:
        asked = [name for name, file in names.items() if found[file] is None]
        if not asked:
            break
        there = set(git_names("ls-tree", "-r", "-z", "--name-only", revision, "--", *asked) or ())
        different = git_names("diff", "--name-only", "-z", revision, "--", *there) if there else None
        if different is not None:
            found.update({names[name]: name in different for name in there & names.keys()})
    return found


def git_names(*arguments: str) -> list | None:
    """The names that a git command lists with -z; None where it fails."""
    code, data = machine.git_bytes(*arguments, root=ROOT)
    return data.decode(errors="surrogateescape").split("\0")[:-1] if code == 0 else None


def as_published(file: Path, revision: str | None = None) -> tuple:
    """(a revision, the bytes of `file` in it): of `revision`, else as handed out; ("", b"") without git."""
    name = file.relative_to(ROOT).as_posix()
    for one in PUBLISHED if revision is None else (revision,):
        code, data = machine.git_bytes("show", f"{one}:{name}", root=ROOT)
        if code == 0:
            return one, data
    return "", b""


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
        call = CHAPTER_CALL.search(files.read_text(chapter / "CMakeLists.txt"))
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
        Fixit(chapter, name, file.parent)
        for file in builds
        for name in FIXIT_CALL.findall(files.read_text(file))
    ]


def everything(chapter: Path) -> list:
    """The chapter's exercises, then its fix-its."""
    return exercises(chapter) + fixits(chapter)


def chapters(root: Path = ROOT) -> list:
    return sorted(path for path in root.iterdir() if path.is_dir() and CHAPTER.match(path.name))


def title(chapter: Path) -> str:
    """The first heading of the chapter's lesson."""
    try:
        for line in files.read_text(chapter / "README.md").splitlines():
            if line.startswith("# "):
                return re.sub(r"^#\s*(?:Chapter\s*)?\d*\s*[:.·-]?\s*", "", line).strip()
    except OSError:
        pass
    return ""


def find(text: str, root: Path = ROOT) -> Path:
    """The chapter that a person calls `1`, `01`, `01_vector_add`, `01_vector_add/` or `vector_add`."""
    wanted = text.rstrip("/").split("/")[-1]
    number = wanted.lstrip("0").zfill(2) if re.fullmatch("[0-9]+", wanted) else None
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
