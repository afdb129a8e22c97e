"""`train`: build the training program, run it, feed its metrics to who was asked for, and draw the losses."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path

from . import answers, console, device, files, journey, process, python_env, setup, train_starters
from .arguments import program_options, require_one_or_more, value
from .build import Build
from .console import say, warn
from .errors import Exit, WorkbookError, shown
from .machine import RESULTS, ROOT, run_environment
from .picture import draw

PROGRAM = ROOT / "07_tinyllama" / "train"
PLOT = ROOT / "tools" / "plots" / "training.py"
FEED = ROOT / "tools" / "feed_metrics.py"
# After Ctrl-C the program finishes its step and writes a checkpoint. A second Ctrl-C ends it at once.
GRACE_SECONDS = 600.0

# name, type, what --help says. The program has the same options, checks them too, and knows the defaults.
OPTIONS = (
    ("preset", str, "model and batch: nano, shakespeare, small, medium or tinyllama"),
    ("config", str, "a JSON file of options; options on the command line take precedence"),
    ("width", int, "model width C, instead of the preset's"),
    ("layers", int, "layers L"),
    ("heads", int, "query heads H; must divide the width"),
    ("kv-heads", int, "key/value heads K; must divide the heads"),
    ("feed-forward", int, "feed-forward width F"),
    ("vocabulary", int, "number of different tokens V; 256 are enough for text"),
    ("batch-size", int, "sequences in a batch, B"),
    ("seq-len", int, "tokens in a sequence, T"),
    ("tokens", str, "a file of 16-bit tokens, as nanoGPT prepares them, instead of --data"),
    ("validation-tokens", str, "a file of 16-bit tokens to validate on"),
    ("validation-share", float, "share of the data, at its end, to validate on; 0: none"),
    ("validate-every", int, "steps between validations"),
    ("validation-batches", int, "largest number of batches in a validation"),
    ("steps", int, "training steps"),
    ("seed", int, "seed of the parameters and the batches"),
    ("optimizer", str, "adamw; or muon for hidden matrices, AdamW for the rest"),
    ("learning-rate", float, "highest learning rate of AdamW"),
    ("schedule", str, "cosine or constant, after the warm-up"),
    ("warmup-steps", int, "steps of linear warm-up"),
    ("minimum-learning-rate", float, "learning rate at the end of the cosine"),
    ("weight-decay", float, "weight decay of matrices and the embedding"),
    ("beta1", float, "beta1 of AdamW"),
    ("beta2", float, "beta2 of AdamW"),
    ("clip", float, "largest global norm of the gradients; 0: no clipping"),
    ("muon-learning-rate", float, "highest learning rate of Muon"),
    ("muon-momentum", float, "momentum of Muon"),
    ("muon-weight-decay", float, "weight decay of Muon"),
    ("gradient-accumulation", int, "batches whose mean gradient makes a step"),
    ("precision", str, "fp32; tf32: matrix products on tensor cores; bf16: activations too"),
    ("kernels", str, "auto: the fastest by measurement; remeasure; fixed; solution, operation=name,..."),
    ("output", str, "folder for checkpoints and metrics (default: results/train)"),
    ("resume", str, "continue the run in this folder, with its options"),
    ("checkpoint-every", int, "steps between checkpoints; 0: only at the end"),
    ("log-every", int, "steps between lines of metrics.jsonl"),
    ("trace", str, "a file for the timeline of a few steps, for ui.perfetto.dev"),
    ("trace-steps", int, "steps in the timeline"),
)
FLAGS = (
    ("overwrite", "replace the run in the output folder"),
    ("strict", "stop when a --kernel is wrong, instead of replacing it"),
    ("graph", "launch each pass as one CUDA graph (default if the device has graphs)"),
    ("no-graph", "launch kernel by kernel"),
)
DATA = "text files; each byte is a token (default: the workbook's own chapters)"
KERNEL = "train with this kernel, for example rmsnorm=starter, if its results are right; may be repeated"
FEEDS = (
    ("tensorboard", "tensorboard", "send the metrics to TensorBoard, in OUTPUT/tensorboard"),
    ("wandb", "wandb", "send the metrics to Weights & Biases; offline with WANDB_MODE=offline"),
)
FILES = ("config", "tokens", "validation-tokens", "output", "resume", "trace")  # from where the person is
READ = ("config", "tokens", "validation-tokens")
AT_LEAST_ONE = (
    *("width", "layers", "heads", "kv-heads", "feed-forward", "vocabulary", "batch-size", "seq-len"),
    *("validate-every", "validation-batches", "steps", "gradient-accumulation", "log-every", "trace-steps"),
)


def declare(sub) -> None:
    """The command's arguments on an argparse parser."""
    sub.add_argument("--data", nargs="+", metavar="FILE", help=DATA)
    program_options(sub, OPTIONS)
    sub.add_argument("--kernel", action="append", metavar="OP=NAME", help=KERNEL)
    for name, text in FLAGS:
        sub.add_argument(f"--{name}", action="store_true", help=text)
    for name, _, text in FEEDS:
        sub.add_argument(f"--{name}", action="store_true", help=text)


