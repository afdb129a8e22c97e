// Checkpoints: what is saved comes back bit for bit, and what is not whole is refused without harm.
#include "07_tinyllama/trainer/checkpoint/checkpoint.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/checkpoint/crc32.h"
#include "07_tinyllama/trainer/checkpoint/llama_config.h"
#include "07_tinyllama/trainer/checkpoint/safetensors_file.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

namespace fs = std::filesystem;

constexpr ModelConfig kTiny = {.c = 32, .l = 2, .h = 4, .k = 2, .f = 64, .v = 300, .b = 2, .t = 16};

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / fmt::format("wb_checkpoint_{}_{}", test->name(), getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static Trainer trainer(const ModelConfig& config = kTiny, std::uint64_t seed = 1,
                         OptimizerKind optimizer = OptimizerKind::kAdamW,
                         Precision precision = Precision::kFp32) {
    return Trainer({.config = config,
                    .kernels = select_kernels("auto", precision),
                    .optimizer = optimizer,
                    .decay_norms = false,
                    .schedule = {.warmup_steps = 3, .decay_steps = 12, .minimum = 0.1},
                    .clip_norm = 0.5f,
                    .gradient_accumulation = 2,
                    .seed = seed,
                    .max_steps = 20},
                   Data::random(config, 5));
  }
  // A run's folder with one checkpoint of step 3.
  fs::path saved(const CheckpointNotes& notes = {}) const {
    CheckpointStore store(run());
    Trainer one = trainer();
    one.train(3);
    return save_checkpoint(store, one, notes);
  }
  fs::path run() const { return folder_ / "run"; }

  fs::path folder_;
};

// Everything that training goes on from.
std::vector<std::vector<float>> everything(Trainer& trainer) {
  std::vector<std::vector<float>> all = {trainer.model().parameters().download()};
  for (const StateTensor& tensor : trainer.optimizer().state()) {
    std::size_t size = 1;
    for (const auto n : tensor.shape) size *= static_cast<std::size_t>(n);
    all.emplace_back(size);
    WB_CUDA_CHECK(cudaMemcpy(all.back().data(), tensor.data, size * sizeof(float), cudaMemcpyDeviceToHost));
  }
  return all;
}

// 2 N steps, and N steps, a checkpoint and N steps: the same parameters, moments and losses.
TEST_F(CheckpointTest, AResumedRunIsTheSameBitForBit) {
  for (const Precision precision : {Precision::kFp32, Precision::kTf32, Precision::kBf16}) {
    for (const OptimizerKind optimizer : {OptimizerKind::kAdamW, OptimizerKind::kMuon}) {
      SCOPED_TRACE(testing::Message() << name_of(optimizer) << ", " << name_of(precision));
      const auto start = [&](std::uint64_t seed) { return trainer(kTiny, seed, optimizer, precision); };
      Trainer whole = start(1);
      whole.train(8);
      {
        CheckpointStore store(run());
        Trainer first = start(1);
        first.train(4);
        save_checkpoint(store, first, {.memory = {{"best_loss", "1.5"}}});
      }
      Trainer second = start(77);  // other parameters, until they are loaded
      second.evaluate(second.data(), 1);
      const CheckpointState state = load_checkpoint(run(), second);
      EXPECT_EQ(state.step, 4);
      EXPECT_EQ(state.memory.at("best_loss"), "1.5");
      EXPECT_EQ(second.steps_done(), 4);
      second.train(4);

      EXPECT_EQ(everything(second), everything(whole));
      EXPECT_EQ(second.losses(4, 8), whole.losses(4, 8));
      EXPECT_NE(whole.losses(4, 5), whole.losses(7, 8));
    }
  }
}

TEST_F(CheckpointTest, RefusesTheStateOfAnotherOptimizer) {
  const fs::path good = saved();
  Trainer muon = trainer(kTiny, 1, OptimizerKind::kMuon);
  EXPECT_THROW_MESSAGE(load_checkpoint(good, muon), Error, "another optimizer: 'adamw' then, 'muon' now");
}

