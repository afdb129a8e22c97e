// simt-translate FILE.cu -o OUT.cpp
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "translator/rewrite.h"

int main(int argc, char** argv) {
  if (argc != 4 || std::string(argv[2]) != "-o") {
    std::cerr << "usage: simt-translate FILE.cu -o OUT.cpp\n";
    return 2;
  }
  const std::string path = argv[1], target = argv[3];
  std::ifstream input(path, std::ios::binary);
  if (!input) {
    std::cerr << path << ": error: cannot be read\n";
    return 1;
  }
  std::ostringstream source;
  source << input.rdbuf();

  std::string translated;
  try {
    translated = simt::translator::translate(source.str(), path);
  } catch (const simt::translator::Error& error) {
    std::cerr << path << ":" << error.line() << ": error: " << error.what() << "\n";
    return 1;
  }

  // Devices and pipes must not be written, and must not be removed after a failure.
  std::error_code unknown;
  const auto status = std::filesystem::status(target, unknown);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    std::cerr << target << ": error: is no regular file; name another for the translation\n";
    return 1;
  }

  std::ofstream output(target, std::ios::binary);
  output << translated;
  output.close();
  if (!output) {
    std::cerr << target << ": error: cannot be written\n";
    std::remove(target.c_str());
    return 1;
  }
  return 0;
}
