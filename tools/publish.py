#!/usr/bin/env python3
"""Put measured results into the documents: no figure in them is typed by hand.

    tools/publish.py add results/journey.json small-h200    copy it to docs/results/, then write the documents
    tools/publish.py                                        write the documents from docs/results/
    tools/publish.py --check                                exit 1 when a document differs from the results

A document asks for a table with a pair of markers, and what stands between them is replaced:

    <!-- journey:begin -->       every published journey, short; <!-- journey-full:begin --> with the details
    <!-- journey:end -->

    <!-- training:begin -->      every published training run, with its picture and a sample
    <!-- training:end -->

    <!-- benchmark:begin vector_add -->     every published benchmark of that contract
    <!-- benchmark:end -->

    <!-- ladder:begin matmul_bf16 -->       every published measurement of that ladder, with its picture
    <!-- ladder:end -->

    <!-- goals:begin softmax_forward -->    its fastest kernels against torch.compile's
    <!-- goals:end -->                     without a name: of all ladders

    <!-- meter:begin access_patterns -->    what the meter and Nsight Compute count of that program
    <!-- meter:begin chapter_kernels_arithmetic -->    and of its floating-point operations
    <!-- meter:begin fast_matmul -->        what the meter counts of the implementations of an exercise
    <!-- meter:end -->

A sentence quotes one figure of a benchmark's table between two comments on one line (published/quotes.py):

    <!-- figure speedup; vector_add; n=268435456; vectorized -->1.28<!-- end -->
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from published import (
    benchmark_tables,
    concepts,
    journey_tables,
    ladder_goals,
    ladder_tables,
    lesson_counts,
    meter_arithmetic,
    meter_tables,
    quotes,
    training_tables,
)
from workbook import files

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "docs" / "results"
DOCUMENTS = (
    "*.md",
    "docs/*.md",
    "docs/results/*.md",
    "0*_*/*.md",
    "0*_*/*/*.md",
    "solutions/*/*.md",
    "solutions/*/*/*.md",
)
BLOCK = re.compile(
    r"(?P<begin><!-- (?P<kind>[\w-]+):begin ?(?P<argument>\S*) -->\n)"
    r"(?P<body>.*?)(?P<end><!-- (?P=kind):end -->)",
    re.S,
)
SCHEMA_VERSION = 1


class PublishError(Exception):
    """One line for the person who publishes."""


def load(file: Path) -> dict:
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise PublishError(f"{file}: {error}") from error
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        raise PublishError(f"{file} is no results file of schema version {SCHEMA_VERSION}")
    return document


def published(kind: str, folder: Path) -> list:
    """(name, document) of the results of one kind: GPU before CPU, then by name."""
    documents = [(file.stem, load(file)) for file in sorted(folder.glob("*.json"))]
    chosen = [(name, document) for name, document in documents if document["kind"] == kind]
    return sorted(chosen, key=lambda entry: entry[1]["device"]["kind"] == "cpu")


def table(kind: str, argument: str, folder: Path) -> str:
    if kind == "journey":
        return journey_tables.short(published("journey", folder), folder)
    if kind == "journey-full":
        return journey_tables.full(published("journey", folder), folder)
    if kind == "training":
        return training_tables.full(published("training", folder), folder)
    if kind == "benchmark":
        return benchmark_tables.of_contract(published("benchmarks", folder), argument)
    if kind == "ladder":
        return ladder_tables.of_ladder(published("benchmarks", folder), argument)
    if kind == "goals":
        return ladder_goals.of_ladders(published("benchmarks", folder), argument)
    if kind == "meter":
        return meter_table(argument, folder)
    if kind == "concepts":
        return concept_table(folder.parents[1])
    raise PublishError(f"no generator for the marker '{kind}'")


def concept_table(root: Path) -> str:
    try:
        return concepts.table(root)
    except concepts.ConceptError as error:
        raise PublishError(str(error)) from error


def meter_table(program: str, folder: Path) -> str:
    try:
        if program in lesson_counts.REPORTS:
            return lesson_counts.table(folder, program)
        if program.endswith(meter_arithmetic.SUFFIX):
            return meter_arithmetic.table(folder, program.removesuffix(meter_arithmetic.SUFFIX))
        return meter_tables.table(folder, program)
    except (OSError, meter_tables.UnexplainedError) as error:
        raise PublishError(str(error)) from error


def written(text: str, folder: Path) -> str:
    """A document's text with everything between markers made anew."""

    def replace(block: re.Match) -> str:
        body = table(block["kind"], block["argument"], folder)
        return f"{block['begin']}{body.strip()}\n{block['end']}"

    text = BLOCK.sub(replace, text)
    try:
        return quotes.written(text, published("benchmarks", folder)) if quotes.QUOTE.search(text) else text
    except quotes.QuoteError as error:
        raise PublishError(str(error)) from error


def documents(root: Path) -> list:
    return sorted({file for pattern in DOCUMENTS for file in root.glob(pattern)})


def generated(folder: Path) -> list:
    """(file, text) of results that are made of others."""
    if not meter_tables.is_published(folder):
        return []
    return [(folder / meter_tables.COMPARED, json.dumps(meter_tables.document(folder), indent=1) + "\n")]


def add(source: Path, name: str, folder: Path) -> list:
    """Copy a results file under a published name, with what lies beside it: the plot; of a journey also
    PyTorch's rows and the profiles, of a training run a sample."""
    document = load(source)
    if document["commit"].endswith("-dirty") or document["commit"] in ("", "unknown"):
        raise PublishError(
            f"{source} was measured at commit '{document['commit']}': commit first, then measure"
        )
    folder.mkdir(parents=True, exist_ok=True)
    copied = []
    files = {source: f"{name}.json", source.with_suffix(".png"): f"{name}.png"}
    if document["kind"] == "journey":
        files[source.with_name(f"{source.stem}-pytorch.json")] = f"{name}-pytorch.json"
        files |= {csv: f"{name}/{csv.name}" for csv in source.parent.glob("profile_stage_*.csv")}
    if document["kind"] == "training":
        files = {source: f"{name}.json", source.with_name("loss.png"): f"{name}.png"}
        files[source.with_name("sample.txt")] = f"{name}.txt"
    for file, target in files.items():
        if file.exists():
            copied.append(folder / target)
            copied[-1].parent.mkdir(exist_ok=True)
            shutil.copyfile(file, copied[-1])
    return copied


def main(arguments: list | None = None, root: Path = ROOT, folder: Path = PUBLISHED) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when something is out of date"
    )
    parser.add_argument("add", nargs="*", metavar="add FILE NAME", help="publish this results file first")
    options = parser.parse_args(arguments)
    try:
        if options.add:
            if len(options.add) != 3 or options.add[0] != "add":
                raise PublishError("usage: publish.py add RESULTS.json NAME")
            for file in add(Path(options.add[1]), options.add[2], folder):
                print(f"published {file.relative_to(root)}")
        stale = []
        texts = [(file, written(file.read_text(), folder)) for file in documents(root)]
        for file, new in [*texts, *generated(folder)]:
            if not file.exists() or file.read_text() != new:
                stale.append(file)
                if not options.check:
                    files.write_text(file, new)
    except PublishError as error:
        print(f"publish: {error}", file=sys.stderr)
        return 2
    for file in stale:
        action = "is out of date: run tools/publish.py" if options.check else "written"
        print(f"{file.relative_to(root)} {action}")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
