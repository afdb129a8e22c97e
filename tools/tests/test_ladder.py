"""Ladders: which there are, what a table of one shows, and what the command refuses."""

import contextlib
import io
import json
import re
import shutil
import subprocess
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

import support
import test_bench
from published import ladder_goals, ladder_tables
from workbook import answers, bench, bench_join, cli, ladder
from workbook.console import say
from workbook.errors import Exit, WorkbookError


def rows():
    made = []
    for name, seconds, speedup in (("library", 1e-6, 1.0), ("wgmma", 2e-6, 0.5), ("solution", 9e-6, None)):
        made.append(test_bench.row(name, seconds, problem="4096 NN", baseline="library", speedup=speedup))
    return made


def described():
    """Ladders with a README: the others are still being built."""
    return [one for one in ladder.ladders() if (one.folder / "README.md").exists()]


class Ladders(unittest.TestCase):
    def test_every_ladder_belongs_to_an_exercise_with_a_benchmark(self):
        found = ladder.ladders()
        self.assertIn("matmul_bf16", [one.name for one in found])
        for one in found:
            self.assertTrue(one.exercise.has("bench.cpp"), one.name)
            self.assertTrue(one.folder.is_dir(), one.name)

    def test_every_ladder_climbs_contracts_that_there_are(self):
        for one in ladder.ladders():
            headers = "".join(file.read_text() for file in one.exercise.chapter.glob("*.h"))
            named = set(re.findall(r'kName = "(\w+)"', headers))
            self.assertLessEqual(set(one.contracts), named, one.name)

    def test_rungs_are_numbered_without_gaps_and_register_their_idea(self):
        for one in ladder.ladders():
            files = sorted(file for file in one.folder.glob("*.cu") if ladder.RUNG.match(file.name))
            self.assertEqual([int(file.name[:2]) for file in files], list(range(1, len(files) + 1)))
            for file, idea in zip(files, one.rungs):
                self.assertIn(f", {idea}, ", file.read_text(), file.name)

    def test_every_head_says_what_limits(self):
        for one in described():
            for file in sorted(one.folder.glob("[0-9]*.cu")):
                head = file.read_text().split("#include")[0]
                for word in (
                    "// Rung ",
                    "// Idea: ",
                    "// Limited before: ",
                    "// Limits now: ",
                    "// Costs in clarity: ",
                ):
                    self.assertIn(word, head, file.name)
                self.assertLessEqual(len(file.read_text().splitlines()), 250, file.name)

    def test_every_readme_lists_every_rung(self):
        for one in described():
            text = (one.folder / "README.md").read_text()
            for idea in one.rungs:
                self.assertIn(f"[`{idea}`]", text)

    def test_unknown_names_are_refused_with_those_there_are(self):
        with self.assertRaisesRegex(WorkbookError, "has no ladder 'nope'; it has matmul_fp32, matmul_bf16"):
            ladder.chosen(Namespace(chapter="02", name="nope"))
        with self.assertRaisesRegex(WorkbookError, "no ladder yet; there are ladders of 02"):
            ladder.chosen(Namespace(chapter="01", name=None))


