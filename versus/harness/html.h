// html: the two things that everything that writes the page needs.
#pragma once

#include <string>
#include <string_view>

namespace versus {

// For text and for attributes in double or single quotes.
std::string escape_html(std::string_view text);

// <name attributes>body</name>; the body is HTML already.
std::string tag(const std::string& name, const std::string& body, const std::string& attributes = "");

} // namespace versus
