// readable and writable: descriptors in a select.
//
//   switch (thrum::select(thrum::readable(stream), thrum::recv(commands, command), thrum::after(30s))) {
//   case 0: n = stream.read_some(buffer).value(); break;
//
// readable(h)   an operation that reads (or accepts) will not wait: there is data, the end of the stream, an error, or h was closed
// writable(h)   the same for writing
//
// The case does nothing but wait: who is told may find that somebody else has read meanwhile, if several do. It asks the
// kernel before it says yes, so a single reader is never told in vain.
// A handle that refers to nothing is never ready.
#pragma once

#include <thrum/detail/io_ready.h>
#include <thrum/io/handle.h>
#include <thrum/select.h>

namespace thrum {

namespace detail {

inline basic_case ready_case(const io::handle& h, std::uint32_t bit,
                             void (*prepare)(select_case&) noexcept) noexcept {
  basic_case c;
  c.raw.what = select_case::kind::source;
  c.raw.object = descriptor_of(h);
  c.raw.readiness = io_hint(descriptor_of(h));
  c.raw.ready_bit = bit;
  c.raw.prepare = prepare;
  return c;
}

} // namespace detail

[[nodiscard]] inline auto readable(const io::handle& h) noexcept {
  return detail::ready_case(h, detail::io_in_ready, &detail::prepare_readable);
}
[[nodiscard]] inline auto writable(const io::handle& h) noexcept {
  return detail::ready_case(h, detail::io_out_ready, &detail::prepare_writable);
}

} // namespace thrum
