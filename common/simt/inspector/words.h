// The sentence of advice that ends a finding.
#pragma once

#include <string>

namespace simt::inspector {

struct Finding;
std::string advice_for(const Finding& finding);

}  // namespace simt::inspector
