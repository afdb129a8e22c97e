#include "common/harness/verdict.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "common/core/error.h"

extern char** environ;

namespace wb::detail {
namespace {

constexpr std::size_t kSecretBytes = 64;
int g_file = -1;
char g_secret[kSecretBytes];

// Runs before every initializer of the program and its libraries, so it uses no C++ library and no
// allocation.
[[gnu::no_sanitize_address]] void take_secret(int, char**, char** environment) {
  constexpr char kName[] = "WB_VERDICT_FD=";
  constexpr std::size_t kLength = sizeof(kName) - 1;
  char** kept = environment;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    std::size_t same = 0;
    while (same < kLength && (*entry)[same] == kName[same]) ++same;
    if (same != kLength) {
      *kept++ = *entry;
      continue;
    }
    int file = 0;
    for (char* digit = *entry + kLength; *digit >= '0' && *digit <= '9'; ++digit) {
      file = 10 * file + (*digit - '0');
      *digit = '0';  // /proc/self/environ shows this memory
    }
    if (pread(file, g_secret, kSecretBytes, 0) == static_cast<ssize_t>(kSecretBytes) &&
        ftruncate(file, 0) == 0) {
      g_file = file;
    }
  }
  *kept = nullptr;
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const kTakeSecret)(int, char**, char**) = take_secret;

void write_all(std::string_view text, off_t at) {
  while (!text.empty()) {
    const ssize_t written = pwrite(g_file, text.data(), text.size(), at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw Error(std::string("the report cannot be handed over: ") + std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(written));
    at += written;
  }
}

// GoogleTest has no flag for this, only these variables.
void choose_part(const std::string& part) {
  int number = 0, count = 0, end = 0;
  if (std::sscanf(part.c_str(), "%4d/%4d%n", &number, &count, &end) != 2 ||
      static_cast<std::size_t>(end) != part.size() || number < 1 || number > count) {
    throw Error("--part " + part + ": there is no such part; usage: --part I/N, with I from 1 to N");
  }
  setenv("GTEST_TOTAL_SHARDS", std::to_string(count).c_str(), 1);
  setenv("GTEST_SHARD_INDEX", std::to_string(number - 1).c_str(), 1);
}

}  // namespace

bool verdict_is_asked() {
  return g_file >= 0;
}

void run_every_test(const std::string& only, const std::string& part) {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("GTEST_") || text.starts_with("TEST") || text.starts_with("XML_OUTPUT_FILE"))
      names.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : names) unsetenv(name.c_str());
  if (!part.empty()) choose_part(part);

  GTEST_FLAG_SET(filter, only.empty() ? "*" : "*" + only + "*");
  GTEST_FLAG_SET(repeat, 1);
  GTEST_FLAG_SET(shuffle, false);
  GTEST_FLAG_SET(fail_fast, false);
  GTEST_FLAG_SET(list_tests, false);
  GTEST_FLAG_SET(break_on_failure, false);
  GTEST_FLAG_SET(throw_on_failure, false);
  GTEST_FLAG_SET(catch_exceptions, true);
  GTEST_FLAG_SET(also_run_disabled_tests, false);
  GTEST_FLAG_SET(output, "");
  GTEST_FLAG_SET(stream_result_to, "");
}

void send_verdict(const std::string& report) {
  if (ftruncate(g_file, 0) != 0)
    throw Error(std::string("the report cannot be handed over: ") + std::strerror(errno));
  write_all({g_secret, kSecretBytes}, 0);
  write_all(report, static_cast<off_t>(kSecretBytes));
}

}  // namespace wb::detail
