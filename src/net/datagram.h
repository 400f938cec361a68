// Sending and receiving datagrams of any family. A datagram goes or comes whole, in one system call; so whoever is stopped or late
// in the wait before that call has neither taken nor sent any of it.
#pragma once

#include <cstddef>

#include <thrum/io/buffer.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>

struct sockaddr;

namespace thrum::io {
struct descriptor;
} // namespace thrum::io

namespace thrum::net {

struct received {
  std::size_t size;
  unsigned from_size; // of the sender's address, as the kernel says it
  bool truncated;
};

// `from`: room for the sender's address, of `room` bytes; null: not asked for.
io::result<received> receive_datagram(io::descriptor* d, io::mutable_buffer into, sockaddr* from,
                                      unsigned room, io::deadline until);
// What to do when the socket itself has room, and yet the kernel says that it would have to wait: then it is the receiver that is full.
enum class when_full : unsigned char {
  wait,  // for the edge, which will come
  say_so // no_buffer_space: there will be none
};

// `to`: null for the peer of a connected socket. `name_of_to`: what errors are about; null: the descriptor.
io::result<void> send_datagram(io::descriptor* d, io::const_buffer from, const sockaddr* to, unsigned to_size,
                               const io::subject* name_of_to, io::deadline until,
                               when_full full = when_full::wait);

} // namespace thrum::net
