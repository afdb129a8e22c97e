// The pieces of common/hopper that the ladders of attention brought: maps of heads, products whose left
// factor is in registers, barriers with numbers. The ladders of matmul test the others.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/error.h"
#include "common/core/rng.h"
#include "common/harness/bf16.h"
#include "common/hopper/tensor_map.h"
#include "common/hopper/tests/hopper_kernels.h"

namespace wb::hopper {
namespace {

// Values whose products and sums are exact: -1, 0, 1.
std::vector<float> small_integers(std::size_t count, std::uint64_t seed) {
  std::vector<float> values = random_uniform(count, seed, -1.49f, 1.49f);
  for (float& value : values) value = std::round(value);
  return values;
}

DeviceBuffer<bf16> on_device(const std::vector<float>& values) {
  return DeviceBuffer<bf16>(to_bf16(values));
}

// (B, T, H, D) in a buffer whose tokens are 24 elements apart from dense: what lies between belongs to
// nobody.
TEST(HopperHeads, TilesKeepInsideTheirHead) {
  const int b = 2, t = 100, heads = 3, d = 80, gap = 24;
  const int token = heads * d + gap;
  const std::size_t size = static_cast<std::size_t>(b) * t * token;
  const std::vector<float> values = rounded_to_bf16(random_uniform(size, 1));
  const DeviceBuffer<bf16> from = on_device(values);
  DeviceBuffer<bf16> to = on_device(std::vector<float>(size, 7.0f));
  const auto map = [&](const DeviceBuffer<bf16>& buffer) {
    const MappedHeads view{buffer.data(), b, t, heads, d, std::int64_t{t} * token, token, d};
    return map_heads(view, 64);
  };
  // The last tokens and the last features: 36 and 16 of the tile's 64.
  copy_head_tile(map(from), map(to), 64, 64, 1, 1);
  const std::vector<float> got = to_float(to.download());
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t in_token = i % token, row = i / token % t, batch = i / token / t;
    const bool inside = batch == 1 && row >= 64 && in_token >= d + 64 && in_token < 2 * d;
    ASSERT_EQ(got[i], inside ? values[i] : 7.0f)
        << "token " << row << " of " << batch << ", element " << in_token;
  }
}

TEST(HopperHeads, RefusesRowsThatTmaCannotRead) {
  const DeviceBuffer<bf16> buffer(std::size_t{4096});
  EXPECT_THROW(map_heads({buffer.data(), 1, 8, 2, 20, 320, 40, 20}, 64), Error);
}

TEST(HopperProducts, LeftFactorInRegisters) {
  for (const int width : {64, 128}) {
    SCOPED_TRACE(width);
    const std::vector<float> q = small_integers(64 * 64, 1), k = small_integers(width * 64, 2),
                             v = small_integers(width * width, 3);
    const DeviceBuffer<bf16> q_buffer = on_device(q), k_buffer = on_device(k), v_buffer = on_device(v);
    DeviceBuffer<float> out(static_cast<std::size_t>(64 * width));
    two_products(width, map_matrix(q_buffer.data(), 64, 64, 64, 64),
                 map_matrix(k_buffer.data(), width, 64, width, 64),
                 map_matrix(v_buffer.data(), width, width, width, 64), out.data());
    const std::vector<float> got = out.download();
    for (int i = 0; i < 64; ++i) {
      for (int j = 0; j < width; ++j) {
        float sum = 0.0f;
        for (int s = 0; s < width; ++s) {
          float score = 0.0f;
          for (int c = 0; c < 64; ++c) score += q[i * 64 + c] * k[s * 64 + c];
          sum += score * v[s * width + j];
        }
        ASSERT_EQ(got[i * width + j], sum) << "row " << i << ", column " << j;
      }
    }
  }
}

TEST(HopperBarriers, WarpgroupsTakeTurns) {
  const int turns = 100;
  DeviceBuffer<int> log(std::size_t{3 * turns});
  take_turns(log.data(), turns);
  const std::vector<int> got = log.download();
  for (int i = 0; i < 3 * turns; ++i) ASSERT_EQ(got[i], i % 3) << "turn " << i;
}

}  // namespace
}  // namespace wb::hopper
