// Heads of messages as text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <thrum/http/message.h>

namespace thrum::http {

enum class connection_says { nothing, keep_alive, close };

bool has_no_body(int status) noexcept; // 1xx, 204, 304

// Status line and fields of an answer. head_only: the request was HEAD.
std::string head_of(const response& r, bool head_only, connection_says connection);
// Request line and fields. `host`: of the Host field, if the request has none.
std::string head_of(const request& r, std::string_view target, std::string_view host);

// Something in a comma-separated list of words, in any case: "close" in "Keep-Alive, close".
bool has_word(std::string_view list, std::string_view word) noexcept;

} // namespace thrum::http
