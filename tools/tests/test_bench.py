import copy
import json
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

import support
from workbook import bench, bench_join
from workbook.errors import Exit


def row(implementation, seconds, problem="8x8", baseline="solution", **changes):
    quartiles = {"lower_quartile": 0.99 * seconds, "upper_quartile": 1.01 * seconds}
    return {
        "contract": "softmax_forward",
        "problem": problem,
        "implementation": implementation,
        "baseline": baseline,
        "outcome": "ok",
        "message": "",
        "bytes": 4e6,
        "flops": 1e6,
        "seconds": {"median": seconds, "minimum": seconds, "maximum": seconds, **quartiles},
        "speedup": None,
        "bytes_per_second": 4e6 / seconds,
        "flops_per_second": 1e6 / seconds,
        "fraction_of_roof": None,
        **changes,
    }


ROOFS = {"copy_bytes_per_second": 4e12, "fp32_flops": 6e13}


def document(*rows, device="cuda", **body):
    body = {"roofs": ROOFS, **body}
    return {
        "schema_version": 1,
        "kind": "benchmarks",
        "device": {"kind": device},
        "body": {"rows": list(rows), **body},
    }


class Join(unittest.TestCase):
    def setUp(self):
        self.own = document(
            row("solution", 2e-6, fraction_of_roof=0.5, speedup=1.0),
            row("three_pass", 4e-6, fraction_of_roof=0.25, speedup=0.5),
            row("solution", 9e-6, problem="9x9", fraction_of_roof=0.6, speedup=1.0),
        )
        self.peer = document(row("pytorch", 8e-6), peer="pytorch", peer_version="2.11")

    def rows(self, *others):
        return bench_join.join(self.own, list(others))["body"]["rows"]

    def test_a_row_stands_below_those_of_its_problem(self):
        names = [(r["problem"], r["implementation"]) for r in self.rows(self.peer)]
        expected = [("8x8", "solution"), ("8x8", "three_pass"), ("8x8", "pytorch"), ("9x9", "solution")]
        self.assertEqual(names, expected)

    def test_it_is_compared_with_the_benchmarks_baseline_and_roof(self):
        joined = self.rows(self.peer)[2]
        self.assertEqual(joined["baseline"], "solution")
        self.assertAlmostEqual(joined["speedup"], 0.25)
        self.assertAlmostEqual(joined["fraction_of_roof"], 0.125)
        self.assertAlmostEqual(joined["bytes_per_second"], 5e11)
        self.assertAlmostEqual(joined["flops_per_second"], 1.25e11)

    def test_work_without_flops_shows_a_dash_for_them(self):
        shown = bench_join.line(row("solution", 1e-3, flops=0), True, row("solution", 1e-3))
        self.assertRegex(shown, r" 4\.0 +- +- ")

    def test_a_starter_is_no_longer_its_own_baseline(self):
        starter = document(row("starter", 20e-6, baseline="starter", speedup=1.0))
        joined = self.rows(starter, self.peer)
        self.assertEqual([r["implementation"] for r in joined[2:4]], ["starter", "pytorch"])
        self.assertAlmostEqual(joined[2]["speedup"], 0.1)
        self.assertEqual(joined[2]["baseline"], "solution")

    def test_without_a_time_of_the_baseline_only_the_roof_is_known(self):
        skipped = {"outcome": "skipped", "message": "too slow"}
        slow = {k: v for k, v in row("library", 1, baseline="library").items() if k != "seconds"} | skipped
        fast = row("solution", 2e-6, baseline="library", fraction_of_roof=0.5)
        self.own = document(slow, fast)
        joined = self.rows(self.peer)[-1]
        self.assertIsNone(joined["speedup"])
        self.assertEqual(joined["baseline"], "library")
        self.assertAlmostEqual(joined["fraction_of_roof"], 0.125)

    def test_refuses_what_cannot_be(self):
        fast = document(row("pytorch", 5e-7), peer="pytorch", peer_version="2.11")
        joined = self.rows(fast)[2]
        self.assertEqual(joined["outcome"], "above_roof")
        self.assertIn("2.00 times the roof", joined["message"])

    def test_tensor_cores_have_no_known_roof(self):
        bf16 = {"contract": "attention_forward_bf16"}
        fast = document(row("pytorch", 1e-7, **bf16), peer="pytorch", peer_version="2.11")
        self.own = document(row("solution", 2e-6, fraction_of_roof=0.9, speedup=1.0, **bf16))
        joined = self.rows(fast)[1]
        self.assertEqual((joined["outcome"], joined["fraction_of_roof"]), ("ok", None))
        self.own["body"]["rows"][0]["fraction_of_roof"] = 0.5  # that of its bytes
        self.assertEqual(self.rows(fast)[1]["outcome"], "above_roof")

    def test_what_failed_keeps_its_words(self):
        failed = row("pytorch_compile", 1, outcome="error", message="RuntimeError: no compiler")
        del failed["seconds"]
        joined = bench_join.join(self.own, [document(failed)])
        self.assertEqual(joined["body"]["rows"][2]["message"], "RuntimeError: no compiler")
        with support.captured() as text:
            bench_join.show(joined)
        self.assertIn("error: RuntimeError: no compiler", text.getvalue())

    def test_rows_of_other_problems_are_left_out(self):
        self.assertEqual(len(self.rows(document(row("pytorch", 1e-6, problem="1x1")))), 3)

    def test_the_file_says_which_peer(self):
        body = bench_join.join(self.own, [self.peer])["body"]
        self.assertEqual(body["peer"], {"name": "pytorch", "version": "2.11"})

    def test_the_cpu_device_shows_no_rates(self):
        own = document(row("solution", 2e-3), device="cpu")
        joined = bench_join.join(own, [document(row("starter", 4e-3), device="cpu")])
        self.assertIsNone(joined["body"]["rows"][1]["bytes_per_second"])
        with support.captured() as text:
            bench_join.show(joined)
        self.assertNotIn("GB/s", text.getvalue())
        self.assertIn("0.50x", text.getvalue())

    def test_a_ratio_that_drowns_in_its_spread_is_not_quoted(self):
        noisy = row("starter", 3.4e-3)
        noisy["seconds"] |= {"lower_quartile": 2e-3, "upper_quartile": 6e-3}
        own = document(row("solution", 2e-3, speedup=1.0), device="cpu")
        with support.captured() as text:
            bench_join.show(bench_join.join(own, [document(noisy, device="cpu")]))
        self.assertIn("117.6% no difference measured", text.getvalue())
        self.assertIn("1.00x  baseline", text.getvalue())
        self.assertNotIn("0.59x", text.getvalue())
        self.assertFalse(bench_join.differs(row("a", 1.01e-6), row("solution", 1e-6)))
        self.assertTrue(bench_join.differs(row("a", 1.1e-6), row("solution", 1e-6)))

    def test_the_table_of_a_gpu(self):
        with support.captured() as text:
            bench_join.show(bench_join.join(copy.deepcopy(self.own), [self.peer]))
        lines = [line.split() for line in text.getvalue().splitlines() if "pytorch" in line]
        self.assertEqual(lines, [["pytorch", "8.00", "us", "2.0%", "500.0", "0.125", "12.5%", "0.25x"]])

    def test_sets_files_aside_that_are_no_benchmarks(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "x.json"
            self.assertIsNone(bench_join.load(file))
            rows = [{**row("solution", 1e-6), "seconds": 3}, {"contract": "x"}, 7, row("solution", -1e-6)]
            bad = [{"schema_version": 1, "kind": "tests"}, *(document(one) for one in rows)]
            for text in ("{", *map(json.dumps, bad)):
                file.write_text(text)
                with support.captured() as said:
                    self.assertIsNone(bench_join.load(file))
                self.assertIn("set aside as x.json.damaged", said.getvalue())
                self.assertFalse(file.exists())
            bench_join.save(self.own, file)
            self.assertEqual(bench_join.load(file), self.own)


class Bench(unittest.TestCase):
    """The whole of `bench` with a benchmark and a peer that are small scripts."""

    def setUp(self):
        self.root = support.folder_of(self)
        (self.root / "01_x").mkdir()
        (self.root / "peers").mkdir()
        (self.root / "peers" / "softmax.py").write_text("the peer")
        self.started = []
        self.documents = {"bench": document(row("solution", 2e-6, speedup=1.0))}
        self.documents["peer"] = document(row("pytorch", 4e-6), peer="pytorch", peer_version="2.11")
        folders = {"ROOT": self.root, "RESULTS": self.root, "FOLDER": self.root / "bench"}
        patches = (
            mock.patch.multiple(bench, PEERS=self.root / "peers", **folders),
            mock.patch.object(bench.python_env, "find", lambda module: "python-with-torch"),
            mock.patch.object(bench.process, "in_the_open", self.run_program),
            mock.patch.object(bench.device, "label", lambda name: name),
        )
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)
        (self.root / "bench").mkdir()

    def run_program(self, command, **_):
        command = [str(part) for part in command]
        self.started.append(command)
        which = "peer" if command[0] == "python-with-torch" else "bench"
        if self.documents[which] is None:
            return 1
        file = self.root / command[command.index("--output") + 1]
        file.write_text(json.dumps(self.documents[which]))
        return 0

    def measure(self, device="cuda", peers=True, compile=True):
        build = mock.Mock(device=device, program=lambda name: Path(name))
        starter = self.root / "01_x" / "softmax_starter.cu"
        exercise = Namespace(name="softmax", chapter=self.root / "01_x", starter=starter)
        options = Namespace(starter=False, peers=peers, compile=compile, timeout=60)
        options.prediction, options.json = None, False
        with support.captured() as text:
            code = bench.measure(build, exercise, options)
        return code, text.getvalue()

    def names(self, device="cuda"):
        joined = json.loads((self.root / "bench" / f"softmax_bench-{device}.json").read_text())
        return [r["implementation"] for r in joined["body"]["rows"]]

    def test_one_file_and_one_table_with_the_peer(self):
        code, text = self.measure()
        self.assertEqual(code, Exit.OK)
        self.assertEqual(self.names(), ["solution", "pytorch"])
        self.assertIn("all together", text)
        self.assertNotIn("--no-compile", self.started[-1])

    def test_the_peer_can_be_left_out_and_so_can_its_compiler(self):
        self.measure(peers=False)
        self.assertEqual(self.names(), ["solution"])
        self.measure(compile=False)
        self.assertIn("--no-compile", self.started[-1])

    def test_without_a_chapter_all_are_measured(self):
        def names(chapter):
            return [e.name for e in bench.chosen_exercises(Namespace(chapter=chapter, exercise=None))]

        self.assertEqual(names("01"), ["vector_add", "launch"])
        self.assertLessEqual({"vector_add", "softmax", "online_softmax"}, set(names(None)))

    def test_the_cpu_device_has_no_peer(self):
        self.measure(device="cpu")
        self.assertEqual(self.names("cpu"), ["solution"])
        self.assertEqual(len(self.started), 1)

    def test_it_suggests_a_picture_where_there_is_something_to_draw(self):
        suggestion = "Draw them: ./workbook plot 01 softmax"
        self.documents["bench"] = document(row("solution", 2e-3, speedup=1.0), device="cpu")
        self.assertNotIn(suggestion, self.measure(device="cpu")[1])
        self.documents["bench"]["body"]["rows"].append(row("three_pass", 4e-3, speedup=0.5))
        self.assertIn(suggestion, self.measure(device="cpu")[1])

    def test_a_peer_that_fails_takes_nothing_with_it(self):
        self.documents["peer"] = None
        code, text = self.measure()
        self.assertEqual(code, Exit.OK)
        self.assertEqual(self.names(), ["solution"])
        self.assertIn("the workbook's own figures stand", text)

    def test_results_of_an_earlier_run_are_not_taken_for_new_ones(self):
        self.measure()
        self.documents["bench"] = None
        code, _ = self.measure()
        self.assertEqual(code, Exit.FAILED)
        self.assertFalse((self.root / "bench" / "softmax_bench-cuda.json").exists())


if __name__ == "__main__":
    unittest.main()
