// readable and writable: descriptors in a select.
//
//   thrum::net::tcp_stream stream;
//   thrum::chan<std::string> commands;
//   std::optional<std::string> command;
//   char buffer[4096];
//   switch (thrum::select(thrum::readable(stream), thrum::recv(commands, command), thrum::after(30s))) {
//   case 0: if (auto n = stream.read_some(buffer)) work(int(*n)); break;
//   case 1: if (command) auto sent = stream.write_all(*command); break;
//   case 2: stream.close();
//   }
//
// readable(h)   an operation that reads (or accepts) will not wait: there is data, the end of the stream, an error, or h was closed
// writable(h)   the same for writing
//
// What the caller owes   The handle outlives the select (the selector). The case does nothing but wait: who is told then reads, and
//                        finds that somebody else has read meanwhile, if several do.
// What is guaranteed     The kernel is asked before the answer is yes, so a single reader is never told in vain. Deadlines of the
//                        handle are not looked at: add an after(). When the runtime that serves h ends, the case is ready.
//                        A handle that refers to nothing is never ready.
// May park               as select.
// Happens-before         close -> the select that it makes ready.
// When it dies           A case is used in the select call that it is made for.
// Errors                 as select; what is wrong with h is told by the operation that follows.
// Cost                   as any case; one system call more if h may be ready.
// Source of the idea     poll(2), as a case of a select.
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
