#include "meter/arithmetic.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include "instrumented/source.h"
#include "runtime/fault.h"

namespace simt::meter {
namespace {

constexpr std::uint32_t kFarApart = 1u << 16;  // between blocks whose code is read in two parts
constexpr std::uint32_t kLongest = 1u << 12;   // code of a block after its call, in bytes
constexpr std::uint32_t kCall = 5;             // bytes of that call

/// A range of addresses of the program, as objdump prints it.
std::string disassembled(const char* program, std::uint32_t first, std::uint32_t end) {
  return detail::output_of("objdump",
                           {"-d", "--no-show-raw-insn", fmt::format("--start-address={:#x}", first),
                            fmt::format("--stop-address={:#x}", end), program});
}

/// "  4010f3:\tmulss  (%rbx),%xmm0" -> address and instruction. False for any other line.
bool is_instruction(const std::string& line, std::uint32_t& address, std::string& instruction) {
  const std::size_t colon = line.find(":\t");
  if (colon == std::string::npos || line.front() != ' ') return false;
  address = static_cast<std::uint32_t>(std::strtoull(line.c_str(), nullptr, 16));
  instruction = line.substr(colon + 2);
  return true;
}

/// "fmadd231", "fnmsub132"; not "fmaddsub132", which is of complex numbers.
bool is_fused(std::string_view what) {
  if (what.size() < 3 || what.find("addsub") != what.npos || what.find("subadd") != what.npos) return false;
  const std::string_view name = what.substr(0, what.size() - 3);
  return name == "fmadd" || name == "fmsub" || name == "fnmadd" || name == "fnmsub";
}

struct Found {
  std::uint32_t block, address;
  Operations operations;
};

/// A block starts after each call that the compiler inserts, and it ends with its function.
void read(const std::string& text, std::vector<Found>& found) {
  std::uint32_t block = 0, address = 0;
  bool called = false;
  std::string instruction;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    start = end + 1;
    if (line.ends_with(">:")) block = 0;
    if (line.empty() || !is_instruction(line, address, instruction)) continue;
    if (called) block = address;
    called = instruction.starts_with("call") && line.ends_with("<__sanitizer_cov_trace_pc>");
    const Operations operations = operations_of(instruction.c_str());
    if (block != 0 && !operations.none()) found.push_back({block, address, operations});
  }
}

}  // namespace

Operations& Operations::operator+=(const Operations& other) {
  add += other.add, mul += other.mul, fma += other.fma;
  dadd += other.dadd, dmul += other.dmul, dfma += other.dfma;
  return *this;
}

Operations Operations::operator*(std::uint64_t times) const {
  return {add * times, mul * times, fma * times, dadd * times, dmul * times, dfma * times};
}

Operations operations_of(const char* instruction) {
  std::string_view word(instruction);
  const std::string_view operands = word.substr(std::min(word.find(' '), word.size()));
  word = word.substr(0, word.find(' '));
  if (word.starts_with('v')) word.remove_prefix(1);
  if (word.size() < 5) return {};
  const std::string_view type = word.substr(word.size() - 2), what = word.substr(0, word.size() - 2);
  const bool is_packed = type[0] == 'p', is_double = type[1] == 'd';
  if ((type[0] != 's' && !is_packed) || (type[1] != 's' && !is_double)) return {};
  std::uint64_t lanes = is_packed ? (is_double ? 2 : 4) : 1;
  if (is_packed && operands.find("%ymm") != std::string_view::npos) lanes *= 2;
  Operations result;
  if (what == "add" || what == "sub") {
    (is_double ? result.dadd : result.add) = lanes;
  } else if (what == "mul") {
    (is_double ? result.dmul : result.mul) = lanes;
  } else if (is_fused(what)) {
    (is_double ? result.dfma : result.fma) = lanes;
  }
  return result;
}

const Arithmetic& arithmetic_of(const std::vector<std::uint32_t>& blocks) {
  static auto& result = *new Arithmetic;
#if defined(__x86_64__)
  static auto& places = *new std::set<std::uint32_t>;  // the places that were read
  char program[4096] = {};
  std::vector<std::uint32_t> fresh;
  std::copy_if(blocks.begin(), blocks.end(), std::back_inserter(fresh),
               [&](std::uint32_t block) { return places.insert(block).second; });
  if (fresh.empty() || readlink("/proc/self/exe", program, sizeof(program) - 1) <= 0) return result;
  std::sort(fresh.begin(), fresh.end());
  std::vector<Found> found;
  for (std::size_t i = 0; i < fresh.size();) {
    std::size_t last = i;
    while (last + 1 < fresh.size() && fresh[last + 1] - fresh[last] < kFarApart) ++last;
    const std::string text = disassembled(program, fresh[i] - kCall, fresh[last] + kLongest);
    result.known |= !text.empty();
    read(text, found);
    i = last + 1;
  }
  std::erase_if(found,
                [&](const Found& f) { return !std::binary_search(fresh.begin(), fresh.end(), f.block); });
  std::vector<std::uint32_t> addresses;
  for (const Found& f : found) addresses.push_back(f.address);
  instrumented::look_up(addresses);
  for (const Found& f : found) {
    const auto is_from = [&](const char* header) { return instrumented::comes_from(f.address, header); };
    if (is_from("/simt/small_") || is_from("/simt/math.h") || is_from("/cuda_fp8.h")) continue;
    result.of[f.block] += f.operations;
  }
#endif
  return result;
}

}  // namespace simt::meter
