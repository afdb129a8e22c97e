// safetensors: what is written comes back, and a bad file is refused by name.
#include "07_tinyllama/trainer/safetensors.h"

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "07_tinyllama/trainer/testing/model_golden.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

class SafetensorsTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  // A file of this header and that many bytes of data.
  std::string write(const std::string& header, std::size_t data_bytes) const {
    std::ofstream file(path("bad.safetensors"), std::ios::binary);
    const std::uint64_t size = header.size();
    file.write(reinterpret_cast<const char*>(&size), sizeof(size));
    file << header << std::string(data_bytes, '\0');
    return path("bad.safetensors");
  }

  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() / "workbook_safetensors_test";
};

TEST_F(SafetensorsTest, WhatIsWrittenComesBack) {
  const std::vector<float> weight = random_normal(12, 1);
  const std::vector<float> scalar = {4.5f};
  const Safetensors written = {{"weight", make_f32({3, 4}, weight)},
                               {"scalar", make_f32({}, scalar)},
                               {"empty", make_f32({0, 7}, {})},
                               {"strange \"name\"", make_f32({1}, scalar)}};
  write_safetensors(path("a.safetensors"), written);
  const Safetensors read = read_safetensors(path("a.safetensors"));
  ASSERT_EQ(read.size(), written.size());
  for (const auto& [name, tensor] : written) {
    EXPECT_EQ(read.at(name).dtype, "F32");
    EXPECT_EQ(read.at(name).shape, tensor.shape);
    EXPECT_EQ(read.at(name).bytes, tensor.bytes);
  }
  EXPECT_EQ(read.at("weight").as_float(), weight);
  EXPECT_THROW_MESSAGE(read.at("weight").as_int(), Error, "F32");
  EXPECT_FALSE(std::filesystem::exists(path("a.safetensors.partial")));
}

TEST_F(SafetensorsTest, ReadsWhatPythonWrote) {
  const ModelGolden golden;
  EXPECT_EQ(golden.tensors.at("tokens").dtype, "I32");
  EXPECT_EQ(golden.tensors.at("loss").dtype, "F64");
  EXPECT_EQ(golden.tokens().size(), static_cast<std::size_t>(golden.config().tokens()));
  EXPECT_EQ(golden.curve().size(), 20u);
}

TEST_F(SafetensorsTest, RefusesABadFile) {
  EXPECT_THROW_MESSAGE(read_safetensors(path("absent")), Error, "cannot read");
  std::ofstream(path("short"), std::ios::binary) << "abc";
  EXPECT_THROW_MESSAGE(read_safetensors(path("short")), Error, "cut short");
  std::ofstream(path("text"), std::ios::binary) << "this is no such file at all";
  EXPECT_THROW_MESSAGE(read_safetensors(path("text")), Error, "not a safetensors file");
  EXPECT_THROW_MESSAGE(read_safetensors(write("{]", 0)), Error, "not a JSON object");
  EXPECT_THROW_MESSAGE(
      read_safetensors(write(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 8)), Error,
      "tensor 'a': data_offsets lie outside");
  EXPECT_THROW_MESSAGE(
      read_safetensors(write(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}})", 16)), Error,
      "disagree");
  EXPECT_THROW_MESSAGE(
      read_safetensors(write(R"({"a":{"dtype":"F3","shape":[4],"data_offsets":[0,16]}})", 16)), Error,
      "unknown dtype F3");
  EXPECT_THROW_MESSAGE(
      read_safetensors(write(R"({"a":{"dtype":"F32","shape":[-1,-4],"data_offsets":[0,16]}})", 16)), Error,
      "disagree");
  EXPECT_THROW_MESSAGE(read_safetensors(write(R"({"a":{"dtype":"F32"}})", 0)), Error, "tensor 'a'");
}

TEST_F(SafetensorsTest, AFailedWriteLeavesNothing) {
  EXPECT_THROW_MESSAGE(write_safetensors(path("no/such/folder/a"), {}), Error, "cannot write");
  std::filesystem::create_directories(path("taken/inside"));  // a folder that is not empty cannot be replaced
  EXPECT_THROW_MESSAGE(write_safetensors(path("taken"), {}), Error, "cannot write");
  EXPECT_FALSE(std::filesystem::exists(path("taken.partial")));
}

}  // namespace
}  // namespace wb
