// How an algorithm is chosen: cuBLASLt's heuristics name eight, and each is timed.
//
// A product of a small model takes 10 us, which is not much longer than the host needs to launch it. Each
// algorithm is therefore timed in a CUDA graph of several calls, as a training step would replay it. All are
// timed in turn, several times, because the clock of a GPU changes under load. The operands are those of the
// call each time: small ones are in the L2 cache, as they are in a training step.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "02_matmul/matmul_cublaslt_choice.h"
#include "common/core/bf16.h"
#include "common/core/check.h"

namespace wb {
namespace {

constexpr int kPromising = 8;
constexpr int kRounds = 3;
constexpr double kRoundSeconds = 2e-4;  // of calls in a graph, at least one call
constexpr int kMaxCalls = 20;

cudaEvent_t new_event() {
  cudaEvent_t event = nullptr;
  WB_CUDA_CHECK(cudaEventCreate(&event));
  return event;
}

// A stream that can be captured, and the time between two points of it.
class Clock {
 public:
  Clock() : begin_(new_event()), end_(new_event()) {
    WB_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  }
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  ~Clock() {
    static_cast<void>(cudaStreamDestroy(stream_));
    static_cast<void>(cudaEventDestroy(end_));
    static_cast<void>(cudaEventDestroy(begin_));
  }
  cudaStream_t stream() const { return stream_; }
  template <class Enqueue>
  double seconds_of(Enqueue enqueue) {
    WB_CUDA_CHECK(cudaEventRecord(begin_, stream_));
    enqueue();
    WB_CUDA_CHECK(cudaEventRecord(end_, stream_));
    WB_CUDA_CHECK(cudaEventSynchronize(end_));
    float milliseconds = 0.0f;
    WB_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin_, end_));
    return 1e-3 * static_cast<double>(milliseconds);
  }

 private:
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_, end_;
};

// An algorithm with its graph and its best time.
struct Candidate {
  cublasLtMatmulAlgo_t algorithm;
  int calls = 1;
  std::unique_ptr<CUgraphExec_st, cudaError_t (*)(cudaGraphExec_t)> graph{nullptr, cudaGraphExecDestroy};
  double seconds = std::numeric_limits<double>::infinity();  // of a call
};

class Choosing {
 public:
  Choosing(cublasLtHandle_t handle, CublasLtProduct& product, const CublasLtCall& call)
      : handle_(handle), product_(product), call_(call) {}

  // The fastest of those that run. One that fails is out: the rules of thumb promise nothing.
  cublasLtMatmulAlgo_t fastest(const std::vector<cublasLtMatmulAlgo_t>& algorithms) {
    std::vector<Candidate> candidates;
    for (const cublasLtMatmulAlgo_t& algorithm : algorithms) {
      Candidate candidate{.algorithm = algorithm};
      if (record(candidate)) candidates.push_back(std::move(candidate));
    }
    if (candidates.empty()) throw Error("matmul cublaslt: none of cuBLASLt's algorithms runs");
    for (int round = 0; round < kRounds; ++round) {
      for (Candidate& candidate : candidates) {
        const double seconds = clock_.seconds_of(
            [&] { WB_CUDA_CHECK(cudaGraphLaunch(candidate.graph.get(), clock_.stream())); });
        candidate.seconds = std::min(candidate.seconds, seconds / candidate.calls);
      }
    }
    return std::min_element(candidates.begin(), candidates.end(),
                            [](const auto& x, const auto& y) { return x.seconds < y.seconds; })
        ->algorithm;
  }

 private:
  cublasStatus_t run(const Candidate& candidate) {
    return product_.run(handle_, candidate.algorithm, call_, clock_.stream());
  }

