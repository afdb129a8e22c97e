"""`journey`: build and run the five-stage TinyLlama journey, then draw its plots."""

from __future__ import annotations

import re
from pathlib import Path

from . import answers, console, device, files, process, python_env, setup
from .arguments import require_one_or_more, value
from .build import Build
from .console import say, warn
from .errors import Exit, WorkbookError, shown
from .machine import RESULTS, ROOT, run_environment
from .picture import draw

PROGRAM = ROOT / "07_tinyllama" / "journey"
PRESETS = ROOT / "07_tinyllama" / "trainer" / "config.cpp"
STAGES = PROGRAM / "stages.cpp"
PLOT = ROOT / "tools" / "plots" / "journey.py"
PEER = ROOT / "tools" / "peers" / "tinyllama_v1.py"
TEXTS = ("README.md", "0*_*/*.md", "0*_*/*/README.md", "docs/*.md")

# name, type, what --help says. The program has the same options, checks them too, and knows the defaults.
OPTIONS = (
    ("stage", str, "only this stage: v1, v2, 1, 2, 3, 4, 5 or v4; may be repeated"),
    ("preset", str, "model and batch: nano, nano_long, shakespeare, small, small_long, medium or tinyllama"),
    ("steps", int, "training steps of each stage"),
    ("batch-size", int, "sequences in a batch, instead of the preset's"),
    ("seq-len", int, "tokens in a sequence, instead of the preset's"),
    ("layers", int, "layers, instead of the preset's"),
    ("heads", int, "query heads, instead of the preset's"),
    ("kv-heads", int, "key/value heads, instead of the preset's"),
    ("seed", int, "seed of the parameters and the data"),
    ("learning-rate", float, "learning rate of AdamW"),
    ("data", str, "a file: train on its bytes, instead of one batch of random tokens"),
    (
        "kernels",
        str,
        "implementations that the stage does not fix: auto, solution, library, operation=name,...",
    ),
    ("text-steps", int, "steps of the training on the workbook's own text, at the end"),
    ("trace", str, "a file: write a timeline of a few steps of each stage there, for ui.perfetto.dev"),
    ("trace-steps", int, "steps of each stage in the timeline"),
)
REPEATED = ("stage",)
FILES = ("data", "trace")  # paths from where the person is, not from where the program runs
AT_LEAST_ONE = ("steps", "batch-size", "seq-len", "layers", "heads", "kv-heads", "text-steps", "trace-steps")


def command(options) -> int:
    refuse_bad_input(options)
    written = [answers.Written(RESULTS / name) for name in ("journey.json", "journey-pytorch.json")]
    with console.aside(options.json):
        chosen, code, picture = run(options)
    if options.json:
        ours, pytorch = (one.document() for one in written)
        about = {"exit_code": int(code), "device": chosen, "journey": ours, "pytorch": pytorch}
        console.document("journey", {**about, "picture": shown(picture) if picture else None})
    return code


def run(options) -> tuple:
    """The device, the exit code, and the picture, where one was drawn."""
    chosen = device.choose(options.device)
    setup.ensure(chosen, plots=True)
    build = Build(chosen, options.jobs, options.verbose)
    build.configure()
    build.build(["journey"], "journey")
    started = [build.program("journey"), *arguments(options)]
    if options.verbose:
        say(process.shown(started))
    code = process.in_the_open(
        started,
        cwd=ROOT,
        env=run_environment(),
        timeout=options.timeout,
        stdout=answers.output_of(options),
    )
    if code != 0:
        return chosen, Exit.USAGE if code == Exit.USAGE else Exit.FAILED, None
    peer = RESULTS / "journey-pytorch.json"
    peer.unlink(missing_ok=True)  # of an earlier run
    if not options.stage and not options.no_pytorch:
        measure_pytorch(chosen, RESULTS / "journey.json", peer, answers.output_of(options))
    drawn = draw(PLOT, RESULTS / "journey.json", RESULTS / "journey.png", "--peer", peer)
    return chosen, Exit.OK, RESULTS / "journey.png" if drawn else None


def measure_pytorch(chosen: str, results: Path, peer: Path, output: int | None = None) -> None:
    """PyTorch's rows: the same model, measured after ours on the same machine; none without PyTorch."""
    python = python_env.find("torch")
    if python is None:
        say("No rows of PyTorch: no Python here can import torch.")
        return
    say("The same model in PyTorch, measured in the same way:")
    started = [python, PEER, "--like", results, "--output", peer, "--device", chosen]
    code = process.in_the_open(started, cwd=ROOT, env=run_environment(), stdout=output)
    if code != 0:
        warn(f"no rows of PyTorch: {PEER.relative_to(ROOT)} failed")


def refuse_bad_input(options) -> None:
    """Refuse before a long build what the program would refuse after it."""
    require_one_or_more(options, AT_LEAST_ONE)
    for name, given, known in (
        ("preset", options.preset, presets()),
        *(("stage", stage.lower(), stages()) for stage in options.stage or ()),
    ):
        if given and known and given not in known:
            message = f"there is no {name} '{given}'; the {name}s are {', '.join(known)}"
            raise WorkbookError(message, Exit.USAGE)
    if options.data is not None:
        refuse_bad_data(options.data)


def refuse_bad_data(name: str) -> None:
    files.require_regular(Path(name), "--data")


def presets() -> list:
    """The names in the trainer's own table; empty when it cannot be read, and then the program decides."""
    return first_words(PRESETS)


def stages() -> list:
    return first_words(STAGES)


def first_words(file: Path) -> list:
    """The first string of every `{"name", ...` row of a C++ table."""
    try:
        return re.findall(r'^\s*\{"(\w+)",', files.read_text(file), re.M)
    except OSError:
        return []


def arguments(options) -> list:
    """The program's arguments. --text takes all words after it, so it is last; chosen stages have none."""
    given = ["--output", shown(RESULTS)]
    for name, _, _ in OPTIONS:
        typed = value(options, name)
        for text in typed if isinstance(typed, list) else [typed]:
            if text is not None:
                given += [f"--{name}", str(Path(text).resolve()) if name in FILES else str(text)]
    if options.stage and not options.text_steps:
        return given
    texts = sorted({str(path) for pattern in TEXTS for path in ROOT.glob(pattern)})
    return [*given, "--text", *texts] if texts else given
