"""Dependencies point one way: every #include obeys the table of rooms in docs/architecture.md."""

import re
import unittest

import support

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
SOURCES = (".h", ".cuh", ".cpp", ".cu")
CHAPTER = re.compile(r"^(0\d)_")
TESTS = re.compile(r"_(test|bench)(_cuda|_cpu)?\.(cpp|cu)$")
# Rooms that use nothing of the workbook beside themselves.
ALONE = {
    "common/core/": "core stands on nothing else",
    "common/simt/": "simt knows nothing of the workbook",
}


def sources():
    for pattern in ("common/**/*", "0*_*/**/*", "solutions/**/*"):
        for file in sorted(support.ROOT.glob(pattern)):
            if file.suffix in SOURCES:
                yield file.relative_to(support.ROOT).as_posix(), file.read_text()


def is_test(file: str) -> bool:
    return bool(TESTS.search(file)) or "/testing/" in file or "/tests/" in file


def objection(file: str, included: str) -> str:
    """Why a file of ours may not include that header; empty when it may."""
    chapter, other = CHAPTER.match(file), CHAPTER.match(included)
    if included.startswith("solutions/") and not file.startswith("solutions/"):
        return "nothing outside solutions/ may lean on a solution"
    if file.startswith("solutions/ladders/") and included.startswith("common/harness/") and not is_test(file):
        return "the harness is for tests and benchmarks only"
    if file.startswith("common/") and other:
        return "common/ knows no chapter"
    for room, why in ALONE.items():
        inside = included.startswith(room) or not included.startswith("common/")
        if file.startswith(room) and not inside and not is_test(file):
            return why
    if chapter and other and other.group(1) > chapter.group(1):
        return "a chapter looks back only"
    if file.startswith("07_tinyllama/trainer/"):
        for room in ("journey", "fixits", "sample", "train"):
            if included.startswith(f"07_tinyllama/{room}/"):
                return f"the trainer knows nothing of the {room}"
    if "/testing/" in included and not is_test(file) and not file.startswith("solutions/mutants/"):
        return "testing/ is for tests and benchmarks only"
    if included.startswith("common/harness/") and chapter and not is_test(file):
        return "the harness is for tests and benchmarks only"
    return ""


class Arrows(unittest.TestCase):
    def test_every_include_points_the_right_way(self):
        found = []
        for file, text in sources():
            for included in INCLUDE.findall(text):
                if why := objection(file, included):
                    found.append(f"{file} includes {included}: {why}")
        self.assertEqual(found, [])

    def test_the_rules_refuse_what_they_say(self):
        for file, included in (
            ("02_matmul/matmul_solution.cu", "03_softmax/softmax.h"),
            ("07_tinyllama/trainer/model.cpp", "07_tinyllama/journey/stages.h"),
            ("common/core/registry.h", "common/harness/matcher.h"),
            ("common/simt/runtime/launch.cpp", "common/core/check.h"),
            ("common/harness/matcher.h", "01_vector_add/vector_add.h"),
            ("03_softmax/softmax_solution.cu", "03_softmax/testing/softmax_oracle.h"),
            ("04_layernorm/layernorm_solution.cu", "common/harness/matcher.h"),
            ("07_tinyllama/trainer/model.cpp", "solutions/journey/fix_init_solution.h"),
            ("02_matmul/matmul_solution.cu", "solutions/ladders/matmul_fp32/operands.cuh"),
            ("solutions/ladders/matmul_fp32/01_coalesced.cu", "common/harness/matcher.h"),
            ("solutions/ladders/matmul_fp32/01_coalesced.cu", "02_matmul/testing/matmul_oracle.h"),
        ):
            self.assertNotEqual(objection(file, included), "", (file, included))

    def test_the_rules_allow_what_is_meant(self):
        for file, included in (
            ("03_softmax/softmax_solution.cu", "02_matmul/matmul.h"),
            ("07_tinyllama/journey/stages.cpp", "07_tinyllama/trainer/init.h"),
            ("03_softmax/softmax_test.cpp", "03_softmax/testing/softmax_oracle.h"),
            ("solutions/ladders/matmul_fp32/01_coalesced.cu", "02_matmul/matmul_check.h"),
        ):
            self.assertEqual(objection(file, included), "", (file, included))


if __name__ == "__main__":
    unittest.main()