  // Once as it is, since a kernel is loaded at its first call; once more to see how long it takes; then as a
  // graph.
  bool record(Candidate& candidate) {
    if (run(candidate) != CUBLAS_STATUS_SUCCESS) return false;
    const double seconds = clock_.seconds_of([&] { static_cast<void>(run(candidate)); });
    candidate.calls = std::clamp(static_cast<int>(std::lround(kRoundSeconds / seconds)), 1, kMaxCalls);
    WB_CUDA_CHECK(cudaStreamBeginCapture(clock_.stream(), cudaStreamCaptureModeThreadLocal));
    bool runs = true;
    for (int i = 0; i < candidate.calls; ++i) runs = runs && run(candidate) == CUBLAS_STATUS_SUCCESS;
    cudaGraph_t recorded = nullptr;
    WB_CUDA_CHECK(cudaStreamEndCapture(clock_.stream(), &recorded));
    const std::unique_ptr<CUgraph_st, cudaError_t (*)(cudaGraph_t)> graph(recorded, cudaGraphDestroy);
    if (!runs) return false;
    cudaGraphExec_t executable = nullptr;
    WB_CUDA_CHECK(cudaGraphInstantiate(&executable, graph.get(), 0));
    candidate.graph.reset(executable);
    return true;
  }

  Clock clock_;
  cublasLtHandle_t handle_;
  CublasLtProduct& product_;
  const CublasLtCall& call_;
};

// Chooses outside of a capture. What is there already is done first: the products that are timed write to c.
cublasLtMatmulAlgo_t choose(cublasLtHandle_t handle, const CublasLtProblem& problem, CublasLtProduct& product,
                            CublasLtCall call, const std::vector<cublasLtMatmulAlgo_t>& algorithms,
                            cudaStream_t stream) {
  WB_CUDA_CHECK(cudaStreamSynchronize(stream));
  DeviceBuffer<unsigned char> instead;
  if (problem.accumulates) {
    const std::size_t element = problem.out == CUDA_R_16BF ? sizeof(bf16) : sizeof(float);
    instead = DeviceBuffer<unsigned char>(static_cast<std::size_t>(problem.m) * problem.n * element);
    call.result = instead.data();
  }
  return Choosing(handle, product, call).fastest(algorithms);
}

void set(cublasLtMatmulPreferenceOpaque_t& preference, cublasLtMatmulPreferenceAttributes_t what,
         const auto& value) {
  cublas_check(cublasLtMatmulPreferenceSetAttribute(&preference, what, &value, sizeof(value)),
               "cublasLtMatmulPreferenceSetAttribute");
}

void set(cublasLtMatmulDescOpaque_t& product, cublasLtMatmulDescAttributes_t what, const auto& value) {
  cublas_check(cublasLtMatmulDescSetAttribute(&product, what, &value, sizeof(value)),
               "cublasLtMatmulDescSetAttribute");
}

}  // namespace

CublasLtProduct::CublasLtProduct(const CublasLtProblem& problem) {
  const bool a_transposed = problem.layout == MatmulLayout::kTN;
  const bool b_transposed = problem.layout == MatmulLayout::kNT;
  cublas_check(cublasLtMatmulDescInit(&product_, problem.compute, CUDA_R_32F), "cublasLtMatmulDescInit");
  const cublasOperation_t first = b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t second = a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  set(product_, CUBLASLT_MATMUL_DESC_TRANSA, first);
  set(product_, CUBLASLT_MATMUL_DESC_TRANSB, second);
  if (problem.bias_gelu) set(product_, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_GELU_BIAS);
  // Row-major (rows, columns) is column-major (columns, rows).
  const auto describe = [](cublasLtMatrixLayoutOpaque_t& layout, cudaDataType_t type, int rows, int columns) {
    cublas_check(cublasLtMatrixLayoutInit(&layout, type, static_cast<std::uint64_t>(columns),
                                          static_cast<std::uint64_t>(rows), columns),
                 "cublasLtMatrixLayoutInit");
  };
  const auto [m, n, k] = std::array{problem.m, problem.n, problem.k};
  describe(first_, problem.in, b_transposed ? n : k, b_transposed ? k : n);
  describe(second_, problem.in, a_transposed ? k : m, a_transposed ? m : k);
  describe(result_, problem.out, m, n);
}

