#include "runtime/symbols.h"

#include <elf.h>
#include <link.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace simt::detail {
namespace {

using Table = std::unordered_map<std::uintptr_t, std::string>;

std::atomic<const Table*> g_table{nullptr};

// The address at which the program itself was loaded. It is the first object of the list.
std::uintptr_t load_address() {
  std::uintptr_t address = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* result) {
        *static_cast<std::uintptr_t*>(result) = object->dlpi_addr;
        return 1;
      },
      &address);
  return address;
}

// Entry `index` of an array at `offset` of the file; all zeros if the file is too short.
template <class T>
T entry(const std::vector<char>& file, std::size_t offset, std::size_t index) {
  T value = {};
  if (offset + (index + 1) * sizeof(T) <= file.size())
    std::memcpy(&value, file.data() + offset + index * sizeof(T), sizeof(T));
  return value;
}

Table read_table() {
  Table table;
  std::ifstream stream("/proc/self/exe", std::ios::binary);
  const std::vector<char> file{std::istreambuf_iterator<char>(stream), {}};
  const auto header = entry<ElfW(Ehdr)>(file, 0, 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return table;
  const std::uintptr_t base = load_address();
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    const auto section = entry<ElfW(Shdr)>(file, header.e_shoff, i);
    if (section.sh_type != SHT_SYMTAB) continue;
    const auto names = entry<ElfW(Shdr)>(file, header.e_shoff, section.sh_link);
    for (std::size_t s = 0; s < section.sh_size / sizeof(ElfW(Sym)); ++s) {
      const auto symbol = entry<ElfW(Sym)>(file, section.sh_offset, s);
      const std::size_t name = names.sh_offset + symbol.st_name;
      if ((symbol.st_info & 0xf) != STT_FUNC || symbol.st_value == 0 || name >= file.size()) continue;
      const std::size_t length = strnlen(file.data() + name, file.size() - name);
      table.emplace(base + symbol.st_value, std::string(file.data() + name, length));
    }
  }
  return table;
}

}  // namespace

void load_symbols() {
  static std::once_flag once;
  std::call_once(once,
                 [] { g_table = new Table(read_table()); });  // workers may need it until the process ends
}

const std::string* symbol_at(const void* function) {
  const Table* table = g_table;
  if (table == nullptr) return nullptr;
  const auto found = table->find(reinterpret_cast<std::uintptr_t>(function));
  return found == table->end() ? nullptr : &found->second;
}

}  // namespace simt::detail
