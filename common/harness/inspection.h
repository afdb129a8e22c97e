// The inspector of the CPU device (common/simt/inspector), where a test program has it linked in: what it
// finds fails the test that ran. Elsewhere all of this does nothing.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <type_traits>

namespace wb::detail {

bool inspected();
/// Tells the inspector of device memory whose contents count as never written, and of such that no kernel may
/// touch.
void declare_unwritten(void* pointer, std::size_t bytes);
void declare_forbidden(void* pointer, std::size_t bytes);

/// What was found in the test that ended last.
const nlohmann::json& findings_of_test();

/// Waits for the device after every test, and fails the test with each finding.
std::unique_ptr<testing::TestEventListener> make_findings_fail();

/// Set by an option of the test program: what the inspector costs is measured at the same sizes.
inline bool usual_sizes = false;
void note_smaller_sizes();
/// Whether the test that ended last took smaller sizes because it was inspected.
bool took_smaller_sizes();

}  // namespace wb::detail

namespace wb {

/// `usual`, or `smaller` in an inspected run: for sizes beyond which no kernel takes another path, since each
/// access costs many times more there. The report says that the test took them.
template <class T>
T unless_inspected(const T& usual, const std::type_identity_t<T>& smaller) {
  if (!detail::inspected() || detail::usual_sizes) return usual;
  detail::note_smaller_sizes();
  return smaller;
}

}  // namespace wb
