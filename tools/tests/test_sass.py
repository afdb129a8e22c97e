import os
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

import support
from workbook import device, profile_compile, profile_report, profile_words, sass

CODE = "                                                    /* 0x000fe20000000800 */\n"
# As cuobjdump -sass prints it: an instruction, its encoding, and the rest of that on a line of its own.
LISTING = f"""
\tcode for sm_90a
\t\tFunction : _Z4copyPf
\t.headerflags\t@"EF_CUDA_SM90"
        /*0000*/                   LDC R1, c[0x0][0x28] ;                       /* 0x00000a00ff017b82 */
{CODE}        /*0010*/              @!P0 LDG.E.128.CONSTANT R4, desc[UR4][R2.64] ;  /* 0x0000000402047981 */
{CODE}        /*0020*/              @UP1 LDG.E.LTC128B R8, desc[UR4][R2.64+0x80] ;  /* 0x0000000402047981 */
{CODE}        /*0030*/                   LDGSTS.E.BYPASS.LTC128B.128 [R1], desc[UR4][R2.64] ; /* 0x02 */
{CODE}        /*0040*/                   LDSM.16.MT88.4 R4, [R2] ;                  /* 0x0000000402047981 */
{CODE}        /*0050*/                   STG.E.U16 desc[UR4][R2.64], R4 ;           /* 0x0000000402047981 */
{CODE}        /*0060*/                   REDG.E.ADD.F64.RN.STRONG.GPU desc[UR4][R2.64], R4 ; /* 0x04 */
{CODE}        /*0070*/                   HFMA2.MMA R7, -RZ, RZ, 0, 1.7881e-07 ;     /* 0x00000004ff077435 */
{CODE}        /*0080*/                   HFMA2 R7, R8, R9, R7 ;                     /* 0x0000000908077231 */
{CODE}        /*0090*/                   IMAD.MOV.U32 R4, RZ, RZ, R5 ;              /* 0x000000ffff047224 */
{CODE}        /*00a0*/                   HGMMA.64x64x16.F32.BF16 R24, gdesc[UR4] ;  /* 0x0060000004187df0 */
{CODE}        /*00b0*/                   MUFU.EX2 R4, R5 ;                          /* 0x0000000500047308 */
{CODE}.L_x_0:
        /*00c0*/                   BRA `(.L_x_0);                               /* 0xfffffffc00fc7947 */
{CODE}        /*00d0*/                   NOP;                                       /* 0x0000000000007918 */
{CODE}\t\t..........


\t\tFunction : _Z3addPf
        /*0000*/                   LDG.E R4, desc[UR4][R2.64] ;               /* 0x0000000402047981 */
{CODE}        /*0010*/                   FADD R5, R4, 1 ;                           /* 0x3f80000004057421 */
{CODE}        /*0020*/                   STG.E desc[UR4][R2.64], R5 ;               /* 0x0000000402047981 */
{CODE}        /*0030*/                   EXIT ;                                     /* 0x000000000000794d */
{CODE}"""
# A kernel with known accesses: one float4 in and out of global memory, one through shared memory.
KERNEL = """#include <cuda_runtime.h>
__global__ void known(const float4* x, float4* y, float* sum) {
  __shared__ float4 s[64];
  s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  const float4 v = s[threadIdx.x ^ 33];
  y[threadIdx.x] = v;
  atomicAdd(sum, __shfl_xor_sync(~0u, v.x, 1));
}
"""


def kernel(**counts):
    """One whose global loads are of these widths: load_16=3."""
    sizes = {int(name.removeprefix("load_")): count for name, count in counts.items()}
    loads = sum(sizes.values())
    mix = sass.Mix(loads + 1, {"global load": loads, "branch": 1}, {"LDG": loads}, {"global load": sizes})
    return profile_compile.Kernel("k", 32, 0, 0, 0, 256, False, mix)


OPTIONS = Namespace(capability="9.0", block=None, dynamic=0)


