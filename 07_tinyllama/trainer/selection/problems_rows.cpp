// The operations over rows of activations, and the optimizer: all bound by the bytes they move.
#include "07_tinyllama/trainer/selection/problem_parts.h"

namespace wb {
namespace {

template <class T>
Unit vector_add_unit(const ModelConfig& config) {
  const std::int64_t n = static_cast<std::int64_t>(config.tokens()) * config.c;
  Problem problem{
      .shape = fmt::format("N {}", n), .calls = 4.0 * config.l, .allowed = kAllowedElementwise<T>};
  problem.tensors = {tensor<T>("a", n), tensor<T>("b", n), tensor<T>("out", n, Role::kOutput)};
  return unit_of<typename ContractsOf<T>::VectorAdd>(problem, [n](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<T>(0), w.at<T>(1), w.at<T>(2), n, stream);
    };
  });
}

template <class T>
Unit rmsnorm_forward_unit(const ModelConfig& config) {
  const int n = config.tokens(), c = config.c;
  const float epsilon = config.epsilon;
  const std::int64_t size = static_cast<std::int64_t>(n) * c;
  Problem problem{
      .shape = fmt::format("N {}, C {}", n, c), .calls = 2.0 * config.l + 1.0, .allowed = kAllowedSums<T>};
  problem.tensors = {tensor<T>("x", size), tensor<T>("weight", c, Role::kInput, 0.5f, 1.5f),
                     tensor<T>("y", size, Role::kOutput), tensor<float>("rstd", n, Role::kOutput)};
  return unit_of<typename ContractsOf<T>::RmsnormForward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<T>(0), w.at<T>(1), w.at<T>(2), w.at<float>(3), n, c, epsilon, stream);
    };
  });
}

template <class T>
Unit rmsnorm_backward_unit(const ModelConfig& config) {
  const int n = config.tokens(), c = config.c;
  const float epsilon = config.epsilon;
  const std::int64_t size = static_cast<std::int64_t>(n) * c;
  Problem problem{
      .shape = fmt::format("N {}, C {}", n, c), .calls = 2.0 * config.l + 1.0, .allowed = kAllowedSums<T>};
  problem.tensors = {
      tensor<T>("dy", size),
      tensor<T>("x", size),
      tensor<T>("weight", c, Role::kInput, 0.5f, 1.5f),
      tensor<float>("rstd", n),
      tensor<T>("dx", size, Role::kOutput),
      tensor<float>("dweight", c, Role::kInout),
      tensor<float>("scratch", static_cast<std::int64_t>(rmsnorm_backward_scratch(c)), Role::kMemory)};
  // rstd is what the forward pass makes of x; its y goes where dx will be.
  problem.prepare = [=](Workspace& w) {
    const auto forward = find_implementation<typename ContractsOf<T>::RmsnormForward>("solution").function;
    forward(w.at<T>(1), w.at<T>(2), w.at<T>(4), w.at<float>(3), n, c, epsilon, nullptr);
  };
  return unit_of<typename ContractsOf<T>::RmsnormBackward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<T>(0), w.at<T>(1), w.at<T>(2), w.at<float>(3), w.at<T>(4), w.at<float>(5), w.at<float>(6),
               n, c, stream);
    };
  });
}

template <class T>
Unit embedding_forward_unit(const ModelConfig& config) {
  const int n = config.tokens(), c = config.c;
  Problem problem{.shape = fmt::format("N {}, C {}, V {}", n, c, config.v), .allowed = kAllowedCopy};
  problem.tensors = {tensor<int>("tokens", n, Role::kInput, 0.0f, static_cast<float>(config.v)),
                     tensor<T>("weight", static_cast<std::int64_t>(config.v) * c),
                     tensor<T>("out", static_cast<std::int64_t>(n) * c, Role::kOutput)};
  return unit_of<typename ContractsOf<T>::EmbeddingForward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<int>(0), w.at<T>(1), w.at<T>(2), n, c, stream);
    };
  });
}

