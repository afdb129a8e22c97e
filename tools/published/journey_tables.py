"""The journey's tables, from results files of kind "journey": ours, and PyTorch's beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from . import markdown
from .markdown import number, percent

NOTHING = "No journey is published yet: `./workbook journey` shows yours."


@dataclass
class Journey:
    name: str
    document: dict
    peers: list  # results documents of the same model on the same device

    @property
    def body(self) -> dict:
        return self.document["body"]

    @property
    def stages(self) -> list:
        """The journey's own stages, then the peers'."""
        return [*self.body["stages"], *(stage for peer in self.peers for stage in peer["body"]["stages"])]

    def speedup(self, stage: dict) -> str:
        """Samples per second, divided by V1's; also for a peer, whose results have no V1."""
        baseline = [s for s in self.body["stages"] if s["stage"] == "v1"]
        if not baseline:
            return "-"
        ratio = stage["measured"]["samples_per_second"] / baseline[0]["measured"]["samples_per_second"]
        return f"{number(ratio)}x"


def journeys(documents: list) -> list:
    """Own journeys with their peers: measured with the same model and batch on a device of the same name."""
    own = [(name, d) for name, d in documents if not d["body"].get("peer")]
    peers = [d for _, d in documents if d["body"].get("peer")]
    return [Journey(name, d, [p for p in peers if setting(p) == setting(d)]) for name, d in own]


def setting(document: dict) -> tuple:
    device, body = document["device"], document["body"]
    where = device["name"] if device["kind"] == "cuda" else "cpu"
    return where, tuple(sorted(body["config"].items()))


def name_of(stage: dict) -> str:
    key = stage["stage"]
    if key.startswith("pytorch"):
        return stage["title"]
    name = {"5": "5 = V3"}.get(key, key.upper())
    return f"{name} {stage['title']}"


def heading(document: dict) -> str:
    body = document["body"]
    model = f"{body['description']}; {body['parameters'] / 1e6:.1f}M parameters"
    return f"Preset {body['preset']} ({model}), {body['precision']}, on {markdown.origin(document)}."


def short_row(journey: Journey, stage: dict) -> list:
    measured, timer = stage["measured"], stage["timer"]
    return [
        name_of(stage),
        number(stage["loss"]["first"]),
        number(measured["samples_per_second"]),
        number(measured["step_ms"]),
        percent(timer["share_of_step"]),
        journey.speedup(stage),
    ]


def picture(journey: Journey, folder: Path, link: str) -> list:
    if not (folder / f"{journey.name}.png").exists():
        return []
    return [f"![Speed, loss and phases of every stage]({link}/{journey.name}.png)"]


def short(documents: list, folder: Path) -> str:
    """A table per journey: what a reader of the README wants to know; and the first one's picture."""
    columns = ["stage", "first loss", "samples/s", "step, ms", "its timer explains", "vs V1"]
    blocks = []
    for journey in journeys(documents):
        lines = [short_row(journey, stage) for stage in journey.stages]
        parts = [heading(journey.document), markdown.rows(columns, lines)]
        if not blocks:
            parts += picture(journey, folder, "docs/results")
        blocks.append("\n\n".join(parts))
    return "\n\n".join(blocks) or NOTHING


def full_row(journey: Journey, stage: dict) -> list:
    measured, timer, gradients = stage["measured"], stage["timer"], stage["gradients"]
    profile = stage.get("profile") or {}
    memory = stage["peak_memory_bytes"]
    return [
        name_of(stage),
        f"{number(stage['loss']['first'])} to {number(stage['loss']['last'])}",
        number(measured["samples_per_second"]),
        number(measured["step_ms"]),
        percent(measured.get("spread")),
        phases(timer),
        percent(timer["share_of_step"]),
        number(None if memory is None else memory / 2**20),
        number(profile.get("attention_ms")),
        number(profile.get("launches_per_step")),
        percent(gradients["covered_elements"], gradients["elements"]),
        journey.speedup(stage),
    ]


def phases(timer: dict) -> str:
    times = [timer[f"{phase}_ms"] for phase in ("forward", "backward", "optimizer")]
    return "-" if None in times else " + ".join(number(ms) for ms in times)


def rounds_sentence(body: dict) -> str:
    """How the stages were measured; empty for an older result, which was not measured in rounds."""
    rounds = body.get("rounds")
    if not rounds:
        return ""
    alive = rounds["trainers"] == "all alive"
    trainers = "with all trainers in memory" if alive else "which built the trainers again"
    text = f" {rounds['count']} rounds of all stages, {trainers}; figures are medians over the rounds."
    return f"{text} **The machine was busy.**" if rounds["busy"] else text


def full(documents: list, folder: Path) -> str:
    """Everything that the journey prints, with its plot and its sentences."""
    columns = [
        "stage",
        "loss",
        "samples/s",
        "step, ms",
        "spread",
        "its timer: forward + backward + optimizer, ms",
    ]
    columns += ["of the step", "peak, MiB", "attention, ms", "kernels per step", "gradients reach", "vs V1"]
    blocks = []
    for journey in journeys(documents):
        body = journey.body
        lines = [full_row(journey, stage) for stage in journey.stages]
        block = [f"## {journey.name}", heading(journey.document)]
        data = f"Data: {body['data']}; {body['steps']} steps per stage, seed {body['seed']}."
        block.append(data + rounds_sentence(body))
        block.append(markdown.rows(columns, lines))
        block += picture(journey, folder, "results")
        block.append("\n".join(f"- {name_of(s)}: {s['observation']}." for s in body["stages"]))
        if body.get("text"):
            block.append(text_sentence(body["text"]))
        blocks.append("\n\n".join(block))
    return "\n\n".join(blocks) or NOTHING


def text_sentence(text: dict) -> str:
    loss = text["loss"]
    return (
        f"Stage 5 then trained on {text['data']}: the loss went from {number(loss['first'])} to "
        f"{number(loss['last'])} in {len(loss['steps'])} steps."
    )
