// Connecting to a name that has several addresses: happy eyeballs (RFC 8305). Nobody should wait for the timeout of a network that
// does not work while another one does; nor should two connections be made where the first would do.
#pragma once

#include <thrum/io/deadline.h>
#include <thrum/io/error.h>
#include <thrum/net/tcp.h>

#include <chrono>
#include <span>
#include <string_view>
#include <vector>

namespace thrum::net {

inline constexpr std::chrono::milliseconds attempt_delay{250}; // what RFC 8305 recommends

// IPv6 and IPv4 in turn, beginning with the family of the first; within a family in the given order.
std::vector<endpoint> interleaved(std::span<const endpoint> addresses);

// Tries the addresses in order: the next one when one has failed, or `delay` after the one before was begun. The first connection
// is returned, and by then all other attempts have ended and are closed. `name` is what errors are about.
io::result<tcp_stream> race(std::span<const endpoint> addresses, std::string_view name,
                            std::chrono::milliseconds delay, io::deadline until);

} // namespace thrum::net
