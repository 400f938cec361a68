// Serves spawn.h, future.h and invoke.h: what became of something, as a value.
#pragma once

#include <exception>
#include <expected>
#include <functional>
#include <type_traits>

namespace thrum {

// The value or the exception. (A reference is kept as std::reference_wrapper.)
template <class T> using outcome = std::expected<
    std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>,
    std::exception_ptr>;

} // namespace thrum
