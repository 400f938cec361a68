// chan_status: how an attempt on a channel ended: what the forms of send and recv say that may do nothing.
//
//   thrum::chan<int> jobs(16);
//   switch (jobs.try_send(1)) {
//   case thrum::chan_status::ok: break;
//   case thrum::chan_status::closed: return;
//   case thrum::chan_status::would_block:
//   case thrum::chan_status::timeout: report("too busy");
//   }
//   std::expected<int, thrum::chan_status> job = jobs.recv_for(10ms);
//   if (!job && job.error() == thrum::chan_status::closed) return;
//
// A value; it owes, parks, orders and costs nothing. chan.h says which of them each form returns.
// Source of the idea     ISO C++'s conqueue_errc (P0260).
#pragma once

#include <cstdint>

namespace thrum {

enum class chan_status : std::uint8_t {
  ok,
  would_block, // try_: nobody on the other side, no room, or no value; a nil channel
  timeout,     // _until, _for: the deadline passed
  closed       // send: the channel is closed; receive: closed and drained
};

} // namespace thrum
