// TCP: streams of bytes between two endpoints, in plain blocking style. A fiber that has to wait parks; a thread blocks.
//
//   auto listener = thrum::net::tcp_listener::listen("127.0.0.1:8080").value();
//   while (auto stream = listener.accept()) {
//     thrum::go([stream = std::move(*stream)] {
//       char buffer[4096];
//       while (auto n = stream.read_some(buffer, 30s)) {          // std::expected: an error or ...
//         if (*n == 0) break;                                     // ... a count; 0: the peer has ended
//         if (!stream.write_all({buffer, *n})) break;
//       }
//     });                                                          // closes
//   }
//
// Reading and writing are those of every stream of bytes: io/stream.h.
//
// What the caller owes   See io/handle.h.
// What is guaranteed     io/stream.h. Accepts are served in the order in which they came.
// Which runtime          connect and listen: of the calling fiber, or the default runtime. See io/handle.h.
// Names                  connect("example.com:443"), or "example.com:https", looks the name up (net/resolve.h) and tries its
//                        addresses, IPv6 and IPv4 in turn: the next one when one has failed, or after 250 ms; the first that
//                        answers is taken, the other attempts end (RFC 8305). If all fail, the error's code is that of
//                        the first address for which this machine has a network at all, and `causes` has all of them.
// Without descriptors    When the process may have no more of them (RLIMIT_NOFILE), accept and connect go on with connections that
//                        need none, in io_uring (Linux 6.10), where it is allowed. They are used like others, but: native() is -1;
//                        local_address() wants a free descriptor for a moment, and says too_many_files_open if there is none;
//                        calls on them take turns, and cost more. Listeners need descriptors, as everything else.
// Cancellation           As for streams. A connect that is cancelled or late gives all attempts up.
// May park               accept, connect, read_*, write_*.
// Happens-before         only what passes through the connection says.
// When it dies           It closes (io/handle.h). Bytes that were received and not read make the kernel reset the connection.
// Errors                 io::result (io/error.h), of the system if not said otherwise; the most common ones:
//                          connect      connection_refused, timed_out, network_unreachable, host_unreachable
//                          listen       address_in_use, address_not_available, permission_denied
//                          connect, listen, accept     too_many_files_open, not_enough_memory
//                          connect, listen of a text   io::errc::not_an_endpoint: no port, or for listen no number
//                          connect to a name           those of resolve (net/resolve.h)
//                          read_*       connection_reset, timed_out (keep-alive); read_exactly: io::errc::end_of_stream
//                          write_*      broken_pipe, connection_reset
//                          shutdown_*, peer_address    not_connected
//                        From all but connect and listen: io::errc::closed; from all that park: io::errc::deadline and
//                        runtime_ended. `cancelled` is thrown from waits of a fiber that was asked to stop.
// Cost                   A read or write is one system call and about 100 ns; an idle connection 256 bytes, its fiber's stack, and
//                        what the kernel keeps.
// Source of the idea     Go's net; std::expected instead of a pair.
#pragma once

#include <thrum/io/error.h>
#include <thrum/io/handle.h>
#include <thrum/io/stream.h>
#include <thrum/net/endpoint.h>

#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

namespace thrum::net {

// When the kernel asks a silent peer whether it is still there, and gives it up.
struct keep_alive_options {
  std::chrono::seconds idle{15};
  std::chrono::seconds interval{15};
  int probes = 9;
};

class tcp_stream : public io::byte_stream {
public:
  tcp_stream() noexcept = default;

  // no_delay is on.
  static io::result<tcp_stream> connect(const endpoint& to, io::deadline until = {});
  static io::result<tcp_stream> connect(std::string_view to,
                                        io::deadline until = {}); // also names: see above

  // The peer reads the end after what was written; reading goes on.
  io::result<void> shutdown_write() const;
  // Reads give the end, also one that waits.
  io::result<void> shutdown_read() const;

  // Send small writes at once (on by default) or collect them.
  io::result<void> no_delay(bool on) const;
  io::result<void> keep_alive(const keep_alive_options& options) const;
  io::result<void> keep_alive_off() const;
  // What close does with data that the peer has not acknowledged: drop it and reset the connection, instead of sending it in
  // the background.
  io::result<void> reset_on_close(bool on) const;
  // How long written data may stay unacknowledged before the connection is given up (writes and reads then say timed_out). 0: the
  // system's default, some 15 minutes.
  io::result<void> user_timeout(std::chrono::milliseconds longest) const;
  // Bytes that the kernel keeps for us; without them it adapts them itself. It caps what is asked for (net.core.rmem_max, wmem_max)
  // and doubles it for its own use; what is then said is the doubled number.
  io::result<void> receive_buffer(std::size_t bytes) const;
  io::result<void> send_buffer(std::size_t bytes) const;
  [[nodiscard]] io::result<std::size_t> receive_buffer() const;
  [[nodiscard]] io::result<std::size_t> send_buffer() const;

  [[nodiscard]] io::result<endpoint> local_address() const;
  [[nodiscard]] io::result<endpoint> peer_address() const;

private:
  friend class tcp_listener;
  explicit tcp_stream(io::descriptor* d) noexcept : byte_stream(d) {}
};

struct listen_options {
  int backlog = 65'535;      // connections that wait for accept; the kernel caps it (net.core.somaxconn)
  bool reuse_address = true; // listen although connections of an earlier listener linger
  bool reuse_port = false;   // several listeners on one port share what comes
  bool v6_only = false;      // [::] does not take IPv4 connections
};

class tcp_listener : public io::handle {
public:
  tcp_listener() noexcept = default;

  // Port 0: the kernel chooses one; see local_address().
  static io::result<tcp_listener> listen(const endpoint& at, const listen_options& options = {});
  static io::result<tcp_listener> listen(std::string_view at, const listen_options& options = {});

  // The next connection, with no_delay on. Connections that failed before they were accepted are passed over. If the process has
  // no descriptor left, and cannot do without (std::errc::too_many_files_open), that is said at once: close something, or wait,
  // before the next call; the connection stays in the queue.
  io::result<tcp_stream> accept(io::deadline until = {}) const;

  [[nodiscard]] io::result<endpoint> local_address() const;

private:
  explicit tcp_listener(io::descriptor* d) noexcept : handle(d) {}
};

// Several listeners that share one port, port 0 too; the kernel spreads connections over them, by the address of who connects. For
// servers with an accepting fiber, or a runtime, for each. A connection that waits in the queue of one that is closed is reset.
io::result<std::vector<tcp_listener>> listen_shards(const endpoint& at, unsigned n,
                                                    const listen_options& options = {});
io::result<std::vector<tcp_listener>> listen_shards(std::string_view at, unsigned n,
                                                    const listen_options& options = {});

} // namespace thrum::net
