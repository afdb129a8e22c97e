import importlib.util
import unittest

import support

spec = importlib.util.spec_from_file_location(
    "exercises_complete", support.ROOT / "tools" / "proofs" / "exercises_complete.py"
)
complete = importlib.util.module_from_spec(spec)
spec.loader.exec_module(complete)

HEADER = """struct RmsnormForward {
  static constexpr const char* kName = "rmsnorm_forward";
  using Function = void(const float* x);
};
struct RmsnormMemory {
  static constexpr const char* kName = "rmsnorm_memory";
  using Function = int(int n);
};
"""
LESSON = """# Norms
![what it does](norm.svg)
Open `rmsnorm_starter.cu`.
<!-- benchmark:begin rmsnorm_forward -->
<!-- benchmark:end -->
The symptom of `fix_init`.
"""
HINTS = "# Hints for RMSNorm\n## Step 1\n<details>a</details>\n<details>b</details>\n<details>c</details>\n"


class Complete(unittest.TestCase):
    def setUp(self):
        self.root = support.folder_of(self)
        self.write("01_norms/CMakeLists.txt", "add_chapter(EXERCISES rmsnorm OPERATIONS embedding)\n")
        self.write("01_norms/fixits/CMakeLists.txt", "add_fixit(fix_init CHAPTER 01_norms)\n")
        self.write("01_norms/README.md", LESSON)
        self.write("01_norms/hints.md", HINTS)
        self.write("01_norms/norm.svg", "<svg/>")
        self.write("01_norms/rmsnorm.h", HEADER)
        self.write("01_norms/rmsnorm_starter.cu", "// TO" + "DO 1: a loop\n")
        self.write("01_norms/rmsnorm_solution.cu", "// It does it all.\n")
        self.write("01_norms/rmsnorm_test.cpp", "")
        self.write("01_norms/rmsnorm_bench.cpp", "wb::RmsnormForward; wb::RmsnormMemory;")
        for name in "abcd":
            self.write(f"solutions/mutants/rmsnorm/{name}.cu", "// Mistake: x\n// Caught as: y\n")
        self.write("01_norms/fixits/fix_init_starter.cpp", "")
        self.write("01_norms/fixits/fix_init_test.cpp", "")
        self.write("solutions/journey/fix_init.md", "The diagnosis.")

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def gaps(self):
        return complete.gaps(self.root, handed_out=True)

    def assert_gap(self, words):
        found = self.gaps()
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def test_a_whole_exercise_has_no_gaps(self):
        self.assertEqual(self.gaps(), [])

    def test_names_every_file_that_is_missing(self):
        for name in ("rmsnorm.h", "rmsnorm_solution.cu", "rmsnorm_test.cpp"):
            file = self.root / "01_norms" / name
            kept = file.read_text()
            file.unlink()
            found = self.gaps()
            self.assertIn(f"01_norms/rmsnorm: has no {name}", found)
            file.write_text(kept)

    def test_a_solved_starter_is_a_gap_only_where_it_is_handed_out(self):
        self.write("01_norms/rmsnorm_starter.cu", "solved")
        self.assert_gap("rmsnorm_starter.cu has no TODO")
        self.assertEqual(complete.gaps(self.root), [])

    def test_counts_mutants_and_reads_their_heads(self):
        (self.root / "solutions/mutants/rmsnorm/a.cu").unlink()
        self.assert_gap("has 3 mutants")
        self.write("solutions/mutants/rmsnorm/a.cu", "// Mistake: x\n")
        self.assert_gap("a.cu says no '// Caught as:'")

    def test_hints_need_a_ladder_below_a_heading_that_names_the_exercise(self):
        self.write("01_norms/hints.md", HINTS.replace("RMSNorm", "LayerNorm"))
        self.assert_gap("hints.md has no ladder")
        self.write("01_norms/hints.md", "# Exercise `rmsnorm`\n" + HINTS.replace("RMSNorm", "LayerNorm"))
        self.assert_gap("hints.md has no ladder")

    def test_the_lesson_names_the_starter_shows_a_picture_and_publishes_what_is_measured(self):
        self.write("01_norms/README.md", LESSON.replace("rmsnorm_starter", "other"))
        self.assert_gap("rmsnorm_starter.cu is not named there")
        self.write("01_norms/README.md", LESSON.replace("norm.svg", "absent.svg"))
        self.assert_gap("shows no picture")
        self.write("01_norms/README.md", LESSON.replace("begin rmsnorm_forward", "begin softmax"))
        found = self.gaps()
        self.assertIn("no <!-- benchmark:begin rmsnorm_forward -->", " ".join(found))
        self.assertIn("publishes 'softmax', which no header", " ".join(found))

    def test_a_broken_component_needs_its_test_its_symptom_and_its_diagnosis(self):
        (self.root / "solutions/journey/fix_init.md").unlink()
        self.assert_gap("has no diagnosis")
        self.write("solutions/journey/fix_init.md", "")
        (self.root / "01_norms/fixits/fix_init_test.cpp").unlink()
        self.assert_gap("has no fix_init_test.cpp")
        self.write("01_norms/fixits/fix_init_test.cpp", "")
        self.write("01_norms/README.md", LESSON.replace("fix_init", ""))
        self.assert_gap("no lesson")
        self.write("01_norms/README.md", LESSON)
        self.write("01_norms/fixits/fix_init_starter.cu", "")
        self.assert_gap("has 2 starters")

    def test_no_work_is_left_undone_outside_starters(self):
        undone = "// TO" + "DO: later\n"
        self.write("common/x.h", "\n" + undone)
        self.assert_gap("common/x.h:2: work left undone")
        self.write("common/x.h", "// A starter's TO" + "DO 1 is no work left undone here.\n")
        self.assertEqual(self.gaps(), [])
        self.write("01_norms/rmsnorm_solution.cu", "// as in TO" + "DO 2\n")
        self.assert_gap("rmsnorm_solution.cu:1")

    def test_an_operation_is_no_exercise(self):
        self.assertFalse(any("embedding" in gap for gap in self.gaps()))


if __name__ == "__main__":
    unittest.main()