TEST_F(CheckpointTest, HoldsWhatTransformersReads) {
  const fs::path checkpoint = saved();
  EXPECT_EQ(checkpoint.filename(), "step-00000003");
  const auto config = nlohmann::json::parse(read_file(checkpoint / "config.json"));
  EXPECT_EQ(config["architectures"][0], "LlamaForCausalLM");
  EXPECT_EQ(config["rms_norm_eps"].dump(), "1e-05");
  EXPECT_EQ(config["tie_word_embeddings"], true);
  EXPECT_TRUE(config["eos_token_id"].is_null());
  const SafetensorsFile weights((checkpoint / "model.safetensors").string());
  EXPECT_EQ(weights.metadata().at("format"), "pt");
  EXPECT_EQ(weights.tensors().size(), parameter_table(kTiny).entries().size());
  const auto tokenizer = nlohmann::json::parse(read_file(checkpoint / "tokenizer.json"));
  const auto& vocabulary = tokenizer["model"]["vocab"];
  EXPECT_EQ(vocabulary.size(), 300u);
  EXPECT_EQ(vocabulary["A"], 65);
  EXPECT_EQ(vocabulary["\u0120"], 32);
  EXPECT_EQ(vocabulary["<unused_299>"], 299);
  const auto generation = nlohmann::json::parse(read_file(checkpoint / "generation_config.json"));
  EXPECT_EQ(generation["suppress_tokens"].size(), 44u);

  const ModelConfig read = read_llama_config(checkpoint);
  EXPECT_EQ(read.b, 1);
  EXPECT_EQ(read.t, 16);
  EXPECT_EQ(read.epsilon, kTiny.epsilon);
  EXPECT_EQ(read.v, kTiny.v);
}

TEST_F(CheckpointTest, TokensThatAreNoBytesGetNoTokenizer) {
  EXPECT_FALSE(fs::exists(saved({.tokens_are_bytes = false}) / "tokenizer.json"));
}

TEST_F(CheckpointTest, KeepsTheLatest) {
  CheckpointStore store(run(), 2);
  Trainer one = trainer();
  for (int i = 0; i < 4; ++i) {
    one.step();
    save_checkpoint(store, one);
    EXPECT_EQ(fs::read_symlink(run() / "latest"), fmt::format("step-{:08}", i + 1));
  }
  EXPECT_FALSE(fs::exists(run() / "step-00000001"));
  EXPECT_FALSE(fs::exists(run() / "step-00000002"));
  EXPECT_TRUE(fs::exists(run() / "step-00000003"));
  EXPECT_EQ(find_checkpoint(run()), run() / "step-00000004");
  fs::remove(run() / "latest");  // as on a file system without links
  EXPECT_EQ(find_checkpoint(run()), run() / "step-00000004");
}

TEST_F(CheckpointTest, ARunThatWasTakenBackPointsAtItsOwn) {
  CheckpointStore store(run(), 1);
  Trainer one = trainer();
  one.train(2);
  save_checkpoint(store, one);
  one.train(3);
  save_checkpoint(store, one);
  Trainer again = trainer();
  again.train(4);
  save_checkpoint(store, again);
  EXPECT_EQ(find_checkpoint(run()).filename(), "step-00000004");
  EXPECT_TRUE(fs::exists(run() / "step-00000005"));
}

TEST_F(CheckpointTest, ReplacesTheSameStep) {
  saved();
  CheckpointStore store(run());
  Trainer other = trainer(kTiny, 9);
  other.train(3);
  save_checkpoint(store, other);
  Trainer loaded = trainer();
  load_checkpoint(run(), loaded);
  EXPECT_EQ(everything(loaded), everything(other));
  EXPECT_EQ(std::distance(fs::directory_iterator(run()), {}), 2);  // the checkpoint and the link
}

TEST_F(CheckpointTest, CleansUpAfterAnInterruptedRun) {
  const fs::path checkpoint = saved();
  fs::create_directories(run() / ".tmp-step-00000004-123");
  write_file(run() / ".tmp-step-00000004-123/model.safetensors", "half");
  fs::rename(checkpoint, run() / ".old-step-00000003");  // between two renames
  const CheckpointStore store(run());
  EXPECT_FALSE(fs::exists(run() / ".tmp-step-00000004-123"));
  EXPECT_FALSE(fs::exists(run() / ".old-step-00000003"));
  Trainer loaded = trainer();
  EXPECT_EQ(load_checkpoint(run(), loaded).step, 3);
}

TEST_F(CheckpointTest, OneRunWritesToAFolder) {
  const CheckpointStore store(run());
  EXPECT_THROW_MESSAGE(CheckpointStore{run()}, Error, "another run writes to");
}

