// UDP: datagrams between endpoints, in plain blocking style. A fiber that has to wait parks; a thread blocks.
//
//   auto socket = thrum::net::udp_socket::bind("127.0.0.1:5300").value();
//   char buffer[1500];
//   while (auto got = socket.receive_from(buffer)) {                  // {size, from, truncated}
//     auto sent = socket.send_to({buffer, got->size}, got->from, 1s); // an echo
//   }
//
// A connected socket has one peer: it sends to it alone, and receives nothing from others. It learns, too, that nobody listens
// there: std::errc::connection_refused from a later send() or receive(), which is an answer to one datagram, not the end.
//
// What the caller owes   See io/handle.h. The memory of a buffer stays until the operation has returned.
// What is guaranteed     A datagram is received whole, and by one caller; what does not fit into the buffer is cut off, and
//                        `truncated` says so. One that is empty has size 0. An operation that is cancelled or late has taken none
//                        and sent none. Receivers are served in the order in which they came, and so are senders. (UDP itself
//                        loses, doubles and reorders datagrams.)
// Which runtime          As for TCP: of the calling fiber, or the default runtime. See io/handle.h.
// Cancellation           A stop request ends waits only: what is there is received, and what has room is sent, although a stop
//                        was requested.
// May park               receive*, send*.
// Happens-before         only what passes through says.
// When it dies           It closes (io/handle.h). What was received and not taken is dropped.
// Errors                 io::result (io/error.h), of the system if not said otherwise; the most common ones:
//                          bind, connect   address_in_use, address_not_available, permission_denied, too_many_files_open
//                          of a text       io::errc::not_an_endpoint: not numeric (net/endpoint.h)
//                          send*           message_size (too long for one datagram), network_unreachable, permission_denied
//                                          (broadcast() is off), destination_address_required (send() without connect())
//                          connected       connection_refused
//                        From all but bind and connect: io::errc::closed; from all that park: io::errc::deadline and
//                        runtime_ended. `cancelled` is thrown from waits of a fiber that was asked to stop.
// Cost                   One system call a datagram, and about 100 ns. 256 bytes a socket, and what the kernel keeps.
// Source of the idea     Go's net.UDPConn.
#pragma once

#include <thrum/io/buffer.h>
#include <thrum/io/error.h>
#include <thrum/io/handle.h>
#include <thrum/net/endpoint.h>

#include <cstddef>
#include <string_view>

namespace thrum::net {

struct udp_options {
  bool reuse_address = false; // several sockets on one address: for multicast, where each gets every datagram
  bool reuse_port = false;    // several sockets share what comes to one port, by sender
  bool v6_only = false;       // [::] does not take IPv4 datagrams
  bool broadcast = false;     // sending to broadcast addresses is allowed
  std::size_t receive_buffer = 0; // bytes; 0: the system's default
  std::size_t send_buffer = 0;
};

// What a receive has given.
struct datagram {
  std::size_t size = 0;   // bytes in the buffer
  endpoint from{};        // who sent it
  bool truncated = false; // the buffer was too small; the rest is lost
};

class udp_socket : public io::handle {
public:
  udp_socket() noexcept = default;

  // Receives what comes to that address. Port 0: the kernel chooses one; see local_address().
  static io::result<udp_socket> bind(const endpoint& at, const udp_options& options = {});
  static io::result<udp_socket> bind(std::string_view at, const udp_options& options = {}); // endpoint::parse
  // With one peer, from a port that the kernel chooses. Sends nothing yet, so it never waits.
  static io::result<udp_socket> connect(const endpoint& to, const udp_options& options = {});
  static io::result<udp_socket> connect(std::string_view to, const udp_options& options = {});
  // Gives a bound socket its one peer, or another one.
  io::result<void> set_peer(const endpoint& to) const;

  // The next datagram.
  io::result<datagram> receive_from(io::mutable_buffer into, io::deadline until = {}) const;
  // One datagram: all of the buffer. Waits while the socket's send buffer is full.
  io::result<void> send_to(io::const_buffer from, const endpoint& to, io::deadline until = {}) const;

  // The same between connected sockets. receive(): the size; what does not fit is cut off silently.
  io::result<std::size_t> receive(io::mutable_buffer into, io::deadline until = {}) const;
  io::result<void> send(io::const_buffer from, io::deadline until = {}) const;

  // Receives what is sent to a group, too. `group`: the port does not matter. `interface`: its number (if_nametoindex); 0: the
  // system chooses.
  io::result<void> join(const endpoint& group, unsigned interface = 0) const;
  io::result<void> leave(const endpoint& group, unsigned interface = 0) const;
  // Of what is sent to groups: from which interface; how many routers pass it on (1: none); whether it comes back to this machine.
  io::result<void> multicast_interface(unsigned interface) const;
  io::result<void> multicast_hops(unsigned hops) const;
  io::result<void> multicast_loop(bool on) const;

  io::result<void> broadcast(bool on) const;

  // Bytes that the kernel keeps for us. It caps what is asked for (net.core.rmem_max, wmem_max) and doubles it for its own use;
  // what is then said is the doubled number.
  io::result<void> receive_buffer(std::size_t bytes) const;
  io::result<void> send_buffer(std::size_t bytes) const;
  [[nodiscard]] io::result<std::size_t> receive_buffer() const;
  [[nodiscard]] io::result<std::size_t> send_buffer() const;

  [[nodiscard]] io::result<endpoint> local_address() const;
  [[nodiscard]] io::result<endpoint> peer_address() const; // not_connected, if it is not

private:
  explicit udp_socket(io::descriptor* d) noexcept : handle(d) {}
};

} // namespace thrum::net
