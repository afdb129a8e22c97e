// Tests that run once for every registered implementation of a contract.
//
//   #include "common/harness/implementation_test.h"
//
//   class VectorAddTest : public wb::ImplementationTest<wb::VectorAdd> {};
//
//   TEST_P(VectorAddTest, AddsOneBlock) {
//     auto a = wb::GuardedBuffer<float>::input(wb::random_uniform(256, 1));
//     auto out = wb::GuardedBuffer<float>::output(256);
//     ...
//     run(a.data(), b.data(), out.data(), 256, nullptr);
//     EXPECT_TRUE(wb::matches(out.download(), oracle, {1e-6, 1e-5}, {{256}}));
//     EXPECT_TRUE(out.check("out"));
//   }
//
//   WB_TEST_IMPLEMENTATIONS(VectorAddTest, wb::VectorAdd);
//
// Link wb_test_main. `--impl NAME`, or the environment variable WB_IMPL, runs only the implementation of that
// name.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <exception>
#include <ostream>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/core/error.h"
#include "common/core/implementations.h"
#include "common/core/rng.h"
#include "common/harness/gradient_check.h"
#include "common/harness/guarded_buffer.h"
#include "common/harness/matcher.h"
#include "common/harness/selection.h"
#include "common/harness/sizes.h"
#include "common/harness/watched_call.h"

/// Passes if `statement` throws `Exception` and its what() contains `substring`.
#define EXPECT_THROW_MESSAGE(statement, Exception, substring)                                       \
  do {                                                                                              \
    try {                                                                                           \
      statement;                                                                                    \
      ADD_FAILURE() << #statement " threw nothing; expected " #Exception;                           \
    } catch (const Exception& wb_error) {                                                           \
      EXPECT_PRED2(::wb::detail::contains, std::string(wb_error.what()), std::string(substring));   \
    } catch (const std::exception& wb_error) {                                                      \
      ADD_FAILURE() << #statement " threw something else than " #Exception ": " << wb_error.what(); \
    }                                                                                               \
  } while (0)

namespace wb {

/// GoogleTest prints a test's parameter by this function.
template <class Contract>
void PrintTo(const Implementation<Contract>& implementation, std::ostream* out) {
  *out << implementation.name;
}

namespace detail {
/// After an error from which the device does not recover (an illegal address), every later call fails as
/// well. Then the remaining tests are skipped, so that the first failure stays on the screen.
bool device_is_lost();
/// Contracts of kernels end in a stream. Others are given objects of the test, and may change them.
template <class Function>
inline constexpr bool kIsKernelContract = false;
template <class Result, class... Parameters>
inline constexpr bool kIsKernelContract<Result(Parameters...)> = std::is_void_v<Result>&& std::is_same_v<
    std::tuple_element_t<sizeof...(Parameters), std::tuple<void, Parameters...>>, cudaStream_t>;

/// Waits for the device. Errors: the last call failed, or it left an error that was not read; throws
/// CudaError with `what`, the name of that call.
void synchronize_after(const std::string& what);
inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
}  // namespace detail

template <class Contract>
class ImplementationTest : public testing::TestWithParam<Implementation<Contract>> {
 protected:
  void SetUp() override {
    if (detail::device_is_lost()) GTEST_SKIP() << "the device did not survive an earlier test";
  }

  const Implementation<Contract>& implementation() const { return this->GetParam(); }

  /// Calls the implementation under test with these arguments and waits for it. If the stream is null, a
  /// stream of the tests is passed: kernels must be launched in it. Errors: the device reports one; throws
  /// CudaError.
  template <class... Args>
  void run(Args&&... args) {
    const std::string what = std::string(Contract::kName) + " '" + implementation().name + "'";
    if constexpr (detail::kIsKernelContract<typename Contract::Function>) {
      const detail::KeptMemory memory;
      call_in_stream(std::tuple<Args...>(std::forward<Args>(args)...),
                     std::make_index_sequence<sizeof...(Args) - 1>{});
      detail::synchronize_after(what);
      memory.check();
    } else {
      implementation().function(std::forward<Args>(args)...);
      detail::synchronize_after(what);
    }
  }

  /// Replaces each pointer to data among the arguments by null, and then by an address inside an element,
  /// while the other arguments stay right. Each such call must be refused, with the name and the value of the
  /// pointer. `names`: of these pointers, in order.
  template <class... Args>
  void expect_bad_pointers_named(const std::vector<std::string>& names, Args... right) {
    replace_each_pointer(names, std::tuple<Args...>(right...), std::index_sequence_for<Args...>{});
  }

 private:
  template <class... Args, std::size_t... kBeforeStream>
  void call_in_stream(std::tuple<Args...> arguments, std::index_sequence<kBeforeStream...>) {
    const cudaStream_t given = std::get<sizeof...(kBeforeStream)>(arguments);
    const cudaStream_t stream = given == nullptr ? detail::stream_of_tests() : given;
    static_cast<void>(cudaGetLastError());  // what is left there after the call is the call's
    const detail::WatchedCall watch(stream);
    implementation().function(std::get<kBeforeStream>(std::move(arguments))..., stream);
  }

  template <class... Args, std::size_t... kPositions>
  void replace_each_pointer(const std::vector<std::string>& names, const std::tuple<Args...>& right,
                            std::index_sequence<kPositions...>) {
    std::size_t pointers = 0;
    const auto replace = [&]<std::size_t kPosition>() {
      using Argument = std::tuple_element_t<kPosition, std::tuple<Args...>>;
      if constexpr (std::is_pointer_v<Argument> && std::is_object_v<std::remove_pointer_t<Argument>>) {
        ASSERT_LT(pointers, names.size());
        const std::string& name = names[pointers++];
        for (const Argument bad : {Argument{nullptr}, misaligned(std::get<kPosition>(right))}) {
          SCOPED_TRACE(name + " = " + to_text(bad) + ", the other arguments right");
          auto arguments = right;
          std::get<kPosition>(arguments) = bad;
          EXPECT_THROW_MESSAGE(std::apply([this](auto... all) { run(all...); }, arguments), Error,
                               "but " + name + " = " + to_text(bad));
        }
      }
    };
    (replace.template operator()<kPositions>(), ...);
    EXPECT_EQ(pointers, names.size());
  }
};

}  // namespace wb

/// Instantiates the TEST_Ps of `Suite` for every selected implementation of `Contract`. After the TEST_Ps.
#define WB_TEST_IMPLEMENTATIONS(Suite, Contract)                                                     \
  GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Suite);                                              \
  static const bool wb_declared_##Suite = ::wb::detail::declare_contract<Contract>();                \
  INSTANTIATE_TEST_SUITE_P(, Suite, ::testing::ValuesIn(::wb::selected_implementations<Contract>()), \
                           [](const auto& instance) { return instance.param.name; })
