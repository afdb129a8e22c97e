import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path

import support
from workbook import chapters, device, occupancy, profile, profile_compile, profile_words
from workbook.errors import WorkbookError

HEADER = Path("/usr/local/cuda/include/cuda_occupancy.h")
# Reads "major minor warps blocks shared reserved  block registers shared" and prints the blocks that fit.
PROGRAM = """#include <cstdio>
#include <cstring>
#include "cuda_occupancy.h"
int main() {
  int major, minor, warps, most, of_sm, reserved, block, registers, shared;
  while (std::scanf("%d %d %d %d %d %d %d %d %d", &major, &minor, &warps, &most, &of_sm, &reserved,
                    &block, &registers, &shared) == 9) {
    cudaOccDeviceProp p;
    std::memset(&p, 0, sizeof(p));
    p.computeMajor = major;
    p.computeMinor = minor;
    p.maxThreadsPerBlock = 1024;
    p.maxThreadsPerMultiprocessor = 32 * warps;
    p.regsPerBlock = p.regsPerMultiprocessor = 65536;
    p.warpSize = 32;
    p.sharedMemPerBlock = 49152;
    p.sharedMemPerMultiprocessor = of_sm;
    p.numSms = 1;
    p.sharedMemPerBlockOptin = of_sm - reserved;
    p.reservedSharedMemPerBlock = reserved;
    cudaOccFuncAttributes a;
    std::memset(&a, 0, sizeof(a));
    a.maxThreadsPerBlock = 1024;
    a.numRegs = registers;
    a.maxDynamicSharedSizeBytes = of_sm;
    a.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
    a.numBlockBarriers = 1;
    cudaOccDeviceState state;
    state.carveoutConfig = SHAREDMEM_CARVEOUT_MAX_SHARED;
    cudaOccResult result;
    if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &p, &a, &state, block, shared)) return 1;
    std::printf("%d %d\\n", result.activeBlocksPerMultiprocessor, result.blockLimitBlocks);
  }
}
"""

VERBOSE = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z6kernelPf' for 'sm_90a'
ptxas info    : Function properties for _Z6kernelPf
    8 bytes stack frame, 16 bytes spill stores, 24 bytes spill loads
