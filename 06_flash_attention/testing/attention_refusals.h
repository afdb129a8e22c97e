// For tests of attention: every bad argument, which a launcher has to refuse by name and before it launches.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "06_flash_attention/testing/attention_cases.h"
#include "common/harness/implementation_test.h"

namespace wb {

/// The arguments of a call, in the order of the contract. All of them point to the same memory, except those
/// that are bad.
struct RefusalArguments {
  float* memory;
  AttentionShape shape;
  int null = -1, odd = -1, heads = -1;  // the argument that is null, off by one byte, or has a head too many

  template <class T>
  T* pointer(int i) const {
    char* bytes = reinterpret_cast<char*>(memory) + (i == odd ? 1 : 0);
    return i == null ? nullptr : reinterpret_cast<T*>(bytes);
  }
  template <class T>
  HeadsView<T> view(int i, int head_count) const {
    return token_major_view(pointer<T>(i), 8, head_count + (i == heads ? 1 : 0), 16);
  }
};

/// What every launcher refuses. call(arguments) calls it; `names` are those of its pointers and views of
/// heads, by the contract's order.
template <class Call>
void expect_attention_refusals(Call call, const std::vector<std::string>& names) {
  const AttentionShape good = llama_shape(1, 8, 4, 2, 16, true);
  DeviceBuffer<float> memory(std::size_t{4096});
  memory.fill_bytes(0xFF);
  const RefusalArguments arguments{memory.data(), good};
  const auto refuses = [&](auto change, const std::string& message) {
    RefusalArguments changed = arguments;
    change(changed.shape);
    EXPECT_THROW_MESSAGE(call(changed), Error, message);
  };
  using S = AttentionShape;
  const int most = std::numeric_limits<int>::max();
  for (const int bad : {0, -1}) {
    const std::string value = " = " + std::to_string(bad);
    refuses([=](S& s) { s.b = bad; }, "shape.b" + value);
    refuses([=](S& s) { s.t = bad; }, "shape.t" + value);
    refuses([=](S& s) { s.h = bad; }, "shape.h" + value);
    refuses([=](S& s) { s.kv = bad; }, "shape.kv" + value);
    refuses([=](S& s) { s.d = bad; }, "shape.d" + value);
  }
  refuses([](S& s) { s.kv = 3; }, "shape.h = 4");
  refuses([](S& s) { s.kv = 8; }, "shape.h = 4");
  refuses([](S& s) { s.d = kMaxHeadWidth + 1; }, "shape.d = 129");
  refuses([=](S& s) { s.d = most; }, "shape.d = 2147483647");
  refuses([](S& s) { s.scale = std::numeric_limits<float>::quiet_NaN(); }, "shape.scale = nan");
  refuses([](S& s) { s.scale = std::numeric_limits<float>::infinity(); }, "shape.scale = inf");
  refuses([](S& s) { s.b = s.t = 100000; }, "rows = 40000000000");
  refuses([=](S& s) { s.b = s.t = s.h = s.kv = most; }, "heads = 4611686014132420609");

  for (int i = 0; i < static_cast<int>(names.size()); ++i) {
    const std::string& name = names[static_cast<std::size_t>(i)];
    RefusalArguments bad = arguments;
    bad.null = i;
    EXPECT_THROW_MESSAGE(call(bad), Error, name + " = 0");
    bad = arguments;
    bad.odd = i;
    EXPECT_THROW_MESSAGE(call(bad), Error, "is_aligned(" + name + ")");
    // A view of other heads than the shape says.
    const std::size_t dot = name.find(".data");
    if (dot == std::string::npos) continue;
    bad = arguments;
    bad.heads = i;
    EXPECT_THROW_MESSAGE(call(bad), Error, name.substr(0, dot) + ".heads = ");
  }
  for (const float value : memory.download()) ASSERT_TRUE(std::isnan(value)) << "something was launched";
}

}  // namespace wb
