"""Feed a run's metrics.jsonl to TensorBoard or Weights & Biases, while it grows.

python3 tools/feed_metrics.py --tensorboard results/train/metrics.jsonl      what is there, then what comes
python3 tools/feed_metrics.py --wandb --once results/train/metrics.jsonl     what is there
WANDB_MODE=offline python3 tools/feed_metrics.py --wandb ...                 without a network

It follows the file until SIGTERM or Ctrl-C, and reads the rest of it before it ends.
`./workbook train --tensorboard` starts and ends it. A run that is resumed is fed from the start again.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

LOOK_SECONDS = 0.5
NOT_VALUES = ("step", "best")  # fields of a line that are no curve


class Tensorboard:
    """Event files in a folder beside the metrics."""

    def __init__(self, metrics: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.event, self.summary = Event, Summary
        self.writer = EventFileWriter(str(metrics.parent / "tensorboard"))

    def add(self, step: int, values: dict) -> None:
        scalars = [self.summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        event = self.event(step=step, wall_time=time.time(), summary=self.summary(value=scalars))
        self.writer.add_event(event)

    def close(self) -> None:
        self.writer.close()


class Wandb:
    """A run of Weights & Biases; its own environment variables say where, and whether online."""

    def __init__(self, metrics: Path) -> None:
        import wandb

        self.run = wandb.init(project="cuda-workbook", dir=str(metrics.parent), config=options_of(metrics))

    def add(self, step: int, values: dict) -> None:
        self.run.log(values, step=step)

    def close(self) -> None:
        self.run.finish()


def options_of(metrics: Path) -> dict:
    """The options of the run, which the training program leaves beside its metrics."""
    try:
        return json.loads((metrics.parent / "options.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def values_of(line: dict) -> dict:
    """The numbers of a line, by name; what is null was not finite."""
    return {
        name: value
        for name, value in line.items()
        if name not in NOT_VALUES and isinstance(value, (int, float)) and not isinstance(value, bool)
    }


class Follower:
    """The complete lines of a file, as it grows, and from its start when it is replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inode, self.offset = None, 0

    def lines(self) -> list:
        try:
            with self.path.open("rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                if inode != self.inode:
                    self.inode, self.offset = inode, 0
                file.seek(self.offset)
                data = file.read()
        except FileNotFoundError:
            return []
        end = data.rfind(b"\n") + 1
        self.offset += end
        return [line for line in map(parsed, data[:end].splitlines()) if line is not None]


def parsed(text: bytes):
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and isinstance(line.get("step"), int) else None


def feed(follower: Follower, sink) -> int:
    """How many lines were passed on."""
    lines = follower.lines()
    for line in lines:
        sink.add(line["step"], values_of(line))
    return len(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--tensorboard", action="store_const", dest="sink", const=Tensorboard)
    chosen.add_argument("--wandb", action="store_const", dest="sink", const=Wandb)
    parser.add_argument("--once", action="store_true", help="feed what is there, and end")
    parser.add_argument("metrics", type=Path)
    options = parser.parse_args()
    ended = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.append(True))
    if options.once and not options.metrics.is_file():
        sys.exit(f"feed_metrics: there is no {options.metrics}; ./workbook train makes one")
    try:
        sink = options.sink(options.metrics.absolute())
    except ImportError as error:
        sys.exit(f"feed_metrics: {error.name or error} is not installed; install it with pip")
    follower = Follower(options.metrics)
    while not ended and not options.once:
        feed(follower, sink)
        time.sleep(LOOK_SECONDS)
    feed(follower, sink)
    sink.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
