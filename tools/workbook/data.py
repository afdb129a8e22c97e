"""`data`: fetch a public text to train on, with a checksum."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from . import console, files
from .console import say
from .errors import Exit, WorkbookError, explain, shown
from .machine import ROOT

FOLDER = ROOT / "data"
BASE_URL = "https://raw.githubusercontent.com"
BASE_VARIABLE = "WB_DATA_URL"
READ_SECONDS = 30.0  # without a byte
TOTAL_SECONDS = 600.0
PIECE = 64 * 1024


@dataclass(frozen=True)
class Text:
    path: str  # below the base URL
    file: str  # in FOLDER
    size: int
    sha256: str
    about: str


TEXTS = {
    "shakespeare": Text(
        "/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "tinyshakespeare.txt",
        1115394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "40,000 lines of Shakespeare (public domain), a megabyte",
    ),
}


def command(options) -> int:
    text = TEXTS[options.name]
    file = FOLDER / text.file
    if irregular := files.irregular(file):
        raise WorkbookError(f"{shown(file)} is {irregular} where a file must be; rename or delete it")
    with console.aside(options.json):
        fetched = provide(text, file, options.url)
    if options.json:
        about = {"file": shown(file), "bytes": text.size, "sha256": text.sha256}
        console.document("data", {**about, "fetched": fetched})
    return Exit.OK


def provide(text: Text, file: Path, url: str | None) -> bool:
    """Fetch the text, unless it is here with the right checksum; whether it was fetched."""
    fetched = not file.exists()
    if not fetched:
        if checksum(file) != text.sha256:
            advice = "rename or delete it, then run the same command again"
            raise WorkbookError(f"{shown(file)} is there with another content; {advice}", Exit.USAGE)
        say(f"{shown(file)} is here already, and its checksum is right.")
    else:
        files.make_folder(FOLDER)
        fetch(base_url(url) + text.path, text, file)
        say(f"{shown(file)}: {text.size:,} bytes, checksum right.")
    say(f"Train on it: ./workbook train --data {shown(file)}")
    return fetched


def base_url(given: str | None) -> str:
    url = given or os.environ.get(BASE_VARIABLE) or BASE_URL
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise WorkbookError(f"'{url}' is no address; give one like {BASE_URL}", Exit.USAGE)
    return url.rstrip("/")


def checksum(file: Path) -> str:
    sums = hashlib.sha256()
    try:
        with file.open("rb") as opened:
            for piece in iter(lambda: opened.read(PIECE), b""):
                sums.update(piece)
    except OSError as error:
        raise WorkbookError(explain(error, file)) from error
    return sums.hexdigest()


def fetch(url: str, text: Text, file: Path) -> None:
    """Write `file` when all of it is there and right; else leave nothing."""
    content = download(url, text, file)
    found = hashlib.sha256(content).hexdigest()
    if found != text.sha256:
        raise WorkbookError(
            f"what {url} sent is not the text: sha256 {found[:12]}..., expected {text.sha256[:12]}...; "
            f"nothing was kept; {by_hand(text, file)}",
            Exit.FAILED,
        )
    number, name = tempfile.mkstemp(prefix=f".{text.file}.", dir=file.parent)
    try:
        with os.fdopen(number, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        os.chmod(name, 0o644)
        os.replace(name, file)
    except OSError as error:
        raise WorkbookError(explain(error, file)) from error
    finally:
        if os.path.exists(name):
            os.unlink(name)


def download(url: str, text: Text, file: Path) -> bytes:
    import urllib.error  # here: together they take longer to load than all the rest of the command
    import urllib.request

    content = bytearray()
    deadline = time.monotonic() + TOTAL_SECONDS
    request = urllib.request.Request(url, headers={"User-Agent": "cuda-workbook"})
    try:
        with urllib.request.urlopen(request, timeout=READ_SECONDS) as answer:
            # One byte too many is enough to know that it is another text.
            while len(content) <= text.size and (piece := answer.read1(PIECE)):
                content += piece
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not done after {TOTAL_SECONDS:.0f} s")
    except urllib.error.HTTPError as error:
        problem = f"the server answered {error.code} {error.reason}"
    except urllib.error.URLError as error:
        problem = str(getattr(error.reason, "strerror", None) or error.reason)
    except (OSError, ValueError) as error:  # cut off in the middle, or too slow; no HTTP at all
        problem = str(error) or type(error).__name__
    except Exception as error:  # http.client's own, such as a status line that is none
        problem = str(error) or type(error).__name__
    else:
        if len(content) < text.size:
            raise WorkbookError(
                f"{url} ended after {len(content):,} of {text.size:,} bytes; nothing was kept; "
                "run the same command again",
                Exit.FAILED,
            )
        return bytes(content)
    problem = " ".join(problem.split())
    raise WorkbookError(f"cannot fetch {url}: {problem}; {by_hand(text, file)}", Exit.SETUP)


def by_hand(text: Text, file: Path) -> str:
    return (
        f"without a network copy the text ({text.size:,} bytes) to {shown(file)}, "
        "or train on any other: ./workbook train --data FILE"
    )
