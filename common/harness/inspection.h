// The inspector of the CPU device (common/simt/inspector), where a test program has it linked in: what it
// finds fails the test that ran. Elsewhere all of this does nothing.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <nlohmann/json_fwd.hpp>

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

}  // namespace wb::detail
