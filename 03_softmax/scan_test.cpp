// Tests of scan, in the order of the lesson's steps: the untouched starter fails at the first. Sums are
// exact.
#include "03_softmax/scan.h"

#include <algorithm>
#include <string>
#include <vector>

#include "03_softmax/testing/scan_oracle.h"
#include "common/core/device_buffer.h"
#include "common/harness/implementation_test.h"
#include "common/harness/last_block_first.h"
#include "common/harness/runtime_calls.h"

namespace {

class ScanTest : public wb::ImplementationTest<wb::Scan> {
 protected:
  void expect_scan(const std::vector<int>& x, std::size_t misalign_x = 0, std::size_t misalign_out = 0) {
    SCOPED_TRACE("n = " + std::to_string(x.size()));
    const auto n = static_cast<std::int64_t>(x.size());
    auto device_x = wb::GuardedBuffer<int>::input(x, misalign_x);
    auto out = wb::GuardedBuffer<int>::output(x.size(), misalign_out);
    auto scratch = wb::GuardedBuffer<int>::output(wb::scan_scratch_size(n));
    ASSERT_NO_THROW(run(device_x.data(), out.data(), scratch.data(), n, nullptr));
    expect_sums(out.download(), x);
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(scratch.check("scratch"));
    EXPECT_TRUE(device_x.check("x"));
  }

  // The matcher compares floats, and says where they differ. Sums past 2^24 are compared once more.
  static void expect_sums(const std::vector<int>& got, const std::vector<int>& x) {
    const std::vector<std::int64_t> expected = wb::scan_oracle(x);
    const std::vector<double> wanted(expected.begin(), expected.end());
    const testing::AssertionResult is_close =
        wb::matches(wb::scan_as_floats(got, expected), wanted, {0.0, 6e-8}, {.has_edges = false});
    EXPECT_TRUE(is_close) << wb::explain_scan(got, expected);
    if (is_close) {
      EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin()))
          << "right as floats, but not to the last digit: are the sums computed in float?";
    }
  }

  void expect_scans(const std::vector<int>& sizes) {
    for (const int n : sizes) {
      expect_scan(wb::random_steps(static_cast<std::size_t>(n), static_cast<std::uint64_t>(n)));
      if (HasFailure()) return;  // one size explains enough
    }
  }
};

TEST_P(ScanTest, ScansOneWarp) {
  expect_scans({32, 1, 2, 31, 17});
}

TEST_P(ScanTest, ScansOneBlock) {
  expect_scans({256, 33, 64, 65, 100, 255});
}

TEST_P(ScanTest, ScansManyBlocks) {
  // Both sides of a tile of 256 elements and of one of 4096.
  expect_scans({512, 257, 1000, 1025, 4095, 4096, 4097, 12288, 20001, 65536});
}

TEST_P(ScanTest, TakesAnyAlignment) {
  const std::vector<int> x = wb::random_steps(5000, 1);
  for (const std::size_t misalign : {1, 2, 3}) {
    expect_scan(x, misalign, 0);
    expect_scan(x, 0, misalign);
  }
}

// Whatever a call leaves in its scratch memory, the next one works with it.
TEST_P(ScanTest, TakesUsedScratchMemory) {
  constexpr std::int64_t kSize = 10000;
  wb::DeviceBuffer<int> scratch(wb::scan_scratch_size(kSize));
  scratch.fill_bytes(0xFF);
  for (const std::int64_t n : {kSize, kSize, std::int64_t{700}, kSize}) {
    const std::vector<int> x = wb::random_steps(static_cast<std::size_t>(n), 2);
    const wb::DeviceBuffer<int> device_x(x);
    wb::DeviceBuffer<int> out(x.size());
    out.fill_bytes(0xFF);
    ASSERT_NO_THROW(run(device_x.data(), out.data(), scratch.data(), n, nullptr));
    expect_sums(out.download(), x);
    if (HasFailure()) return;
  }
}

// Sums near the ends of an int, which a float cannot hold.
TEST_P(ScanTest, KeepsEveryBit) {
  std::vector<int> x(20000, 0);  // some tiles
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = (i / 1000 % 2 == 0 ? 1 : -1) * (2100001 + static_cast<int>(i) % 7);
  expect_scan(x);
}

TEST_P(ScanTest, ScansNothing) {
  wb::RuntimeCalls calls;
  ASSERT_NO_THROW(implementation().function(nullptr, nullptr, nullptr, 0, nullptr));
  calls.stop();
  EXPECT_EQ(calls.count(wb::CallKind::kLaunch), 0u) << "there is nothing to compute, and no grid of 0 blocks";
}

TEST_P(ScanTest, ScansMoreTilesThanABlockHasThreads) {
  expect_scans({65537, 100003, 300007});
}

TEST_P(ScanTest, TakesOneLaunch) {
  const std::string& name = implementation().name;
  if (name == "three_launches" || name == "library") GTEST_SKIP() << name << " is not a single pass of ours";
  constexpr std::int64_t kSize = 100003;
  const std::vector<int> x = wb::random_steps(kSize, 3);
  expect_scan(x);
  const wb::DeviceBuffer<int> device_x(x);
  wb::DeviceBuffer<int> out(x.size()), scratch(wb::scan_scratch_size(kSize));
  wb::RuntimeCalls calls;
  run(device_x.data(), out.data(), scratch.data(), kSize, nullptr);
  calls.stop();
  EXPECT_EQ(calls.count(wb::CallKind::kLaunch), 1u)
      << "launches: each one after the first reads or writes the elements, or the sums, once more";
}

// A block that waits for one before it may start first: then it has to take an earlier tile, or it waits for
// ever.
TEST_P(ScanTest, StartsWithAnyBlock) {
  const wb::LastBlockFirst last_block_first;
  expect_scans({100003});
}

TEST_P(ScanTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<int>::inout(std::vector<int>(2048, 1));
  int* x = buffer.data();
  expect_bad_pointers_named({"x", "out", "scratch"}, x, x + 8, x + 16, std::int64_t{4}, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x + 8, x + 16, -1, nullptr), wb::Error, "n = -1");
  EXPECT_THROW_MESSAGE(run(x, x + 8, x + 16, std::int64_t{1} << 31, nullptr), wb::Error, "n = 2147483648");
}

WB_TEST_IMPLEMENTATIONS(ScanTest, wb::Scan);

}  // namespace
