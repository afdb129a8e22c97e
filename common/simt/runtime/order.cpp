#include "runtime/order.h"

#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string_view>

namespace simt::detail {

constinit std::atomic<bool> last_block_first{false};

const OrderSetting& order_setting() {
  static const OrderSetting setting = [] {
    OrderSetting result;
    const char* variable = std::getenv("SIMT_ORDER");
    const std::string_view text = variable == nullptr ? "forward" : variable;
    if (text == "forward" || text.empty()) return result;
    if (text == "reverse") {
      result.kind = OrderSetting::Kind::kReverse;
      return result;
    }
    if (text.starts_with("seed:")) {
      char* end = nullptr;
      result.seed = std::strtoull(text.data() + 5, &end, 10);
      if (end != text.data() + 5 && *end == '\0') {
        result.kind = OrderSetting::Kind::kSeeded;
        return result;
      }
    }
    std::fprintf(stderr,
                 "simt: SIMT_ORDER is '%s'; it must be forward, reverse or seed:NUMBER. Running forward.\n",
                 variable);
    return OrderSetting{};
  }();
  return setting;
}

// SplitMix64 (Steele, Lea, Flood, 2014).
std::uint64_t OrderRandom::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

const unsigned* ThreadOrder::threads(unsigned count, std::uint64_t block) {
  const OrderSetting& setting = order_setting();
  if (setting.kind == OrderSetting::Kind::kForward) return nullptr;
  order_.resize(count);
  std::iota(order_.rbegin(), order_.rend(), 0u);
  if (setting.kind == OrderSetting::Kind::kSeeded) {
    random_ = OrderRandom(setting.seed ^ (block * 0x2545f4914f6cdd1dULL));
    for (unsigned i = count; i > 1; --i) std::swap(order_[i - 1], order_[random_.below(i)]);
  }
  return order_.data();
}

// An affine map modulo the count is a permutation when the factor shares no divisor with it.
BlockOrder::BlockOrder(std::uint64_t count) : count_(count) {
  const OrderSetting& setting = order_setting();
  if (setting.kind == OrderSetting::Kind::kReverse || last_block_first) {
    factor_ = count - 1;
    offset_ = count - 1;
  } else if (setting.kind == OrderSetting::Kind::kSeeded && count > 2) {
    OrderRandom random(setting.seed);
    do {
      factor_ = 1 + random.below(count - 1);
    } while (std::gcd(factor_, count) != 1);
    offset_ = random.below(count);
  }
}

std::uint64_t BlockOrder::operator()(std::uint64_t turn) const {
  std::uint64_t block = turn;
  if (factor_ != 1 || offset_ != 0) {
    block = static_cast<std::uint64_t>((static_cast<unsigned __int128>(turn) * factor_ + offset_) % count_);
  }
  return gap_ != 0 && block >= gap_at_ ? block + gap_ : block;
}

BlockOrder BlockOrder::of_ends(std::uint64_t count, std::uint64_t first, std::uint64_t last) {
  BlockOrder order(first + last);
  order.gap_at_ = first;
  order.gap_ = count - first - last;
  return order;
}

}  // namespace simt::detail
