import csv
import io
import json
import os
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import support
from workbook import chapters, device, inspect, ncu, profile_counts, profile_report, profile_times, sass
from workbook.errors import WorkbookError
from workbook.profile_compile import Kernel

EXERCISE = chapters.Exercise(support.ROOT / "02_matmul", "matmul")
OPTIONS = Namespace(capability="9.0", block=None, dynamic=0, json=False, csv=False)
MIX = sass.Mix(12, {"fp32": 8, "global load": 4}, {"FFMA": 8, "LDG": 4}, {"global load": {16: 3, 4: 1}})
KERNEL = Kernel("kernel<4, float>", 40, 8, 16, 256, 128, True, MIX)

# ncu --csv --page raw --print-units base: what the program prints, ncu's own lines, a row of names, a row of
# units, and a row per launch. A number may have commas, and a metric that a launch lacks is empty or "n/a".
# Written after NVIDIA's documentation, with names of kernels as ncu 2025.3.1 printed them on an H200
# (docs/results/nsight_compute). These metrics were never recorded.
LOAD = "l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_ld.ratio"
DRAM = "dram__throughput.avg.pct_of_peak_sustained_elapsed"
RAW = f"""==PROF== Connected to process 4242 (/somewhere/matmul_bench)
==PROF== Profiling "matmul_naive_kernel" - 0: 0%....50%....100% - 8 passes
matmul 256 NN naive: right
==PROF== Disconnected from process 4242
"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size",\
"Grid Size","Device","CC","{DRAM}","gpu__time_duration.sum","{LOAD}"
"","","","","","","","","","","","%","ns","sector/request"
"0","4242","matmul_bench","127.0.0.1","void unnamed>::matmul_naive_kernel<0>(const float *, int)","1","7",\
"(16, 16, 1)","(16, 16, 1)","0","9.0","3.25","41,216","2.50"
"1","4242","matmul_bench","127.0.0.1","void unnamed>::matmul_naive_kernel<0>(const float *, int)","1","7",\
"(16, 16, 1)","(16, 16, 1)","0","9.0","4.50","1,041,216","16.50"
"2","4242","matmul_bench","127.0.0.1","fill(float *)","1","7","(256, 1, 1)","(64, 1, 1)",\
"0","9.0","70","2,048","n/a"
"""


def counted(sectors, conflicts=0, problems=("matmul 256 NN",)):
    """A run with 100 loads from global memory, whose ideal is 4 sectors each, and 50 from shared memory."""
    metrics = {
        profile_counts.REQUESTS.format("ld"): 100,
        profile_counts.PER_REQUEST.format("ld"): sectors / 100,
        profile_counts.REQUESTS.format("st"): 0,
        profile_counts.SHARED.format("ld"): 50,
        profile_counts.SHARED.format("st"): 0,
        profile_counts.CONFLICTS.format("ld"): conflicts,
        profile_counts.CONFLICTS.format("st"): 0,
    }
    line = {"memory": "global", "kind": "global_load", "sectors": sectors, "ideal_sectors": 400}
    kernel = {"name": "k", "launches": 1, "metrics": metrics, "lines": [line]}
    return inspect.Counted(report={"kernels": [kernel]}, problems=list(problems))


class Counts(unittest.TestCase):
    def test_a_line_per_kernel(self):
        about, line = profile_counts.text(counted(3200, 7))
        self.assertEqual(about, "counted on the CPU device: matmul 256 NN")
        self.assertEqual(
            line, "  k: 32.00 sectors per global load (ideal 4.00), 7 bank conflicts in 50 shared requests"
        )
        self.assertEqual(profile_counts.text(inspect.Counted(bad_end="died")), ["not counted"])

    def test_differences_of_the_same_calls(self):
        both = {"starter": counted(3200, 0), "solution": counted(400, 7)}
        self.assertEqual(
            [words for _, words in profile_counts.differences(both)],
            [
                "Sectors moved in global memory per ideal sector: starter 8.0, solution 1.0.",
                "Bytes moved in global memory: starter 102,400, solution 12,800.",
                "Bank conflicts: starter 0, solution 7.",
            ],
        )
        other = {"starter": counted(3200), "solution": counted(400, 7, ("matmul 512 NN",))}
        self.assertEqual(len(profile_counts.differences(other)), 1)
        self.assertEqual(profile_counts.differences({"starter": counted(3200)}), [])

    def test_the_figures_are_those_of_inspect(self):
        build = SimpleNamespace(
            configure=lambda: None, build=lambda *_: None, program=Path, lists=lambda *_: True
        )
        report = counted(3200).report
        with (
            mock.patch.object(inspect.setup, "ensure"),
            mock.patch.object(inspect, "Build", return_value=build),
            mock.patch.object(inspect, "run", return_value=inspect.Counted(report=report)) as ran,
        ):
            options = Namespace(jobs=1, verbose=False)
            with support.captured() as said:
                found = profile_counts.count(EXERCISE, ["naive", "starter", "on_a_gpu_only"], options)
        self.assertEqual([call[0][1] for call in ran.call_args_list], ["naive", "starter"])
        self.assertEqual([call[0][0].name for call in ran.call_args_list][1], "matmul_starter_metered_bench")
        self.assertIn("on_a_gpu_only runs on a GPU only", said.getvalue())
        self.assertEqual(
            profile_counts.answer(found)["naive"]["kernels"][0]["metrics"], report["kernels"][0]["metrics"]
        )


