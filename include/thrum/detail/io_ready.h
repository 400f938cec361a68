// Serves io/ready.h: a descriptor as a source of a select (src/io/ready.cc).
#pragma once

#include <thrum/detail/select_case.h>

#include <cstdint>

namespace thrum::io {
struct descriptor;
} // namespace thrum::io

namespace thrum::detail {

inline constexpr std::uint32_t io_in_ready = 1;
inline constexpr std::uint32_t io_out_ready = 2;

const void* io_hint(const io::descriptor* d) noexcept; // null for null
void prepare_readable(select_case& c) noexcept;
void prepare_writable(select_case& c) noexcept;

} // namespace thrum::detail
