"""The documents hold together: every relative link leads to a file, every command they show exists."""

import re
import unittest
from pathlib import Path

import support
from published import concepts, quotes
from workbook import command_table

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
GENERATED = re.compile(r"<!-- ([\w-]+):begin.*?<!-- \1:end -->", re.S)
CODE = re.compile(r"^( {4}|```).*$|`[^`]*`", re.M)
MEASURED_RATIO = re.compile(r"\b\d+(\.\d+)?x\b|\b\d+\.\d\d times\b")  # 1.28x, 1.28 times
COMMAND = re.compile(r"\./workbook ([a-z]+)")
DOCUMENTS = sorted(
    file
    for pattern in ("*.md", "docs/*.md", "0*_*/*.md", "0*_*/*/*.md", "solutions/**/*.md", "common/**/*.md")
    for file in support.ROOT.glob(pattern)
)
LESSONS = [d for d in DOCUMENTS if d.relative_to(support.ROOT).parts[0] not in ("solutions", "CHANGELOG.md")]


class Documents(unittest.TestCase):
    def test_links_lead_somewhere(self):
        broken = []
        for document in DOCUMENTS:
            for target in LINK.findall(document.read_text()):
                path = target.split("#")[0]
                if path and "://" not in path and not (document.parent / path).exists():
                    broken.append(f"{document.relative_to(support.ROOT)}: {target}")
        self.assertEqual(broken, [])

    def test_anchors_are_headings(self):
        for document in DOCUMENTS:
            for target in LINK.findall(document.read_text()):
                path, _, anchor = target.partition("#")
                if not anchor or "://" in path:
                    continue
                text = (document.parent / path).read_text() if path else document.read_text()
                headings = [heading.strip() for heading in re.findall(r"^#+ (.*)$", text, re.M)]
                anchors = [re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings]
                self.assertIn(anchor, anchors, f"{document.name}: {target}")

    def test_shown_commands_exist(self):
        known = command_table.COMMANDS
        for document in DOCUMENTS:
            for name in COMMAND.findall(document.read_text()):
                self.assertIn(name, known, document.name)

    def test_tests_that_the_index_of_concepts_names_exist(self):
        known = set()
        for file in support.ROOT.glob("0*_*/**/*_test*.cpp"):
            known |= set(re.findall(r"^TEST(?:_P|_F)?\(\w+, (\w+)\)", file.read_text(), re.M))
        for name, places in concepts.collect(support.ROOT).items():
            for test in places.tests:
                self.assertIn(test.strip("`"), known, name)

    def test_a_ratio_in_prose_is_quoted_from_the_results(self):
        """0.77x typed into a sentence becomes wrong with the next measurement: tools/published/quotes.py."""
        typed = []
        for document in LESSONS:
            text = document.read_text()
            for pattern in (GENERATED, quotes.QUOTE, CODE):
                text = pattern.sub("", text)
            lines = [line for line in text.splitlines() if MEASURED_RATIO.search(line)]
            typed += [f"{document.relative_to(support.ROOT)}: {line}" for line in lines]
        self.assertEqual(typed, [])

    def test_guides_show_their_figures(self):
        docs = support.ROOT / "docs"
        figures = sorted((docs / "figures").glob("*.svg"))
        self.assertGreater(len(figures), 0)
        scripts = support.ROOT / "tools" / "figures"
        checked = (support.ROOT / "tools" / "tests" / "CMakeLists.txt").read_text()
        for figure in figures:
            # A guide's second figure has a longer name: profiling_timeline.svg.
            guides = [g for g in docs.glob("*.md") if f"{figure.stem}_".startswith(f"{g.stem}_")]
            self.assertNotEqual(guides, [], figure.name)
            guide = max(guides, key=lambda g: len(g.stem))
            self.assertIn(f"(figures/{figure.name})", guide.read_text(), guide.name)
            self.assertIn(f"({guide.name})", (docs / "README.md").read_text())
            if f'"{figure.name}"' in (scripts / "access.py").read_text():
                continue  # it draws more than one, and is checked once
            self.assertTrue((scripts / f"{figure.stem}.py").exists())
            self.assertRegex(checked, rf"\b{figure.stem}\b")

    def test_there_are_documents(self):
        self.assertIn(Path("README.md"), [document.relative_to(support.ROOT) for document in DOCUMENTS])


if __name__ == "__main__":
    unittest.main()
