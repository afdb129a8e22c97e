// safetensors: what is written comes back, and a bad file is refused by name.
#include "07_tinyllama/trainer/checkpoint/safetensors.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "07_tinyllama/trainer/checkpoint/safetensors_file.h"
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
  EXPECT_THROW_MESSAGE(read_safetensors(folder_.string()), Error, "it is a folder, not a file");
  EXPECT_THROW_MESSAGE(read_safetensors("/dev/zero"), Error, "it is no regular file");
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THROW_MESSAGE(read_safetensors(path("pipe")), Error, "it is no regular file");
}

// One tensor 'a' with these entries, and 16 bytes of data.
TEST_F(SafetensorsTest, RefusesABadHeader) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({])", "is not a JSON object"},
      {R"([])", "is not a JSON object"},
      {R"("text")", "is not a JSON object"},
      {R"({"a":7})", "a number where it does not belong"},
      {R"({"a":[]})", "a list where it does not belong"},
      {R"({"a":{"dtype":"F32"}})", "tensor 'a': has no dtype, shape or data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,32]}})", "tensor 'a': data_offsets lie outside"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}})", "tensor 'a': data_offsets lie outside"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[16]}})", "data_offsets are not two numbers"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8,16]}})", "a number where it does not belong"},
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}})", "disagree"},
      {R"({"a":{"dtype":"F3","shape":[4],"data_offsets":[0,16]}})", "unknown dtype F3"},
      {R"({"a":{"dtype":"F32","shape":[-1,-4],"data_offsets":[0,16]}})", "has a negative size"},
      {R"({"a":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}})", "a fraction where it does not belong"},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}})", "disagree"},
      {R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,16]}})", "disagree"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "8 bytes at its end belong to no tensor"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", "leaves a hole"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "tensor 'b': overlaps the tensor before it"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
       "tensor 'a': stands there twice"},
      {R"({"a":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
       "a text where it does not"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"__metadata__":{"step":3}})",
       "not only texts"},
  };
  for (const auto& [header, what] : cases) {
    SCOPED_TRACE(header);
    EXPECT_THROW_MESSAGE(read_safetensors(write(header, 16)), Error, what);
  }
}

// A small file must not cost much memory, whatever it claims: each of these used to grow a hundredfold.
TEST_F(SafetensorsTest, WhatAFileClaimsIsNotAllocated) {
  const std::string lists(20'000'000, '[');
  std::string objects, zeros = R"({"a":{"dtype":"F32","data_offsets":[0,16],"shape":[0)";
  while (objects.size() < 20'000'000) objects += "{\"\":";
  while (zeros.size() < 20'000'000) zeros += ",0,0,0,0,0,0,0,0";
  const std::string huge =
      R"({"a":{"dtype":"F64","shape":[1000000000000],"data_offsets":[0,8000000000000]}})";
  const auto peak_kib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  for (const std::string& header : {lists, objects, zeros, huge}) {
    write(header, 16);
    const auto before = peak_kib();
    EXPECT_THROW(read_safetensors(path("bad.safetensors")), Error);
    EXPECT_LT(peak_kib() - before, 64 * 1024) << header.substr(0, 60);
  }
  std::ofstream file(path("claims"), std::ios::binary);
  const std::uint64_t size = 99'000'000;
  file.write(reinterpret_cast<const char*>(&size), sizeof(size));
  file << "{}";
  file.close();
  EXPECT_THROW_MESSAGE(read_safetensors(path("claims")), Error, "cut short");
}

// Whatever bytes are changed, cut or added: the file is read, or refused in one line.
TEST_F(SafetensorsTest, DamagedFilesAreReadOrRefused) {
  write_safetensors(path("a"), {{"weight", make_f32({3, 4}, random_normal(12, 1))},
                                {"bias", make_f32({2}, random_normal(2, 2))},
                                {"empty", make_f32({0}, {})}});
  std::string good;
  {
    std::ifstream file(path("a"), std::ios::binary);
    good.assign(std::istreambuf_iterator<char>(file), {});
  }
  Rng rng(3);
  const std::string pieces[] = {"{",  "}", "[",    "]",   "\"",      ":",   ",",
                                "-1", "9", "null", "1e9", "\\u0000", "\xFF"};
  int refused = 0;
  constexpr int kRounds = 3000;
  for (int round = 0; round < kRounds; ++round) {
    std::string bad = good;
    for (std::uint64_t change = 0; change <= rng.below(3); ++change) {
      const std::size_t at = rng.below(bad.size());
      switch (rng.below(4)) {
        case 0:
          bad[at] = static_cast<char>(bad[at] ^ (1 << rng.below(8)));
          break;
        case 1:
          bad.erase(at, 1 + rng.below(8));
          break;
        case 2:
          bad.insert(at, pieces[rng.below(std::size(pieces))]);
          break;
        default:
          bad.resize(at + 1);
      }
    }
    std::filesystem::remove(path("bad"));
    std::ofstream(path("bad"), std::ios::binary) << bad;
    try {
      for (const auto& [name, tensor] : read_safetensors(path("bad"))) {
        EXPECT_LE(tensor.bytes.size(), bad.size()) << name;
      }
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }
  EXPECT_GT(refused, kRounds / 2);
}

TEST_F(SafetensorsTest, ReadsTheSmallFloats) {
  const std::uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x8000, 0x7BFF, 0x7C00, 0x03FF, 0x0400, 0x3555};
  const std::vector<float> expected = {1.0f,     -2.0f,        0x1p-24f, -0.0f,          65504.0f,
                                       INFINITY, 0x1.ff8p-15f, 0x1p-14f, 0.333251953125f};
  const auto bytes = std::as_bytes(std::span(halves));
  EXPECT_EQ(floats_of({"F16", {9}, bytes}), expected);
  const std::uint16_t brains[] = {0x3F80, 0xC000, 0x0080, 0x7F80, 0x3EAB};
  const std::vector<float> values = {1.0f, -2.0f, 0x1p-126f, INFINITY, 0.333984375f};
  EXPECT_EQ(floats_of({"BF16", {5}, std::as_bytes(std::span(brains))}), values);
  EXPECT_THROW_MESSAGE(floats_of({"I32", {1}, {}}), Error, "F32, F64, F16 and BF16");
}

TEST_F(SafetensorsTest, AFailedWriteLeavesNothing) {
  EXPECT_THROW_MESSAGE(write_safetensors(path("no/such/folder/a"), {}), Error, "cannot write");
  std::filesystem::create_directories(path("taken/inside"));  // a folder that is not empty cannot be replaced
  EXPECT_THROW_MESSAGE(write_safetensors(path("taken"), {}), Error, "cannot write");
  EXPECT_FALSE(std::filesystem::exists(path("taken.partial")));
}

}  // namespace
}  // namespace wb
