// A guarded buffer notices what a wrong kernel does to memory. Copies stand in for the kernel.
#include "common/harness/guarded_buffer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "common/core/rng.h"

namespace {

using Buffer = wb::GuardedBuffer<float>;

void write(Buffer& buffer, std::ptrdiff_t index, float value) {
  WB_CUDA_CHECK(cudaMemcpy(buffer.data() + index, &value, sizeof value, cudaMemcpyHostToDevice));
}

std::string failure(const Buffer& buffer) {
  const auto result = buffer.check("out");
  return result ? "" : result.message();
}

TEST(GuardedBuffer, KeepsItsContents) {
  const std::vector<float> values = wb::random_uniform(1000, 1);
  for (const std::size_t misalign : {0, 1, 3}) {
    const Buffer input = Buffer::input(values, misalign);
    EXPECT_EQ(input.download(), values);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(input.data()) % 256, 4 * misalign);
    EXPECT_TRUE(input.check("input"));
    EXPECT_EQ(Buffer::inout(values, misalign).download(), values);
  }
}

TEST(GuardedBuffer, PoisonsOutputs) {
  for (const float value : Buffer::output(100).download()) EXPECT_TRUE(std::isnan(value));
}

TEST(GuardedBuffer, AllowsWritesInside) {
  Buffer output = Buffer::output(10);
  for (int i = 0; i < 10; ++i) write(output, i, 1.0f);
  EXPECT_EQ(failure(output), "");
  Buffer inout = Buffer::inout({1.0f, 2.0f});
  write(inout, 1, 5.0f);
  EXPECT_EQ(failure(inout), "");
}

TEST(GuardedBuffer, CatchesAnOverrun) {
  Buffer buffer = Buffer::output(1000);
  for (int i = 1000; i < 1024; ++i) write(buffer, i, 1.5f);
  const std::string text = failure(buffer);
  EXPECT_NE(text.find("24 elements written past the end: first out[1000] = 1.5, but out has 1000"),
            std::string::npos)
      << text;
}

TEST(GuardedBuffer, CatchesTheLastByteOfTheCanary) {
  Buffer buffer = Buffer::output(16);
  write(buffer, 16 + static_cast<std::ptrdiff_t>(wb::detail::kCanaryBytes / sizeof(float)) - 1, 0.0f);
  EXPECT_NE(failure(buffer), "");
}

TEST(GuardedBuffer, CatchesAnUnderrun) {
  Buffer buffer = Buffer::output(16, 3);
  write(buffer, -1, 1.5f);
  write(buffer, -5, 1.5f);
  const std::string text = failure(buffer);
  EXPECT_NE(text.find("2 elements written before the start: nearest out[-1]"), std::string::npos) << text;
}

TEST(GuardedBuffer, CatchesAModifiedInput) {
  Buffer buffer = Buffer::input({1.0f, 2.0f, 3.0f});
  write(buffer, 1, -2.0f);
  const std::string text = failure(buffer);
  EXPECT_NE(text.find("an input, but 1 of its 3 elements changed: first out[1] was 2, is -2"),
            std::string::npos)
      << text;
}

TEST(GuardedBuffer, CatchesPoisonWrittenOverTheCanary) {
  Buffer buffer = Buffer::output(4);
  WB_CUDA_CHECK(cudaMemset(buffer.data() + 4, 0xFF, sizeof(float)));
  EXPECT_NE(failure(buffer), "");
}

// A kernel that runs one element too far reads its input's canary and writes what it makes of it over its
// output's.
TEST(GuardedBuffer, CatchesACanaryCopiedOverAnother) {
  for (const std::ptrdiff_t past : {1, 2, 3, 4}) {
    Buffer from = Buffer::input(std::vector<float>(8, 1.0f)), to = Buffer::output(8);
    const std::size_t bytes = static_cast<std::size_t>(8 + past) * sizeof(float);
    WB_CUDA_CHECK(cudaMemcpy(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice));
    const std::string text = failure(to);
    EXPECT_NE(text.find(std::to_string(past) + " element"), std::string::npos) << text;
    EXPECT_NE(text.find("past the end: first out[8]"), std::string::npos) << text;
  }
}

TEST(GuardedBuffer, HoldsNoElementsAndOtherTypes) {
  EXPECT_TRUE(Buffer::output(0).check("empty"));
  EXPECT_TRUE(Buffer::input({}).check("empty"));
  auto tokens = wb::GuardedBuffer<int>::input({1, 2, 3});
  const int changed = 9;
  WB_CUDA_CHECK(cudaMemcpy(tokens.data() + 2, &changed, sizeof changed, cudaMemcpyHostToDevice));
  EXPECT_NE(std::string(tokens.check("tokens").message()).find("first tokens[2] was 3, is 9"),
            std::string::npos);
}

}  // namespace
