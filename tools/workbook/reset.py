"""`reset`: a starter as it was handed out. What was there is kept, and `reset --undo` brings it back."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from . import chapters, console, files, position, progress
from .console import say
from .errors import Exit, WorkbookError, explain, shown
from .machine import RESULTS


def command(options) -> int:
    place = chosen(options, position.survey())
    if options.undo and options.revision:
        raise WorkbookError("--undo and --from exclude each other; say one of them", Exit.USAGE)
    exercise = place.exercise
    source, content = last_backup(exercise) if options.undo else handed_out(exercise, options.revision)
    kept = None
    if exercise.starter.read_bytes() != content:
        kept = keep(exercise)
        replace(exercise.starter, content)
    if not options.undo:
        progress.Store(RESULTS).forget_hints(exercise.key)
    call = exercise.call
    if options.json:
        about = {"chapter": exercise.chapter.name, "exercise": exercise.name, "from": source}
        backup = shown(kept) if kept else None
        console.document("reset", {**about, "starter": shown(exercise.starter), "backup": backup})
        return Exit.OK
    if not kept:
        say(nothing_to_do(place, source, options))
        return Exit.OK
    say(f"{shown(exercise.starter)} is as in {source} again.")
    if options.undo:
        say(f"What it replaced is kept: {shown(kept)}")
    else:
        say(f"Yours is kept: {shown(kept)}")
        say(f"To restore yours: ./workbook reset {call} --undo")
    return Exit.OK


def chosen(options, places: list) -> position.Place:
    if options.undo and options.chapter is None:
        kept = [(found[-1].name, place) for place in places if (found := backups(place.exercise))]
        if kept:
            return max(kept, key=lambda pair: pair[0])[1]
    return position.edited_or_named(options.chapter, options.exercise, places)


def handed_out(exercise, revision: str | None) -> tuple:
    """(where it is from, its bytes), by git."""
    if revision is not None and revision.startswith("-"):
        raise WorkbookError(f"--from {revision}: there is no such commit", Exit.USAGE)
    source, content = chapters.as_published(exercise.starter, revision)
    if source:
        return source, content
    name = shown(exercise.starter)
    if revision is not None:
        raise WorkbookError(
            f"--from {revision}: git has no {name} there; git log -- {name} lists its versions", Exit.USAGE
        )
    message = (
        f"git does not have {name} as it was handed out (no git, or no checkout of it); copy it from a new"
    )
    raise WorkbookError(f"{message} copy of the workbook", Exit.SETUP)


def nothing_to_do(place: position.Place, source: str, options) -> str:
    name = shown(place.exercise.starter)
    if options.undo or options.revision or not place.solved:
        return f"{name} is as in {source} already; nothing was changed."
    return (
        f"{name} is as in {source} already; nothing was changed.\n"
        f"Did you commit yours? git log -- {name} lists its versions;\n--from COMMIT takes one."
    )


def folder(exercise) -> Path:
    return RESULTS / "backups" / f"{exercise.chapter.name}-{exercise.name}"


def backups(exercise) -> list:
    """Oldest first: their names are times."""
    return sorted(path for path in folder(exercise).glob(f"*{exercise.starter.suffix}") if path.is_file())


def last_backup(exercise) -> tuple:
    """The newest that differs from what is there now."""
    now = exercise.starter.read_bytes()
    found = [path for path in backups(exercise) if path.read_bytes() != now]
    if not found:
        message = f"--undo: there is no backup of {shown(exercise.starter)}"
        raise WorkbookError(f"{message}; reset keeps one in {shown(folder(exercise))}", Exit.USAGE)
    return shown(found[-1]), found[-1].read_bytes()


def keep(exercise) -> Path:
    """A copy of the starter under a name of its own."""
    place = folder(exercise)
    files.make_folder(place)
    moment = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        kept = place / f"{moment}-{number:03d}{exercise.starter.suffix}"
        try:
            with open(kept, "xb") as file:
                file.write(exercise.starter.read_bytes())
        except FileExistsError:
            continue
        except OSError as error:
            raise WorkbookError(explain(error, kept), Exit.SETUP) from error
        shutil.copystat(exercise.starter, kept)
        return kept
    raise WorkbookError(f"{shown(place)} has a thousand backups of this second; delete some", Exit.SETUP)


def replace(starter: Path, content: bytes) -> None:
    """Whole or not at all; a link to a file elsewhere stays one."""
    target = Path(starter).resolve()
    if not target.is_file():
        raise WorkbookError(f"{shown(starter)} is no regular file; put it back: git checkout", Exit.SETUP)
    files.require_writable(target.parent)
    temporary = target.with_name(f".{target.name}.reset.tmp")
    try:
        temporary.write_bytes(content)
        shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WorkbookError(explain(error, starter), Exit.SETUP) from error
