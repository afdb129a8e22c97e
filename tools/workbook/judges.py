"""What a verdict rests on: the tests that must run, the judging files as they were published, and a starter
that is nothing but an answer to its exercise."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from . import machine, process
from .machine import ROOT

TEST = re.compile(r"^TEST_P\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.M)
PLAIN_TEST = re.compile(r"^TEST(?:_F)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.M)
JUDGING_FOLDERS = ("common", "cmake")
ALLOCATES = re.compile(r"_Z(nw|na|dl|da)")  # operator new and delete: the harness has its own, for everybody
HARNESS = ("libwb_harness.a", "libwb_test_main.a", "libwb_core.a", "libsimt.a")
NAMED = 3


def listed_tests(exercise) -> list:
    """The tests of an exercise, "Suite.Test", by its test file: no program that holds a starter is asked."""
    text = (exercise.folder / f"{exercise.name}_test.cpp").read_text(errors="replace")
    return [f"{suite}.{test}" for suite, test in TEST.findall(text) + PLAIN_TEST.findall(text)]


def judging_paths(exercise) -> list:
    """Files and folders that decide what is asked of an exercise, from ROOT on."""
    own = [exercise.folder / f"{exercise.name}_test.cpp", exercise.folder / f"{exercise.name}.h"]
    own += [
        exercise.chapter / "testing",
        exercise.folder / "CMakeLists.txt",
        exercise.chapter / "CMakeLists.txt",
    ]
    found = [str(path.relative_to(ROOT)) for path in own if path.exists()]
    return [*found, *JUDGING_FOLDERS, "CMakeLists.txt"]


def changed_files(exercise) -> tuple:
    """(files that judge this exercise and are not as published, why it is not known or ""). By git."""
    base = published_commit()
    if not base:
        return [], "this is not a git checkout, so the tests were not compared with the published ones"
    paths = judging_paths(exercise)
    code, text = process.quiet(["git", "-C", ROOT, "diff", "--name-only", base, "--", *paths])
    if code != 0:
        return [], f"git does not compare the tests with the published ones: {first_line(text)}"
    return [name for name in text.split("\n")[:-1] if not name.endswith(".md")], ""


def about_changes(exercise, changed: list) -> str:
    """What is said of them: which files, how to get the published ones back, and how to keep one's own."""
    base = published_commit()
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    places = changed
    if more:  # rather the folders than a line without an end
        places = [
            path
            for path in judging_paths(exercise)
            if any(f"{name}/".startswith(f"{path}/") for name in changed)
        ]
    return (
        f"files that judge it are not as published: {', '.join(changed[:NAMED])}{more}. Not your doing? "
        f"git checkout {base[:12]} -- {' '.join(places)}. On purpose? Go by the tests above: what is "
        f"{published_where()} counts as published"
    )


def published_where() -> str:
    code, _ = process.quiet(["git", "-C", ROOT, "merge-base", "HEAD", "origin/HEAD"])
    return "committed and pushed to origin" if code == 0 else "committed"


def published_commit() -> str:
    """The last commit of this checkout that origin has too; without an origin, the last commit."""
    for command in (["merge-base", "HEAD", "origin/HEAD"], ["rev-parse", "--verify", "HEAD"]):
        code, text = process.quiet(["git", "-C", ROOT, *command])
        if code == 0:
            return text.strip()
    return ""


def first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no words"


@dataclass
class Parts:
    """What a starter's test program is linked from."""

    build: Path
    starter: Path  # the source
    objects: list  # of the starter
    cases: list  # objects of the tests
    is_kernel: bool  # else its test asks for functions by name


def parts(build: Path, exercise) -> Parts:
    folder = build / exercise.folder.relative_to(ROOT) / "CMakeFiles"
    # The object that was linked: on the CPU device a starter has another one for its benchmark.
    checked = folder / f"{exercise.name}_starter_checked.dir"
    of_starter = checked if checked.is_dir() else folder / f"{exercise.name}_starter.dir"
    objects = sorted(of_starter.rglob("*.o"))
    cases = sorted((folder / f"{exercise.name}_test_cases.dir").rglob("*.o"))
    return Parts(build, exercise.starter, objects, cases, exercise.starter.suffix == ".cu")