class Table(unittest.TestCase):
    def test_a_row_per_figure(self):
        found = profile_report.Profile(EXERCISE, OPTIONS, {"naive": [KERNEL]}, counts={"naive": counted(400)})
        row = {"implementation": "naive", "contract": "matmul", "problem": "256 NN", "outcome": "ok"}
        row |= {"seconds": {"median": 2e-5}, "fraction_of_roof": 0.25}
        found.times = profile_times.Times(rows=[row], kernels={"naive": [("k(int)", {DRAM: 3.25})]})
        rows = list(csv.DictReader(io.StringIO(profile_report.table(found))))
        self.assertEqual(tuple(rows[0]), profile_report.COLUMNS)
        values = {(one["kernel"], one["problem"], one["figure"]): one["value"] for one in rows}
        for key, value in {
            ("kernel<4, float>", "", "registers"): "40",
            ("kernel<4, float>", "", "dynamic"): "1",
            ("kernel<4, float>", "", "limiter"): "registers",
            ("kernel<4, float>", "", "instructions fp32"): "8",
            ("kernel<4, float>", "", "global load of 16 bytes"): "3",
            ("k", "matmul 256 NN", profile_counts.PER_REQUEST.format("ld")): "4.0",
            ("", "matmul 256 NN", "seconds"): "2e-05",
            ("", "matmul 256 NN", "fraction_of_roof"): "0.25",
            ("k(int)", "", f"ncu {DRAM}"): "3.25",
        }.items():
            self.assertEqual(values[key], value, key)
        self.assertEqual(len(values), len(rows))

    def test_without_the_optional_parts(self):
        found = profile_report.Profile(EXERCISE, OPTIONS, {"naive": [KERNEL._replace(mix=None)]})
        figures = [row["figure"] for row in csv.DictReader(io.StringIO(profile_report.table(found)))]
        self.assertIn("registers", figures)
        self.assertFalse([name for name in figures if name.startswith("instructions")])
        self.assertEqual(profile_report.answer(found)["counts"], None)
        self.assertEqual(profile_report.answer(found)["times"], None)


