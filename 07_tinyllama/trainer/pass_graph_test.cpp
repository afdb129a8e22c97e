// Passes launched as CUDA graphs: the same bits as without, in every precision. Where there are no graphs, a
// clear refusal.
#include "07_tinyllama/trainer/pass_graph.h"

#include <vector>

#include "07_tinyllama/trainer/trainer.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

constexpr ModelConfig kTiny = {.c = 32, .l = 2, .h = 4, .k = 2, .f = 64, .v = 64, .b = 2, .t = 16};
constexpr int kSteps = 6;

struct Outcome {
  std::vector<float> losses;
  std::vector<float> parameters;
  float validation = 0.0f;
};

Outcome train(const TrainerOptions& options) {
  Trainer trainer(options, Data::random(kTiny, 1));
  const Data validation = Data::random(kTiny, 2);
  trainer.train(kSteps / 2);
  // Between steps other batches go through the same recorded pass.
  const float loss = trainer.evaluate(validation, 3);
  trainer.train(kSteps / 2);
  return {trainer.losses(), trainer.model().parameters().download(), loss};
}

TEST(PassGraphTest, TrainsTheSameBits) {
  if (!PassGraph::supported()) GTEST_SKIP() << "this device has no graphs";
  for (const Precision precision : {Precision::kFp32, Precision::kTf32, Precision::kBf16}) {
    for (const int accumulation : {1, 3}) {
      SCOPED_TRACE(testing::Message() << name_of(precision) << ", accumulation " << accumulation);
      TrainerOptions options = {.config = kTiny,
                                .kernels = select_kernels("auto", precision),
                                .clip_norm = 1.0f,
                                .gradient_accumulation = accumulation,
                                .max_steps = kSteps};
      const Outcome plain = train(options);
      options.graph = true;
      const Outcome graph = train(options);
      EXPECT_EQ(graph.losses, plain.losses);
      EXPECT_EQ(graph.validation, plain.validation);
      EXPECT_EQ(graph.parameters, plain.parameters);
    }
  }
}

TEST(PassGraphTest, RunsOnceUnrecordedThenLaunchesWhatItRecorded) {
  if (!PassGraph::supported()) GTEST_SKIP() << "this device has no graphs";
  DeviceBuffer<float> buffer(64);
  PassGraph graph;
  int calls = 0;
  for (int run = 0; run < 4; ++run) {
    buffer.fill_bytes(0xff);
    graph.run(nullptr, [&](cudaStream_t stream) {
      ++calls;
      buffer.fill_bytes(0, stream);
    });
    EXPECT_EQ(buffer.download(), std::vector<float>(64, 0.0f)) << "run " << run;
  }
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(graph.nodes(), 1u);
}

TEST(PassGraphTest, RefusesWhatCannotBeRecorded) {
  if (!PassGraph::supported()) GTEST_SKIP() << "this device has no graphs";
  PassGraph graph;
  const auto waits = [](cudaStream_t stream) { WB_CUDA_CHECK(cudaStreamSynchronize(stream)); };
  graph.run(nullptr, waits);
  EXPECT_THROW_MESSAGE(graph.run(nullptr, waits), Error, "cudaStreamSynchronize");
  // The thread is usable after that.
  DeviceBuffer<float> buffer(64);
  buffer.fill_bytes(0);
  EXPECT_EQ(buffer.download(), std::vector<float>(64, 0.0f));
}

TEST(PassGraphTest, IsRefusedByNameWhereThereIsNone) {
  if (PassGraph::supported()) GTEST_SKIP() << "this device has graphs";
  EXPECT_THROW_MESSAGE(
      Trainer({.config = kTiny, .kernels = select_kernels("auto"), .graph = true}, Data::random(kTiny, 1)),
      Error, "on the CPU device the trainer uses no CUDA graphs");
  PassGraph graph;
  EXPECT_THROW_MESSAGE(graph.run(nullptr, [](cudaStream_t) {}), Error, "uses no CUDA graphs");
}

}  // namespace
}  // namespace wb
