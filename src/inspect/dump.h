// The text of thrum::dump(), for those who print it.
#pragma once

#include <string>

namespace thrum::inspect {

std::string describe_all();

} // namespace thrum::inspect
