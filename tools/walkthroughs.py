#!/usr/bin/env python3
"""Write the pages of solutions/walkthroughs: from a starter to its reference, step by step.

    tools/walkthroughs.py                     write every page, and the list of them
    tools/walkthroughs.py --check             exit 1 when a page differs from its steps, starter or reference
    tools/walkthroughs.py --unfold FOLDER softmax    write the sources of each step into FOLDER
    tools/walkthroughs.py --fold OLD.cu NEW.cu       print the edits of a step from two such sources

A walkthrough is a folder of steps (tools/walkthrough/step files: see tools/walkthrough/steps.py). Which tests
pass after each step is recorded by tools/proofs/walkthroughs.py, which builds every step.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from walkthrough import fold, page, steps
from workbook import chapters, files

LIST = steps.WALKTHROUGHS / "README.md"


def contents() -> str:
    """The list of the walkthroughs."""
    there = steps.written()
    lines = ["# Walkthroughs", "", page.GENERATED, ""]
    lines += [
        "From an exercise's starter to its reference, in steps that compile: for each step the reason, the "
        "diff, and the tests that begin to pass. Solve the exercise first. `./workbook solution NN exercise "
        "--walkthrough` shows the same in a terminal.",
        "",
        "| exercise | steps |",
        "| :-- | --: |",
    ]
    for one in there:
        place = steps.page(one).relative_to(steps.WALKTHROUGHS).as_posix()
        lines.append(
            f"| [{one.chapter.name[:2]} {one.name}]({place}) | {len(list(steps.folder(one).glob('*.md')))} |"
        )
    missing = [f"{one.chapter.name[:2]} {one.name}" for one in steps.exercises() if one not in there]
    if missing:
        lines += ["", f"Not here yet: {', '.join(missing)}."]
    lines += ["", "The last six are fix-its; [journey](../journey/README.md) has a diagnosis of each."]
    return "\n".join(lines) + "\n"


def pages(chosen: list) -> dict:
    """File -> what it should hold."""
    return {steps.page(one): page.text(one) for one in chosen} | {LIST: contents()}


def stale(chosen: list) -> list:
    """What is wrong with the pages, one line each. An edited starter counts as handed out."""
    found = []
    for one in chosen:
        try:
            if same(steps.page(one), page.text(one)):
                continue
            problem = f"{steps.page(one)} is out of date: tools/walkthroughs.py"
        except steps.StepError as error:
            problem = str(error)
        if chapters.is_changed(one.starter):
            try:
                if same(steps.page(one), page.text(one, steps.handed_out(one))):
                    continue
            except steps.StepError as error:
                problem = str(error)
        found.append(problem)
    if not same(LIST, contents()):
        found.append(f"{LIST} is out of date: tools/walkthroughs.py")
    return found


def same(file: Path, text: str) -> bool:
    return file.is_file() and files.read_text(file) == text


def unfold(target: Path, chosen: list) -> None:
    for one in chosen:
        for number, step in enumerate(steps.read(one)):
            for stem, text in step.sources.items():
                file = target / one.name / f"{number}_{stem}{one.starter.suffix}"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when a page is out of date"
    )
    parser.add_argument("--unfold", type=Path, metavar="FOLDER", help="write the sources of each step there")
    parser.add_argument(
        "--fold", type=Path, nargs=2, metavar=("OLD", "NEW"), help="print what a step must edit"
    )
    parser.add_argument("names", nargs="*", metavar="EXERCISE", help="these only")
    options = parser.parse_args()
    chosen = [one for one in steps.written() if one.name in options.names or not options.names]
    if options.names and len(chosen) != len(options.names):
        parser.error("no such walkthrough")
    try:
        if options.check:
            found = stale(chosen)
            print("\n".join(found) or f"{len(chosen)} walkthroughs are up to date")
            return 1 if found else 0
        if options.fold:
            print("\n".join(["```diff", *fold.block(*map(files.read_text, options.fold)), "```"]))
            return 0
        if options.unfold:
            unfold(options.unfold, chosen)
            return 0
        for file, text in pages(chosen).items():
            if not same(file, text):
                files.write_text(file, text)
                print(file)
    except steps.StepError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