class Evidence:
    """What a verdict asks of files, found when it is first asked for."""

    def __init__(self, exercise, linked: Parts) -> None:
        self.exercise, self.linked = exercise, linked

    @functools.cached_property
    def objections(self) -> list:
        return objections(self.linked)

    @functools.cached_property
    def changed(self) -> tuple:
        return changed_files(self.exercise)

    def gather(self) -> None:
        """Find all of it now: tests that still run take the time anyway."""
        self.objections, self.changed  # noqa: B018


def objections(linked: Parts) -> list:
    """What in a starter's object files is no answer to the exercise; one sentence each."""
    return [*borrowed(linked), *meddling(linked)] if linked.objects else []


def borrowed(linked: Parts) -> list:
    """Other people's answers, and parts of the tests, that it includes, as the compiler lists them."""
    found = {}
    for file in dependencies(linked.build, linked.objects):
        folders = file.parts[:-1]
        if file.name.startswith(linked.starter.name):
            continue
        if "_solution." in file.name or file.suffix in (".cu", ".cpp"):
            found[f"includes {file.name}: the answer is to be written, not included"] = None
        elif "gtest" in folders or "testing" in folders or folders[-2:] == ("common", "harness"):
            found[f"includes {file.name}, which belongs to the tests"] = None
    return list(found)[:NAMED]


def dependencies(build: Path, objects: list) -> list:
    """The files of this checkout, and of GoogleTest, that the objects were compiled from."""
    names = []
    for file in objects:
        listed = file.with_name(file.name + ".d")
        if listed.exists():
            names += listed.read_text(errors="replace").replace("\\\n", " ").split()[1:]
        elif machine.ninja():
            name = str(file.relative_to(build))
            code, text = process.quiet([machine.ninja(), "-C", build, "-t", "deps", name])
            names += [line.strip() for line in text.splitlines()[1:]] if code == 0 else []
    paths = {(build / name).resolve() for name in names if name}
    root = ROOT.resolve()
    return sorted(path for path in paths if root in path.parents or "gtest" in path.parts)


@dataclass
class Symbols:
    """Names that object files share: defined once for all (strong), defined in passing (weak), and needed."""

    strong: set
    weak: set
    needed: set


def symbols(files: list) -> Symbols | None:
    """None where nm is not there, or does not understand the files."""
    found = Symbols(set(), set(), set())
    if not files:
        return found
    code, text = process.quiet(["nm", "--extern-only", "--format=posix", *files])
    if code != 0:
        return None
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or len(words[1]) != 1:
            continue
        kind = found.needed if words[1] in "Uwv" else found.weak if words[1] in "WVu" else found.strong
        kind.add(words[0])
    return found


def meddling(linked: Parts) -> list:
    """Functions of the tests, the runtime or a library that the starter defines again or calls."""
    archives = sorted(path for name in HARNESS for path in (linked.build / "common").rglob(name))
    inner = [path for path in archives if "harness" in path.parts]
    others = [path for path in archives if path not in inner]
    read = [symbols(files) for files in (linked.objects, others, linked.cases, inner)]
    if None in read:
        return []
    starter, runtime, cases, private = read
    theirs = (runtime, private, cases)
    strong = set().union(*(one.strong for one in theirs))
    again = starter.strong & strong.union(*(one.weak for one in theirs), runtime.needed, private.needed)
    again |= starter.weak & strong
    if linked.is_kernel:  # its test knows it by the registry alone
        again |= starter.strong & cases.needed
    called = {name for name in starter.needed & private.strong if not ALLOCATES.match(name)}
    tests = {name for name in starter.strong | starter.weak | starter.needed if "7testing" in name}
    found = [f"defines {name} again" for name in plain(again | (tests - starter.needed))]
    return found + [
        f"calls {name}, which belongs to the tests" for name in plain(called | (tests & starter.needed))
    ]


def plain(names: set) -> list:
    """A few of the names as a person writes them."""
    few = sorted(names)[:NAMED]
    if not few:
        return []
    code, text = process.quiet(["c++filt", *few])
    return text.splitlines() if code == 0 else few
