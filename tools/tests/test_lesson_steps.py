"""A step of a lesson names the tests that it turns green: in the walkthrough of the exercise, no test of a
later step may pass before those of the steps before it."""

import json
import unittest

import support
from workbook import chapters, steps

WALKTHROUGHS = support.ROOT / "solutions" / "walkthroughs"
# Named at their first step for another reason than that they begin to pass there.
OTHERWISE = {
    "attention": {"MemoryGrowsWithTAndNotWithItsSquare"},  # green from the start, and has to stay so
    "histogram": {"CountsAnyNumberOfBins", "CountsManyElements"},  # becomes red; stays green
    "online_softmax": {"SumsOneRow"},  # passes, and is red again until the step after
    "softmax": {"KeepsNanInItsRow"},  # still passes
    "windowed_attention": {"LeavesTheFarEncodingAloneWhereNothingIsFar"},  # the walkthrough's last step
}


def begins_to_pass(walkthrough: dict) -> dict:
    """The step of the walkthrough from which each test stays green; of two suites the earlier."""
    found = {}
    for number, step in enumerate(walkthrough["steps"]):
        for test in step["green"]:
            found[test] = number
    earliest = {}
    for test, number in found.items():
        name = test.partition(".")[2]
        earliest[name] = min(number, earliest.get(name, number))
    return earliest


def out_of_order(lesson: list, green: dict, otherwise: set) -> list:
    """Sentences. A step of the walkthrough may be several whole steps of the lesson."""
    named, before, wrong = set(), -1, []
    for number, (title, tests) in enumerate(lesson, 1):
        new = sorted(test for test in tests - named - otherwise if test in green)
        named |= tests
        if not new:
            continue
        first, last = min(green[test] for test in new), max(green[test] for test in new)
        if first < before or (first == before and first != last):
            early = [test for test in new if green[test] == first]
            wrong.append(f"step {number} ({title}) names {', '.join(early)}, which pass before it")
        before = max(before, last)
    return wrong


class LessonSteps(unittest.TestCase):
    def test_a_step_names_the_tests_that_it_turns_green(self):
        examined = 0
        for chapter in chapters.chapters():
            for exercise in chapters.everything(chapter):
                lesson = steps.of_lesson(exercise)
                record = WALKTHROUGHS / exercise.chapter.name / exercise.name / "tests.json"
                if not lesson or not record.exists():
                    continue
                examined += 1
                green = begins_to_pass(json.loads(record.read_text()))
                wrong = out_of_order(lesson, green, OTHERWISE.get(exercise.name, set()))
                self.assertEqual(wrong, [], exercise.call)
        self.assertGreater(examined, 20)

    def test_what_is_out_of_order(self):
        lesson = [("One", {"A", "B"}), ("Two", {"C", "D"})]
        self.assertEqual(out_of_order(lesson, {"A": 1, "B": 1, "C": 2, "D": 3}, set()), [])
        self.assertEqual(out_of_order(lesson, {"A": 1, "B": 1, "C": 1, "D": 1}, set()), [])
        text = "step 2 (Two) names C, which pass before it"
        self.assertEqual(out_of_order(lesson, {"A": 1, "B": 1, "C": 1, "D": 2}, set()), [text])
        self.assertEqual(out_of_order(lesson, {"A": 1, "B": 2, "C": 1, "D": 2}, set()), [text])
        self.assertEqual(out_of_order(lesson, {"A": 1, "B": 1, "C": 1, "D": 2}, {"C"}), [])


if __name__ == "__main__":
    unittest.main()
