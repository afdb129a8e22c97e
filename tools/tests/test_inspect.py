"""inspect: what it prints of a meter's report, where it gives advice and where not, and what it refuses."""

import json
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

import support
from workbook import access_advice, access_report, chapters, inspect
from workbook.errors import Exit, WorkbookError


def line(kind="global_load", per=4, ideal=4, stride=4, size=4, lanes=range(32), **changes):
    """One row of a report: 10 requests, of lanes `stride` bytes apart."""
    memory = kind.partition("_")[0] if "_" in kind else "global"
    units = {"sectors": 0, "ideal_sectors": 0, "wavefronts": 0, "ideal_wavefronts": 0}
    unit = "sectors" if memory == "global" else "wavefronts"
    units |= {unit: 10 * per, f"ideal_{unit}": 10 * ideal}
    asked = [{"lane": lane, "offset": 128 + lane * stride, "bytes": size} for lane in lanes]
    bytes_of = 32 if memory == "global" else 128
    made = {
        "file": "/x/softmax_starter.cu",
        "line": 31,
        "text": "sum += x[i * n];",
        "kind": kind,
        "memory": memory,
        "array": "x",
        "requests": 10,
        "bytes_used": 10 * len(asked) * size,
        "bytes_moved": 10 * per * bytes_of,
        "active_lanes": 10 * len(asked),
        "words": 1,
        "worst": {"block": [0, 0, 0], "warp": 0, "array": "x", "lanes": asked},
        **units,
    }
    return {**made, **changes}


def kernel(*lines, **changes):
    made = {
        "name": "softmax_kernel",
        "launches": 1,
        "blocks": 4,
        "grid": [4, 1, 1],
        "block": [32, 8, 1],
        "bytes_touched": 10**9,
        "left_out": 0,
        "metrics": {"l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum": 1280, "other.sum": 0},
        "lines": list(lines),
    }
    return {**made, **changes}


def text(*lines, **changes):
    return "\n".join(access_report.kernel_text(kernel(*lines, **changes)))


class Report(unittest.TestCase):
    def test_a_row_has_source_counts_and_the_ideal(self):
        said = text(line(per=32, stride=128))
        self.assertIn("softmax_kernel<<<4, (32, 8)>>>", said)
        self.assertRegex(
            said, r"softmax_starter.cu:31 +global load x +10 +32.00 sectors +4.00 +12% +32.0 +100%"
        )
        self.assertIn("sum += x[i * n];", said)
        self.assertIn("global memory: 10.2 KB in sectors, ideal 1.28 KB: 8.0 times as much", said)

    def test_metrics_keep_nsights_names_and_leave_zeros_out(self):
        said = text(line())
        self.assertRegex(said, r"l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum +1,280")
        self.assertNotIn("other.sum", said)

    def test_a_kernel_without_accesses_says_so(self):
        self.assertIn("no memory that the meter sees", text())

    def test_arithmetic_stands_beside_the_bytes(self):
        names = {"fadd": 100, "ffma": 1_000_000, "dmul": 20}
        counts = {access_report.ARITHMETIC.format(name): count for name, count in names.items()}
        said = text(line(per=1000), metrics=counts, bytes_touched=32_000)
        self.assertIn("arithmetic: 2 MFLOP, 6.25 FLOP per byte moved, 62.50 if each sector moved", said)
        self.assertNotIn("arithmetic", text(line()))

    def test_divergence_names_the_lines_with_idle_lanes(self):
        def passes(number, warps, lanes):
            place = {"file": "/x/softmax_starter.cu", "line": number, "text": f"line {number}"}
            return {**place, "warp_passes": warps, "lane_passes": lanes}

        lines = [passes(3, 1000, 32_000), passes(4, 100, 400), passes(5, 1000, 1000), passes(6, 1, 1)]
        said = text(line(), passes=lines)
        self.assertIn("divergence: lines that a warp runs with fewer than 32 lanes", said)
        self.assertIn("softmax_starter.cu:5  1.0 lanes on average, 1,000 passes\n      line 5", said)
        self.assertLess(said.index("cu:5 "), said.index("cu:4 "))
        self.assertNotIn("cu:3 ", said)
        self.assertNotIn("cu:6 ", said)  # too seldom to matter
        small = [passes(3, 1000, 16_000), passes(4, 100, 1600)]
        self.assertNotIn("divergence", text(line(), passes=small))  # the block has 16 threads

    def test_many_lines_are_cut_and_counted(self):
        lines = [line(line=number) for number in range(20)]
        self.assertIn("and 8 more lines", text(*lines))
        self.assertNotIn("more lines", "\n".join(access_report.kernel_text(kernel(*lines), all_lines=True)))

    def test_accesses_that_were_left_out_are_told(self):
        self.assertIn("1,000 accesses are left out", text(line(), left_out=1000))
        self.assertNotIn("left out", text(line()))

    def test_memory_that_is_asked_for_again_and_again_is_named(self):
        self.assertIn(
            "are the sectors of 128 bytes, each requested 10 times", text(line(), bytes_touched=128)
        )
        self.assertNotIn("asked for", text(line(), bytes_touched=1280))


