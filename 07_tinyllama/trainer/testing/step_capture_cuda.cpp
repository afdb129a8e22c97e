// A whole training step, optimizer included, inside a stream capture: CUDA refuses any allocation and any
// wait there, so a step that can be captured does neither. Launched, the graph is that very step.
#include "07_tinyllama/trainer/trainer.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

constexpr ModelConfig kTiny = {.c = 32, .l = 2, .h = 4, .k = 2, .f = 64, .v = 64, .b = 2, .t = 16};

struct Stream {
  cudaStream_t stream = nullptr;
  Stream() { WB_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking)); }
  ~Stream() { static_cast<void>(cudaStreamDestroy(stream)); }
};

TEST(StepCaptureTest, AWholeStepCanBeCaptured) {
  for (const Precision precision : {Precision::kFp32, Precision::kTf32, Precision::kBf16}) {
    for (const OptimizerKind optimizer : {OptimizerKind::kAdamW, OptimizerKind::kMuon}) {
      SCOPED_TRACE(testing::Message() << name_of(precision) << ", " << name_of(optimizer));
      const Stream one, two;
      TrainerOptions options = {.config = kTiny,
                                .kernels = select_kernels("auto", precision),
                                .optimizer = optimizer,
                                .clip_norm = 1.0f,
                                .max_steps = 3,
                                .stream = one.stream};
      Trainer plain(options, Data::random(kTiny, 1));
      plain.train(3);
      options.stream = two.stream;
      Trainer captured(options, Data::random(kTiny, 1));
      captured.train(2);  // libraries allocate what they keep
      captured.synchronize();

      cudaGraph_t graph = nullptr;
      cudaGraphExec_t executable = nullptr;
      WB_CUDA_CHECK(cudaStreamBeginCapture(two.stream, cudaStreamCaptureModeGlobal));
      captured.step();
      WB_CUDA_CHECK(cudaStreamEndCapture(two.stream, &graph));
      WB_CUDA_CHECK(cudaGraphInstantiate(&executable, graph, 0));
      WB_CUDA_CHECK(cudaGraphLaunch(executable, two.stream));
      EXPECT_EQ(captured.losses(), plain.losses());
      captured.synchronize();
      plain.synchronize();
      EXPECT_EQ(captured.model().parameters().download(), plain.model().parameters().download());
      WB_CUDA_CHECK(cudaGraphExecDestroy(executable));
      WB_CUDA_CHECK(cudaGraphDestroy(graph));
    }
  }
}

}  // namespace
}  // namespace wb
