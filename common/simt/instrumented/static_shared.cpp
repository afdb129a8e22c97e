#include "instrumented/static_shared.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <string_view>
#include <vector>

#include "instrumented/source.h"
#include "simt/context.h"

namespace simt::instrumented {
namespace {

struct Table {
  std::vector<SharedArray> arrays;                  // by offset; none of the CPU device's own variables
  std::map<std::uintptr_t, const char*> functions;  // mangled, by address in the file
  std::map<std::uintptr_t, std::pair<std::size_t, const char*>> variables;  // bytes and mangled name, alike
  std::uintptr_t context_offset = 0;
  std::size_t bytes = 0;
  bool has_symbols = false;
};

// Of simt, its inspector or its meter: "_ZN4simt...", "_ZZN4simt...", "_ZGVZN4simt...".
bool is_own(std::string_view symbol) {
  for (const std::string_view start : {"_ZN4simt", "_ZZN4simt", "_ZZNK4simt", "_ZGVZN4simt"}) {
    if (symbol.starts_with(start)) return true;
  }
  return false;
}

std::string demangled(const char* symbol) {
  int status = 0;
  char* text = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
  std::string name = status == 0 ? text : symbol;
  std::free(text);
  return name;
}

// "softmax(float const*, float*)::of_warp" -> "of_warp"
std::string short_name(const char* symbol) {
  const std::string name = demangled(symbol);
  const std::size_t colons = name.rfind("::");
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

// The file of this program, mapped for as long as it runs: to copy its megabytes would take longer than many
// tests. Empty if it cannot be read.
std::string_view program_file() {
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  struct stat status = {};
  void* start = MAP_FAILED;
  if (fstat(file, &status) == 0 && status.st_size > 0)
    start = mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (start == MAP_FAILED) return {};
  return {static_cast<const char*>(start), static_cast<std::size_t>(status.st_size)};
}

template <class T>
const T* entry(std::string_view file, std::size_t offset, std::size_t index) {
  const std::size_t at = offset + index * sizeof(T);
  return at + sizeof(T) <= file.size() ? reinterpret_cast<const T*>(file.data() + at) : nullptr;
}

Table read_table() {
  Table table;
  const std::string_view file = program_file();
  const auto* header = entry<ElfW(Ehdr)>(file, 0, 0);
  if (header == nullptr || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return table;
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    const auto* segment = entry<ElfW(Phdr)>(file, header->e_phoff, i);
    if (segment != nullptr && segment->p_type == PT_TLS) table.bytes = segment->p_memsz;
  }
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    const auto* section = entry<ElfW(Shdr)>(file, header->e_shoff, i);
    if (section == nullptr || section->sh_type != SHT_SYMTAB) continue;
    const auto* names = entry<ElfW(Shdr)>(file, header->e_shoff, section->sh_link);
    for (std::size_t s = 0; names != nullptr && s < section->sh_size / sizeof(ElfW(Sym)); ++s) {
      const auto* symbol = entry<ElfW(Sym)>(file, section->sh_offset, s);
      if (symbol == nullptr || symbol->st_shndx == SHN_UNDEF) continue;
      const char* name = file.data() + names->sh_offset + symbol->st_name;
      if ((symbol->st_info & 0xf) == STT_FUNC) table.functions.emplace(symbol->st_value, name);
      if ((symbol->st_info & 0xf) == STT_OBJECT)
        table.variables.insert_or_assign(symbol->st_value, std::pair(symbol->st_size, name));
      if ((symbol->st_info & 0xf) != STT_TLS) continue;
      if (std::strcmp(name, "_ZN4simt6detail7contextE") == 0) table.context_offset = symbol->st_value;
      table.has_symbols = true;
      if (symbol->st_size == 0 || is_own(name)) continue;
      const bool is_guard = std::strncmp(name, "_ZGV", 4) == 0;
      table.arrays.push_back({symbol->st_value, symbol->st_size, short_name(name), is_guard});
    }
  }
  std::sort(table.arrays.begin(), table.arrays.end(),
            [](const SharedArray& a, const SharedArray& b) { return a.offset < b.offset; });
  return table;
}

const Table& table() {
  static const Table& forever = *new Table(read_table());
  return forever;
}

}  // namespace

// The address of one variable whose offset is known gives the address of the first one.
std::uintptr_t thread_variables() {
  return reinterpret_cast<std::uintptr_t>(&detail::context) - table().context_offset;
}

std::size_t thread_variable_bytes() {
  return table().has_symbols ? table().bytes : 0;
}

bool has_symbols() {
  return table().has_symbols;
}

// "void wb::(anonymous namespace)::softmax<4>(float const*)" -> "softmax<4>": a name begins after the last
// space or colon outside of brackets, and ends at its parameters.
std::string function_name(const void* address) {
  const auto found = table().functions.find(reinterpret_cast<std::uintptr_t>(address) - image_base());
  if (found == table().functions.end()) return "";
  const std::string name = demangled(found->second);
  std::size_t start = 0, at = 0;
  for (int depth = 0; at < name.size(); ++at) {
    constexpr std::string_view kAnonymous = "(anonymous namespace)";
    if (name.compare(at, kAnonymous.size(), kAnonymous) == 0) at += kAnonymous.size();
    if (depth == 0 && name[at] == '(') break;
    if (depth == 0 && (name[at] == ' ' || name[at] == ':')) start = at + 1;
    depth += name[at] == '<' || name[at] == '(' ? 1 : 0;
    depth -= name[at] == '>' || name[at] == ')' ? 1 : 0;
  }
  return name.substr(start, at - start);
}

std::string variable_text(std::uintptr_t address) {
  const std::uintptr_t offset = address - image_base();
  const auto after = table().variables.upper_bound(offset);
  if (after == table().variables.begin()) return "a variable of the device";
  const auto& [start, variable] = *std::prev(after);
  if (offset - start >= variable.first) return "a variable of the device";
  return fmt::format("byte {} of the {} bytes of the variable {}", offset - start, variable.first,
                     short_name(variable.second));
}

const SharedArray* shared_array_at(std::uintptr_t offset) {
  const auto& arrays = table().arrays;
  const auto after =
      std::upper_bound(arrays.begin(), arrays.end(), offset,
                       [](std::uintptr_t value, const SharedArray& a) { return value < a.offset; });
  return after == arrays.begin() ? nullptr : &*std::prev(after);
}

}  // namespace simt::instrumented