ptxas info    : Used 32 registers, used 1 barriers, 8 bytes cumulative stack size, 256 bytes smem
ptxas info    : Compile time = 1.0 ms
ptxas info    : Compiling entry function '_Z5otherPf' for 'sm_90a'
ptxas info    : Function properties for _Z5otherPf
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 20 registers, used 0 barriers
"""
PTX = """.extern .shared .align 16 .b8 own[];
.visible .entry _Z6kernelPf(
\t.param .u64 a
)
.maxntid 16, 16, 1
.minnctapersm 2
{
\tret;
}
.visible .entry _Z5otherPf(
\t.param .u64 a
)
{
\tmov.u32 %r1, own;
\tret;
}
"""


def options(**changes):
    usual = {
        "capability": "9.0",
        "block": None,
        "dynamic": 0,
        "impl": None,
        "chapter": "03",
        "exercise": None,
    }
    return Namespace(**{**usual, **changes})


class Occupancy(unittest.TestCase):
    def test_by_hand(self):
        for (block, registers, shared), expected in {
            (256, 32, 0): (8, 64, "threads"),
            (1024, 63, 256): (1, 32, "registers"),
            (128, 16, 100000): (2, 8, "shared memory"),
            (32, 16, 0): (32, 32, "blocks"),
            (1024, 96, 0): (0, 0, "registers"),
            (33, 16, 0): (32, 64, "threads"),
        }.items():
            found = occupancy.occupancy("9.0", block, registers, shared)
            self.assertEqual((found.blocks, found.warps, found.limiter), expected, (block, registers, shared))
            self.assertAlmostEqual(found.share, expected[1] / 64)

    @unittest.skipUnless(
        HEADER.is_file() and shutil.which("c++"), "no cuda_occupancy.h or no C++ compiler here"
    )
    def test_as_the_toolkits_own_header(self):
        cases = list(
            itertools.product(
                occupancy.LIMITS,
                (1, 32, 33, 96, 128, 256, 384, 768, 1000, 1024),
                (0, 16, 24, 33, 64, 96, 128, 255),
                (0, 1, 1024, 5000, 33000, 49152, 65000),
            )
        )
        asked = []
        for name, block, registers, shared in cases:
            limits = occupancy.LIMITS[name]
            major, minor = name.split(".")
            of_sm = (limits.warps, limits.blocks, limits.shared, limits.reserved)
            asked.append(" ".join(map(str, (major, minor, *of_sm, block, registers, shared))))
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "occupancy.cpp"
            source.write_text(PROGRAM)
            command = ["c++", f"-I{HEADER.parent}", str(source), "-o", f"{folder}/occupancy"]
            subprocess.run(command, check=True, capture_output=True)
            done = subprocess.run(
                [f"{folder}/occupancy"], input="\n".join(asked), capture_output=True, text=True, check=True
            )
        answers = [line.split() for line in done.stdout.splitlines()]
        self.assertEqual(len(answers), len(cases))
        for case, (blocks, most) in zip(cases, answers):
            self.assertEqual(occupancy.occupancy(*case).blocks, int(blocks), case)
            self.assertLessEqual(int(most), occupancy.LIMITS[case[0]].blocks, case)


class Reads(unittest.TestCase):
    def test_what_ptxas_says(self):
        kernel, other = profile_compile.kernels_of(VERBOSE, PTX, {})
        self.assertEqual(kernel[1:], (32, 16, 24, 256, 256, False, None))
        self.assertEqual(other[1:], (20, 0, 0, 0, 0, True, None))

    def test_the_block_is_what_was_asked_else_the_bounds_else_assumed(self):
        kernel, other = profile_compile.kernels_of(VERBOSE, PTX, {})
        self.assertEqual(profile_words.occupied(kernel, options())[:2], (256, False))
        self.assertEqual(profile_words.occupied(other, options())[:2], (profile_words.BLOCK, True))
        self.assertEqual(profile_words.occupied(kernel, options(block=64))[:2], (64, False))
        self.assertLess(profile_words.occupied(other, options(dynamic=100000))[2].share, 0.5)
        self.assertEqual(profile_words.occupied(kernel, options(dynamic=100000))[2].share, 1.0)

    def test_the_largest_difference_comes_first(self):
        kernel, other = profile_compile.kernels_of(VERBOSE, PTX, {})
        lines = profile_words.compared({"starter": [kernel], "solution": [other]}, options())
        self.assertEqual(
            lines,
            [
                "Most bytes of static shared memory per block: starter 256, solution 0.",
                "Bytes spilled, all kernels together: starter 40, solution 0.",
                "Most registers per thread: starter 32, solution 20.",
            ],
        )
        same = profile_words.compared({"a": [kernel], "b": [kernel]}, options())
        self.assertIn("do not differ", same[0])

    def test_fix_its_with_a_kernel_are_exercises_too(self):
        chapter = support.ROOT / "07_tinyllama"
        by_name = {one.name: one for one in chapters.everything(chapter)}
        norm, swiglu = by_name["fix_gradient_norm"], by_name["fix_swiglu"]
        self.assertEqual(profile.default_names(norm), ["starter", "solution"])
        (fixed,) = profile.sources_of(norm, "solution")
        self.assertEqual(fixed.name, "fix_gradient_norm_solution.cu")
        self.assertEqual(profile.default_names(swiglu), ["starter"])
        self.assertEqual(profile.sources_of(swiglu, "starter"), [swiglu.starter])
        self.assertEqual(profile.default_names(by_name["swiglu"]), ["starter", "solution"])
        with self.assertRaisesRegex(WorkbookError, "no kernel of that name"):
            profile.chosen(Namespace(chapter="07", exercise="fix_init", capability="9.0", block=None))

    def test_an_implementation_that_is_not_there_is_named_with_those_that_are(self):
        exercise = profile.chosen(options(chapter="02", exercise="matmul"))
        with self.assertRaisesRegex(
            WorkbookError, "no implementation 'nope' in CUDA C.*naive, solution, starter"
        ):
            profile.sources_of(exercise, "nope")
        self.assertEqual([f.name for f in profile.sources_of(exercise, "naive")], ["matmul_naive.cu"])


@unittest.skipUnless(device.nvcc()[0], "no nvcc here")
class Compiles(unittest.TestCase):
    """With nvcc, from the command line."""

    def workbook(self, *arguments):
        command = [sys.executable, "-S", str(support.ROOT / "workbook"), "profile", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=support.compiled_once())

    def test_agrees_with_nvcc(self):
        done = self.workbook("03", "softmax", "--impl", "three_pass", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        (kernels,) = json.loads(done.stdout)["implementations"].values()
        with tempfile.TemporaryDirectory() as folder:
            source = support.ROOT / "03_softmax" / "softmax_three_pass.cu"
            command = [
                device.nvcc()[0],
                "-std=c++20",
                "-arch=sm_90a",
                "-DNDEBUG",
                f"-I{support.ROOT}",
                "-cubin",
            ]
            command += ["-Xptxas", "-v", "-o", f"{folder}/x.cubin", str(source)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        direct = profile_compile.kernels_of(said, "", {})
        self.assertGreater(len(kernels), 0)
        expected = sorted((k.name, k.registers, k.spill_stores, k.shared) for k in direct)
        found = sorted((k["name"], k["registers"], k["spill_stores"], k["shared"]) for k in kernels)
        self.assertEqual(found, expected)

    def test_two_side_by_side(self):
        done = self.workbook("01", "vector_add")
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("vector_add, starter", "vector_add, solution", "registers", "limited by"):
            self.assertIn(words, done.stdout)


if __name__ == "__main__":
    unittest.main()
