// What every rung uses: run kernels, look up what one line did.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "meter/tally.h"

namespace ladder {

/// Of one row of the report.
struct Counts {
  std::uint64_t requests = 0, units = 0, ideal = 0;  // units: sectors, or wavefronts
  std::uint64_t bytes_used = 0, lanes = 0;
  bool operator==(const Counts&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Counts& c) {
  return out << c.requests << " requests, " << c.units << " units, ideal " << c.ideal << ", " << c.bytes_used
             << " bytes used, " << c.lanes << " lanes";
}

/// What the report says of it.
nlohmann::json kernel(const std::string& name);

/// The row of that line and kind; of that array, where it has several.
inline nlohmann::json row(const nlohmann::json& kernel, int line, const std::string& kind,
                          const std::string& array = "") {
  for (const auto& found : kernel["lines"]) {
    const bool same_array = array.empty() || found["array"] == array;
    if (found["line"] == line && found["kind"] == kind && same_array) return found;
  }
  ADD_FAILURE() << "no " << kind << " at line " << line << " in " << kernel.dump(1);
  return {};
}

inline Counts counts(const nlohmann::json& row) {
  if (row.is_null()) return {};
  const bool shared = row["memory"] == "shared";
  return {row["requests"], row[shared ? "wavefronts" : "sectors"],
          row[shared ? "ideal_wavefronts" : "ideal_sectors"], row["bytes_used"], row["active_lanes"]};
}

/// Device memory of n elements, all zero.
template <class T>
T* zeros(std::size_t n) {
  T* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, n * sizeof(T)), cudaSuccess);
  EXPECT_EQ(cudaMemset(data, 0, n * sizeof(T)), cudaSuccess);
  return data;
}

}  // namespace ladder
