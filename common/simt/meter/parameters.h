// The names of a kernel's parameters, read from its source: a launch knows only their values.
#pragma once

#include <string>
#include <vector>

namespace simt::meter {

/// The parameter names of `kernel`, as a launch spells it ("wb::softmax<float>"), in the order of its
/// definition in `source`, the text of a file. Empty if the definition is not there.
std::vector<std::string> parameter_names(const std::string& source, const std::string& kernel);

}  // namespace simt::meter
