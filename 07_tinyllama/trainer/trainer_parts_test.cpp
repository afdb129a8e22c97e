// The trainer's parts one by one: configuration, arenas, kernel choice, initialization, data, mean loss.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/data.h"
#include "07_tinyllama/trainer/init.h"
#include "07_tinyllama/trainer/kernels.h"
#include "07_tinyllama/trainer/step_kernels.h"
#include "common/core/device_info.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

constexpr ModelConfig kByteConfig = {.c = 8, .l = 1, .h = 2, .k = 1, .f = 8, .v = 256, .b = 5, .t = 11};

// --- configuration

TEST(ConfigTest, PresetsAreValidAndAnUnknownOneIsNamed) {
  for (const std::string& name : preset_names()) EXPECT_NO_THROW(validate(preset(name))) << name;
  EXPECT_EQ(preset("nano").f, 1024);
  EXPECT_THROW_MESSAGE(
      preset("huge"), Error,
      "unknown preset 'huge'; there are nano, nano_long, shakespeare, small, small_long, medium, "
      "tinyllama");
}

TEST(ConfigTest, RefusesWhatNoModelCanHave) {
  const auto with = [](auto change) {
    ModelConfig config = preset("nano");
    change(config);
    return config;
  };
  EXPECT_THROW_MESSAGE(validate(with([](auto& m) { m.b = 0; })), Error, "batch size B is 0");
  EXPECT_THROW_MESSAGE(validate(with([](auto& m) { m.t = -4; })), Error, "sequence length T is -4");
  EXPECT_THROW_MESSAGE(validate(with([](auto& m) { m.v = 0; })), Error, "vocabulary V is 0");
  EXPECT_THROW_MESSAGE(validate(with([](auto& m) { m.h = 6; })), Error, "6 query heads do not divide");
  EXPECT_THROW_MESSAGE(validate(with([](auto& m) { m.k = 3; })), Error, "3 key/value heads do not divide");
  EXPECT_THROW_MESSAGE(validate(with([](auto& m) { m.h = m.k = m.c; })), Error, "is odd");
  EXPECT_THROW_MESSAGE(validate(with([](auto& m) { m.l = 1000000; })), Error, "it must be at most 4096");
  EXPECT_THROW_MESSAGE(validate(with([](auto& m) { m.c = 1024; })), Error, "choose more heads");
  EXPECT_THROW_MESSAGE(validate(with([](auto& m) { m.b = m.t = 65536; })), Error, "smaller batch");
  EXPECT_THROW_MESSAGE(validate(ModelConfig{}), Error, "model width C is 0");
}

// --- arenas

TEST(ArenaTest, SmallHasThePublishedNumberOfParameters) {
  const TensorTable table = parameter_table(preset("small"));
  EXPECT_EQ(table.entries().size(), 74u);
  EXPECT_EQ(table.elements(), 31'977'984);
  EXPECT_EQ(table.at("model.layers.7.mlp.down_proj.weight").shape, (std::vector<std::int64_t>{512, 2048}));
  EXPECT_EQ(table.at("model.layers.0.self_attn.k_proj.weight").shape, (std::vector<std::int64_t>{256, 512}));
}

