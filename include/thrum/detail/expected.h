// Serves every header that uses std::expected: with a compiler that has none, one sentence instead of a page of errors.
#pragma once

#include <expected>

#if !defined(__cpp_lib_expected)
#error "thrum needs std::expected: -std=c++23, and g++ 12 or clang 19 (earlier ones get none from libstdc++)"
#endif
