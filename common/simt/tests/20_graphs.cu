// Rung 20: stream capture and CUDA graphs of one stream. What is enqueued in a captured stream does not run;
// each launch of the graph runs all of it, in order, with the arguments that it was captured with.
#include <cuda_runtime_api.h>

#include "common/simt/tests/ladder.h"

namespace {

__global__ void add(int* out, int value) {
  atomicAdd(out, value);
}
__global__ void multiply_add(int* out, int factor, int addend) {
  *out = *out * factor + addend;
}

class Graphs : public testing::Test {
 protected:
  void SetUp() override {
    WB_CUDA_CHECK(cudaStreamCreate(&stream_));
    WB_CUDA_CHECK(cudaMalloc(reinterpret_cast<void**>(&value_), sizeof(int)));
    WB_CUDA_CHECK(cudaMemset(value_, 0, sizeof(int)));
  }
  void TearDown() override {
    if (executable_ != nullptr) WB_CUDA_CHECK(cudaGraphExecDestroy(executable_));
    if (graph_ != nullptr) WB_CUDA_CHECK(cudaGraphDestroy(graph_));
    WB_CUDA_CHECK(cudaStreamDestroy(stream_));
    WB_CUDA_CHECK(cudaFree(value_));
  }
  void begin(cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal) {
    WB_CUDA_CHECK(cudaStreamBeginCapture(stream_, mode));
  }
  void end_and_instantiate() {
    WB_CUDA_CHECK(cudaStreamEndCapture(stream_, &graph_));
    WB_CUDA_CHECK(cudaGraphInstantiate(&executable_, graph_, 0));
  }
  int value() {
    int found = 0;
    WB_CUDA_CHECK(cudaStreamSynchronize(stream_));
    WB_CUDA_CHECK(cudaMemcpy(&found, value_, sizeof(int), cudaMemcpyDeviceToHost));
    return found;
  }

  cudaStream_t stream_ = nullptr;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
  int* value_ = nullptr;
};

TEST_F(Graphs, RunNothingWhileTheyAreCaptured) {
  begin();
  add<<<4, 32, 0, stream_>>>(value_, 1);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  EXPECT_EQ(cudaStreamIsCapturing(stream_, &status), cudaSuccess);
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  end_and_instantiate();
  EXPECT_EQ(value(), 0);
  EXPECT_EQ(cudaStreamIsCapturing(stream_, &status), cudaSuccess);
  EXPECT_EQ(status, cudaStreamCaptureStatusNone);
}

TEST_F(Graphs, RunEveryNodeAtEachLaunch) {
  begin();
  add<<<4, 32, 0, stream_>>>(value_, 1);
  add<<<1, 1, 0, stream_>>>(value_, 1000);
  end_and_instantiate();
  std::size_t nodes = 0;
  EXPECT_EQ(cudaGraphGetNodes(graph_, nullptr, &nodes), cudaSuccess);
  EXPECT_EQ(nodes, 2u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(cudaGraphLaunch(executable_, stream_), cudaSuccess);
  EXPECT_EQ(value(), 3 * 1128);
}

TEST_F(Graphs, KeepTheOrderOfTheirNodesAndOfTheStream) {
  begin();
  multiply_add<<<1, 1, 0, stream_>>>(value_, 2, 0);
  multiply_add<<<1, 1, 0, stream_>>>(value_, 1, 3);
  end_and_instantiate();
  multiply_add<<<1, 1, 0, stream_>>>(value_, 0, 5);
  WB_CUDA_CHECK(cudaGraphLaunch(executable_, stream_));  // 5 * 2 + 3
  multiply_add<<<1, 1, 0, stream_>>>(value_, 10, 0);
  WB_CUDA_CHECK(cudaGraphLaunch(executable_, stream_));  // 130 * 2 + 3
  EXPECT_EQ(value(), 263);
}

TEST_F(Graphs, HoldFillsAndCopies) {
  int* other = nullptr;
  WB_CUDA_CHECK(cudaMalloc(reinterpret_cast<void**>(&other), sizeof(int)));
  begin();
  WB_CUDA_CHECK(cudaMemsetAsync(other, 0, sizeof(int), stream_));
  add<<<1, 32, 0, stream_>>>(other, 2);
  WB_CUDA_CHECK(cudaMemcpyAsync(value_, other, sizeof(int), cudaMemcpyDeviceToDevice, stream_));
  end_and_instantiate();
  for (int i = 0; i < 2; ++i) WB_CUDA_CHECK(cudaGraphLaunch(executable_, stream_));
  EXPECT_EQ(value(), 64);
  WB_CUDA_CHECK(cudaFree(other));
}

TEST_F(Graphs, OrderTheirLaunchesInDifferentStreams) {
  cudaStream_t other = nullptr;
  WB_CUDA_CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
  begin();
  multiply_add<<<1, 1, 0, stream_>>>(value_, 1, 1);  // not atomic: two at once would lose one
  end_and_instantiate();
  for (int i = 0; i < 50; ++i) WB_CUDA_CHECK(cudaGraphLaunch(executable_, i % 2 == 0 ? stream_ : other));
  WB_CUDA_CHECK(cudaStreamSynchronize(other));
  EXPECT_EQ(value(), 50);
  WB_CUDA_CHECK(cudaStreamDestroy(other));
}

TEST_F(Graphs, MayBeDestroyedBeforeTheirLaunchesHaveRun) {
  begin();
  add<<<1000, 32, 0, stream_>>>(value_, 1);
  end_and_instantiate();
  WB_CUDA_CHECK(cudaGraphLaunch(executable_, stream_));
  WB_CUDA_CHECK(cudaGraphExecDestroy(executable_));
  WB_CUDA_CHECK(cudaGraphDestroy(graph_));
  executable_ = nullptr;
  graph_ = nullptr;
  EXPECT_EQ(value(), 32000);
}

TEST_F(Graphs, RefuseToWaitInACapture) {
  begin();
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph_), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(graph_, nullptr);
  static_cast<void>(cudaGetLastError());
  add<<<1, 1, 0, stream_>>>(value_, 1);  // the stream is usable again
  EXPECT_EQ(value(), 1);
}

TEST_F(Graphs, RefuseToAllocateInACapture) {
  void* memory = nullptr;
  begin();
  EXPECT_EQ(cudaMalloc(&memory, 4), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph_), cudaErrorStreamCaptureInvalidated);
  static_cast<void>(cudaGetLastError());
}

TEST_F(Graphs, RefuseTheDefaultStream) {
  EXPECT_EQ(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported);
  static_cast<void>(cudaGetLastError());
  begin();
  add<<<1, 1>>>(value_, 1);  // waits for blocking streams, so it would have to wait for the capture
  EXPECT_EQ(cudaGetLastError(), cudaErrorStreamCaptureImplicit);
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph_), cudaErrorStreamCaptureInvalidated);
  static_cast<void>(cudaGetLastError());
}

TEST_F(Graphs, RefuseAnEndWithoutABeginning) {
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph_), cudaErrorIllegalState);
  static_cast<void>(cudaGetLastError());
}

}  // namespace
