// Serves spawn.h, future.h and invoke.h: what became of something, as a value or as a function's result.
#pragma once

#include <thrum/detail/expected.h>

#include <exception>
#include <functional>
#include <type_traits>

// What it returns is never a part of what it was called for: g++ 14 supposes that of references otherwise, and warns.
#if __has_cpp_attribute(gnu::no_dangling)
#define THRUM_NO_DANGLING [[gnu::no_dangling]]
#else
#define THRUM_NO_DANGLING
#endif

namespace thrum {

// The value or the exception. (A reference is kept as std::reference_wrapper.)
template <class T> using outcome = std::expected<
    std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>,
    std::exception_ptr>;

} // namespace thrum
