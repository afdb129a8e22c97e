// What a test program prints and writes: one line per test, failures in plain words, and a results file.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace wb::detail {

/// The message of a failure for a person. GoogleTest puts the words of EXPECT_TRUE(wb::matches(...)) into
/// "Value of: ... Actual: false (...) Expected: true". This function extracts them and names the array, with
/// the scoped traces above.
std::string readable_failure(const std::string& file, int line, const std::string& message);

/// Replaces GoogleTest's printer.
std::unique_ptr<testing::TestEventListener> make_console_report();

/// Collects the results of all tests (kind "tests", docs/results_schema.md); `finish` gets the body after the
/// last.
std::unique_ptr<testing::TestEventListener> make_results_report(
    std::string program, std::function<void(const nlohmann::json& body)> finish);

}  // namespace wb::detail
