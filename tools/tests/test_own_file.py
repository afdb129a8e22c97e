"""What ./workbook run and inspect make of command lines, dependencies and the compiler's words; no build."""

import os
import unittest

import support
from workbook import arguments, own_build, own_words

HEADERS = own_words.HEADERS


class Arguments(unittest.TestCase):
    def test_what_is_behind_the_dashes_is_the_programs(self):
        self.assertEqual(
            arguments.split(["run", "a.cu", "--", "-v", "--", ""]), (["run", "a.cu"], ["-v", "--", ""])
        )
        self.assertEqual(arguments.split(["run", "a.cu"]), (["run", "a.cu"], []))
        self.assertEqual(arguments.split(["check", "--", "01"]), (["check", "--", "01"], []))
        self.assertEqual(arguments.split([]), ([], []))


class Records(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self)

    def test_dependencies_of_odd_names(self):
        rule = self.folder / "x.d"
        rule.write_text("x.o: /a/plain.h \\\n  /a/with\\ blank.h /a/a$$b\\#c.h \\\n /a/back\\slash.h\n")
        expected = ["/a/plain.h", "/a/with blank.h", "/a/a$b#c.h", "/a/back\\slash.h"]
        self.assertEqual(own_build.dependencies(rule), expected)

    def test_a_file_has_changed_when_it_is_other_or_gone_or_unknown(self):
        path = self.folder / "a.h"
        path.write_text("one")
        told = {str(path): own_build.stamp(path)}
        self.assertTrue(own_build.unchanged(told))
        path.write_text("three")
        self.assertFalse(own_build.unchanged(told))
        told = {str(path): own_build.stamp(path)}
        os.utime(path, ns=(1, 1))  # older, and other all the same
        self.assertFalse(own_build.unchanged(told))
        path.unlink()
        self.assertFalse(own_build.unchanged({str(path): own_build.stamp(path)}))
        self.assertFalse(own_build.unchanged({}))

    def test_a_damaged_record_is_none(self):
        record = self.folder / "a.json"
        for text in ("", "[1]", "{", "\udc80"):
            record.write_bytes(text.encode(errors="surrogateescape"))
            self.assertEqual(own_build.read(record), {})


class Words(unittest.TestCase):
    def test_an_error_in_a_header_of_the_device_is_shown_at_the_users_line(self):
        text = f"{HEADERS}/simt/launch.h:56:66:   required from ‘void f() [with T = int]’\n"
        text += "/u/a.cu:4:63:   required from here\n"
        text += f"{HEADERS}/simt/x.h:9:1: error: static assertion failed: a kernel takes no references\n"
        text += "    9 | static_assert(...)\n"
        found = own_words.diagnostics(text, ("error",))
        self.assertEqual(found, ["/u/a.cu:4: error: static assertion failed: a kernel takes no references"])

    def test_an_error_is_told_once(self):
        text = "/u/a.cu:3:1: error: no\n    3 | x\n/u/a.cu:3:9: error: no\n/u/a.cu:4:1: warning: maybe\n"
        self.assertEqual(own_words.diagnostics(text, ("error",)), ["/u/a.cu:3: error: no\n    3 | x"])

    def test_advice_for_the_workbooks_kernels_is_not_given(self):
        said = "call to ‘tex1D<float>’ declared with attribute error: the CPU device (simt) has no textures: "
        said += "move the kernel to a file named *_cuda.cu"
        self.assertEqual(
            own_words.plain(said),
            f"tex1D: the CPU device (simt) has no textures. Write it without, {own_words.GPU}",
        )

    def test_a_library_is_known_by_its_header_absent_or_not(self):
        absent = "/u/a.cu:7:10: fatal error: cub/block/block_scan.cuh: No such file or directory\n"
        self.assertIn(
            "/u/a.cu:7: <cub/block/block_scan.cuh>: the CPU device has no CUB",
            own_words.missing_library(absent),
        )
        there = "In file included from /usr/include/driver_types.h:61,\n"
        there += "                 from /usr/include/cublas_v2.h:66,\n                 from /u/a.cu:2:\n"
        there += "/usr/include/vector_types.h:175:27: error: redefinition of ‘struct char1’\n"
        self.assertIn(
            "/u/a.cu:2: <cublas_v2.h>: the CPU device has no cuBLAS", own_words.missing_library(there)
        )
        own = "/u/a.cu:7:10: fatal error: mine.h: No such file or directory\n"
        self.assertEqual(own_words.missing_library(own), "")


if __name__ == "__main__":
    unittest.main()