class NsightCompute(unittest.TestCase):
    def test_the_longest_launch_of_each_kernel(self):
        naive, fill = ncu.kernels_of(RAW)
        duration = ncu.DURATION
        expected = {duration: 1041216.0, DRAM: 4.5, LOAD: 16.5}
        self.assertEqual(naive, ("void unnamed>::matmul_naive_kernel<0>(const float *, int)", expected))
        self.assertEqual(fill, ("fill(float *)", {duration: 2048.0, DRAM: 70.0}))

    def program(self, text):
        tool = support.folder_of(self) / "ncu"
        tool.write_text("#!/bin/sh\n" + text)
        tool.chmod(0o755)
        return str(tool)

    def test_what_ncu_prints_is_read(self):
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(RAW)
            file.flush()
            found, why = ncu.counted(self.program(f"cat {file.name}\n"), ["program"])
            self.assertEqual((len(found), why), (2, ""))
            failed = "echo '==ERROR== The application returned an error code (1).'; exit 1"
            found, why = ncu.counted(self.program(f"cat {file.name}\n{failed}\n"), ["program"])
        self.assertEqual(len(found), 2)
        self.assertRegex(why, r"may not be complete: The application returned an error code \(1\)\.$")

    def test_names_are_those_of_the_compiler_where_they_are_clear(self):
        self.assertEqual(
            [name for name, _ in ncu.shown(ncu.kernels_of(RAW))], ["matmul_naive_kernel<0>", "fill"]
        )
        twice = [
            ("<unnamed>::k(int)", {}),
            ("<unnamed>::k(float)", {}),
            ("void wb::(anonymous namespace)::m(T)", {}),
        ]
        self.assertEqual([name for name, _ in ncu.shown(twice)], [twice[0][0], twice[1][0], "m"])

    def test_a_row_for_each_metric(self):
        """The other pages, and versions that know no raw page in CSV: durations have units of their own."""
        head = '"ID","Process ID","Kernel Name","Section Name","Metric Name","Metric Unit","Metric Value"'
        row = '"{}","7","k<(int)2>(float *)","Command line profiler metrics","{}","{}","{}"'
        lines = [head]
        for launch, micro in enumerate(("1,041.25", "2.5")):
            lines.append(row.format(launch, ncu.DURATION, "usecond", micro))
            lines.append(row.format(launch, DRAM, "%", "3.25"))
        lines.append(row.format(1, LOAD, "", "nan"))
        ((kernel, values),) = ncu.kernels_of("\n".join(lines))
        self.assertEqual((kernel, values), ("k<(int)2>(float *)", {ncu.DURATION: 1041250.0, DRAM: 3.25}))

    def test_two_processes_and_words_between_them(self):
        second = RAW.replace("1,041,216", "2,041,216").replace('"4242"', '"4243"')
        said = '"a program may print this"\n"7","1"\n'
        naive, fill = ncu.kernels_of(RAW + said + second + said)
        self.assertEqual(naive[1][ncu.DURATION], 2041216.0)
        self.assertEqual(fill[1][ncu.DURATION], 2048.0)

    def test_what_is_no_number_is_left_out(self):
        for text in ("n/a", "", "nan", "(!) nan", "inf", "65,77", "1.041.216", "27.595.520", "1,2,3", "0x1"):
            self.assertIsNone(ncu.number(text), text)
        for text, value in (("1,041,216.5", 1041216.5), ("3.1e+06", 3.1e6), ("-1", -1.0), ("12345", 12345.0)):
            self.assertEqual(ncu.number(text), value)
        for unit, value in (
            ("ns", 2.0),
            ("nsecond", 2.0),
            ("us", 2e3),
            ("msecond", 2e6),
            ("s", 2e9),
            ("", 2.0),
        ):
            self.assertEqual(ncu.number("2", unit), value, unit)
        self.assertIsNone(ncu.number("2", "cycle"))

    def test_one_line_says_why_there_are_no_metrics(self):
        permission = "==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access counters"
        for tool, words in (
            (None, "there is no ncu"),
            (self.program(f"echo '{permission}'; exit 1"), "may not read the GPU's counters"),
            (self.program("echo '==ERROR== Unknown metric x.'; exit 1"), "missing: Unknown metric x.$"),
            (self.program("exit 3"), "no kernel .exit code 3"),
            (
                self.program("echo '==WARNING== No kernels were profiled.'"),
                "missing: No kernels were profiled.$",
            ),
            (str(Path("/nowhere/ncu")), "/nowhere/ncu does not start"),
        ):
            found, why = ncu.counted(tool, ["program"])
            self.assertEqual(found, [])
            self.assertRegex(why, words)
            self.assertNotIn("\n", why)


