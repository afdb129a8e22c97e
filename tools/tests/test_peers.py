"""The PyTorch peers on the CPU, with small problems. Skipped where Python cannot import torch."""

import importlib
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support
from workbook import chapters

PEERS = support.ROOT / "tools" / "peers"
SUPPORT = {
    "measure",
    "problem",
    "timing",
    "heads",
    "triton_layernorm",
    "tinyllama_v1",
    "llama",
    "training_parity",
    "results_file",
}
HAS_TORCH = importlib.util.find_spec("torch") is not None
if HAS_TORCH:
    sys.path.insert(0, str(PEERS))
    import torch
    from measure import Peer, Run, Way, laid_out, main, mismatch, problems, read_like
    from problem import NoPeer, Problem, Random
    from timing import CPU_CACHE_BYTES, HostTimer, Rotation, summary

    torch.set_num_threads(1)  # the problems are small
    torch.backends.mkldnn.set_flags(False)  # it multiplies bf16 on some CPUs only

HEADS = ("B2 T16 H4/2 D8", "B1 H3/3 D4 T9")
ROWS = ("8 x 100", "33x7")
PROBLEMS = {
    "vector_add": ("n=1000",),
    "launch": ("n=1000 pageable", "n=1000 pinned"),
    "launch_streamed": ("n=1000 pieces of 300",),
    "matmul": ("17 NN", "17 NT", "17 TN"),
    "matmul_tf32": ("17 NN", "17 NT", "17 TN"),
    "newton_schulz": ("24x16 by matmul library", "8x8"),
    "matmul_bias_gelu": ("9x16x24", "33x7x5"),
    "online_softmax": ROWS,
    **dict.fromkeys(
        ("rope_forward", "rope_backward"),
        (*HEADS, "B2 T16 H4/2 D8, interleaved", "B2 T16 H4/4 D8, k feature-major"),
    ),
    "repeat_kv_forward": (*HEADS, "B2 T16 H4/2 D8, feature-major"),
    "repeat_kv_backward": (*HEADS, "B2 T16 H4/2 D8, feature-major", "B2 T16 H4/4 D8, feature-major"),
    **dict.fromkeys(("attention_forward", "attention_backward"), (*HEADS, "B1 T9 H4 K1 D8 full")),
    **dict.fromkeys(
        ("windowed_attention_forward", "windowed_attention_backward"),
        ("B2 H4/2 D8 T16, window 4, band 3", "B1 H2/2 D4 T9, window 2, all band", "B1 H2/2 D4 T9, all near"),
    ),
    **dict.fromkeys(("silu_multiply", "silu_multiply_backward"), ("8 x 32", "n=100")),
    **dict.fromkeys(("swiglu_forward", "swiglu_backward"), ("8 x 4 -> 16", "N8 C4 F16")),
    "adamw": ("n=1000",),
    "dgamma": ("9 x 33", "1 x 8"),
    "graph_step": ("n=9 steps=3", "n=16 steps=1"),
    "histogram": ("n=1000 bins=16", "n=1000 bins=50 skewed"),
    "decode_attention": ("B2 H4/2 D8 S33", "B1 H3/3 D4 S9"),
    "muon": ("16x8", "8x16"),
    "scan": ("n=1000", "n=1"),
}
STORED_AS_BF16 = (
    "matmul",
    "softmax_forward",
    "softmax_backward",
    "layernorm_forward",
    "layernorm_backward",
    "rmsnorm",
    "residual_rmsnorm",
    "rope",
    "repeat_kv",
    "attention",
    "silu_multiply",
    "swiglu_forward",
    "cross_entropy",
)


def is_stored_as_bf16(contract: str) -> bool:
    """Whether there is such a twin. tf32 is a way to read floats."""
    return contract.startswith(STORED_AS_BF16) and not contract.endswith("_tf32")


def peer_files():
    """Those of a benchmark; others in the folder compare whole programs."""
    files = [file for file in PEERS.glob("*.py") if file.stem not in SUPPORT]
    return sorted(file.stem for file in files if "PEERS = " in file.read_text())


def run(peer, problem):
    return {row["implementation"]: row for row in Run(peer, problem, torch.device("cpu")).rows(False)}


class Complete(unittest.TestCase):
    def test_every_benchmark_has_a_peer(self):
        every = [e for chapter in chapters.chapters() for e in chapters.exercises(chapter)]
        without = [e.name for e in every if e.has("bench.cpp") and e.name not in peer_files()]
        self.assertEqual(without, [])