template <class T>
Unit embedding_backward_unit(const ModelConfig& config) {
  const int n = config.tokens(), c = config.c;
  Problem problem{.shape = fmt::format("N {}, C {}, V {}", n, c, config.v), .allowed = kAllowedSums<float>};
  problem.tensors = {tensor<int>("tokens", n, Role::kInput, 0.0f, static_cast<float>(config.v)),
                     tensor<T>("dout", static_cast<std::int64_t>(n) * c),
                     tensor<float>("dweight", static_cast<std::int64_t>(config.v) * c, Role::kInout)};
  return unit_of<typename ContractsOf<T>::EmbeddingBackward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<int>(0), w.at<T>(1), w.at<float>(2), n, c, stream);
    };
  });
}

template <class T>
Unit cross_entropy_forward_unit(const ModelConfig& config) {
  const int n = config.tokens(), v = config.v;
  Problem problem{.shape = fmt::format("N {}, V {}", n, v), .allowed = kAllowedSums<float>};
  problem.tensors = {tensor<T>("logits", static_cast<std::int64_t>(n) * v, Role::kInput, -4.0f, 4.0f),
                     tensor<int>("targets", n, Role::kInput, 0.0f, static_cast<float>(v)),
                     tensor<float>("losses", n, Role::kOutput), tensor<float>("lse", n, Role::kOutput)};
  return unit_of<typename ContractsOf<T>::CrossEntropyForward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<T>(0), w.at<int>(1), w.at<float>(2), w.at<float>(3), n, v, stream);
    };
  });
}

// Out of place, so that a repeated call reads logits again and no gradient.
template <class T>
Unit cross_entropy_backward_unit(const ModelConfig& config) {
  const int n = config.tokens(), v = config.v;
  const std::int64_t size = static_cast<std::int64_t>(n) * v;
  Problem problem{.shape = fmt::format("N {}, V {}", n, v), .allowed = kAllowedElementwise<T>};
  problem.tensors = {tensor<T>("logits", size, Role::kInput, -4.0f, 4.0f),
                     tensor<int>("targets", n, Role::kInput, 0.0f, static_cast<float>(v)),
                     tensor<float>("lse", n), tensor<T>("dlogits", size, Role::kOutput)};
  problem.prepare = [=](Workspace& w) {
    const auto forward =
        find_implementation<typename ContractsOf<T>::CrossEntropyForward>("solution").function;
    DeviceBuffer<float> losses(static_cast<std::size_t>(n));
    forward(w.at<T>(0), w.at<int>(1), losses.data(), w.at<float>(2), n, v, nullptr);
    WB_CUDA_CHECK(cudaDeviceSynchronize());
  };
  return unit_of<typename ContractsOf<T>::CrossEntropyBackward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<T>(0), w.at<int>(1), w.at<float>(2), w.at<T>(3), 1.0f / static_cast<float>(n), n, v,
               stream);
    };
  });
}

// A learning rate and second moments that make every part of the step show in the parameters.
Unit adamw_unit(const ModelConfig& config) {
  const std::int64_t n = parameter_table(config).extent();
  Problem problem{.shape = fmt::format("N {}", n), .allowed = kAllowedElementwise<float>};
  problem.tensors = {tensor<float>("parameters", n, Role::kInout), tensor<float>("gradients", n),
                     tensor<float>("m", n, Role::kInout, -0.1f, 0.1f),
                     tensor<float>("v", n, Role::kInout, 0.001f, 0.01f)};
  const AdamWConfig step{.learning_rate = 0.05f, .weight_decay = 0.1f};
  return unit_of<AdamW>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<float>(0), w.at<float>(1), w.at<float>(2), w.at<float>(3), n, step, 3, stream);
    };
  });
}

}  // namespace

template <class T>
void add_rows(std::vector<Unit>& units, const Setting& setting) {
  const ModelConfig& config = setting.config;
  units.push_back(vector_add_unit<T>(config));
  units.push_back(rmsnorm_forward_unit<T>(config));
  units.push_back(rmsnorm_backward_unit<T>(config));
  units.push_back(embedding_forward_unit<T>(config));
  units.push_back(embedding_backward_unit<T>(config));
  units.push_back(cross_entropy_forward_unit<T>(config));
  units.push_back(cross_entropy_backward_unit<T>(config));
  units.push_back(adamw_unit(config));
}
template void add_rows<float>(std::vector<Unit>&, const Setting&);
template void add_rows<bf16>(std::vector<Unit>&, const Setting&);

}  // namespace wb
