// The inspector of the CPU device (common/simt/inspector), for test programs that are linked with it: a
// finding fails the test that ran. In other programs these functions do nothing.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <type_traits>

namespace wb::detail {

bool inspected();
/// Tells the inspector that device memory counts as never written, or that no kernel may access it.
void declare_unwritten(void* pointer, std::size_t bytes);
void declare_forbidden(void* pointer, std::size_t bytes);

/// What was found in the test that ended last.
const nlohmann::json& findings_of_test();

/// Waits for the device after every test, and fails the test with each finding.
std::unique_ptr<testing::TestEventListener> make_findings_fail();

/// Set by an option of the test program, so that the cost of the inspector can be measured at the same sizes.
inline bool usual_sizes = false;
void note_smaller_sizes();
/// Whether the test that ended last took smaller sizes because it was inspected.
bool took_smaller_sizes();

}  // namespace wb::detail

namespace wb {

/// `usual`, or `smaller` in an inspected run, where each access takes many times as long. Only for tests in
/// which no kernel takes another path at the larger sizes. The report says that the test took the smaller
/// ones.
template <class T>
T unless_inspected(const T& usual, const std::type_identity_t<T>& smaller) {
  if (!detail::inspected() || detail::usual_sizes) return usual;
  detail::note_smaller_sizes();
  return smaller;
}

}  // namespace wb
