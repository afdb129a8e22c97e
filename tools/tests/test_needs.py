"""Exercises that this GPU cannot have are left out by name."""

import unittest
from unittest import mock

import support  # noqa: F401
from workbook import chapters, device, needs
from workbook.errors import WorkbookError

TURING = device.Gpu("Tesla T4", (7, 5), (13, 0))
HOPPER = device.Gpu("NVIDIA H200", (9, 0), (13, 0))


def exercises(*names):
    return [e for e in chapters.exercises(chapters.find("02")) if e.name in names]


class Needs(unittest.TestCase):
    def test_a_reference_says_what_it_needs(self):
        (plain, tensor) = exercises("transpose", "matmul_wmma")
        self.assertEqual(needs.capability(plain), ())
        self.assertEqual(needs.capability(tensor), (8, 0))

    def test_an_older_gpu_leaves_it_out_by_name(self):
        both = exercises("transpose", "matmul_wmma")
        with mock.patch.object(device, "gpu", lambda: (TURING, "")), mock.patch.object(needs, "warn") as said:
            self.assertEqual([e.name for e in needs.possible(both, "cuda")], ["transpose"])
            self.assertEqual(
                said.call_args.args[0],
                "left out: matmul_wmma needs compute capability 8.0, and Tesla T4 has 7.5; "
                "--device cpu runs it",
            )
            with self.assertRaisesRegex(WorkbookError, "^matmul_wmma needs compute capability 8.0"):
                needs.possible(both[1:], "cuda")

    def test_newer_gpus_and_the_cpu_device_have_all(self):
        both = exercises("transpose", "matmul_wmma")
        for card, chosen in ((HOPPER, "cuda"), (TURING, "cpu"), (None, "cpu")):
            with mock.patch.object(device, "gpu", lambda card=card: (card, "")):
                self.assertEqual(needs.possible(both, chosen), both)


if __name__ == "__main__":
    unittest.main()
