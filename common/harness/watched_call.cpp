#include "common/harness/watched_call.h"

#include <gtest/gtest.h>

namespace wb::detail {
namespace {

bool g_watching = false;
std::uint64_t g_compared = 0;

}  // namespace

std::uint64_t elements_compared() {
  return g_compared;
}

void note_comparison(std::size_t elements) {
  g_compared += elements;
}

void start_watching_calls() {
  g_watching = true;
  watch_heap();
}

WatchedCall::WatchedCall() {
  if (g_watching) begin_foreign_call();
}

WatchedCall::~WatchedCall() {
  if (!g_watching) return;
  if (const std::size_t changed = end_foreign_call(); changed != 0) {
    ADD_FAILURE() << "the call wrote into " << changed << " block" << (changed == 1 ? "" : "s")
                  << " of memory that the test holds, and to which it was given no pointer";
  }
}

}  // namespace wb::detail