class Counts(unittest.TestCase):
    def test_kinds_and_widths(self):
        found = sass.mixes(LISTING)
        self.assertEqual(list(found), ["_Z4copyPf", "_Z3addPf"])
        copy, add = found.values()
        self.assertEqual(copy.instructions, 13)  # without NOP
        self.assertEqual(
            copy.groups,
            {
                "global load": 2,
                "move": 2,
                "constant load": 1,
                "asynchronous copy": 1,
                "shared load": 1,
                "global store": 1,
                "global atomic": 1,
                "fp16": 1,
                "tensor cores": 1,
                "special function": 1,
                "branch": 1,
            },
        )
        self.assertEqual(copy.widths["global load"], {16: 1, 4: 1})
        self.assertEqual(copy.widths["asynchronous copy"], {16: 1})
        self.assertEqual(copy.widths["shared load"], {16: 1})
        self.assertEqual(copy.widths["global store"], {2: 1})
        self.assertEqual(copy.widths["global atomic"], {8: 1})
        self.assertEqual(add.names, {"LDG": 1, "FADD": 1, "STG": 1, "EXIT": 1})

    def test_the_text_has_kinds_names_and_widths(self):
        kinds, sizes = profile_report.mix_text(sass.mixes(LISTING)["_Z4copyPf"])
        self.assertTrue(kinds.startswith("13 instructions: global load 2, move 2, "), kinds)
        self.assertIn("tensor cores 1 (HGMMA 1)", kinds)
        self.assertIn("global load 1 of 16 bytes, 1 of 4 bytes", sizes)

    def test_instructions_of_the_uniform_path_are_of_the_same_kinds(self):
        for name, kind in {
            "UFADD": "fp32",
            "UFSETP": "fp32",
            "UI2F": "conversion",
            "UIADD3": "integer",
            "LDCU": "constant load",
            "UMOV": "move",
            "MOVM": "move",
            "VOTEU": "shuffle or vote",
        }.items():
            self.assertEqual(sass.group_of(name, "", ""), kind, name)

    def test_an_instruction_that_no_group_has_is_counted_as_other(self):
        found = sass.mix_of("        /*0000*/                   QUUX.X R1 ;\n")
        self.assertEqual((found.instructions, found.groups), (1, {"other": 1}))


class Words(unittest.TestCase):
    def test_the_wider_load_is_named(self):
        lines = profile_words.compared(
            {"starter": [kernel(load_4=2)], "solution": [kernel(load_16=1)]}, OPTIONS
        )
        self.assertEqual(lines, ["solution reads 16 bytes per load from global memory where yours reads 4."])
        lines = profile_words.compared(
            {"solution": [kernel(load_4=1)], "starter": [kernel(load_8=1)]}, OPTIONS
        )
        self.assertEqual(lines, ["Yours reads 8 bytes per load from global memory where solution reads 4."])
        lines = profile_words.compared({"a": [kernel(load_16=2, load_4=1)], "b": [kernel(load_2=1)]}, OPTIONS)
        self.assertEqual(lines, ["a reads up to 16 bytes per load from global memory where b reads 2."])

    def test_the_largest_difference_comes_first(self):
        wide = kernel(load_16=1)._replace(registers=64)
        lines = profile_words.compared({"a": [kernel(load_4=1)], "b": [wide]}, OPTIONS)
        self.assertEqual([line.split()[1] for line in lines], ["reads", "registers", "occupancy"], lines)
        plain = kernel(load_16=1)
        tensor = plain._replace(mix=plain.mix._replace(groups={**plain.mix.groups, "tensor cores": 4}))
        lines = profile_words.compared({"a": [tensor], "b": [kernel(load_4=1)]}, OPTIONS)
        self.assertEqual(lines[0], "Only a has instructions of these kinds: tensor cores.")
        self.assertIn("reads 16 bytes", lines[1])

    def test_arithmetic_per_load(self):
        few, many = kernel(load_4=4), kernel(load_4=4)
        few = few._replace(mix=few.mix._replace(groups={"global load": 4, "fp32": 4}))
        many = many._replace(mix=many.mix._replace(groups={"global load": 4, "fp32": 32}))
        lines = profile_words.compared({"starter": [few], "solution": [many]}, OPTIONS)
        self.assertEqual(
            lines, ["Arithmetic instructions per load from global or shared memory: starter 1, solution 8."]
        )

    def test_a_side_that_was_not_read_is_not_compared(self):
        unread = kernel(load_4=1)._replace(mix=None)
        lines = profile_words.compared({"a": [unread], "b": [kernel(load_16=1)]}, OPTIONS)
        self.assertEqual(
            lines, ["a and b do not differ in registers, spills, static shared memory or occupancy."]
        )


