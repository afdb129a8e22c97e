"""What a person may name as input: <name> in the table."""

import os
import socket
from pathlib import Path


def inputs(folder: Path) -> dict:
    """Files and what is none, by the name that the table uses."""
    places = {
        name: folder / name
        for name in ("text", "empty", "fifo", "folder", "socket", "loop", "link", "secret")
    }
    places["text"].write_text("Some text. " * 300)
    places["empty"].write_text("")
    os.mkfifo(places["fifo"])
    places["folder"].mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(places["socket"]))
    places["loop"].symlink_to("loop")
    places["link"].symlink_to("nowhere")
    places["secret"].write_text("x")
    places["secret"].chmod(0)
    long = folder / ("n" * 300)
    return {
        **{name: str(path) for name, path in places.items()},
        "long": str(long),
        "bytes": "x\udcff",
        "bel": "\a",
    }
