// What every rung uses: run a kernel, look at the findings.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "inspector/findings.h"
#include "instrumented/line_table.h"

namespace ladder {

/// All tests of the program ask one.
inline const simt::instrumented::LineTable line_table;

using simt::inspector::Finding;
using simt::inspector::What;

/// The findings of the kernels that `launch` starts.
template <class Launch>
std::vector<Finding> findings(Launch launch) {
  simt::inspector::take();
  launch();
  cudaDeviceSynchronize();
  cudaDeviceReset();
  return simt::inspector::take();
}

inline std::string all(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) text += to_text(finding) + "\n";
  return text.empty() ? "no finding" : text;
}

/// One finding of that kind at these lines, in either order, and no other finding.
inline void expect_only(const std::vector<Finding>& found, What what, std::vector<int> lines) {
  ASSERT_EQ(found.size(), 1u) << all(found);
  EXPECT_EQ(found[0].what, what) << all(found);
  std::vector<int> at;
  for (const auto& party : found[0].parties) at.push_back(party.line);
  std::sort(at.begin(), at.end());
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(at, lines) << all(found);
}

/// Device memory of n elements, all written.
template <class T>
T* zeros(std::size_t n) {
  T* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, n * sizeof(T)), cudaSuccess);
  EXPECT_EQ(cudaMemset(data, 0, n * sizeof(T)), cudaSuccess);
  return data;
}

}  // namespace ladder

#define EXPECT_CLEAN(...)                             \
  do {                                                \
    const auto found = ladder::findings(__VA_ARGS__); \
    EXPECT_TRUE(found.empty()) << ladder::all(found); \
  } while (0)
