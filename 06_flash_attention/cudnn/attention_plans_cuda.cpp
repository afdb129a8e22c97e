// cuDNN takes a graph of operations and looks for an engine that computes all of it in one kernel. Through
// NVIDIA's header-only library cudnn_frontend the graph is one node, "sdpa" or "sdpa_backward": the library
// knows of which small operations cuDNN's engines are made, and what each version of cuDNN needs beside them.
#include <cudnn_frontend.h>

#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "06_flash_attention/cudnn/attention_plans.h"
#include "common/core/device_attribute.h"
#include "common/core/device_buffer.h"

namespace wb {
namespace {

namespace fe = cudnn_frontend;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;

// The order in which execute() is given the pointers.
enum Uid : std::int64_t { kQ = 1, kK, kV, kOut, kLse, kDout, kDq, kDk, kDv };

void check(fe::error_t status, const char* call) {
  if (status.is_bad()) {
    throw Error(std::string("attention library: cuDNN's ") + call + ": " + status.get_message());
  }
}
void check(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS) {
    throw Error(std::string("attention library: ") + call + ": " + cudnnGetErrorString(status));
  }
}

// A graph that cuDNN has found an engine for.
class Plan {
 public:
  explicit Plan(const AttentionShape& shape) : shape_(shape) {
    graph_.set_io_data_type(fe::DataType_t::BFLOAT16)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
  }

  void describe_forward(const CudnnForward& pass) {
    fe::graph::SDPA_attributes attributes;
    attributes.set_name("attention").set_generate_stats(true);
    mask_and_scale(attributes);
    auto [out, lse] = graph_.sdpa(input(kQ, pass.q), input(kK, pass.k), input(kV, pass.v), attributes);
    output(out, kOut, pass.out);
    lse->set_output(true).set_uid(kLse).set_data_type(fe::DataType_t::FLOAT);
    lse->set_dim(lse_sizes()).set_stride(lse_strides());
  }

  void describe_backward(const CudnnBackward& pass) {
    fe::graph::SDPA_backward_attributes attributes;
    attributes.set_name("attention_backward");
    mask_and_scale(attributes);
    const Tensor lse = graph_.tensor(fe::graph::Tensor_attributes()
                                         .set_uid(kLse)
                                         .set_data_type(fe::DataType_t::FLOAT)
                                         .set_dim(lse_sizes())
                                         .set_stride(lse_strides()));
    auto [dq, dk, dv] = graph_.sdpa_backward(input(kQ, pass.q), input(kK, pass.k), input(kV, pass.v),
                                             input(kOut, pass.out), input(kDout, pass.dout), lse, attributes);
    output(dq, kDq, pass.dq);
    output(dk, kDk, pass.dk);
    output(dv, kDv, pass.dv);
  }

  void build(cudnnHandle_t handle) {
    check(graph_.build(handle, {fe::HeurMode_t::A}), "build");
    check(graph_.get_workspace_size(workspace_bytes_), "get_workspace_size");
  }
  std::size_t workspace_bytes() const { return static_cast<std::size_t>(workspace_bytes_); }

  template <std::size_t kPointers>
  void execute(cudnnHandle_t handle, std::array<void*, kPointers> pointers, void* workspace) const {
    check(graph_.execute(handle, pointers.data(), static_cast<int>(kPointers), workspace), "execute");
  }
  // Memory for a pass that gets none from its caller. Two streams must not share it.
  void* workspace_of(cudaStream_t stream) {
    if (workspace_bytes_ == 0) return nullptr;
    DeviceBuffer<unsigned char>& workspace = workspaces_[stream];
    if (workspace.size() == 0) workspace = DeviceBuffer<unsigned char>(workspace_bytes());
    return workspace.data();
  }

 private:
  void mask_and_scale(auto& attributes) const {
    attributes.set_attn_scale(shape_.scale);
    if (shape_.causal) {
      attributes.set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT).set_diagonal_band_right_bound(0);
    }
  }
  // cuDNN's order of letters is (B, heads, T, D), whatever the strides are.
  std::vector<std::int64_t> lse_sizes() const { return {shape_.b, shape_.h, shape_.t, 1}; }
  std::vector<std::int64_t> lse_strides() const {
    return {static_cast<std::int64_t>(shape_.h) * shape_.t, shape_.t, 1, 1};
  }
  template <class View>
  std::vector<std::int64_t> sizes(const View& view) const {
    return {shape_.b, view.heads, shape_.t, shape_.d};
  }
  template <class View>
  static std::vector<std::int64_t> strides(const View& view) {
    return {view.stride_b, view.stride_h, view.stride_t, view.stride_d};
  }
  Tensor input(Uid uid, const HeadsView<const bf16>& view) {
    return graph_.tensor(
        fe::graph::Tensor_attributes().set_uid(uid).set_dim(sizes(view)).set_stride(strides(view)));
  }
  void output(const Tensor& tensor, Uid uid, const HeadsView<bf16>& view) const {
    tensor->set_output(true).set_uid(uid).set_dim(sizes(view)).set_stride(strides(view));
  }

