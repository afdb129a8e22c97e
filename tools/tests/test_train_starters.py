import json
import unittest
from types import SimpleNamespace
from unittest import mock

import support
from workbook import chapters, train_starters
from workbook.errors import Exit, WorkbookError


class WhichStarters(unittest.TestCase):
    def test_rules_name_operations_or_their_contracts(self):
        self.assertEqual(train_starters.wanted(["rmsnorm=starter"]), ["rmsnorm"])
        rules = ["swiglu_forward=starter", "rope_backward = starter", "matmul=library", "adamw=starter"]
        self.assertEqual(train_starters.wanted(rules), ["adamw", "rope", "swiglu"])
        self.assertEqual(train_starters.wanted(["cross_entropy_forward_bf16=starter"]), ["cross_entropy"])

    def test_a_request_names_them_too(self):
        self.assertEqual(train_starters.wanted([], "auto,vector_add=starter"), ["vector_add"])
        self.assertEqual(train_starters.wanted([], "starter"), list(train_starters.OPERATIONS))
        self.assertEqual(train_starters.wanted(["rope=starter"], "fixed,matmul=starter"), ["matmul", "rope"])

    def test_none_is_none(self):
        for forced, kernels in (([], None), ([], ""), (["rmsnorm=unfused"], "auto,swiglu=naive")):
            self.assertEqual(train_starters.wanted(forced, kernels), [])

    def test_what_no_step_calls_is_refused_by_name(self):
        for rule in ("muon=starter", "=starter", "rms=starter"):
            with self.assertRaises(WorkbookError) as raised:
                train_starters.wanted([rule])
            self.assertEqual(raised.exception.code, Exit.USAGE)
            self.assertIn("rmsnorm", str(raised.exception))

    def test_every_operation_is_an_exercise_with_a_starter(self):
        known = [e for chapter in chapters.chapters() for e in chapters.exercises(chapter)]
        for operation in train_starters.OPERATIONS:
            starters = [e.starter for e in known if e.name == operation]
            self.assertEqual(len(starters), 1, operation)
            self.assertTrue(starters[0].exists(), operation)


class AResumedRun(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self)

    def wanted(self, text):
        (self.folder / "options.json").write_text(text)
        return train_starters.wanted([], train_starters.kernels_of_run(self.folder))

    def test_goes_on_with_the_starters_it_had(self):
        kernels = "matmul=library,rmsnorm_forward=starter,rmsnorm_backward=starter"
        self.assertEqual(self.wanted(json.dumps({"kernels": kernels})), ["rmsnorm"])

    def test_without_a_readable_record_has_none(self):
        self.assertEqual(train_starters.kernels_of_run(None), "")
        self.assertEqual(train_starters.kernels_of_run(self.folder), "")
        for text in ("", "{", "[]", "{}", '{"kernels": 3}', '{"kernels": null}'):
            self.assertEqual(self.wanted(text), [], text)


class TheProgram(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self) / "cpu"
        self.folder.mkdir()
        self.build = SimpleNamespace(
            folder=self.folder,
            configure=mock.Mock(),
            build=mock.Mock(),
            program=lambda name: self.folder / "bin" / name,
        )

    def program(self, exercises, code=0, text=""):
        quiet = mock.patch.object(train_starters.process, "quiet", return_value=(code, text))
        version = mock.patch.object(train_starters.machine, "cmake", return_value=("cmake", (3, 25)))
        with support.captured(), version, quiet as cmake:
            path = train_starters.program(self.build, "train", exercises)
        return path, cmake

    def test_without_starters_it_is_the_usual_one(self):
        path, cmake = self.program([])
        self.assertEqual(path.name, "train")
        self.assertEqual(self.build.build.call_args.args[0], ["train"])
        cmake.assert_not_called()

    def test_with_starters_cmake_is_told_and_another_is_built(self):
        path, cmake = self.program(["rmsnorm", "swiglu"])
        self.assertEqual(path.name, "train_with_starters")
        self.assertEqual(self.build.build.call_args.args[0], ["train_with_starters"])
        self.assertIn("-DWB_TRAIN_STARTERS=rmsnorm;swiglu", cmake.call_args.args[0])

    def test_cmake_is_told_once(self):
        (self.folder / "CMakeCache.txt").write_text("WB_TRAIN_STARTERS:STRING=rmsnorm\n")
        self.program(["rmsnorm"])[1].assert_not_called()
        self.program(["rope"])[1].assert_called_once()

    def test_what_cmake_refuses_is_an_error_of_the_build(self):
        with self.assertRaises(WorkbookError) as raised:
            self.program(["rmsnorm"], 1, "CMake Error at cmake/Starters.cmake:15 (message):\n  no exercise")
        self.assertEqual(raised.exception.code, Exit.BUILD)
        self.build.build.assert_not_called()


if __name__ == "__main__":
    unittest.main()