// Each change is refused, and the trainer that should have loaded it is as before.
TEST_F(CheckpointTest, RefusesWhatIsNotWhole) {
  const fs::path good = saved();
  Trainer one = trainer(kTiny, 4);
  one.train(1);
  const auto before = everything(one);
  const fs::path bad = folder_ / "bad";
  const auto refused = [&](const std::string& trace, const std::string& what, auto change) {
    SCOPED_TRACE(trace);
    fs::remove_all(bad);
    fs::copy(good, bad, fs::copy_options::recursive);
    change();
    EXPECT_THROW_MESSAGE(load_checkpoint(bad, one), Error, what);
    try {
      load_checkpoint(bad, one);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  };
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(good)) files.push_back(entry.path().filename());
  ASSERT_EQ(files.size(), 8u);
  Rng rng(11);
  for (const fs::path& file : files) {
    const std::string content = read_file(good / file);
    if (file != "manifest.json") {
      refused(file.string() + " missing",
              file == "config.json" ? "holds neither a config.json" : "is missing",
              [&] { fs::remove(bad / file); });
    }
    for (int i = 0; i < 8; ++i) {
      refused(file.string() + " cut short", "checkpoint: ", [&] {
        fs::resize_file(bad / file, i == 0 ? 0 : rng.below(content.size() - 1));
      });
      if (file == "manifest.json") continue;
      refused(file.string() + " with a bit flipped", "CRC-32 differs", [&] {
        std::string changed = content;
        char& byte = changed[i == 0 ? 0 : rng.below(content.size())];
        byte = static_cast<char>(byte ^ (1 << rng.below(8)));
        write_file(bad / file, changed);
      });
    }
  }
  refused("a name of two lines", "con?fig.json' is missing", [&] {
    write_file(bad / "manifest.json", R"({"files":{"con\nfig.json":{"bytes":1,"crc32":"0"}}})");
  });
  refused("a folder in the place of a file", "it is a folder", [&] {
    fs::remove(bad / "model.safetensors");
    fs::create_directory(bad / "model.safetensors");
  });
  EXPECT_EQ(everything(one), before);
  EXPECT_EQ(one.steps_done(), 1);
  EXPECT_EQ(load_checkpoint(good, one).step, 3);
}

TEST_F(CheckpointTest, RefusesTheCheckpointOfAnotherRun) {
  const fs::path good = saved({.facts = {{"data", "a text"}}});
  ModelConfig wider = kTiny;
  wider.f = 96;
  Trainer other = trainer(wider);
  EXPECT_THROW_MESSAGE(load_checkpoint(good, other, {.facts = {{"data", "a text"}}}), Error,
                       "is of another model: C 32, L 2, H 4, K 2, F 64");
  Trainer same = trainer();
  EXPECT_THROW_MESSAGE(load_checkpoint(good, same, {.facts = {{"data", "a book"}}}), Error,
                       "another data: 'a text' then, 'a book' now");
  ModelConfig more = kTiny;
  more.b = 3;
  Trainer batch = trainer(more);
  EXPECT_THROW_MESSAGE(load_checkpoint(good, batch, {}), Error,
                       "another batch: '2 x 2 x 16' then, '2 x 3 x 16' now");
  EXPECT_THROW_MESSAGE(load_checkpoint(folder_ / "nowhere", same), Error, "is not there");
  EXPECT_THROW_MESSAGE(load_checkpoint(folder_, same), Error, "holds neither");
  EXPECT_THROW_MESSAGE(load_checkpoint(good / "config.json", same), Error, "a checkpoint is a folder");

  // Without the manifest the files are compared with each other.
  fs::remove(good / "manifest.json");
  write_safetensors_file((good / "optimizer.safetensors").string(), {});
  EXPECT_THROW_MESSAGE(load_checkpoint(good, same), Error, "is of another optimizer");
  fs::remove(good / "trainer_state.json");
  EXPECT_THROW_MESSAGE(load_checkpoint(good, same), Error, "nothing to resume");
}