class Times(unittest.TestCase):
    def test_without_a_gpu_one_line_says_why(self):
        with mock.patch.object(device, "cuda_problem", return_value="no NVIDIA driver"):
            times = profile_times.measure(EXERCISE, ["naive"], OPTIONS)
        self.assertEqual(profile_times.text(times, ["naive"]), ["No time was measured: no NVIDIA driver."])

    def test_on_a_gpu_the_rows_are_those_of_the_benchmark(self):
        """With programs that stand in for the benchmark and for ncu, on a device that stands in for a GPU."""
        published = support.ROOT / "docs" / "results" / "softmax-h200.json"
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "matmul_bench"
            listing = "".join(
                f"matmul/{problem}/{name}/iterations:20/manual_time\n"
                for problem in ("256 NN", "4096 TN")
                for name in ("naive", "solution")
            )
            program.write_text(
                f'#!/bin/sh\n[ "$1" = --benchmark_list_tests ] && echo "{listing}" && exit\n'
                f'echo "$@" >> {folder}/calls\ncp {published} "$4"\n'
            )
            program.chmod(0o755)
            build = SimpleNamespace(configure=lambda: None, build=mock.Mock(), program=lambda _: program)
            with (
                mock.patch.object(device, "cuda_problem", return_value=""),
                mock.patch.object(profile_times.setup, "ensure"),
                mock.patch.object(profile_times, "Build", return_value=build),
                mock.patch.object(profile_times, "FOLDER", Path(folder)),
                mock.patch.object(ncu, "program", return_value=None),
            ):
                options = Namespace(jobs=1, verbose=False, timeout=60, problem=None)
                times = profile_times.measure(EXERCISE, ["naive", "solution"], options)
                options.problem = "all"
                everything = profile_times.measure(EXERCISE, ["naive", "solution"], options)
            calls = (Path(folder) / "calls").read_text().splitlines()
        started = f"--impl naive,solution --output {folder}/matmul_bench-cuda.json"
        self.assertEqual(calls, [f"{started} --problem matmul 4096 TN", started])
        self.assertEqual(
            profile_times.about_problem(times),
            [
                "  Measured: matmul 4096 TN.",
                "  --problem NAME takes another (matmul 256 NN), --problem all takes all.",
            ],
        )
        self.assertEqual(profile_times.answer(times)["problem"], "matmul 4096 TN")
        self.assertEqual(profile_times.about_problem(everything), [])
        self.assertEqual(build.build.call_args[0][0], ["matmul_bench"])
        rows = json.loads(published.read_text())["body"]["rows"]
        self.assertEqual(times.rows, rows)
        self.assertIn("there is no ncu", "\n".join(times.reasons))
        self.assertEqual(len(times.reasons), 1)

    def test_the_problem_is_one_that_all_have(self):
        def listing(name, *problems):
            return "".join(f"{one}/{name}/iterations:20/manual_time\n" for one in problems)

        listings = {"a": listing("a", "m/1 NN", "m/2 NN", "m/3", "m_bf16/1 NN")}
        listings["b"] = listing("b", "m/2 NN", "m/1 NN", "m_bf16/1 NN")
        common = [("m", "1 NN"), ("m", "2 NN"), ("m_bf16", "1 NN")]
        for wanted, expected in (
            (None, ("m", "2 NN")),
            ("1 NN", ("m", "1 NN")),
            ("m_bf16 1 NN", ("m_bf16", "1 NN")),
            ("all", None),
        ):
            self.assertEqual(profile_times.chosen(EXERCISE, listings, wanted), (expected, common))
        with self.assertRaisesRegex(
            WorkbookError, "no problem '3'; there is m 1 NN, m 2 NN, m_bf16 1 NN, and all"
        ):
            profile_times.chosen(EXERCISE, listings, "3")

    def test_the_largest_difference_in_time(self):
        def row(name, problem, median):
            about = {"implementation": name, "contract": "matmul", "problem": problem, "outcome": "ok"}
            quartiles = {"lower_quartile": 0.99 * median, "upper_quartile": 1.01 * median}
            return {**about, "seconds": {"median": median, **quartiles}}

        rows = [row("a", "256", 2e-5), row("b", "256", 1e-5), row("a", "512", 1e-4), row("b", "512", 3e-4)]
        found = profile_times.differences(profile_times.Times(rows=rows), ["a", "b"])
        self.assertEqual(
            [words for _, words in found], ["Time: b takes 3.00 times as long as a for matmul 512."]
        )
        same = [row("a", "256", 1e-5), row("b", "256", 1.005e-5)]
        self.assertEqual(profile_times.differences(profile_times.Times(rows=same), ["a", "b"]), [])
        self.assertEqual(profile_times.differences(None, ["a", "b"]), [])

    def test_rows_and_metrics_in_words(self):
        row = {"implementation": "naive", "contract": "matmul", "problem": "256 NN", "outcome": "ok"}
        row |= {"seconds": {"median": 2e-5}, "fraction_of_roof": 0.25}
        failed = {**row, "implementation": "starter", "outcome": "wrong_result"}
        times = profile_times.Times(
            rows=[row, failed], kernels={"naive": ncu.kernels_of(RAW)}, reasons=["Why."]
        )
        text = "\n".join(profile_times.text(times, ["naive", "starter"]))
        for words in ("matmul 256 NN", "20.00 us    25.0%", "starter          wrong result", "\nWhy."):
            self.assertIn(words, text)
        self.assertIn("1,041,216 ns, DRAM 4% of its peak, 16.50 sectors per global load", text)

    def test_where_ncu_may_be(self):
        with tempfile.TemporaryDirectory() as folder:
            tool = Path(folder) / "ncu"
            tool.write_text("#!/bin/sh\n")
            tool.chmod(0o755)
            with mock.patch.dict(os.environ, {"PATH": folder}):
                self.assertEqual(ncu.program(None), str(tool))
            with mock.patch.dict(os.environ, {"PATH": "/nowhere"}):
                self.assertEqual(ncu.program(f"{folder}/nvcc"), str(tool))


if __name__ == "__main__":
    unittest.main()
