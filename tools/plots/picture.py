"""Saves a figure whole or not at all, and only in place of a regular file."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def save(figure, path: Path) -> None:
    """`figure` as `path`; ends the program with one line where that is no place for a picture."""
    path = Path(path)
    if path.exists() and not path.is_file():
        sys.exit(f"plot: {path} is no regular file; rename or delete it, then draw again")
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        figure.savefig(temporary)
        temporary.replace(path)
    except OSError as error:
        sys.exit(f"plot: cannot write {path}: {error.strerror}; make room or choose another folder")
    finally:
        temporary.unlink(missing_ok=True)