def command(options) -> int:
    refuse_bad_input(options)
    folder = output(options)
    written = answers.Written(folder / "training.json")
    with console.aside(options.json):
        chosen, code, picture = train(options, folder)
    if options.json:
        about = {"exit_code": int(code), "device": chosen, "folder": shown(folder)}
        about |= {"training": written.document(), "checkpoint": None if code else shown(best(folder))}
        console.document("train", {**about, "picture": shown(picture) if picture else None})
    return code


def train(options, folder: Path) -> tuple:
    """The device, the exit code, and the picture, where one was drawn."""
    chosen = device.choose(options.device)
    resumed = from_here(options.resume) if options.resume is not None else None
    kernels = options.kernels or train_starters.kernels_of_run(resumed)
    exercises = train_starters.wanted(options.kernel or [], kernels)
    feeds = [feeder(name, module) for name, module, _ in FEEDS if getattr(options, name)]
    setup.ensure(chosen, plots=True)
    build = Build(chosen, options.jobs, options.verbose)
    build.configure()
    started = [train_starters.program(build, "train", exercises), *arguments(options)]
    if options.verbose:
        say(process.shown(started))
    feeds = [[*feed, folder / "metrics.jsonl"] for feed in feeds]
    code = run(started, feeds, answers.output_of(options))
    if code != 0:
        return chosen, code if code in (Exit.USAGE, Exit.INTERRUPTED) else Exit.FAILED, None
    drawn = draw(PLOT, folder / "training.json", folder / "loss.png")
    say(f"Generate text with it: ./workbook sample --checkpoint {shown(best(folder))}")
    return chosen, Exit.OK, folder / "loss.png" if drawn else None


def run(started: list, feeds: list, stdout: int | None = None) -> int:
    """The program's exit code; what feeds others ends after it has read all."""
    # Whoever ends last looks for what was left behind; the program must not take its feeders for that.
    groups = [process.Group(feed, sweep=feed is feeds[-1], cwd=ROOT) for feed in feeds]
    try:
        for group in groups:
            group.start()
        return process.in_the_open(
            started,
            cwd=ROOT,
            env=run_environment(),
            grace=GRACE_SECONDS,
            sweep=not feeds,
            stdout=stdout,
        )
    finally:
        for feed, group in zip(feeds, groups):
            code = group.end(signal.SIGTERM, GRACE_SECONDS)
            if code != 0:
                where = shown(feed[-1])
                warn(f"{feed[-2]} did not receive all metrics (exit code {code}); all metrics are in {where}")


def feeder(name: str, module: str) -> list:
    python = python_env.find(module)
    if python is None:
        advice = f"python3 -m venv --system-site-packages .venv && .venv/bin/pip install {module}"
        raise WorkbookError(f"--{name}: no Python here can import {module}; install it: {advice}", Exit.SETUP)
    return [python, FEED, f"--{name}"]


def from_here(path: str) -> Path:
    return Path(os.path.abspath(path))


def output(options) -> Path:
    given = options.resume or options.output
    return from_here(given) if given else RESULTS / "train"


def best(folder: Path) -> Path:
    return folder / "best" if (folder / "best" / "latest").exists() else folder


def refuse_bad_input(options) -> None:
    """Refuse before a long build what the program would refuse after it."""
    require_one_or_more(options, AT_LEAST_ONE)
    rate = options.learning_rate
    if rate is not None and not (0 < rate < math.inf):
        raise WorkbookError(f"--learning-rate is {rate}; it must be more than 0 and finite", Exit.USAGE)
    known = journey.presets()
    if options.preset and known and options.preset not in known:
        message = f"there is no preset '{options.preset}'; the presets are {', '.join(known)}"
        raise WorkbookError(message, Exit.USAGE)
    if options.data and options.tokens:
        raise WorkbookError("give --data or --tokens, not both", Exit.USAGE)
    for name in options.data or ():
        files.require_regular(Path(name), "--data")
    for name in READ:
        if value(options, name) is not None:
            files.require_regular(Path(value(options, name)), f"--{name}")
    if options.resume is not None and not from_here(options.resume).is_dir():
        raise WorkbookError(f"--resume {options.resume}: no run's folder is there", Exit.USAGE)


def arguments(options) -> list:
    """The program's arguments. --data takes all words after it, so it is last."""
    given = []
    if options.output is None and options.resume is None:
        given.append(f"--output={output(options)}")
    for name, _, _ in OPTIONS:
        typed = value(options, name)
        if typed is not None:
            given.append(f"--{name}={from_here(typed) if name in FILES else typed}")
    given += [f"--kernel={rule}" for rule in options.kernel or ()]
    given += [f"--{name}" for name, _ in FLAGS if value(options, name)]
    data = [str(from_here(name)) for name in options.data or ()] or default_data(options)
    return [*given, "--data", *data] if data else given


def default_data(options) -> list:
    """The workbook's own text, where nothing else says what to train on."""
    if options.tokens or options.resume or names_data(options.config):
        return []
    return sorted({str(path) for pattern in journey.TEXTS for path in ROOT.glob(pattern)})


def names_data(config: str | None) -> bool:
    """Whether an option file has data of its own; a file that cannot be read is the program's to refuse."""
    if config is None:
        return False
    try:
        object_of = json.loads(files.read_text(from_here(config)))
    except (OSError, ValueError):
        return True
    return not isinstance(object_of, dict) or "data" in object_of or "tokens" in object_of