TEST_F(CheckpointTest, RefusesLlamasThatOursIsNot) {
  const fs::path good = saved();
  fs::remove(good / "manifest.json");
  const auto original = nlohmann::json::parse(read_file(good / "config.json"));
  const auto refused = [&](const char* entry, const nlohmann::json& value, const std::string& what) {
    SCOPED_TRACE(fmt::format("{} = {}", entry, value.dump()));
    auto changed = original;
    changed[entry] = value;
    write_file(good / "config.json", changed.dump());
    EXPECT_THROW_MESSAGE(read_llama_config(good), Error, what);
  };
  refused("model_type", "mistral", "model_type is \"mistral\"");
  refused("tie_word_embeddings", false, "tie_word_embeddings is not true");
  refused("tie_word_embeddings", nullptr, "tie_word_embeddings is not true");
  refused("attention_bias", true, "attention_bias is true");
  refused("mlp_bias", true, "mlp_bias is true");
  refused("hidden_act", "gelu", "hidden_act is \"gelu\"");
  refused("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}}, "rope_scaling is of type \"llama3\"");
  refused("rope_scaling", {{"type", "linear"}, {"factor", 2.0}}, "rope_scaling is of type \"linear\"");
  refused("rope_scaling", "linear", "rope_scaling");
  refused("rope_parameters", {{"rope_type", "yarn"}}, "rope_parameters is of type \"yarn\"");
  refused("head_dim", 16, "head_dim is 16");
  refused("sliding_window", 4096, "sliding_window is 4096");
  refused("quantization_config", {{"bits", 4}}, "quantization_config");
  refused("hidden_size", 33, "do not divide the model width 33");
  refused("hidden_size", -32, "hidden_size is -32");
  refused("hidden_size", 1e30, "hidden_size is 1e+30");
  refused("hidden_size", nullptr, "hidden_size is missing");
  refused("num_hidden_layers", "two", "num_hidden_layers is \"two\"");
  refused("rms_norm_eps", "small", "rms_norm_eps is \"small\"");
  write_file(good / "config.json", std::string(100000, '['));
  EXPECT_THROW_MESSAGE(read_llama_config(good), Error, "config.json'");
  write_file(good / "config.json", "{");
  EXPECT_THROW_MESSAGE(read_llama_config(good), Error, "is not a JSON object");
}

// A file that may not grow is how a full disk looks from here; the checkpoint before stays whole.
TEST_F(CheckpointTest, AFailedWriteLeavesThePreviousCheckpoint) {
  saved();
  CheckpointStore store(run());
  Trainer one = trainer();
  load_checkpoint(run(), one);
  one.train(1);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  for (const rlim_t most : {rlim_t{0}, rlim_t{10}, rlim_t{1000}, rlim_t{100000}}) {
    rlimit limited = before;
    limited.rlim_cur = most;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
    std::string message;
    try {
      save_checkpoint(store, one);
    } catch (const Error& error) {
      message = error.what();
    }
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_NE(message.find("ulimit -f"), std::string::npos) << message;
    EXPECT_EQ(std::distance(fs::directory_iterator(run()), {}), 2) << "half a checkpoint was left";
    Trainer loaded = trainer();
    EXPECT_EQ(load_checkpoint(run(), loaded).step, 3);
  }
  EXPECT_EQ(save_checkpoint(store, one).filename(), "step-00000004");
}

TEST_F(CheckpointTest, RefusesAFolderThatCannotBeWrittenTo) {
  write_file(folder_ / "taken", "x");
  EXPECT_THROW_MESSAGE(CheckpointStore(folder_ / "taken"), Error, "cannot write in");
  EXPECT_THROW_MESSAGE(CheckpointStore("/proc/self/no_such_folder"), Error, "cannot write in");
  if (getuid() == 0) return;  // root may write everywhere
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THROW_MESSAGE(CheckpointStore{folder_}, Error, "choose a folder that you may write to");
  fs::permissions(folder_, fs::perms::owner_all);
}

TEST(Crc32Test, IsThatOfZlib) {
  const auto of = [](const std::string& text) { return crc32(std::as_bytes(std::span(text))); };
  EXPECT_EQ(of(""), 0u);
  EXPECT_EQ(of("123456789"), 0xCBF43926u);  // the check value of every description of it
  const std::string text = "a longer text, whose parts are taken one after another";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const auto bytes = std::as_bytes(std::span(text));
    EXPECT_EQ(crc32(bytes.subspan(cut), crc32(bytes.first(cut))), of(text));
  }
}

}  // namespace
}  // namespace wb