class Table(unittest.TestCase):
    def test_a_column_for_each_rung_in_order_between_solution_and_library(self):
        heading = ladder_tables.table(rows(), ["wmma", "wgmma"]).splitlines()[0]
        self.assertEqual(heading, "| problem | `solution` | `wgmma` | `library` |")

    def test_speed_stands_beside_the_multiple_of_the_library(self):
        self.assertIn(
            "| 4096 NN | 0.11 | 0.50 (0.50x) | 1.00 (1.00x) |", ladder_tables.table(rows(), ["wgmma"])
        )

    def test_where_bytes_bind_speed_is_a_share_of_the_copy_and_a_multiple_of_torch_compile(self):
        made = [
            test_bench.row("ring", 2e-6, fraction_of_roof=0.5),
            test_bench.row("pytorch_compile", 3e-6, fraction_of_roof=0.333),
        ]
        self.assertTrue(ladder_tables.bytes_bind(test_bench.document(*made)))
        self.assertIn(
            "| 8x8 | 2,000, 50.0% (1.50x) | 1,333, 33.3% (1.00x) |", ladder_tables.table(made, ["ring"], True)
        )

    def test_a_problem_of_both_precisions_has_two_lines(self):
        made = [test_bench.row("ring", 2e-6), test_bench.row("ring", 1e-6, contract="softmax_forward_bf16")]
        lines = ladder_tables.table(made, ["ring"], True).splitlines()
        self.assertEqual([line.split(" |")[0] for line in lines[2:]], ["| 8x8", "| 8x8 bf16"])

    def test_where_arithmetic_binds_the_library_is_the_measure(self):
        made = [test_bench.row("ring", 2e-6, flops=1e9)]
        self.assertFalse(ladder_tables.bytes_bind(test_bench.document(*made)))

    def test_where_there_is_no_library_cudnn_is_the_measure(self):
        made = [
            test_bench.row("solution", 9e-6, baseline="solution", flops=1e9),
            test_bench.row("wgmma", 2e-6, baseline="solution", flops=1e9, speedup=4.5),
            test_bench.row("cudnn", 1e-6, baseline="solution", flops=1e9, speedup=9.0),
        ]
        self.assertIn("a multiple of `cudnn`'s", ladder_tables.meaning(test_bench.document(*made)))
        self.assertIn(" (0.11x) | ", table := ladder_tables.table(made, ["wgmma"]))
        self.assertIn(" (0.50x) | ", table)
        self.assertIn(" (1.00x) |", table)

    def test_a_peer_without_a_result_says_why(self):
        refusal = {"outcome": "error", "message": "RuntimeError: No available kernel"}
        made = [test_bench.row("wgmma", 2e-6), test_bench.row("cudnn", 1e-6) | refusal]
        said = ladder_tables.refused(test_bench.document(*made))
        self.assertEqual(said, ["`cudnn` has no result for 8x8: RuntimeError: No available kernel."])

    def test_only_files_of_that_ladder_count(self):
        other = ("matmul-h100", {"body": {"rows": rows()}})
        self.assertIn("Nothing is published yet", ladder_tables.of_ladder([other], "matmul_bf16"))


class Goals(unittest.TestCase):
    def line(self, ours, compiled=10e-6, name="softmax_forward"):
        rows = [test_bench.row(kernel, seconds, fraction_of_roof=0.5) for kernel, seconds in ours.items()]
        found = test_bench.document(*rows, test_bench.row("pytorch_compile", compiled))
        found["device"]["name"] = "NVIDIA H200"
        return ladder_goals.of_ladders([("ladder_softmax_forward-h200", found)], name).splitlines()[-1]

    def test_the_fastest_of_ours_is_compared_with_torch_compile(self):
        shown = self.line({"solution": 9e-6, "held_row": 8e-6, "three_pass": 1e-6})
        self.assertEqual(shown, "| 8x8 | H200 | 1.25x, 50.0% (`held_row`) | - |")

    def test_a_missed_goal_is_bold_with_enough_digits_to_see_it(self):
        self.assertIn("**0.80x**", self.line({"solution": 12.5e-6}))
        self.assertIn("**0.998x**", self.line({"solution": 10.02e-6}))
        self.assertIn(" 1.002x", self.line({"solution": 9.98e-6}))

    def test_without_a_name_all_ladders_are_named(self):
        shown = self.line({"solution": 5e-6}, name="")
        self.assertTrue(shown.startswith("| [`softmax_forward`](softmax_forward/README.md) | 8x8 |"), shown)
        self.assertIn("Nothing", self.line({"solution": 5e-6}, name="layernorm_forward"))


