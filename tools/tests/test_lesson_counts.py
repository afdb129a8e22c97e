"""The counts in the prose of chapters 02 and 07 are recomputed: from the code, or from what they count."""

import json
import math
import re
import unittest
from fractions import Fraction

import support
from published import lesson_counts

ROOT = support.ROOT
FP32, HBM = 67e12, 4.8e12  # NVIDIA's data sheet of an H200: FLOP/s, bytes/s


def words(text: str) -> str:
    return " ".join(text.split())


def number(file: str, name: str) -> float:
    """A constant of the code."""
    return float(re.search(rf"{name} = (-?[\d.e-]+)f?[;,]", (ROOT / file).read_text())[1])


def preset(name: str) -> dict:
    line = re.search(rf'"{name}", {{(.*?)}}', (ROOT / "07_tinyllama/trainer/config.cpp").read_text())[1]
    return {letter: int(size) for letter, size in re.findall(r"\.(\w) = (\d+)", line)}


def parameters(p: dict) -> int:
    kv = p["c"] // p["h"] * p["k"]
    layer = 2 * p["c"] + 2 * p["c"] ** 2 + 2 * p["c"] * kv + 3 * p["c"] * p["f"]
    return p["v"] * p["c"] + p["l"] * layer + p["c"]


class Counts(unittest.TestCase):
    def says(self, file: str, *sentences: str) -> None:
        text = words((ROOT / file).read_text())
        for sentence in sentences:
            self.assertTrue(words(sentence) in text, f"{file} does not say: {words(sentence)}")

    def test_of_the_matrix_product(self):
        n, ridge = 4096, FP32 / HBM
        self.says(
            "02_matmul/README.md",
            f"n = {n} this is about {round(n / 6, -1):.0f}.",
            f"at least {ridge:.0f} FLOPs per byte",
            f"{8 + 4} reads serve {8 * 4} multiply-adds: {(8 + 4) / (8 * 4)} reads each instead of 2",
            f"{64 * 64 // 32} threads with 32 outputs each make a (64, 64) tile",
            # 16 loads of B and 4 of A; a warp's load of 16 bytes from A takes two wavefronts.
            f"has {16 + 16 // 4} loads for 16 multiply-adds",
            f"counts {(16 + 2 * 4) / 16} requests (*wavefronts*) per multiply-add",
            f"limit is about 1/{4 * (16 + 2 * 4) / 16:.0f} of the peak",
        )

    def test_of_newton_schulz(self):
        a, b, c = (number("02_matmul/newton_schulz.h", f"kNewtonSchulz{one}") for one in "ABC")
        steps = int(number("02_matmul/newton_schulz.h", "kNewtonSchulzSteps"))

        def after(value: float) -> float:
            for _ in range(steps):
                value = a * value + b * value**3 + c * value**5
            return value

        values = [after(0.0016 ** (i / 20000)) for i in range(20001)]
        low, high = math.floor(1000 * min(values)) / 1000, math.ceil(1000 * max(values)) / 1000
        small, large = 2048, 5632
        flops, wrong = (4 * s * s * other + 2 * s**3 for s, other in ((small, large), (large, small)))
        square = steps * 6 * small**3
        self.says(
            "02_matmul/README.md",
            f"from 0.0016 to 1 lies between **{low:.3f} and {high:.3f}**",
            f"0.0014 becomes {after(0.0014):.2f}",
            f"{flops:.2e}".replace("e+", "e") + " FLOPs. With S and L exchanged",
            f"{wrong:.2e}".replace("e+", "e") + f" FLOPs, {wrong / flops:.1f} times as many",
            f"{square:.1e}".replace("e+", "e") + f" FLOPs take {1e3 * square / 50e12:.1f} ms",
            f"2 * {4e-6 * small**2:.1f} MB take {1e6 * 8 * small**2 / HBM:.0f} microseconds",
        )
        self.assertGreater(6 * small**3 / (40 * small**2), 300)
        self.says("02_matmul/README.md", f"at n = {small} more than 300 FLOPs per byte")
        header = f"[{low:.3f}, {high:.3f}]; a smaller value grows at most by a factor of {a**steps:.0f}."
        self.says("02_matmul/newton_schulz.h", header)

    def test_of_fast_matmul(self):
        kernels = json.loads((ROOT / "docs/results/meter/fast_matmul.json").read_text())["kernels"]
        wavefronts = {
            kernel["case"]: lesson_counts.summed(kernel, "shared", "wavefronts") / kernel["multiply_adds"]
            for kernel in kernels
        }
        tile, registers, solution = (wavefronts[name] for name in ("tile", "register_tile", "solution"))
        self.says(
            "02_matmul/fast_matmul.md",
            f"`register_tile` needs {registers:.2f} wavefronts per multiply-add, `tile` {tile:.1f}.",
            f"{tile / registers:.1f} times as fast?",
            f"`solution` could reach {100 / (4 * solution):.0f}% of the peak",
            f"= {2 * 2 + 2 * 4} wavefronts for 64 multiply-adds, {(2 * 2 + 2 * 4) / 64:.2f}.",
            f"2 * 2 + 4 = {2 * 2 + 4} for 32, {(2 * 2 + 4) / 32}.",
            f"4 * 4 bytes * 8 rows = {4 * 4 * 8} bytes",
        )

    def test_of_matmul_wmma(self):
        page, peak = "02_matmul/matmul_wmma.md", 989e12  # of bf16, in the data sheet of an H200
        clocks, wavefronts = 16**3 // 2048, 16 * 16 * 2 // 128
        for rows, share in ((1, "1/4"), (2, "1/2"), (4, "1")):
            loaded, products = 2 * rows, rows * rows
            each = wavefronts * loaded // products
            self.assertEqual(clocks / each, float(Fraction(share)))
            cells = [f"{rows} x {rows}", loaded, products, each, clocks, share]
            self.says(page, f"| {' | '.join(map(str, cells))} |")
        reached, bytes_of_block = 2 * 16**3 / (2 * 512) * HBM, 2 * 64 * 72 * 2
        self.says(
            page,
            f"of bf16 products is at about {round(peak / HBM, -2):.0f}.",
            f"= {reached / 1e12:.0f} TFLOP/s, about {reached / peak:.0%} of 989.",
            f"2 * 64 * 72 * 2 = {bytes_of_block:,} bytes, {bytes_of_block // 1024} KiB: "
            f"{228 // (bytes_of_block // 1024 + 1)} blocks",
            f"{wavefronts * 6} wavefronts for 8: {wavefronts * 6 // 8} per product, and at most 2/3",
        )
        self.assertAlmostEqual(clocks / (wavefronts * 6 / 8), 2 / 3)

    def test_of_the_model(self):
        tinyllama, small = preset("tinyllama"), preset("small")
        separate = parameters(tinyllama) + tinyllama["v"] * tinyllama["c"]
        self.says("07_tinyllama/README.md", f"{separate:,} parameters", f"has {parameters(tinyllama):,}.")
        embedding, tensors = small["v"] * small["c"], 9 * small["l"] + 2
        keys, long_keys = small["t"] // 2, preset("small_long")["t"] // 2
        self.says(
            "07_tinyllama/journey/README.md",
            f"1 of {tensors} parameter tensors ({embedding:,} of {parameters(small):,} values",
            f"In it a query has {keys} keys on average instead of {long_keys}.",
        )
        for name in ("nano", "small", "medium", "tinyllama"):
            row = " | ".join(str(preset(name)[letter]) for letter in "clhkfvbt")
            self.says("07_tinyllama/README.md", f"| {name} | {row} |")

    def test_of_the_operations(self):
        v = 32000
        self.says("07_tinyllama/README.md", f"{v} logits are {4 * v // 1000} KB")
        # Each kernel of `unfused` reads and writes arrays of 4 bytes per element: silu 2, mul 3, silu' 3.
        forward, backward = 4 * (2 + 3), 4 * (2 + 3 + 3 + 3)
        fused = 4 * (2 + 1), 4 * (3 + 2)
        self.says(
            "07_tinyllama/README.md",
            f"{fused[0]} bytes per element forward and {fused[1]} backward "
            f"(unfused: {forward} and {backward})",
            f"{forward} / {fused[0]} = {forward / fused[0]:.1f} times; backward {backward} / {fused[1]} = "
            f"{backward / fused[1]:.1f} times",
            f"only {2048 * 2 * 4 // 1024} KB in flight",
            f"so {2048 * 4 * 4 // 1024} KB are in flight per SM",
            f"[about {600e-9 * HBM / 132 / 1e3:.0f} KB](../docs/memory_hierarchy.md",
        )

    def test_of_the_optimizers(self):
        b1, b2 = (number("07_tinyllama/adamw.h", name) for name in ("beta1", "beta2"))

        def uncorrected(step: int) -> float:
            return (1 - b1**step) / math.sqrt(1 - b2**step)

        self.assertEqual(f"{uncorrected(1):.0f}, {uncorrected(10):.1f}", "3, 6.5")
        self.assertAlmostEqual(uncorrected(1) / uncorrected(2), 0.75, delta=0.01)
        self.says(
            "07_tinyllama/README.md",
            "the first step is three times too long, and the tenth six and a half times",
            "a first step of three quarters of the right length",
        )
        s, tokens, steps = 2048, 8192, 5
        flops, moved = steps * 6 * s**3, 28 * s * s
        self.says(
            "07_tinyllama/README.md",
            f"The products take {4 * steps} R C S + {2 * steps} S^3 FLOPs",
            f"For {s} x {s} this is {flops / 1e9:.0f} GFLOP for {moved / 1e6:.0f} MB. "
            f"At {round(flops / moved, -2):,.0f} FLOPs per byte",
            f"{5 * s / tokens:.0%} at S = {s} and {tokens} tokens per step, and {5 * s / 1e6:.0%}",
            f"with its {3 * steps} matrix products",
            f"both need {2 + 2 + 4 * steps} launches",
        )


if __name__ == "__main__":
    unittest.main()
