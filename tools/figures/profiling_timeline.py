#!/usr/bin/env python3
"""Draw docs/figures/profiling_timeline.svg: recorded steps of two stages of the journey, host above device.

tools/figures/profiling_timeline.py            write the figure
tools/figures/profiling_timeline.py --check    exit 1 when the committed figure differs

It draws docs/results/traces/nano.json, as this has written it:
journey --preset nano --stage 3 --stage 5 --trace docs/results/traces/nano.json --trace-steps 1
"""

from __future__ import annotations

import json
import sys

from svg import BLUE, FAINT, GRAY, GREEN, GUIDES, INK, PURPLE, RED, ROOT, command, figure, line, rect, text

RECORDED = ROOT / "docs" / "results" / "traces" / "nano.json"
LEFT, RIGHT = 128, 840
ROW = 20
# A kernel's kind by a part of its name; the first that fits.
KINDS = (
    ("matrix product", ("gemm", "cutlass", "matmul", "cublas"), BLUE),
    ("attention", ("attention", "rope", "repeat_kv"), GREEN),
    ("SwiGLU", ("swiglu", "silu"), RED),
    ("norm, loss", ("rmsnorm", "cross_entropy", "loss"), PURPLE),
    ("the rest", ("",), GRAY),
)
PHASES = {"forward": "#cfe0ea", "backward": "#f0dcc6", "optimizer": "#d9e4cd", "read loss": "#eeeeee"}
STAGES = (
    (
        "stage 3",
        "Stage 3: the host runs ahead; it waits once, in the line that reads the loss",
    ),
    ("stage 5", "Stage 5: the timer waits at each border, so a phase's time holds its kernels"),
)


def color(kernel: str) -> str:
    return next(shade for _, parts, shade in KINDS if any(part in kernel for part in parts))


def end(event: dict) -> float:
    return event["ts"] + event["dur"]


class Panel:
    """The step of one stage, with the time axis from its begin to its end."""

    def __init__(self, trace: list, stage: str, top: float) -> None:
        slices = [e for e in trace if e["ph"] == "X"]
        around = next(e for e in slices if e["cat"] == "range" and e["name"] == stage)
        inside = [e for e in slices if around["ts"] <= e["ts"] and end(e) <= end(around) + 1e-3]
        self.step = next(e for e in inside if e["cat"] == "range" and e["name"].startswith("step"))
        self.events = inside
        self.top = top

    def x(self, time: float) -> float:
        return LEFT + (RIGHT - LEFT) * (time - self.step["ts"]) / self.step["dur"]

    def bar(self, event: dict, row: int, fill: str) -> str:
        x0, x1 = self.x(event["ts"]), self.x(end(event))
        return rect(round(x0, 1), self.top + row * ROW, round(max(x1 - x0, 0.4), 1), ROW - 4, fill)

    def ranges(self, category: str, row: int) -> list:
        parts = []
        for event in self.events:
            if event["cat"] != category or event["name"] not in PHASES:
                continue
            parts.append(self.bar(event, row, PHASES[event["name"]]))
            width = self.x(end(event)) - self.x(event["ts"])
            if width > 7 * len(event["name"]):
                middle = (self.x(event["ts"]) + self.x(end(event))) / 2
                parts.append(text(middle, self.top + row * ROW + 12, event["name"], 11))
        return parts

    def draw(self, title: str) -> list:
        names = ("host: ranges", "host: calls", "device: ranges", "device: kernels")
        parts = [text(20, self.top - 12, title, 13, anchor="start")]
        parts += [
            text(LEFT - 8, self.top + row * ROW + 12, name, 11, GRAY, "end") for row, name in enumerate(names)
        ]
        parts += self.ranges("range", 0)
        parts += [self.bar(event, 1, FAINT) for event in self.events if event["cat"] == "call"]
        parts += self.ranges("device range", 2)
        kernels = [e for e in self.events if e["cat"] in ("kernel", "copy", "fill")]
        parts += [self.bar(event, 3, color(event["name"])) for event in kernels]
        return parts + self.axis() + [self.caption()]

    def axis(self) -> list:
        bottom = self.top + 4 * ROW + 4
        parts = [line([(LEFT, bottom), (RIGHT, bottom)], FAINT)]
        milliseconds = self.step["dur"] / 1e3
        tick = next(
            t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if milliseconds / t <= 9
        )
        for i in range(int(milliseconds / tick) + 1):
            x = self.x(self.step["ts"] + i * tick * 1e3)
            parts += [
                line([(x, bottom), (x, bottom + 4)], FAINT),
                text(x, bottom + 16, f"{i * tick:g}", 10, GRAY),
            ]
        return [*parts, text(LEFT - 8, bottom + 16, "ms", 10, GRAY, "end")]

    def caption(self) -> str:
        """What the picture shows, in numbers that are read off the trace."""
        host = sum(
            e["dur"] for e in self.events if e["cat"] == "range" and e["name"] in ("forward", "backward")
        )
        kernels = [e for e in self.events if e["cat"] == "kernel"]
        busy = sum(e["dur"] for e in kernels)
        share = f"{len(kernels)} kernels, busy for {100 * busy / self.step['dur']:.0f}% of the step"
        took = f"{host / 1e3:.2f} of {self.step['dur'] / 1e3:.2f} ms"
        words = f"{share}; to launch forward and backward takes the host {took}"
        return text(LEFT, self.top + 4 * ROW + 40, words, 12, INK, "start")


def draw() -> str:
    trace = json.loads(RECORDED.read_text())
    parts = []
    for i, (stage, title) in enumerate(STAGES):
        parts += Panel(trace["traceEvents"], stage, 44 + 168 * i).draw(title)
    y = 44 + 168 * len(STAGES) - 18
    x = LEFT
    for name, _, shade in KINDS:
        parts += [rect(x, y, 12, 12, shade), text(x + 18, y + 10, name, 11, INK, "start")]
        x += 30 + 7 * len(name)
    parts.append(
        text(20, y + 32, f"Preset nano, one step. {trace['otherData']['device']}", 11, GRAY, "start")
    )
    return figure("Two training steps as traces", y + 44, parts, head=None)


if __name__ == "__main__":
    sys.exit(command(__file__, {GUIDES / "profiling_timeline.svg": draw}))
