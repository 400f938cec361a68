// Sockets within the machine: streams and datagrams between processes, named by a path or by an abstract name, and the passing of
// open descriptors from one process to another.
//
//   auto listener = thrum::net::unix_listener::listen("/run/work.sock", {.remove_stale = true, .mode = 0600}).value();
//   while (auto stream = listener.accept()) {
//     if (stream->peer_credentials().value().user != 1000) continue;
//     auto job = stream->receive_descriptor(5s); // an open file of the other process
//     if (job) auto answered = stream->write_all("thank you\n");
//   }
//
// Addresses. A text that begins with @ is an abstract name: it is in no file system, and gone with its socket. Any other text is a
// path ("./@x" for one that begins so). 107 bytes at most.
//
// Files. Binding to a path makes a file, and fails with address_in_use if there is one, also if it was left by a program that is
// gone; with `remove_stale`, that one is removed, if it is a socket and nobody answers there. (Two programs that do so
// at the same instant may take the name from each other.) close() and the end of the handle remove the file, if it is still
// the one that was made. `mode` is set before anybody can connect.
//
// Descriptors. What is passed is the open file, not its number: both sides own it then, each with a number of its own. The message
// is one byte of the stream, and takes its place in it: the two sides agree on when one comes. Who reads that byte with read_some
// or read_exactly drops what came with it; so what comes before is read with read_exactly. receive_descriptor gives the next
// one; if the next byte brings none, it says bad_message and takes nothing. While the process has no number left it says
// too_many_files_open, and the descriptor is still there for the next call.
//
// What the caller owes   See io/handle.h.
// What is guaranteed     Streams: io/stream.h. Datagrams are whole, in order and not lost; what does not fit into the buffer is cut off,
//                        and `truncated` says so. A pass that is cancelled or late has passed nothing; a descriptor that nobody
//                        takes is closed with the last socket that leads to it. Every new descriptor is close-on-exec.
// Which runtime          As for TCP: of the calling fiber, or the default runtime. See io/handle.h.
// Cancellation           As for streams and datagrams: a stop request ends waits only.
// May park               connect, while the listener's queue is full; accept, read_*, write_*, send*, receive*.
// Happens-before         only what passes through says.
// When it dies           It closes (io/handle.h); its file is removed.
// Errors                 io::result (io/error.h), of the system if not said otherwise; the most common ones:
//                          an address     filename_too_long, invalid_argument (empty, or a path with a zero in it)
//                          bind, listen   address_in_use, no_such_file_or_directory, permission_denied
//                          connect        no_such_file_or_directory, connection_refused (a stale file), permission_denied,
//                                         wrong_protocol_type (a datagram socket lives there)
//                          receive_descriptor   bad_message, too_many_files_open, io::errc::end_of_stream
//                        From all but those that make a socket: io::errc::closed; from all that park: io::errc::deadline and
//                        runtime_ended. `cancelled` is thrown from waits of a fiber that was asked to stop.
// Cost                   As TCP, without the protocol. To pass a descriptor: one system call; to receive it: two. Two waits have no
//                        event to wait for (a listener's full queue, and a full receiver of send_to): they try again
//                        after 1 to 16 ms.
// Source of the idea     Go's net.UnixConn; SCM_RIGHTS.
#pragma once

#include <thrum/io/buffer.h>
#include <thrum/io/error.h>
#include <thrum/io/handle.h>
#include <thrum/io/stream.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace thrum::env {
class world;
} // namespace thrum::env

namespace thrum::net {

class unix_address {
public:
  static constexpr std::size_t longest = 107;

  constexpr unix_address() noexcept = default; // none: of a socket that was not bound
  // A path, or @ and an abstract name. Empty if it is empty, too long, or a path with a zero in it.
  [[nodiscard]] static std::optional<unix_address> parse(std::string_view text) noexcept;

  [[nodiscard]] bool is_none() const noexcept { return size_ == 0; }
  [[nodiscard]] bool is_abstract() const noexcept { return size_ != 0 && bytes_[0] == '\0'; }
  [[nodiscard]] bool is_path() const noexcept { return size_ != 0 && bytes_[0] != '\0'; }
  // As parse() reads it; nothing, if there is none.
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const unix_address&, const unix_address&) noexcept = default;
  friend bool operator==(const unix_address&, const unix_address&) noexcept = default;

private:
  friend struct unix_socket_address; // src/net/unix_address.h
  std::array<char, 108> bytes_{};    // abstract: begins with a zero; a path ends with one
  std::uint8_t size_ = 0;            // without that last zero
};

// Who is at the other end, when the connection was made.
struct credentials {
  int process = 0;
  unsigned user = 0;
  unsigned group = 0;
};

