// Results files appear whole, carry their header, and are refused when they are not what they should be.
#include "common/core/results.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/core/error.h"
#include "common/harness/implementation_test.h"

namespace {

namespace fs = std::filesystem;

class ResultsTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  const fs::path folder_ = fs::temp_directory_path() / ("wb_results_test_" + std::to_string(getpid()));
};

TEST_F(ResultsTest, RoundTripsAndMakesItsFolder) {
  const fs::path path = folder_ / "deep" / "er" / "x.json";
  wb::write_results(path, "journey", {{"stage", 3}});
  const nlohmann::json document = wb::read_results(path, "journey");
  EXPECT_EQ(document["body"]["stage"], 3);
  EXPECT_EQ(document["schema_version"], wb::kResultsSchemaVersion);
  EXPECT_EQ(document["kind"], "journey");
  EXPECT_EQ(document["device"]["kind"], WB_DEVICE_NAME);
  EXPECT_FALSE(document["device"]["name"].get<std::string>().empty());
  EXPECT_GE(document["host"]["cores"], 1);
  const auto created = document["created"].get<std::string>();
  EXPECT_EQ(created.size(), 20U) << created;
  EXPECT_EQ(created.back(), 'Z');
}

TEST_F(ResultsTest, ReplacesWithoutLeavingTemporaries) {
  const fs::path path = folder_ / "x.json";
  wb::write_results(path, "tests", {{"run", 1}});
  wb::write_results(path, "tests", {{"run", 2}});
  EXPECT_EQ(wb::read_results(path, "tests")["body"]["run"], 2);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(ResultsTest, ReplacesBytesThatAreNoText) {
  const fs::path path = folder_ / "x.json";
  wb::write_results(path, "tests", {{"message", "got \xff\xfe"}});
  EXPECT_EQ(wb::read_results(path, "tests")["body"]["message"], "got \xef\xbf\xbd\xef\xbf\xbd");
}

TEST_F(ResultsTest, NamesTheCommitOfTheEnvironment) {
  const char* before = std::getenv("WB_COMMIT");
  const std::string saved = before == nullptr ? "" : before;
  setenv("WB_COMMIT", "0123abc", 1);
  EXPECT_EQ(wb::results_header("tests")["commit"], "0123abc");
  unsetenv("WB_COMMIT");
  EXPECT_FALSE(wb::results_header("tests")["commit"].get<std::string>().empty());
  if (before != nullptr) setenv("WB_COMMIT", saved.c_str(), 1);
}

TEST_F(ResultsTest, RefusesWhatItCannotWrite) {
  std::ofstream(folder_ / "file") << "in the way";
  EXPECT_THROW_MESSAGE(wb::write_results(folder_ / "file" / "x.json", "tests", {}), wb::Error,
                       "cannot write");
  fs::create_directories(folder_ / "folder.json" / "full");
  EXPECT_THROW_MESSAGE(wb::write_results(folder_ / "folder.json", "tests", {}), wb::Error, "cannot replace");
  EXPECT_THROW_MESSAGE(wb::write_results("/dev/null", "tests", {}), wb::Error, "no regular file");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THROW_MESSAGE(wb::write_results(folder_ / "x.json", "poems", {}), wb::Error, "unknown kind 'poems'");
}

TEST_F(ResultsTest, RefusesWhatItCannotRead) {
  const fs::path path = folder_ / "x.json";
  EXPECT_THROW_MESSAGE(wb::read_results(path, "tests"), wb::Error, "cannot read");
  std::ofstream(path) << "{\"schema_version\": 1, ";
  EXPECT_THROW_MESSAGE(wb::read_results(path, "tests"), wb::Error, "no results file");
  std::ofstream(path) << R"({"schema_version": 99, "kind": "tests", "body": {}})";
  EXPECT_THROW_MESSAGE(wb::read_results(path, "tests"), wb::Error, "schema version 99");
  std::ofstream(path) << R"({"schema_version": 1, "kind": "journey", "body": {}})";
  EXPECT_THROW_MESSAGE(wb::read_results(path, "tests"), wb::Error, "not tests");
}

}  // namespace