class Climb(unittest.TestCase):
    """`ladder` with a benchmark and a peer that are written here."""

    def setUp(self):
        self.root = support.folder_of(self)
        self.started, self.peers_asked = [], 0
        patches = (
            mock.patch.multiple(ladder, ROOT=self.root, draw=lambda *_: None),
            mock.patch.object(bench, "FOLDER", self.root),
            mock.patch.object(bench, "run_peer", self.run_peer),
            mock.patch.object(ladder.process, "in_the_open", self.run_program),
            mock.patch.object(ladder.device, "label", lambda name: name),
        )
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)
        self.one = next(one for one in ladder.ladders() if one.name == "matmul_fp32")

    def run_program(self, command, **_):
        self.started = [str(part) for part in command]
        names = ("library", "warp_tiles", "coalesced", "naive", "solution", "shared_tiles")
        made = [test_bench.row(name, 1e-6, baseline="library", speedup=1.0) for name in names]
        file = Path(self.started[self.started.index("--output") + 1])
        (self.root / file.name).write_text(json.dumps(test_bench.document(*made, device=self.device)))
        return 0

    def run_peer(self, exercise, like, options):
        self.peers_asked += 1
        self.assertIsNone(answers.output_of(options))  # which reads an option of `bench`
        other = test_bench.document(test_bench.row("pytorch", 3e-6), peer="pytorch", peer_version="2.11")
        (self.root / "peer.json").write_text(json.dumps(other))
        return [self.root / "peer.json"]

    def climb(self, device="cuda"):
        self.device = device
        build = mock.Mock(device=device, folder=self.root, program=lambda name: Path(name))
        (self.root / "solutions/ladders/CMakeFiles" / f"{self.one.program}.dir").mkdir(
            parents=True, exist_ok=True
        )
        with support.captured() as text:
            code = ladder.climb(build, self.one, cli.parser().parse_args(["ladder", "02", "matmul_fp32"]))
        self.assertEqual(code, Exit.OK, text.getvalue())
        file = self.root / f"ladder_matmul_fp32-{device}.json"
        return [row["implementation"] for row in bench_join.load(file)["body"]["rows"]]

    def test_rows_stand_in_the_order_of_the_climb(self):
        expected = ["library", "naive", "solution", "coalesced", "shared_tiles", "warp_tiles", "pytorch"]
        self.assertEqual(self.climb(), expected)

    def test_only_the_ladders_own_contract_is_measured(self):
        self.climb()
        self.assertIn("--benchmark_filter=^(matmul)/", self.started)

    def test_json_is_all_of_standard_output(self):
        def climb(_build, one, _options):
            say("words for people")
            document = test_bench.document(test_bench.row("naive", 1e-6), device="cuda")
            (self.root / f"ladder_{one.name}-cuda.json").write_text(json.dumps(document))
            return Exit.FAILED

        options = cli.parser().parse_args(["ladder", "02", "matmul_fp32", "--json"])
        with (
            mock.patch.multiple(ladder, Build=mock.DEFAULT, climb=climb, chosen=lambda _: [self.one]),
            mock.patch.object(ladder.setup, "ensure"),
            mock.patch.object(ladder.device, "choose", return_value="cuda"),
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as err,
        ):
            code = ladder.command(options)
        answer = json.loads(out.getvalue())
        self.assertEqual((code, answer["exit_code"], answer["device"]), (Exit.FAILED, 1, "cuda"))
        self.assertEqual([one["body"]["rows"][0]["implementation"] for one in answer["ladders"]], ["naive"])
        self.assertEqual(err.getvalue(), "words for people\n")

    def test_the_cpu_device_has_no_peer(self):
        self.assertNotIn("pytorch", self.climb("cpu"))
        self.assertEqual(self.peers_asked, 0)


@unittest.skipUnless(shutil.which("cmake"), "needs cmake")
class Needs(unittest.TestCase):
    """Which architectures leave a rung out (wb_rung_lacks in cmake/Ladder.cmake)."""

    def lacks(self, needs, architectures, device="cuda"):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "rung.cu").write_text(f"// Rung 1\n{needs}\n")
            (Path(folder) / "ask.cmake").write_text(
                f"include({support.ROOT}/cmake/Ladder.cmake)\nset(WB_DEVICE {device})\n"
                f'set(CMAKE_CUDA_ARCHITECTURES "{architectures}")\n'
                'wb_rung_lacks(lacks ${CMAKE_CURRENT_LIST_DIR}/rung.cu)\nmessage("[${lacks}]")\n'
            )
            done = subprocess.run(
                ["cmake", "-P", f"{folder}/ask.cmake"], stderr=subprocess.PIPE, text=True, check=True
            )
            return done.stderr.strip()[1:-1]

    def test_a_newer_architecture_has_what_an_older_one_has(self):
        for architectures in ("80", "86", "90a", "120", "80;90a"):
            self.assertEqual(self.lacks("// Needs: sm_80", architectures), "", architectures)
        self.assertEqual(self.lacks("// Needs: sm_80", "75"), "it needs sm_80, and this build is for sm_75")
        self.assertIn("sm_75", self.lacks("// Needs: sm_80", "75;90a"))

    def test_what_is_of_one_architecture_is_in_no_other(self):
        for architectures in ("90", "100", "120", "80;90a"):
            self.assertIn("it needs sm_90a", self.lacks("// Needs: sm_90a", architectures), architectures)
        self.assertEqual(self.lacks("// Needs: sm_90a", "90a"), "")
        self.assertEqual(self.lacks("// Needs: sm_90a", "90a-real"), "")

    def test_a_rung_without_needs_is_everywhere(self):
        self.assertEqual(self.lacks("// No need", "75"), "")
        self.assertEqual(self.lacks("// Needs: sm_90a", "", device="cpu"), "")


if __name__ == "__main__":
    support.main()
