"""Where a peer's results go."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def require_writable(file: Path | None) -> None:
    """Ends the program where `file` exists and is a device, a pipe or a folder."""
    if file is not None and file.exists() and not file.is_file():
        sys.exit(f"peer: {file} is no regular file; name another --output")


def write(file: Path | None, content: dict) -> None:
    """Writes `content` as JSON, whole or not at all, and only in place of a regular file. None: nowhere."""
    if file is None:
        return
    require_writable(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
