// A fuzz target is a file that defines these; fuzz_main.cpp does the rest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wb::fuzz {

/// Feeds one input to the parser. It must return, also after an error that the parser promises; whatever else
/// happens (a crash, another exception, a wrong answer that abort() reports, more than ten seconds) is a
/// finding.
void try_input(std::string_view input);

/// Inputs that are good, or nearly: every input tried is made of them.
std::vector<std::string> seeds();

/// Words of the language, to be put anywhere.
std::vector<std::string> words();

}  // namespace wb::fuzz