@unittest.skipUnless(HAS_TORCH, "needs PyTorch")
class Peers(unittest.TestCase):
    @mock.patch("torch.cuda.is_available", lambda: False)  # what needs a GPU is not here, wherever this runs
    @mock.patch("timing.WARM_UP_SECONDS", 1e-4)  # the times are thrown away
    @mock.patch("timing.BATCH_SECONDS", 1e-5)
    def test_every_peer_agrees_with_its_formula_in_double(self):
        for name in peer_files():
            peers = importlib.import_module(name).PEERS
            for contract, peer in peers.items():
                formats = [contract]
                if is_stored_as_bf16(contract) and not contract.endswith("_bf16"):
                    formats.append(f"{contract}_bf16")
                for stored in formats:
                    for text in PROBLEMS.get(contract.replace("_bf16", ""), ROWS):
                        with self.subTest(contract=stored, problem=text):
                            one = peers.get(stored, peer)
                            rows = run(one, Problem(stored, text))
                            self.assertEqual(rows["pytorch"]["outcome"], "ok", rows["pytorch"]["message"])
                            self.assertGreater(rows["pytorch"]["seconds"]["median"], 0)
                            for other in one.others:
                                self.assertEqual(rows[other]["outcome"], "skipped")

    def test_no_peer_is_its_own_oracle(self):
        for name in peer_files():
            for contract, peer in importlib.import_module(name).PEERS.items():
                timed = peer.eager.call if isinstance(peer.eager, Way) else peer.eager
                oracle = peer.oracle or peer.formula
                self.assertIsNotNone(oracle, contract)
                self.assertIsNot(oracle, timed, contract)

    def test_what_is_asked_for_in_bf16_is_given_in_bf16(self):
        for name in peer_files():
            for contract, peer in importlib.import_module(name).PEERS.items():
                stored = contract if contract.endswith("_bf16") else f"{contract}_bf16"
                if not (contract.endswith("_bf16") or is_stored_as_bf16(contract)):
                    continue
                text = PROBLEMS.get(contract.replace("_bf16", ""), ROWS)[0]
                tensors = peer.inputs(Problem(stored, text), Random(1, torch.device("cpu")))
                formats = {x.dtype for x in tensors if isinstance(x, torch.Tensor)}
                self.assertIn(torch.bfloat16, formats, stored)

    def test_rope_turns_each_pair_by_its_angle(self):
        import rope

        for interleaved in (False, True):
            q = torch.randn(1, 3, 2, 8, dtype=torch.float64)
            table = rope.angles(3, 8)
            turned, _ = rope.formula(q, q, table.cos(), table.sin(), interleaved)
            for i in range(4):
                one, two = (2 * i, 2 * i + 1) if interleaved else (i, i + 4)
                number = torch.complex(q[0, 2, 1, one], q[0, 2, 1, two])
                right = number * complex(math.cos(table[2, i]), math.sin(table[2, i]))
                got = torch.complex(turned[0, 2, 1, one], turned[0, 2, 1, two])
                self.assertAlmostEqual(abs(got - right).item(), 0)

    def test_newton_schulz_brings_singular_values_near_one(self):
        from newton_schulz import orthogonalize

        for shape in ((32, 8), (8, 32)):
            values = torch.linalg.svdvals(orthogonalize(torch.randn(shape, dtype=torch.float64)))
            self.assertGreater(values.min(), 0.6)
            self.assertLess(values.max(), 1.3)

    def test_heads_are_repeated_in_groups(self):
        import repeat_kv

        x = torch.randn(2, 3, 2, 4)
        for group in (1, 3):
            y = repeat_kv.repeat(x, group)
            for head in range(2 * group):
                self.assertTrue(torch.equal(y[1, head], x[1, :, head // group]))
            self.assertTrue(y.is_contiguous())
            self.assertNotEqual(y.data_ptr(), x.data_ptr())


@unittest.skipUnless(HAS_TORCH, "needs PyTorch")
class Measuring(unittest.TestCase):
    def peer(self, eager, **given):
        inputs = given.pop("inputs", lambda problem, random: (random.uniform(*problem.numbers(2)),))
        return Peer(inputs, eager, formula=lambda x: 2 * x, **given)

    def test_a_wrong_result_is_not_timed(self):
        for eager, words in (
            (lambda x: 2.001 * x, "differs by"),
            (lambda x: x * math.nan, "differs by nan"),
            (lambda x: (2 * x)[:1], "not (8, 8)"),
        ):
            row = run(self.peer(eager), Problem("x", "8x8"))["pytorch"]
            self.assertEqual(row["outcome"], "wrong")
            self.assertIn(words, row["message"])
            self.assertNotIn("seconds", row)

    def test_a_result_in_another_layout_is_not_timed(self):
        def transposed(x):
            return (2 * x.T.contiguous()).T

        for eager, given in ((transposed, {}), (lambda x: 2 * x, {"layout": lambda problem: [(1, 0)]})):
            row = run(self.peer(eager, **given), Problem("x", "8x4"))["pytorch"]
            self.assertEqual(row["outcome"], "wrong")
            self.assertIn("do not lie in the order", row["message"])
            self.assertNotIn("seconds", row)
        right = run(self.peer(transposed, layout=lambda problem: [(1, 0)]), Problem("x", "8x4"))["pytorch"]
        self.assertEqual(right["outcome"], "ok")

    def test_an_output_too_few_or_too_many_is_wrong(self):
        for eager in (lambda x: (2 * x, x), lambda x: []):
            self.assertEqual(run(self.peer(eager), Problem("x", "8x8"))["pytorch"]["outcome"], "wrong")

    def test_a_peer_without_an_oracle_is_not_timed(self):
        with self.assertRaises(NoPeer):
            run(Peer(lambda problem, random: (random.uniform(8),), torch.sin), Problem("x", ""))

    def test_a_copy_is_made_only_where_the_layout_asks_for_one(self):
        x = torch.randn(2, 3, 4)
        self.assertEqual(laid_out(x, (0, 1, 2)).data_ptr(), x.data_ptr())
        turned = laid_out(x, (2, 0, 1))
        self.assertTrue(torch.equal(turned, x))
        self.assertEqual(turned.stride(), (3, 1, 6))

    def test_what_fails_becomes_a_row_and_stops_nothing(self):
        def fails(x):
            raise RuntimeError("no such kernel\nand many lines more")

        def missing():
            raise ImportError("no such module")

        peer = self.peer(lambda x: x + x, others={"broken": lambda: fails, "absent": missing})
        rows = run(peer, Problem("x", "8x8"))
        outcomes = {name: row["outcome"] for name, row in rows.items()}
        self.assertEqual(outcomes, {"pytorch": "ok", "broken": "error", "absent": "skipped"})
        self.assertEqual(rows["broken"]["message"], "RuntimeError: no such kernel")

    def test_bf16_inputs_are_the_same_numbers_in_the_reference(self):
        pair = [Random(5, torch.device("cpu"), exact) for exact in (False, True)]
        stored, exact = (random.normal(100, dtype=torch.bfloat16) for random in pair)
        self.assertEqual((stored.dtype, exact.dtype), (torch.bfloat16, torch.float64))
        self.assertTrue(torch.equal(stored.double(), exact))
        self.assertTrue(mismatch(torch.full((2,), math.nan), torch.ones(2), 1.0))

    def test_an_output_is_held_to_what_its_format_can_store(self):
        right = torch.ones(2, dtype=torch.float64)
        for stored, passes in ((torch.float32, False), (torch.bfloat16, True)):
            self.assertEqual(mismatch((1.01 * right).to(stored), right) == "", passes)

    def test_calls_rotate_over_the_buffers_and_their_outputs_are_kept(self):
        seen = []
        rotation = Rotation(lambda x: seen.append(x) or x, [(1,), (2,), (3,)])
        self.assertGreater(HostTimer().batch(rotation, 5), 0)
        self.assertEqual(seen, [1, 2, 3, 1, 2])
        self.assertEqual(rotation.outputs, [1, 2, 3])

    def test_buffers_make_three_times_the_cache_as_they_are_stored(self):
        n = 1 << 20
        peer = self.peer(lambda x: x + x, inputs=lambda problem, random: (random.uniform(n),))
        run = Run(peer, Problem("x", ""), torch.device("cpu"))
        self.assertEqual(len(run.sets), math.ceil(3 * CPU_CACHE_BYTES / (8 * n)))

    def test_quartiles(self):
        found = summary([4.0, 1.0, 3.0, 2.0, 5.0])
        self.assertEqual(list(found.values()), [3.0, 2.0, 4.0, 1.0, 5.0])

    def test_sizes_are_read_off_the_problems_name(self):
        problem = Problem("attention_forward_bf16", "B4 T=2048 H32 K 4 D64 causal")
        self.assertEqual([problem.letter(name) for name in "BTHKD"], [4, 2048, 32, 4, 64])
        self.assertEqual((problem.operation, problem.dtype), ("attention_forward", torch.bfloat16))
        self.assertEqual(Problem("x", "12288 x 768").numbers(2), [12288, 768])
        self.assertEqual(problem.heads(), (32, 4))
        self.assertEqual(Problem("x", "B8 T2048 H32/4 D64").heads(), (32, 4))
        self.assertEqual(Problem("x", "T8 H3").heads(), (3, 3))
        self.assertEqual(problem.letter("V", 7), 7)
        for ask in (lambda: problem.letter("V"), lambda: problem.numbers(6)):
            with self.assertRaises(NoPeer):
                ask()


@unittest.skipUnless(HAS_TORCH, "needs PyTorch")
class Program(unittest.TestCase):
    def like(self, folder, device="cpu", **row):
        row = {"contract": "softmax_forward", "problem": "8x16", "bytes": 1024, "flops": 512, **row}
        rows = [
            {**row, "implementation": "three_pass", "baseline": "solution"},
            {**row, "implementation": "solution", "baseline": "solution"},
            {**row, "implementation": "solution", "baseline": "solution", "contract": "something_else"},
        ]
        frame = {"schema_version": 1, "kind": "benchmarks", "commit": "abc", "created": "then"}
        document = {**frame, "device": {"kind": device, "name": "X"}, "body": {"roofs": {}, "rows": rows}}
        file = Path(folder) / "like.json"
        file.write_text(json.dumps(document))
        return file

    def run_peer(self, folder, *arguments, device="cpu", **row):
        command = [PEERS / "softmax.py", "--like", self.like(folder, device, **row)]
        command += ["--device", "cpu", "--no-compile", *arguments]
        environment = {name: text for name, text in os.environ.items() if name != "WB_COMMIT"}
        return subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment)

    def refused(self, folder, **row):
        """As `run_peer`, in this process: another one would load PyTorch for seconds. (exit code, words)"""
        peers = importlib.import_module("softmax").PEERS
        arguments = ["softmax.py", "--like", str(self.like(folder, **row)), "--device", "cpu", "--no-compile"]
        with mock.patch.object(sys, "argv", arguments), support.captured() as said:
            try:
                main(peers, "softmax")
            except SystemExit as end:
                code = end.code
        return (code, said.getvalue()) if isinstance(code, int) else (1, code)

    def test_measures_what_the_benchmark_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "new" / "peer.json"
            done = self.run_peer(folder, "--output", output)
            self.assertEqual(done.returncode, 0, done.stderr)
            document = json.loads(output.read_text())
        self.assertIn("something_else: no peer", done.stdout)
        (row,) = document["body"]["rows"]
        named = [row[name] for name in ("contract", "problem", "implementation", "baseline", "outcome")]
        self.assertEqual(named, ["softmax_forward", "8x16", "pytorch", "solution", "ok"])
        self.assertEqual((row["bytes"], document["commit"], document["kind"]), (1024, "abc", "benchmarks"))
        self.assertEqual(document["body"]["peer"], "pytorch")
        self.assertNotEqual(document["created"], "then")

    def test_a_name_that_it_cannot_read_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            code, said = self.refused(folder, problem="large")
        self.assertEqual(code, 0, said)
        self.assertIn("no peer: 'large' does not name 2 sizes", said)

    def test_refuses_to_mix_devices(self):
        with tempfile.TemporaryDirectory() as folder:
            code, said = self.refused(folder, device="cuda")
        self.assertEqual(code, 1)
        self.assertIn("never stand in one table", said)

    def test_problems_once_each(self):
        with tempfile.TemporaryDirectory() as folder:
            found = problems(read_like(self.like(folder), torch.device("cpu")))
        self.assertEqual([p.contract for p in found], ["softmax_forward", "something_else"])
        self.assertEqual(found[0].baseline["implementation"], "solution")


if __name__ == "__main__":
    unittest.main()
