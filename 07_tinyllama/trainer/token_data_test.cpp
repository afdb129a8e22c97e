// Tokens from files, and the batches that are cut out of them.
#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "07_tinyllama/trainer/data.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

constexpr ModelConfig kConfig = {.c = 8, .l = 1, .h = 2, .k = 1, .f = 8, .v = 300, .b = 3, .t = 7};

class TokenDataTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("wb_token_data_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }

  std::filesystem::path folder_;
};

struct Batch {
  std::vector<int> tokens, targets;
  bool operator==(const Batch&) const = default;
};

Batch load(const Data& data, int batch, const ModelConfig& config = kConfig) {
  const auto size = static_cast<std::size_t>(config.tokens());
  auto tokens = GuardedBuffer<int>::output(size), targets = GuardedBuffer<int>::output(size);
  data.load(batch, tokens.data(), targets.data(), nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  EXPECT_TRUE(tokens.check("tokens"));
  EXPECT_TRUE(targets.check("targets"));
  return {tokens.download(), targets.download()};
}

// Token i of a text is i mod 251: a batch shows where it was cut.
Tokens counting(std::int64_t count) {
  std::vector<unsigned char> bytes;
  for (std::int64_t i = 0; i < count; ++i) bytes.push_back(static_cast<unsigned char>(i % 251));
  return Tokens::copy_of(bytes.data(), count, TokenWidth::kByte);
}

TEST_F(TokenDataTest, FilesAreOneStretchAndPartsAreStretchesOfIt) {
  const Tokens tokens =
      Tokens::open({write("a", "abc"), write("b", "d"), write("c", "efgh")}, TokenWidth::kByte);
  EXPECT_EQ(tokens.size(), 8);
  EXPECT_EQ(tokens.name(), "a and 2 more");
  EXPECT_EQ(tokens.largest(), 'h');
  std::string text(8, ' ');
  tokens.copy(0, 8, static_cast<void*>(text.data()));
  EXPECT_EQ(text, "abcdefgh");
  const Tokens part = tokens.part(2, 7).part(1, 4);
  std::vector<int> numbers(3);
  part.copy(0, 3, numbers.data());
  EXPECT_EQ(numbers, (std::vector<int>{'d', 'e', 'f'}));
  EXPECT_EQ(part.largest(), 'f');
  EXPECT_EQ(tokens.part(3, 3).largest(), -1);
  EXPECT_THROW_MESSAGE(part.part(0, 4), Error, "end = 4");
  EXPECT_THROW_MESSAGE(part.copy(1, 3, numbers.data()), Error, "begin + count = 4");
}

TEST_F(TokenDataTest, SixteenBitTokensAreLittleEndian) {
  const std::string file = write("t.bin", std::string("\x01\x00\x02\x01\xff\xff", 6));
  const Tokens tokens = Tokens::open({file}, TokenWidth::kUint16);
  std::vector<int> numbers(3);
  tokens.copy(0, 3, numbers.data());
  EXPECT_EQ(numbers, (std::vector<int>{1, 258, 65535}));
  EXPECT_EQ(tokens.largest(), 65535);
  EXPECT_THROW_MESSAGE(Tokens::open({write("odd.bin", "abc")}, TokenWidth::kUint16), Error,
                       "3 bytes, which is no whole number of 16-bit tokens");
}

TEST_F(TokenDataTest, RefusesWhatIsNoFileWithoutWaiting) {
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const auto open = [](const std::string& path) { Tokens::open({path}, TokenWidth::kByte); };
  EXPECT_THROW_MESSAGE(open(pipe), Error, "is a device or a pipe");
  EXPECT_THROW_MESSAGE(open("/dev/zero"), Error, "is a device or a pipe");
  EXPECT_THROW_MESSAGE(open(folder_.string()), Error, "is a directory");
  EXPECT_THROW_MESSAGE(open(write("empty", "")), Error, "is empty");
  EXPECT_THROW_MESSAGE(open((folder_ / "absent").string()), Error, "No such file");
}

// Read in pieces, across the ends of files.
TEST_F(TokenDataTest, LongFilesAreReadWhole) {
  std::string first, second;
  for (int i = 0; i < 70'001; ++i) first += static_cast<char>(i * 31 % 251);
  for (int i = 0; i < 40'001; ++i) second += static_cast<char>(i * 17 % 253);
  const Tokens tokens = Tokens::open({write("a", first), write("b", second)}, TokenWidth::kByte);
  std::string text(110'002, ' ');
  tokens.copy(0, tokens.size(), static_cast<void*>(text.data()));
  EXPECT_EQ(text, first + second);
  EXPECT_EQ(tokens.part(0, 70'001).largest(), 250);
  EXPECT_EQ(tokens.part(69'000, 110'002).largest(), 252);
}

TEST_F(TokenDataTest, AFileThatIsCutShortMeanwhileIsNamed) {
  const std::string file = write("t", std::string(100'000, 'x'));
  const Data staged = Data::rows(kConfig, Tokens::open({file}, TokenWidth::kByte), 4, 0);
  load(staged, 0);
  std::filesystem::resize_file(file, 0);
  EXPECT_THROW_MESSAGE(load(staged, 1), Error, "t' was cut short while it was in use");
}

// Whether the tokens live on the device or are copied batch by batch: the same batches.
TEST_F(TokenDataTest, StagedBatchesAreTheResidentOnes) {
  std::string numbers;
  for (int i = 0; i < 500; ++i) {
    const int token = i * 37 % 300;
    numbers += static_cast<char>(token % 256);
    numbers += static_cast<char>(token / 256);
  }
  const Tokens wide = Tokens::open(
      {write("a.bin", numbers.substr(0, 334)), write("b.bin", numbers.substr(334))}, TokenWidth::kUint16);
  for (const Tokens& tokens : {counting(600), wide}) {
    const Data resident = Data::rows(kConfig, tokens, 4), staged = Data::rows(kConfig, tokens, 4, 0);
    const Data windows = Data::windows(kConfig, tokens, 9),
               staged_windows = Data::windows(kConfig, tokens, 9, 0);
    for (int batch = 0; batch < 12; ++batch) {
      EXPECT_EQ(load(resident, batch), load(staged, batch)) << batch;
      EXPECT_EQ(load(windows, batch), load(staged_windows, batch)) << batch;
    }
    EXPECT_EQ(load(staged, 3), load(staged, 3));
    EXPECT_NE(load(staged, 3), load(staged, 4));
  }
}

// Many batches in a row without waiting: a slot must not be overwritten while it is being copied.
TEST_F(TokenDataTest, StagedBatchesDoNotOverwriteOneAnother) {
  const Tokens tokens = counting(5000);
  const Data staged = Data::rows(kConfig, tokens, 4, 0), resident = Data::rows(kConfig, tokens, 4);
  constexpr int kBatches = 40;
  const auto size = static_cast<std::size_t>(kConfig.tokens());
  DeviceBuffer<int> x(size * kBatches), y(size * kBatches);
  for (int i = 0; i < kBatches; ++i) {
    const std::size_t offset = size * static_cast<std::size_t>(i);
    staged.load(i, x.data() + offset, y.data() + offset, nullptr);
  }
  const std::vector<int> got = x.download();
  for (int i = 0; i < kBatches; ++i) {
    const auto begin = got.begin() + static_cast<std::ptrdiff_t>(size) * i;
    EXPECT_EQ(std::vector<int>(begin, begin + static_cast<std::ptrdiff_t>(size)), load(resident, i).tokens)
        << i;
  }
}

TEST_F(TokenDataTest, WindowsCoverTheTextOnceFromEndToEnd) {
  constexpr int kLength = 7 * 24 + 1;  // 24 rows, 8 batches
  const Data data = Data::windows(kConfig, counting(kLength), 100);
  EXPECT_EQ(data.batches(), 8);
  std::vector<bool> predicted(kLength);
  int first = kLength, last = 0;
  for (int batch = 0; batch < data.batches(); ++batch) {
    for (const int target : load(data, batch).targets) {
      predicted[static_cast<std::size_t>(target)] = true;
      first = std::min(first, target);
      last = std::max(last, target);
    }
  }
  EXPECT_EQ(std::count(predicted.begin() + 1, predicted.end(), false), 0);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(last, kLength - 1);
  EXPECT_EQ(load(data, 8), load(data, 0));
}

TEST_F(TokenDataTest, FewWindowsAreSpreadOverTheWholeText) {
  const Data data = Data::windows(kConfig, counting(250), 2);
  EXPECT_EQ(data.batches(), 2);
  const Batch first = load(data, 0), second = load(data, 1);
  EXPECT_EQ(first.tokens[0], 0);
  EXPECT_EQ(second.targets.back(), 249);
  EXPECT_NEAR(second.tokens[0], 125, 25);
}

TEST_F(TokenDataTest, AVocabularyTooSmallNamesTheLargestToken) {
  ModelConfig narrow = kConfig;
  narrow.v = 250;
  EXPECT_THROW_MESSAGE(
      Data::rows(narrow, counting(600), 1), Error,
      "the largest token of text is 250, but the model's vocabulary is 250; it must be 251 or more");
  EXPECT_THROW_MESSAGE(Data::windows(narrow, counting(600), 1), Error, "vocabulary too small");
  narrow.v = 251;
  EXPECT_NO_THROW(Data::rows(narrow, counting(600), 1));
  EXPECT_THROW_MESSAGE(Data::rows(kConfig, counting(7), 1), Error,
                       "7 bytes, but a sequence of 7 tokens needs 8");
}

}  // namespace
}  // namespace wb
