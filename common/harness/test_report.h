// What a test program prints and writes: one line a test, failures in plain words, and a results file.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace wb::detail {

/// A failure as a person wants to read it. GoogleTest wraps the words of EXPECT_TRUE(wb::matches(...)) in
/// "Value of: ... Actual: false (...) Expected: true"; this takes them out and names the array, with the
/// scoped traces on top.
std::string readable_failure(const std::string& file, int line, const std::string& message);

/// Replaces GoogleTest's printer.
std::unique_ptr<testing::TestEventListener> make_console_report();

/// Collects the results of all tests (kind "tests", docs/results_schema.md); `finish` gets the body after the
/// last.
std::unique_ptr<testing::TestEventListener> make_results_report(
    std::string program, std::function<void(const nlohmann::json& body)> finish);

}  // namespace wb::detail
