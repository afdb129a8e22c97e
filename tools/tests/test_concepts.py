"""The index of concepts: places from tags, and holes only with a reason."""

import unittest
from unittest import mock

import support  # noqa: F401  first: it puts tools/ on the path

# isort: split
from published import concepts
from test_publish import Folder


class Concepts(Folder):
    def index(self, *tags, concepts_=("barrier", "race"), holes=None):
        lesson = self.root / "01_first" / "README.md"
        lesson.parent.mkdir(exist_ok=True)
        sections = [f"## Part {number}: `it`\n\n{tag}\n" for number, tag in enumerate(tags)]
        lesson.write_text("# First\n" + "\n".join(sections))
        self.readme.write_text("<!-- concepts:begin -->\n<!-- concepts:end -->\n")
        with (
            mock.patch.object(concepts, "CONCEPTS", concepts_),
            mock.patch.object(concepts, "HOLES", holes or {}),
        ):
            code, words = self.publish()
        return code, words + self.readme.read_text()

    def test_says_where_each_is_taught_practiced_and_tested(self):
        code, text = self.index("<!-- teaches: barrier; race -->", "<!-- practices: race (A, B); barrier -->")
        self.assertEqual(code, 0, text)
        places = "[01](../01_first/README.md#part-0-it) | [01](../01_first/README.md#part-1-it)"
        self.assertIn(f"| race | {places} | `A`, `B` |", text)
        self.assertIn(f"| barrier | {places} | - |", text)

    def test_a_hole_needs_a_reason_and_a_reason_a_hole(self):
        taught = "<!-- teaches: barrier; race -->"
        code, words = self.index(taught, "<!-- practices: race -->")
        self.assertEqual((code, "no exercise practices 'barrier'" in words), (2, True))
        code, text = self.index(taught, "<!-- practices: race -->", holes={"barrier": "read only"})
        self.assertEqual((code, "| not: read only |" in text), (0, True))
        code, words = self.index(taught, "<!-- practices: race; barrier -->", holes={"race": "read only"})
        self.assertEqual((code, "take it out of HOLES" in words), (2, True))

    def test_what_nobody_teaches_or_nobody_listed_is_refused(self):
        code, words = self.index("<!-- teaches: race -->", "<!-- practices: race; barrier -->")
        self.assertEqual((code, "teaches 'barrier'" in words), (2, True))
        code, words = self.index("<!-- teaches: race; melody -->")
        self.assertEqual((code, "'melody' is no concept" in words), (2, True))


if __name__ == "__main__":
    unittest.main()
