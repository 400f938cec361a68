// What reports need to write JSON.
#pragma once

#include <string>
#include <string_view>

namespace thrum::inspect {

// Appends a text as a string of JSON, with its quotes. Names are bytes that the program has chosen: what is no character of UTF-8
// becomes U+FFFD, one for each byte.
void append_json(std::string& to, std::string_view text);

} // namespace thrum::inspect