  AttentionShape shape_;
  fe::graph::Graph graph_;
  std::int64_t workspace_bytes_ = 0;
  std::map<cudaStream_t, DeviceBuffer<unsigned char>> workspaces_;
};

// A handle and the plans made with it: one for each thread and device, since handles are not thread-safe.
class Cudnn {
 public:
  Cudnn() { check(cudnnCreate(&handle_), "cudnnCreate"); }
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;
  ~Cudnn() { static_cast<void>(cudnnDestroy(handle_)); }

  static Cudnn& of_thread() {
    thread_local std::map<int, std::unique_ptr<Cudnn>> all;
    int device = 0;
    WB_CUDA_CHECK(cudaGetDevice(&device));
    std::unique_ptr<Cudnn>& one = all[device];
    if (one == nullptr) one = std::make_unique<Cudnn>();
    return *one;
  }
  cudnnHandle_t on(cudaStream_t stream) {
    check(cudnnSetStream(handle_, stream), "cudnnSetStream");
    return handle_;
  }

  Plan& plan_of(const CudnnForward& pass) {
    return plan({0}, pass.shape, strides_of(pass.q, pass.k, pass.v, pass.out),
                [&](Plan& plan) { plan.describe_forward(pass); });
  }
  Plan& plan_of(const CudnnBackward& pass) {
    return plan({1}, pass.shape,
                strides_of(pass.dout, pass.q, pass.k, pass.v, pass.out, pass.dq, pass.dk, pass.dv),
                [&](Plan& plan) { plan.describe_backward(pass); });
  }

 private:
  using Key = std::vector<std::int64_t>;

  template <class... Views>
  static Key strides_of(const Views&... views) {
    Key all;
    for (const auto& stride : {std::array{views.stride_b, views.stride_t, views.stride_h}...}) {
      all.insert(all.end(), stride.begin(), stride.end());
    }
    return all;
  }

  template <class Describe>
  Plan& plan(Key key, const AttentionShape& shape, const Key& strides, Describe describe) {
    key.insert(key.end(), {shape.b, shape.t, shape.h, shape.kv, shape.d, shape.causal ? 1 : 0,
                           std::bit_cast<std::int32_t>(shape.scale)});
    key.insert(key.end(), strides.begin(), strides.end());
    std::unique_ptr<Plan>& kept = plans_[std::move(key)];
    if (kept == nullptr) {
      auto made = std::make_unique<Plan>(shape);
      describe(*made);
      made->build(handle_);
      kept = std::move(made);
    }
    return *kept;
  }

  cudnnHandle_t handle_ = nullptr;
  std::map<Key, std::unique_ptr<Plan>> plans_;
};

// cuDNN's pointers are to what it may write: it is told which it does.
template <class T>
void* pointer(const T* data) {
  return const_cast<T*>(data);
}

}  // namespace

bool cudnn_has(const AttentionShape& shape) {
  constexpr int kFirstCapability = 8;
  return shape.d % 8 == 0 && shape.t > 1 && shape.scale > 0.0f &&
         device_attribute(cudaDevAttrComputeCapabilityMajor) >= kFirstCapability;
}

void cudnn_forward(const CudnnForward& pass, cudaStream_t stream) {
  Cudnn& cudnn = Cudnn::of_thread();
  Plan& plan = cudnn.plan_of(pass);
  plan.execute(cudnn.on(stream),
               std::array{pointer(pass.q.data), pointer(pass.k.data), pointer(pass.v.data),
                          pointer(pass.out.data), pointer(pass.lse)},
               plan.workspace_of(stream));
}

void cudnn_backward(const CudnnBackward& pass, cudaStream_t stream) {
  Cudnn& cudnn = Cudnn::of_thread();
  const Plan& plan = cudnn.plan_of(pass);
  // The caller's memory is for contiguous tensors. Others must not need more.
  WB_REQUIRE(plan.workspace_bytes() <= cudnn_workspace(pass.shape), plan.workspace_bytes());
  plan.execute(cudnn.on(stream),
               std::array{pointer(pass.q.data), pointer(pass.k.data), pointer(pass.v.data),
                          pointer(pass.out.data), pointer(pass.lse), pointer(pass.dout.data),
                          pointer(pass.dq.data), pointer(pass.dk.data), pointer(pass.dv.data)},
               pass.workspace);
}

std::size_t cudnn_workspace(const AttentionShape& shape) {
  const auto view = [&](int heads) { return token_major_view<bf16>(nullptr, shape.t, heads, shape.d); };
  const HeadsView<bf16> queries = view(shape.h), keys = view(shape.kv);
  return Cudnn::of_thread()
      .plan_of(
          CudnnBackward{queries, queries, keys, keys, queries, nullptr, queries, keys, keys, nullptr, shape})
      .workspace_bytes();
}

}  // namespace wb
