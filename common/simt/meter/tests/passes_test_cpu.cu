// Branches without a memory access, and floating-point operations.
#include "meter/tests/ladder.h"

#include <cuda_fp16.h>

#include "meter/arithmetic.h"

using namespace ladder;

namespace {

/// How often warps and lanes go through a line.
struct Pass {
  std::uint64_t warps = 0, lanes = 0;
  bool operator==(const Pass&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Pass& p) {
  return out << p.warps << " passes of warps, " << p.lanes << " of lanes";
}

Pass pass(const nlohmann::json& kernel, int line) {
  for (const auto& found : kernel["passes"]) {
    if (found["line"] == line) return {found["warp_passes"], found["lane_passes"]};
  }
  ADD_FAILURE() << "no line " << line << " in " << kernel.dump(1);
  return {};
}

/// Operations of one kind by all lanes; "fadd", "ffma", ...
std::uint64_t operations(const nlohmann::json& kernel, const std::string& kind) {
  return kernel["metrics"]["smsp__sass_thread_inst_executed_op_" + kind + "_pred_on.sum"];
}
/// Where this processor has no fused operation, a product and a sum are two.
std::uint64_t flop(const nlohmann::json& kernel) {
  return operations(kernel, "fadd") + operations(kernel, "fmul") + 2 * operations(kernel, "ffma");
}

constexpr int kArithmetic = __LINE__ + 5;
__global__ void arithmetic_branch(float* out) {
  float x = static_cast<float>(threadIdx.x);
  // Eight lanes of 32, and nothing of memory.
  if (threadIdx.x % 32 < 8) {
    x = x * 3.0f + 2.0f;
  }
  out[threadIdx.x] = x;
}
TEST(Passes, ABranchWithoutAMemoryAccess) {
  arithmetic_branch<<<3, 64>>>(zeros<float>(64));
  const auto found = kernel("arithmetic_branch");
  EXPECT_EQ(pass(found, kArithmetic), (Pass{6, 48}));
  EXPECT_EQ(flop(found), 2u * 48);
}

constexpr int kDeclared = __LINE__ + 2;
__global__ void array_of_a_class(float* out) {
  __shared__ half2 tile[64];
  tile[threadIdx.x] = __float2half2_rn(1.0f);
  __syncthreads();
  out[threadIdx.x] = __low2float(tile[63 - threadIdx.x]);
}
TEST(Passes, TheDeclarationOfASharedArrayDoesNothing) {
  array_of_a_class<<<1, 64>>>(zeros<float>(64));
  const auto found = kernel("array_of_a_class");
  for (const auto& line : found["passes"]) EXPECT_NE(line["line"], kDeclared) << line;
  EXPECT_EQ(pass(found, kDeclared + 1), (Pass{2, 64}));
}

constexpr int kPowers = __LINE__ + 4;
__global__ void powers(float* out) {
  float x = static_cast<float>(blockDim.x);
  for (unsigned i = 0; i <= threadIdx.x; ++i) {
    x = x * x;
  }
  out[threadIdx.x] = x;
}
TEST(Passes, LoopsOfDifferentLengths) {
  powers<<<1, 32>>>(zeros<float>(32));
  const auto found = kernel("powers");
  EXPECT_EQ(pass(found, kPowers), (Pass{32, 528}));
  EXPECT_EQ(operations(found, "fmul"), 528u);
  EXPECT_EQ(operations(found, "fadd"), 0u);
}

constexpr int kMeet = __LINE__ + 5;
__global__ void turns(float* out, unsigned barriers) {
  float x = 1;
  for (unsigned turn = 0; turn < 4; ++turn) {
    if (threadIdx.x / 8 == turn) {
      x = x + 1.0f;
    }
    if (barriers != 0) __syncwarp();
  }
  out[threadIdx.x] = x;
}
TEST(Passes, LanesMeetAtABarrier) {
  turns<<<1, 32>>>(zeros<float>(32), 1);
  EXPECT_EQ(pass(kernel("turns"), kMeet), (Pass{4, 32}));
}

__global__ void mixed(const float* from, float* out, double* wide) {
  const float a = from[threadIdx.x], b = from[threadIdx.x + 32];
  out[threadIdx.x] = a + b;
  out[threadIdx.x + 32] = (a - b) * (a + 1.0f);
  wide[threadIdx.x] = static_cast<double>(a) * 3.0;
}
TEST(Operations, ByKind) {
  mixed<<<2, 32>>>(zeros<float>(64), zeros<float>(64), zeros<double>(32));
  const auto found = kernel("mixed");
  EXPECT_EQ(operations(found, "fadd"), 3u * 64);
  EXPECT_EQ(operations(found, "fmul"), 64u);
  EXPECT_EQ(operations(found, "ffma"), 0u);
  EXPECT_EQ(operations(found, "dmul"), 64u);
}

__global__ void dot(const float* from, float* out, int n) {
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += from[i] * from[i + 1];
  out[threadIdx.x] = sum;
}
TEST(Operations, AProductThatIsAddedIsTwo) {
  dot<<<1, 32>>>(zeros<float>(101), zeros<float>(32), 100);
  EXPECT_EQ(flop(kernel("dot")), 2u * 100 * 32);
}

__global__ void halves(const __half* from, __half* out) {
  out[threadIdx.x] = from[threadIdx.x] * from[threadIdx.x + 32];
}
TEST(Operations, ThoseOfTheCpuDeviceForHalfAreNone) {
  halves<<<1, 32>>>(zeros<__half>(64), zeros<__half>(32));
  EXPECT_EQ(flop(kernel("halves")), 0u);
}

TEST(Operations, AreReadFromInstructions) {
  using simt::meter::Operations;
  using simt::meter::operations_of;
  EXPECT_EQ(operations_of("addss  0x4(%rsp),%xmm0"), (Operations{.add = 1}));
  EXPECT_EQ(operations_of("vsubss %xmm1,%xmm0,%xmm0"), (Operations{.add = 1}));
  EXPECT_EQ(operations_of("vfnmadd231ss (%rbx),%xmm1,%xmm0"), (Operations{.fma = 1}));
  EXPECT_EQ(operations_of("vfmsub132sd (%rbx),%xmm1,%xmm0"), (Operations{.dfma = 1}));
  EXPECT_EQ(operations_of("mulpd  %xmm1,%xmm0"), (Operations{.dmul = 2}));
  EXPECT_EQ(operations_of("vaddps %ymm1,%ymm0,%ymm0"), (Operations{.add = 8}));
  for (const char* none : {"add    $0x8,%rsp", "movss  %xmm0,(%rax)", "addsubps %xmm1,%xmm0",
                           "divss  %xmm1,%xmm0", "ret", "vfmaddsub132ps %xmm1,%xmm0,%xmm0"}) {
    EXPECT_TRUE(operations_of(none).none()) << none;
  }
}

}  // namespace