class Advice(unittest.TestCase):
    def says(self, sentence, **of_line):
        self.assertIn(sentence, access_advice.advice(line(**of_line)))

    def test_where_the_pattern_proves_a_cause(self):
        self.says("8 bytes apart, so a sector of 32 bytes serves 4 lanes", per=8, stride=8)
        self.says("128 bytes apart, so a sector of 32 bytes serves one lane", per=32, stride=128)
        self.says("128 bytes in a row that do not start at a multiple of 32", per=5)
        self.says("leaves 1 of these 32 wavefronts", kind="shared_load", per=32, ideal=1, stride=128)
        self.says("32 lanes meet at one address", kind="atomic", per=1, ideal=1, stride=0)
        self.says("All lanes read the same 4 bytes", per=1, ideal=1, stride=0)
        self.says("takes its 16 bytes word by word", per=16, stride=16, words=0b1111)
        self.says(
            "takes its 8 bytes word by word", kind="shared_load", per=2, ideal=1, stride=8, words=0b0011
        )
        self.says("8 bytes apart", per=8, stride=8, words=0b0101)
        self.says("16 bytes apart", per=16, stride=16, words=0b0111)
        self.says("16 bytes apart", per=16, stride=16, lanes=range(0, 32, 2))

    def test_rows_of_a_block_are_groups_of_lanes(self):
        for memory, per, ideal, sentence in (
            ("global", 16, 4, "In groups of 16 lanes, neighbors are 1024 bytes apart: let neighboring"),
            ("shared", 8, 1, "groups of 16 lanes, neighbors are 16 words apart, and there are 32 banks"),
        ):
            apart = 1024 if memory == "global" else 64
            two_rows = line(kind=f"{memory}_load", per=per, ideal=ideal)
            for lane, asked in enumerate(two_rows["worst"]["lanes"]):
                asked["offset"] = lane % 16 * apart + lane // 16 * 4
            self.assertIn(sentence, access_advice.advice(two_rows))

    def test_where_nothing_is_proven_nothing_is_said(self):
        scattered = line(per=20)
        for lane, asked in enumerate(scattered["worst"]["lanes"]):
            asked["offset"] = lane * lane * 36
        odd = {"kind": "shared_load", "per": 2, "ideal": 1, "stride": 12}
        for quiet in (
            line(),
            scattered,
            line(**odd),
            line(kind="shared_load", per=8, ideal=4, stride=64, size=16),
            line(kind="atomic", stride=4),
            line(kind="atomic", per=1, ideal=1, stride=0, lanes=[0]),
        ):
            self.assertEqual(access_advice.advice(quiet), "")