// A descriptor that came from another process. Closes it, unless it is released.
class passed_descriptor {
public:
  passed_descriptor() noexcept = default;
  passed_descriptor(passed_descriptor&& other) noexcept
      : world_(other.world_), fd_(std::exchange(other.fd_, -1)) {}
  passed_descriptor& operator=(passed_descriptor&& other) noexcept {
    passed_descriptor taken(std::move(other));
    std::swap(world_, taken.world_);
    std::swap(fd_, taken.fd_);
    return *this;
  }
  ~passed_descriptor() {
    if (fd_ >= 0) close_it();
  }

  [[nodiscard]] int native() const noexcept { return fd_; } // -1: none
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  // The caller owns the number from now on.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
  friend class unix_stream;
  passed_descriptor(env::world* w, int fd) noexcept : world_(w), fd_(fd) {}
  void close_it() noexcept;

  env::world* world_ = nullptr;
  int fd_ = -1;
};

class unix_stream : public io::byte_stream {
public:
  unix_stream() noexcept = default;

  static io::result<unix_stream> connect(const unix_address& to, io::deadline until = {});
  static io::result<unix_stream> connect(std::string_view to, io::deadline until = {}); // unix_address::parse
  // The two ends of a stream within this process, for a child that inherits one, or for tests.
  static io::result<std::pair<unix_stream, unix_stream>> pair();

  // The peer reads the end after what was written; reading goes on.
  io::result<void> shutdown_write() const;
  // Reads give the end, also one that waits.
  io::result<void> shutdown_read() const;

  [[nodiscard]] io::result<credentials> peer_credentials() const;

  // Passes what `fd` means; it stays open here. (The number is not looked at again once this has returned.)
  io::result<void> send_descriptor(int fd, io::deadline until = {}) const;
  io::result<void> send_descriptor(const io::handle& h, io::deadline until = {}) const;
  io::result<passed_descriptor> receive_descriptor(io::deadline until = {}) const;

  [[nodiscard]] io::result<unix_address> local_address() const;
  [[nodiscard]] io::result<unix_address> peer_address() const;

protected:
  explicit unix_stream(io::descriptor* d) noexcept : byte_stream(d) {}

private:
  friend class unix_listener;
};

class socket_file; // src/net/socket_file.h

struct unix_options {
  bool remove_stale = false;      // a file that a dead program has left at the path makes room
  bool unlink_on_close = true;    // ours is removed by close()
  std::optional<unsigned> mode{}; // who may connect; without it, what the process' umask leaves of 0777
  int backlog = 4096;             // of listeners: connections that wait for accept; the kernel caps it
};

class unix_listener : public io::handle {
public:
  unix_listener() noexcept;
  unix_listener(unix_listener&&) noexcept;
  unix_listener& operator=(unix_listener&&) noexcept;
  ~unix_listener();

  static io::result<unix_listener> listen(const unix_address& at, const unix_options& options = {});
  static io::result<unix_listener> listen(std::string_view at, const unix_options& options = {});

  // The next connection. Without a free descriptor as for TCP: std::errc::too_many_files_open at once, and the connection stays in
  // the queue.
  io::result<unix_stream> accept(io::deadline until = {}) const;

  // Removes the file, too.
  void close() const noexcept;

  [[nodiscard]] io::result<unix_address> local_address() const;

private:
  unix_listener(io::descriptor* d, std::unique_ptr<socket_file> file) noexcept;
  std::unique_ptr<socket_file> file_; // null: nothing is to be removed
};

// What a receive has given.
struct unix_message {
  std::size_t size = 0;   // bytes in the buffer
  unix_address from{};    // who sent it; none: a socket that is not bound
  bool truncated = false; // the buffer was too small; the rest is lost
};

class unix_datagram : public io::handle {
public:
  unix_datagram() noexcept;
  unix_datagram(unix_datagram&&) noexcept;
  unix_datagram& operator=(unix_datagram&&) noexcept;
  ~unix_datagram();

  static io::result<unix_datagram> bind(const unix_address& at, const unix_options& options = {});
  static io::result<unix_datagram> bind(std::string_view at, const unix_options& options = {});
  // One that only sends; nobody can answer.
  static io::result<unix_datagram> unbound();
  static io::result<std::pair<unix_datagram, unix_datagram>> pair();
  // Gives it the one peer that send() sends to, and that alone may send to it.
  io::result<void> set_peer(const unix_address& to) const;

  io::result<unix_message> receive_from(io::mutable_buffer into, io::deadline until = {}) const;
  // Waits while the receiver has too many datagrams that it has not taken.
  io::result<void> send_to(io::const_buffer from, const unix_address& to, io::deadline until = {}) const;
  // The same between sockets with a peer. receive(): the size; what does not fit is cut off silently.
  io::result<std::size_t> receive(io::mutable_buffer into, io::deadline until = {}) const;
  io::result<void> send(io::const_buffer from, io::deadline until = {}) const;

  // Removes the file, too.
  void close() const noexcept;

  [[nodiscard]] io::result<unix_address> local_address() const;

private:
  unix_datagram(io::descriptor* d, std::unique_ptr<socket_file> file) noexcept;
  std::unique_ptr<socket_file> file_; // null: nothing is to be removed
};

} // namespace thrum::net
