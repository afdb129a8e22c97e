"""Training runs, from results files of kind "training": what was trained, how far it came, what it writes."""

from __future__ import annotations

from pathlib import Path

from . import markdown
from .markdown import number, percent

NOTHING = "No run is published yet: `./workbook train` shows yours."
# Options that say where a run's files were, not what it was.
LOCAL = ("data", "tokens", "validation-tokens", "kernels")


def full(documents: list, folder: Path) -> str:
    return "\n\n".join(block(name, document, folder) for name, document in documents) or NOTHING


def block(name: str, document: dict, folder: Path) -> str:
    body = document["body"]
    parts = [f"### {name}", heading(document), markdown.rows(["", "measured"], lines(body))]
    if (folder / f"{name}.png").exists():
        picture = f"results/{name}.png"
        parts.append(f"![Losses, learning rate and gradient norm of the run]({picture})")
    sample = folder / f"{name}.txt"
    if sample.exists():
        parts.append(f"What its best checkpoint writes:\n\n{fenced(sample.read_text(encoding='utf-8'))}")
    return "\n\n".join(parts)


def heading(document: dict) -> str:
    body = document["body"]
    model = f"{body['description']}; {body['parameters'] / 1e6:.1f}M parameters"
    options = " ".join(
        f"--{key} {value}" for key, value in sorted(body["options"].items()) if key not in LOCAL
    )
    return (
        f"Preset {body['preset']} ({model}), {body['precision']}, {body['optimizer']['name']}, "
        f"on {markdown.origin(document)}. Options: `{options}`."
    )


def lines(body: dict) -> list:
    rows = [["trained on", body["data"]], ["steps", f"{body['steps']:,}"]]
    if body["best"]:
        best = body["best"]
        rows.append([f"best validation loss, nats per {body['unit']}", f"{best['loss']:.3f}"])
        rows.append(["at step", f"{best['step']:,}"])
    seconds = body["train_seconds"] + body["validation_seconds"]
    rows.append(["seconds, validation included", number(seconds)])
    rows.append(["tokens/s", number(body["tokens_per_second"])])
    rows.append(["MFU", percent(body["mfu"])])
    rows.append(["of the roof", percent(body["roof_share"])])
    return rows


def fenced(text: str) -> str:
    """A text as a code block, whatever it holds."""
    longest = max((len(run) for run in text.replace("\n", " ").split(" ") if set(run) == {"`"}), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip()}\n{fence}"
