#!/usr/bin/env python3
"""Checks a trace that `--trace FILE` wrote, and counts what is in it.

    python3 tools/check_trace.py trace.json

Exit code 0: a sound trace. 1: it is not, with one line per problem. 2: no readable trace.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

ROUNDING_US = 0.0015  # times are written to the nanosecond
ON_DEVICE = ("kernel", "copy", "fill")
STEP = re.compile(r"(?:^|/ )(step \d+)(?: /|$)")
MOST_PROBLEMS = 20


def load(path: Path) -> dict:
    """The trace in `path`. Errors: OSError, or ValueError when it is no trace."""
    trace = json.loads(Path(path).read_bytes().decode())
    if not isinstance(trace, dict) or not isinstance(trace.get("traceEvents"), list):
        raise ValueError("no object with a list of traceEvents")
    return trace


def slices(trace: dict, *categories: str) -> list:
    """The events with a length, of those categories (all if none is named)."""
    return [
        e for e in trace["traceEvents"] if e.get("ph") == "X" and (not categories or e["cat"] in categories)
    ]


def end(event: dict) -> float:
    return event["ts"] + event["dur"]


def contains(outer: dict, inner: dict) -> bool:
    return outer["ts"] <= inner["ts"] + ROUNDING_US and end(inner) <= end(outer) + ROUNDING_US


def malformed(trace: dict) -> list:
    found = []
    for event in trace["traceEvents"]:
        missing = [key for key in ("ph", "name", "pid", "tid") if key not in event]
        if event.get("ph") in ("X", "s", "f"):
            missing += [key for key in ("ts", "cat") if key not in event]
        if event.get("ph") == "X" and "dur" not in event:
            missing.append("dur")
        if missing:
            found.append(f"an event without {', '.join(missing)}: {event}")
        elif event["ph"] not in ("X", "M", "s", "f"):
            found.append(f"an event of unknown kind '{event['ph']}': {event}")
        elif event["ph"] == "X" and not (event["ts"] >= 0 and event["dur"] >= 0):
            found.append(f"a negative time: {event}")
    return found


def crossing(trace: dict) -> list:
    """Slices of one track that overlap without one containing the other."""
    found = []
    tracks = defaultdict(list)
    for event in slices(trace):
        tracks[event["pid"], event["tid"]].append(event)
    for events in tracks.values():
        events.sort(key=lambda e: (e["ts"], -e["dur"]))
        around = []
        for event in events:
            while around and end(around[-1]) <= event["ts"] + ROUNDING_US:
                around.pop()
            if around and end(event) > end(around[-1]) + ROUNDING_US:
                found.append(
                    f"'{event['name']}' at {event['ts']} us crosses the end of '{around[-1]['name']}'"
                )
            around.append(event)
    return found


def unnamed(trace: dict) -> list:
    named = {
        (e["pid"], e["tid"]) for e in trace["traceEvents"] if e["ph"] == "M" and e["name"] == "thread_name"
    }
    used = {(e["pid"], e["tid"]) for e in slices(trace)}
    return [f"track {tid} of process {pid} has no name" for pid, tid in sorted(used - named)]


def bad_arrows(trace: dict) -> list:
    tails = {e["id"]: e["ts"] for e in trace["traceEvents"] if e["ph"] == "s"}
    heads = {e["id"]: e["ts"] for e in trace["traceEvents"] if e["ph"] == "f"}
    found = [f"arrow {i} has one end only" for i in sorted(tails.keys() ^ heads.keys())]
    both = tails.keys() & heads.keys()
    return found + [
        f"arrow {i} leads back in time" for i in sorted(both) if heads[i] < tails[i] - ROUNDING_US
    ]


def outside_step(trace: dict) -> list:
    """Kernels that did not run within the step that launched them, which waits for the device at its end."""
    steps = defaultdict(list)
    for event in slices(trace, "range"):
        steps[event["name"]].append(event)
    found = []
    for event in slices(trace, *ON_DEVICE):
        match = STEP.search(event.get("args", {}).get("range", ""))
        if match and not any(contains(step, event) for step in steps[match.group(1)]):
            found.append(
                f"{event['cat']} '{event['name']}' at {event['ts']} us lies outside of {match.group(1)}"
            )
    return found


def problems(trace: dict) -> list:
    """One line for each thing that is wrong; empty for a sound trace."""
    found = malformed(trace)
    if found:
        return found
    return [*crossing(trace), *unnamed(trace), *bad_arrows(trace), *outside_step(trace)]


def kernels_per_step(trace: dict) -> list:
    """How many kernels each step launched, in the order of the steps."""
    counts = Counter()
    for event in slices(trace, "kernel"):
        range_ = event.get("args", {}).get("range", "")
        match = STEP.search(range_)
        if match:
            counts[range_[: match.end(1)]] += 1
    return list(counts.values())


def summary(trace: dict) -> str:
    counts = Counter(event["cat"] for event in slices(trace))
    arrows = sum(event["ph"] == "s" for event in trace["traceEvents"])
    parts = [f"{counts[name]} {name}s" for name in ("range", "call", "kernel", "fill")]
    parts += [f"{counts['copy']} copies", f"{arrows} arrows"]
    per_step = kernels_per_step(trace)
    if per_step:
        low, high = min(per_step), max(per_step)
        each = str(low) if low == high else f"{low} to {high}"
        parts.append(f"{len(per_step)} steps of {each} kernels")
    return ", ".join(parts)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    file = parser.parse_args(arguments).file
    try:
        trace = load(file)
    except (OSError, ValueError) as error:
        print(f"{file}: not a trace that can be read: {error}", file=sys.stderr)
        return 2
    found = problems(trace)
    for line in found[:MOST_PROBLEMS]:
        print(f"{file}: {line}", file=sys.stderr)
    if len(found) > MOST_PROBLEMS:
        print(f"{file}: and {len(found) - MOST_PROBLEMS} more", file=sys.stderr)
    if not found:
        print(f"{file}: sound; {summary(trace)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
