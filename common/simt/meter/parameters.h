// The names of a kernel's parameters, read from its source: a launch knows only their values.
#pragma once

#include <string>
#include <vector>

namespace simt::meter {

/// Of the kernel of that name, as a launch spells it ("wb::softmax<float>"), in the order of its definition
/// in `source`, the text of a file; empty where it is not there.
std::vector<std::string> parameter_names(const std::string& source, const std::string& kernel);

}  // namespace simt::meter
