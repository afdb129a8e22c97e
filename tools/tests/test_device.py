import unittest
from unittest import mock

import support  # noqa: F401
from workbook import device, doctor
from workbook.errors import Exit, WorkbookError

H200 = device.Gpu("H200", (9, 0), (13, 0))
NVCC = ("/usr/local/cuda/bin/nvcc", (13, 0))


class Choose(unittest.TestCase):
    def choose(self, wanted, nvcc=NVCC, gpu=(H200, ""), architectures=("75", "80", "90")):
        with (
            mock.patch.object(device, "nvcc", return_value=nvcc),
            mock.patch.object(device, "gpu", return_value=gpu),
            mock.patch.object(device, "architectures", return_value=architectures),
        ):
            return device.choose(wanted)

    def test_cuda_where_toolkit_and_gpu_are_here(self):
        self.assertEqual(self.choose("auto"), "cuda")
        self.assertEqual(self.choose("cuda"), "cuda")

    def test_cpu_when_it_is_asked_for(self):
        self.assertEqual(self.choose("cpu"), "cpu")

    def test_cpu_where_something_is_missing_or_too_old(self):
        self.assertEqual(self.choose("auto", nvcc=(None, ())), "cpu")
        self.assertEqual(self.choose("auto", gpu=(None, "no driver")), "cpu")
        self.assertEqual(self.choose("auto", gpu=(device.Gpu("H200", (9, 0), (12, 4)), "")), "cpu")
        self.assertEqual(self.choose("auto", gpu=(device.Gpu("K80", (3, 7), (13, 0)), "")), "cpu")

    def test_a_newer_driver_runs_an_older_toolkit(self):
        self.assertEqual(self.choose("auto", nvcc=("nvcc", (12, 4))), "cuda")

    def test_cuda_by_force_says_in_one_line_what_is_missing(self):
        for more, words in (
            ({"nvcc": (None, ())}, "no nvcc"),
            ({"gpu": (None, "no NVIDIA driver")}, "no NVIDIA driver"),
            ({"gpu": (device.Gpu("H200", (9, 0), (12, 4)), "")}, "driver runs CUDA 12.4 but nvcc is 13.0"),
            ({"gpu": (device.Gpu("K80", (3, 7), (13, 0)), "")}, "does not compile for K80"),
        ):
            with self.assertRaises(WorkbookError) as caught:
                self.choose("cuda", **more)
            self.assertEqual(caught.exception.code, Exit.USAGE)
            self.assertIn(words, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))


class Doctor(unittest.TestCase):
    def test_driver_against_toolkit(self):
        for driver, toolkit, status in (
            ((13, 0), (13, 0, 88), "ok"),
            ((13, 1), (12, 8), "ok"),
            ((13, 0), (13, 1), "warning"),
            ((12, 8), (13, 0), "missing"),
        ):
            finding = doctor.driver_against_toolkit(device.Gpu("X", (9, 0), driver), toolkit)
            self.assertEqual(finding.status, status, (driver, toolkit))
            self.assertEqual(finding.mend == "", status == "ok")

    def test_architecture(self):
        with mock.patch.object(device, "architectures", return_value=("80", "90")):
            self.assertEqual(doctor.architecture(H200, "nvcc").status, "ok")
            old = doctor.architecture(device.Gpu("K80", (3, 7), (13, 0)), "nvcc")
        self.assertEqual(old.status, "missing")
        self.assertIn("80, 90", old.detail)

    def test_what_an_older_gpu_lacks(self):
        self.assertEqual(doctor.lacking((9, 0)), [])
        self.assertEqual(doctor.lacking((12, 0)), [])
        turing = doctor.lacking((7, 5))
        self.assertEqual([finding.status for finding in turing], ["optional"] * 2)
        self.assertIn("bf16", turing[0].detail)
        self.assertIn("needs 8.0", turing[0].detail)
        self.assertEqual(len(doctor.lacking((7, 0))), 3)

    def test_every_fault_of_a_bare_machine_comes_with_a_remedy(self):
        with (
            mock.patch.object(doctor.machine, "compiler", return_value=(None, None, ())),
            mock.patch.object(doctor.machine, "cmake", return_value=("cmake", (3, 18))),
            mock.patch.object(doctor.machine, "ninja", return_value=None),
            mock.patch.object(doctor.packages, "has_cmake_config", return_value=False),
            mock.patch.object(doctor.packages, "has_openblas", return_value=False),
            mock.patch.object(doctor.shutil, "which", return_value=None),
            mock.patch.object(device, "nvcc", return_value=(None, ())),
            mock.patch.object(device, "gpu", return_value=(None, "no driver")),
        ):
            findings = [*doctor.tools(), *doctor.libraries("cpu"), *doctor.cuda(False)]
        status = {finding.name: finding.status for finding in findings}
        self.assertEqual(status["C++ compiler"], "missing")
        self.assertEqual(status["CMake"], "missing")
        self.assertEqual(status["Ninja"], "missing")
        self.assertEqual(status["OpenBLAS"], "missing")
        self.assertEqual(status["fmt"], "warning")  # the build downloads it
        self.assertEqual(status["nvcc"], "optional")
        for finding in findings:
            self.assertTrue(finding.status in ("ok", "optional") or finding.mend, finding)


if __name__ == "__main__":
    unittest.main()