TEST(ArenaTest, TinyllamaHasItsThousandMillion) {
  EXPECT_EQ(parameter_table(preset("tinyllama")).elements(), 1'034'512'384);
}

TEST(ArenaTest, TensorsAreAlignedAndDoNotOverlap) {
  TensorTable table;
  table.add("a", {3, 5});
  table.add("empty", {0});
  table.add("b", {64});
  table.add("c", {1});
  EXPECT_EQ(table.elements(), 15 + 64 + 1);
  std::int64_t end = 0;
  for (const TensorEntry& entry : table.entries()) {
    EXPECT_EQ(entry.offset % kArenaAlignment, 0) << entry.name;
    EXPECT_GE(entry.offset, end) << entry.name;
    end = entry.offset + entry.elements();
  }
  EXPECT_GE(table.extent(), end);
  EXPECT_THROW_MESSAGE(table.add("a", {1}), Error, "'a' is there already");
  EXPECT_THROW_MESSAGE(table.at("d"), Error, "no tensor 'd'");

  Arena arena(table);
  const std::vector<float> values = random_normal(15, 1);
  arena.upload("a", values);
  EXPECT_EQ(arena.download("a"), values);
  EXPECT_EQ(arena.download("b"), std::vector<float>(64, 0.0f));
  EXPECT_THROW_MESSAGE(arena.upload("b", values), Error, "'b' has 64 elements, but 15 were given");
  arena.zero(nullptr);
  EXPECT_EQ(arena.download("a"), std::vector<float>(15, 0.0f));
}

// --- kernel choice

std::string chosen(const KernelSet& kernels, const std::string& contract) {
  for (const KernelChoice& choice : kernels.choices) {
    if (choice.contract == contract) return choice.implementation;
  }
  return "nothing";
}

TEST(KernelSetTest, ReadsARequestFromLeftToRight) {
  const KernelSet automatic = select_kernels("auto");
  EXPECT_EQ(chosen(automatic, "matmul"), "library");
  EXPECT_EQ(chosen(automatic, "swiglu_forward"), "solution");
  EXPECT_EQ(chosen(automatic, "rmsnorm_forward"), device_is_cpu() ? "thread_per_row" : "solution");
  EXPECT_EQ(chosen(select_kernels(""), "matmul"), "library");
  EXPECT_EQ(chosen(select_kernels("solution"), "matmul"), "solution");
  EXPECT_EQ(chosen(select_kernels("library"), "adamw"), "solution")
      << "operations without a library kernel keep theirs";

  const KernelSet mixed = select_kernels(" solution, swiglu = naive ,swiglu_backward=unfused,matmul=auto");
  EXPECT_EQ(chosen(mixed, "swiglu_forward"), "naive");
  EXPECT_EQ(chosen(mixed, "swiglu_backward"), "unfused");
  EXPECT_EQ(chosen(mixed, "matmul"), "library");
  EXPECT_EQ(mixed.swiglu_forward, find_implementation<SwigluForward>("naive").function);
}

TEST(KernelSetTest, SaysWhatItRuns) {
  const std::string text = describe(select_kernels("solution,swiglu_backward=naive"));
  EXPECT_NE(text.find("rmsnorm solution"), std::string::npos) << text;
  EXPECT_NE(text.find("swiglu_forward solution, swiglu_backward naive"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

TEST(KernelSetTest, RefusesWhatIsNotThere) {
  EXPECT_THROW_MESSAGE(select_kernels("fastest"), Error,
                       "no implementation 'fastest'; there are vector_add (");
  EXPECT_THROW_MESSAGE(select_kernels("swiglu=fastest"), Error, "no implementation 'fastest' of swiglu");
  EXPECT_THROW_MESSAGE(select_kernels("convolution=solution"), Error, "no operation 'convolution'");
  EXPECT_THROW_MESSAGE(select_kernels("attention_forward=materialized"), Error, "attention=NAME");
}

TEST(KernelSetTest, APrecisionHasContractsOfItsOwn) {
  const KernelSet tf32 = select_kernels("auto", Precision::kTf32);
  EXPECT_EQ(tf32.precision, Precision::kTf32);
  EXPECT_EQ(tf32.matmul, find_implementation<MatmulTf32>("library").function);
  EXPECT_EQ(chosen(tf32, "matmul"), "nothing");
  EXPECT_EQ(tf32.bf16.matmul, nullptr);

  const KernelSet set = select_kernels("matmul_bf16=solution,rmsnorm_backward=solution", Precision::kBf16);
  EXPECT_EQ(set.bf16.matmul, find_implementation<MatmulBf16>("solution").function);
  EXPECT_EQ(set.of<bf16>().weight_matmul(), find_implementation<MatmulBf16ToFloat>("library").function);
  EXPECT_EQ(set.of<float>().weight_matmul(), find_implementation<Matmul>("library").function);
  EXPECT_EQ(chosen(set, "rmsnorm_backward_bf16"), "solution");
  EXPECT_EQ(chosen(set, "vector_add_bf16"), "vectorized") << "there is no solution";
  EXPECT_EQ(chosen(set, "swiglu_forward"), "nothing");
  EXPECT_FALSE(adds_in_any_order(chosen(set, "attention_backward_bf16")));
  EXPECT_EQ(set.adamw, find_implementation<AdamW>("solution").function);

  EXPECT_THROW_MESSAGE(select_kernels("swiglu=naive", Precision::kBf16), Error,
                       "no implementation 'naive' of swiglu in bf16");
}

TEST(PrecisionTest, IsReadByName) {
  for (const Precision precision : {Precision::kFp32, Precision::kTf32, Precision::kBf16})
    EXPECT_EQ(parse_precision(name_of(precision)), precision);
  EXPECT_THROW_MESSAGE(parse_precision("fp16"), Error, "no precision 'fp16'; there are fp32, tf32, bf16");
}

// --- initialization

TEST(InitTest, MatricesAreNormalAndNormsAreOne) {
  const ModelConfig config = preset("nano");
  Arena parameters(parameter_table(config));
  const auto moments = [&](const std::string& name) {
    double sum = 0.0, squares = 0.0;
    const std::vector<float> values = parameters.download(name);
    for (const float value : values) sum += value, squares += static_cast<double>(value) * value;
    const double mean = sum / static_cast<double>(values.size());
    return std::pair(mean, std::sqrt(squares / static_cast<double>(values.size()) - mean * mean));
  };
  initialize(parameters, Init::kFixed, 1);
  for (const TensorEntry& entry : parameters.table().entries()) {
    const auto [mean, std] = moments(entry.name);
    const bool norm = entry.shape.size() == 1;
    EXPECT_NEAR(mean, norm ? 1.0 : 0.0, norm ? 0.0 : 1.5e-3) << entry.name;
    EXPECT_NEAR(std, norm ? 0.0 : 0.02, norm ? 1e-9 : 1.5e-3) << entry.name;
  }
  EXPECT_NE(parameters.download("model.layers.0.mlp.gate_proj.weight"),
            parameters.download("model.layers.0.mlp.up_proj.weight"));
  const std::vector<float> first = parameters.download();
  initialize(parameters, Init::kFixed, 1);
  EXPECT_EQ(parameters.download(), first);
  initialize(parameters, Init::kFixed, 2);
  EXPECT_NE(parameters.download(), first);

  initialize(parameters, Init::kBroken, 1);
  EXPECT_NEAR(moments("model.embed_tokens.weight").second, 1.0, 0.02);
  EXPECT_NEAR(moments("model.layers.0.mlp.gate_proj.weight").second, 0.02, 1.5e-3);
}

// --- data

struct Batch {
  std::vector<int> tokens, targets;
  bool operator==(const Batch&) const = default;
};

Batch load(const Data& data, int step) {
  const auto size = static_cast<std::size_t>(kByteConfig.tokens());
  auto tokens = GuardedBuffer<int>::output(size);
  auto targets = GuardedBuffer<int>::output(size);
  data.load(step, tokens.data(), targets.data(), nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  EXPECT_TRUE(tokens.check("tokens"));
  EXPECT_TRUE(targets.check("targets"));
  return {tokens.download(), targets.download()};
}

TEST(DataTest, TextBatchesArePiecesOfTheText) {
  // A permutation of the bytes: a byte tells where it stands.
  std::vector<unsigned char> text(256);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<unsigned char>(i * 77 + 13);
  std::vector<int> place(256);
  for (std::size_t i = 0; i < text.size(); ++i) place[text[i]] = static_cast<int>(i);
  const Data data = Data::text(kByteConfig, text, 1);
  std::vector<int> starts;
  for (int step = 0; step < 40; ++step) {
    const Batch batch = load(data, step);
    for (int i = 0; i < kByteConfig.tokens(); ++i) {
      const int start = place[static_cast<std::size_t>(batch.tokens[static_cast<std::size_t>(i / 11 * 11)])];
      EXPECT_EQ(place[static_cast<std::size_t>(batch.tokens[static_cast<std::size_t>(i)])], start + i % 11);
      EXPECT_EQ(place[static_cast<std::size_t>(batch.targets[static_cast<std::size_t>(i)])],
                start + i % 11 + 1);
      if (i % 11 == 0) starts.push_back(start);
    }
  }
  EXPECT_LT(*std::min_element(starts.begin(), starts.end()), 20);
  EXPECT_GT(*std::max_element(starts.begin(), starts.end()), 256 - 12 - 20);
}

TEST(DataTest, TheSmallestTextIsUsedWhole) {
  const std::vector<unsigned char> text = {'a', ' ', 'k', 'e', 'r', 'n', 'e', 'l', ' ', 'r', 'u', 'n'};
  const Batch batch = load(Data::text(kByteConfig, text, 9), 3);
  for (std::size_t i = 0; i < 55; ++i) {
    EXPECT_EQ(batch.tokens[i], text[i % 11]);
    EXPECT_EQ(batch.targets[i], text[i % 11 + 1]);
  }
}

TEST(DataTest, RandomTokensCoverTheVocabularyAndShift) {
  std::vector<bool> seen(256);
  for (int step = 0; step < 60; ++step) {
    const Batch batch = load(Data::random(kByteConfig, 4), step);
    for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
      ASSERT_TRUE(batch.tokens[i] >= 0 && batch.tokens[i] < 256 && batch.targets[i] >= 0 &&
                  batch.targets[i] < 256);
      seen[static_cast<std::size_t>(batch.tokens[i])] = true;
      if (i % 11 != 0) {
        EXPECT_EQ(batch.tokens[i], batch.targets[i - 1]);
      }
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), false), 0);
}

TEST(DataTest, SeedAndStepDecideTheBatch) {
  const Data data = Data::random(kByteConfig, 4);
  EXPECT_EQ(load(data, 7), load(data, 7));
  EXPECT_EQ(load(data, 7), load(Data::random(kByteConfig, 4), 7));
  EXPECT_NE(load(data, 7), load(data, 8));
  EXPECT_NE(load(data, 7), load(Data::random(kByteConfig, 5), 7));
}

TEST(DataTest, AFixedBatchIsTheSameEveryStep) {
  std::vector<int> tokens(55), targets(55);
  for (int i = 0; i < 55; ++i)
    tokens[static_cast<std::size_t>(i)] = i, targets[static_cast<std::size_t>(i)] = 255 - i;
  const Data data = Data::fixed(kByteConfig, tokens, targets);
  EXPECT_EQ(load(data, 0), (Batch{tokens, targets}));
  EXPECT_EQ(load(data, 9), (Batch{tokens, targets}));
  targets.back() = 256;
  EXPECT_THROW_MESSAGE(Data::fixed(kByteConfig, tokens, targets), Error, "token 256 lies outside");
  EXPECT_THROW_MESSAGE(Data::fixed(kByteConfig, tokens, std::vector<int>(3)), Error, "55 and 3 were given");
}

TEST(DataTest, FilesAreReadOneAfterAnotherOrRefused) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "workbook_data_test";
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return (folder / name).string();
  };
  const std::string hello = write("hello.txt", "hello w"), world = write("world.txt", "orld!"),
                    empty = write("empty.txt", "");
  const Data data = Data::files(kByteConfig, {hello, world}, 1);
  EXPECT_EQ(data.description(), "12 bytes of hello.txt and 1 more");
  const std::string expected = "hello world!";
  const Batch batch = load(data, 0);
  for (std::size_t i = 0; i < 11; ++i) EXPECT_EQ(batch.tokens[i], expected[i]);

  EXPECT_THROW_MESSAGE(Data::files(kByteConfig, {hello}, 1), Error,
                       "7 bytes, but a sequence of 11 tokens needs 12");
  EXPECT_THROW_MESSAGE(Data::files(kByteConfig, {empty}, 1), Error, "is empty");
  EXPECT_THROW_MESSAGE(Data::files(kByteConfig, {folder.string()}, 1), Error, "is a directory");
  EXPECT_THROW_MESSAGE(Data::files(kByteConfig, {(folder / "absent").string()}, 1), Error, "cannot read");
  EXPECT_THROW_MESSAGE(Data::files(kByteConfig, {}, 1), Error, "no file");
  ModelConfig narrow = kByteConfig;
  narrow.v = 255;
  EXPECT_THROW_MESSAGE(Data::files(narrow, {hello}, 1), Error, "at least 256, but the model's is 255");
  std::filesystem::remove_all(folder);
}

// --- mean loss

TEST(MeanLossTest, IsTheMeanAtEverySize) {
  for (const int n : edge_sizes()) {
    const auto losses = random_uniform(static_cast<std::size_t>(n), 1, 0.0f, 10.0f);
    auto device_losses = GuardedBuffer<float>::input(losses);
    auto mean = GuardedBuffer<float>::output(1);
    mean_loss(device_losses.data(), mean.data(), n, nullptr);
    WB_CUDA_CHECK(cudaDeviceSynchronize());
    double sum = 0.0;
    for (const float loss : losses) sum += static_cast<double>(loss);
    EXPECT_TRUE(matches(mean.download(), std::vector<double>{sum / n}, {1e-6, 2e-6})) << "n " << n;
    EXPECT_TRUE(device_losses.check("losses"));
    EXPECT_TRUE(mean.check("mean"));
  }
}

}  // namespace
}  // namespace wb