class Finds(unittest.TestCase):
    def test_where_cuobjdump_may_be(self):
        with tempfile.TemporaryDirectory() as folder:
            places = {}
            for name in ("toolkit", "path", "home/bin", "packages/nvidia/cu13/bin"):
                place = Path(folder) / name
                place.mkdir(parents=True)
                places[name] = place / sass.PROGRAM
                places[name].write_text("#!/bin/sh\n")
                places[name].chmod(0o755)
            variables = {"PATH": f"{folder}/path", "CUDA_HOME": f"{folder}/home"}
            with (
                mock.patch.dict(os.environ, variables),
                mock.patch.object(sass.sysconfig, "get_path", return_value=f"{folder}/packages"),
            ):
                for place in places.values():
                    self.assertEqual(sass.program(f"{folder}/toolkit/nvcc"), str(place))
                    place.unlink()
                self.assertIsNone(sass.program(f"{folder}/toolkit/nvcc"))

    def test_a_program_that_fails_is_quoted(self):
        with tempfile.TemporaryDirectory() as folder:
            tool = Path(folder) / sass.PROGRAM
            tool.write_text("#!/bin/sh\necho cuobjdump fatal: nvdisasm is not here\nexit 1\n")
            tool.chmod(0o755)
            text, why = sass.listing(str(tool), Path(folder) / "x.cubin")
            self.assertEqual(text, "")
            self.assertIn("nvdisasm is not here", why)


def stand_in(command, _):
    """For nvcc: a kernel with 12 registers."""
    for option in ("-o", "-MF"):
        if option in command:
            Path(command[command.index(option) + 1]).write_text("")
    return (
        "ptxas info    : Compiling entry function 'known' for 'sm_90a'\n"
        "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
        "ptxas info    : Used 12 registers, used 0 barriers\n"
    )


class Compiles(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self)
        self.source = self.folder / "known.cu"
        self.source.write_text(KERNEL)
        patched = mock.patch.object(profile_compile, "FOLDER", self.folder / "kept")
        patched.start()
        self.addCleanup(patched.stop)

    def compiled(self):
        return profile_compile.compiled(device.nvcc()[0] or "/nowhere/nvcc", self.source, "9.0")

    def test_without_cuobjdump_the_rest_is_there_and_one_line_says_so(self):
        with mock.patch.object(sass, "program", return_value=None):
            with mock.patch.object(profile_compile, "run", stand_in):
                (found,), why = self.compiled()
        self.assertIsNone(found.mix)
        self.assertEqual(found.registers, 12)
        self.assertIn("no cuobjdump", why)
        self.assertNotIn("\n", why)

    def test_a_kernel_that_is_not_in_the_listing_is_named(self):
        with (
            mock.patch.object(sass, "program", return_value="cuobjdump"),
            mock.patch.object(sass, "listing", return_value=("", "")),
            mock.patch.object(profile_compile, "run", stand_in),
        ):
            (found,), why = self.compiled()
        self.assertIsNone(found.mix)
        self.assertEqual(why, "cuobjdump lists no instructions of known")

    @unittest.skipUnless(device.nvcc()[0] and sass.program(device.nvcc()[0]), "no cuobjdump here")
    def test_a_known_kernel_and_once_per_content(self):
        (found,), why = self.compiled()
        self.assertEqual(why, "")
        self.assertEqual(found.name, "known")
        for kind in ("global load", "global store", "shared load", "shared store"):
            self.assertEqual(found.mix.widths[kind], {16: 1}, kind)
        self.assertEqual(found.mix.widths["global atomic"], {4: 1})
        self.assertEqual(found.mix.groups["shuffle or vote"], 1)
        with mock.patch.object(profile_compile, "run", side_effect=AssertionError("compiled again")):
            self.assertEqual(self.compiled(), ([found], ""))
        self.source.write_text("int no_kernel() { return 1; }\n")
        self.assertEqual(self.compiled(), ([], ""))


if __name__ == "__main__":
    unittest.main()