class Command(unittest.TestCase):
    def options(self, **changes):
        given = {"what": ["02", "matmul"], "impl": None, "device": "auto", "json": False, "timeout": None}
        given |= {
            "include": [],
            "define": [],
            "library": [],
            "arguments": [],
            "chapter": "02",
            "count": False,
        }
        return Namespace(**{**given, "exercise": "matmul", **changes})

    def test_a_file_of_ones_own_goes_to_its_inspector(self):
        with mock.patch("workbook.own_file.inspect", return_value=7) as inspected:
            self.assertEqual(inspect.command(self.options(what=["a.cu", "b.cpp"])), 7)
        self.assertEqual(inspected.call_args[0][0].files, ["a.cu", "b.cpp"])

    def test_the_starter_is_the_usual_choice(self):
        exercise = chapters.Exercise(support.ROOT / "02_matmul", "matmul")
        self.assertEqual(inspect.chosen(self.options()), [(exercise, "starter")])
        self.assertEqual(inspect.chosen(self.options(impl="naive")), [(exercise, "naive")])

    def test_refusals_say_what_there_is(self):
        for changes, words in (
            ({"device": "cuda"}, "inspect counts on the CPU device, also where a GPU is"),
            (
                {"impl": "nope"},
                "no implementation is called 'nope'; there is starter, library, naive, solution",
            ),
            ({"what": ["07", "fix_init"]}, "has no kernel with a benchmark"),
            ({"what": ["02", "matmul", "more"]}, "unrecognized arguments: more"),
            ({"define": ["N=1"]}, "-D is for a FILE.cu of your own, not for a chapter"),
            ({"what": ["a.cu"], "impl": "x"}, "--impl is for the exercises"),
        ):
            with self.assertRaisesRegex(WorkbookError, words) as caught:
                inspect.command(self.options(**changes))
            self.assertEqual(caught.exception.code, Exit.USAGE)

    def run_program(self, script, limit=20.0):
        """A stand-in for a metered program: counts."""
        with tempfile.TemporaryDirectory() as folder:
            program, report = Path(folder) / "program", Path(folder) / "report.json"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            return inspect.run(program, "naive", report, limit)

    def test_a_right_run_leaves_its_report(self):
        report = json.dumps({"schema": 1, "kernels": []})
        counted = self.run_program(f"echo '{report}' > $SIMT_METER_REPORT; echo 'matmul 256 NN naive: right'")
        self.assertEqual((counted.problems, counted.wrong, counted.bad_end), (["matmul 256 NN"], [], ""))
        self.assertEqual(counted.report["kernels"], [])

    def test_a_wrong_result_and_a_bad_end_are_told(self):
        counted = self.run_program("echo 'matmul 256 NN naive: wrong: 3 of 4'; exit 1")
        self.assertEqual(counted.wrong, ["matmul 256 NN: wrong: 3 of 4"])
        self.assertEqual(counted.bad_end, "")
        self.assertIn("SIGSEGV", self.run_program("kill -SEGV $$").bad_end)
        self.assertIn("exit code 2", self.run_program("exit 2").bad_end)
        self.assertIn("stopped after 1 s", self.run_program("sleep 60", 1).bad_end)

    def test_another_schema_is_no_report(self):
        for words in ("{", "[]", json.dumps({"schema": 2, "kernels": []})):
            self.assertIsNone(self.run_program(f"echo '{words}' > $SIMT_METER_REPORT").report)

    def test_json_leaves_standard_output_to_the_document(self):
        with mock.patch("workbook.console.write") as said:
            inspect.print_json([(0, Namespace(name="matmul"), inspect.Counted(problems=["256"]))], 0)
        (document,) = json.loads(said.call_args[0][0])["exercises"]
        self.assertEqual(document["exercise"], "matmul")
        self.assertEqual(document["problems"], ["256"])


if __name__ == "__main__":
    unittest.main()