cublasStatus_t CublasLtProduct::run(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& algorithm,
                                    const CublasLtCall& call, cudaStream_t stream) {
  if (call.bias != nullptr) set(product_, CUBLASLT_MATMUL_DESC_BIAS_POINTER, call.bias);
  return cublasLtMatmul(handle, &product_, &call.alpha, call.b, &first_, call.a, &second_, &call.beta, call.c,
                        &result_, call.result, &result_, &algorithm, call.workspace, kCublasLtWorkspace,
                        stream);
}

std::vector<cublasLtMatmulAlgo_t> CublasLtProduct::promising(cublasLtHandle_t handle,
                                                             const CublasLtProblem& problem, int wanted) {
  cublasLtMatmulPreferenceOpaque_t preference;
  cublas_check(cublasLtMatmulPreferenceInit(&preference), "cublasLtMatmulPreferenceInit");
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{kCublasLtWorkspace});
  // A sum that is split stays fp32 until it is whole.
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, std::uint32_t{problem.b_alignment});
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, std::uint32_t{problem.a_alignment});
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, std::uint32_t{problem.c_alignment});
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, std::uint32_t{problem.c_alignment});
  // "tf32" allows fp32 as well, and a small product may be faster in fp32: it is no answer to what was asked,
  // unless there is no other.
  if (problem.compute == CUBLAS_COMPUTE_32F_FAST_TF32) {
    set(preference, CUBLASLT_MATMUL_PREF_IMPL_MASK, ~std::uint64_t{CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F});
    std::vector<cublasLtMatmulAlgo_t> algorithms = promising(handle, preference, wanted);
    if (!algorithms.empty()) return algorithms;
    set(preference, CUBLASLT_MATMUL_PREF_IMPL_MASK, ~std::uint64_t{0});
  }
  std::vector<cublasLtMatmulAlgo_t> algorithms = promising(handle, preference, wanted);
  if (algorithms.empty()) throw Error("matmul cublaslt: cuBLASLt has no algorithm for this product");
  return algorithms;
}

std::vector<cublasLtMatmulAlgo_t> CublasLtProduct::promising(cublasLtHandle_t handle,
                                                             cublasLtMatmulPreferenceOpaque_t& preference,
                                                             int wanted) {
  std::vector<cublasLtMatmulHeuristicResult_t> found(static_cast<std::size_t>(wanted));
  int count = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle, &product_, &first_, &second_, &result_, &result_, &preference, wanted, found.data(), &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
  cublas_check(status, "matmul cublaslt: cublasLtMatmulAlgoGetHeuristic");
  std::vector<cublasLtMatmulAlgo_t> algorithms;
  for (int i = 0; i < count; ++i) {
    if (found[static_cast<std::size_t>(i)].state == CUBLAS_STATUS_SUCCESS) {
      algorithms.push_back(found[static_cast<std::size_t>(i)].algo);
    }
  }
  return algorithms;
}

cublasLtMatmulAlgo_t cublaslt_choice(cublasLtHandle_t handle, const CublasLtProblem& problem,
                                     CublasLtProduct& product, const CublasLtCall& call,
                                     cudaStream_t stream) {
  static std::mutex mutex;
  static std::map<std::pair<int, CublasLtProblem>, cublasLtMatmulAlgo_t> kept;
  int device = 0;
  WB_CUDA_CHECK(cudaGetDevice(&device));
  const std::lock_guard lock(mutex);
  const auto known = kept.find({device, problem});
  if (known != kept.end()) return known->second;
  const std::vector<cublasLtMatmulAlgo_t> algorithms = product.promising(handle, problem, kPromising);
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  WB_CUDA_CHECK(cudaStreamIsCapturing(stream, &capture));
  const bool can_time = capture == cudaStreamCaptureStatusNone && algorithms.size() > 1;
  const cublasLtMatmulAlgo_t chosen =
      can_time ? choose(handle, problem, product, call, algorithms, stream) : algorithms.front();
  kept.emplace(std::pair{device, problem}, chosen);
  return chosen;
}

}  // namespace wb
