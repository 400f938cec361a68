// tls::stream: a stream of bytes that nobody on the way can read or change, over any other stream of bytes.
//
//   void serve(thrum::net::tcp_stream connection, const thrum::tls::context& settings) {
//     auto s = thrum::tls::stream::server(std::move(connection), settings);
//     if (auto r = s.handshake(10s); !r) return report(r.error().message());
//     thrum::io::buffered_reader in(s);
//     while (auto line = in.read_line({.until = 30s}))
//       if (!s.write_all("you said: " + std::string(*line) + '\n', 30s)) return;
//     if (s.shutdown_write(5s)) s.close(); // that was all
//   }
//
// It has the names of io/stream.h, so buffered streams, lines and copy take it. It is no io::byte_stream: that is a descriptor, and
// who takes one would read and write past TLS; nor is it for a select. The stream below is moved in: a connection (net/tcp.h,
// net/unix.h), or a class of one's own with read_some and write_some, and close() if a close here is to end what waits there;
// duplex makes one of two ends that go one way each, such as those of byte pipes.
//
// The end. shutdown_write() tells the peer that nothing follows, in words that nobody can forge, and reading goes on; the peer
// reads 0. If the connection ends without them, the peer gets errc::truncated: what it has may not be all. close() sends them, too,
// if that is possible at once and no write is going on; a stream that is dropped (an exception, a stop) does not: it did not come
// to its end.
//
// What the caller owes   As for io/handle.h: a stream outlives the operations on it, and is not moved meanwhile. handshake() comes
//                        first. The stream below obeys deadlines and stop requests as io/stream.h says.
// What is guaranteed     Operations of one direction are served one after the other, in order of arrival; write_all is never mixed
//                        with another's. Reading and writing do not wait for each other. What TLS itself has to write while one
//                        reads goes with the next write, if it cannot go at once. No fiber parks within OpenSSL, and its queue of
//                        errors is empty after each operation. SIGPIPE is never raised by thrum's own streams.
// Cancellation, deadline A stop request ends waits only. No byte is lost or sent twice: what write_some has returned, and what
//                        error::transferred counts, was encrypted and is on its way; what of it has found no room yet goes before
//                        the next write, and before the end. So write_all may say errc::deadline with everything transferred:
//                        writing nothing, or shutdown_write, goes on with it. A handshake that was late or stopped cannot go on:
//                        then, and after every fatal error, all operations fail.
// May park               handshake, read_*, write_*, shutdown_write.
// Happens-before         only what passes through says.
// When it dies           The stream below is destroyed. Nothing is sent.
// Errors                 io::result: those of tls/error.h; of the stream below; read_exactly: io::errc::end_of_stream; write_*
//                        after shutdown_write: std::errc::broken_pipe; io::errc::closed. `cancelled` is thrown from waits.
// Cost                   A record of up to 16 KiB is one write of the stream below; to read or write one adds some 1.5 us and 1 ns
//                        for each byte. An idle connection with a reader that waits takes some 16 KiB as a server and 36 KiB as a
//                        client (18 KiB with TLS 1.2: OpenSSL keeps a buffer when a ticket has come), beside what the stream
//                        below takes; up to 50 KiB more while bytes pass.
// Source of the idea     Go's tls.Conn; the memory BIOs of OpenSSL.
#pragma once

#include <thrum/detail/io_buffers.h>
#include <thrum/io/buffer.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>
#include <thrum/tls/certificate.h>
#include <thrum/tls/context.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace thrum::detail {

// The stream below, of whatever type.
class tls_transport {
public:
  tls_transport() noexcept = default;
  tls_transport(const tls_transport&) = delete;
  tls_transport& operator=(const tls_transport&) = delete;
  virtual ~tls_transport() = default;
  virtual io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until) = 0;
  virtual io::result<std::size_t> write_some(io::const_buffer from, io::deadline until) = 0;
  virtual void close() noexcept = 0;
  virtual void set_read_deadline(io::deadline until) noexcept = 0;
  virtual void set_write_deadline(io::deadline until) noexcept = 0;
  virtual const void* as(const std::type_info& type) const noexcept = 0;
};

template <class S> class tls_transport_of final : public tls_transport {
public:
  explicit tls_transport_of(S&& stream) : stream_(std::move(stream)) {}
  io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until) override {
    return stream_.read_some(into, until);
  }
  io::result<std::size_t> write_some(io::const_buffer from, io::deadline until) override {
    return stream_.write_some(from, until);
  }
  void close() noexcept override {
    if constexpr (requires(S& s) { s.close(); }) stream_.close();
  }
  void set_read_deadline([[maybe_unused]] io::deadline until) noexcept override {
    if constexpr (requires(S& s) { s.set_read_deadline(until); }) stream_.set_read_deadline(until);
  }
  void set_write_deadline([[maybe_unused]] io::deadline until) noexcept override {
    if constexpr (requires(S& s) { s.set_write_deadline(until); }) stream_.set_write_deadline(until);
  }
  const void* as(const std::type_info& type) const noexcept override {
    return type == typeid(S) ? &stream_ : nullptr;
  }

private:
  S stream_;
};

} // namespace thrum::detail

namespace thrum::tls {

// What a tls::stream can stand on.
template <class S>
concept byte_duplex = io::byte_source<S> && io::byte_sink<S> && std::is_move_constructible_v<S>;

// Two ends that go one way each, as one stream.
template <io::byte_source Reader, io::byte_sink Writer> class duplex {
public:
  duplex(Reader in, Writer out) : in_(std::move(in)), out_(std::move(out)) {}
  io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until = {}) {
    return in_.read_some(into, until);
  }
  io::result<std::size_t> write_some(io::const_buffer from, io::deadline until = {}) {
    return out_.write_some(from, until);
  }
  void close() noexcept {
    if constexpr (requires(Writer& w) { w.close(); }) out_.close();
    if constexpr (requires(Reader& r) { r.close(); }) in_.close();
  }

private:
  Reader in_;
  Writer out_;
};

class stream {
public:
  stream() noexcept; // refers to nothing: every operation fails with io::errc::closed
  stream(stream&&) noexcept;
  stream& operator=(stream&&) noexcept;
  ~stream();

  // Neither waits nor sends anything. `host` is who is to be there: a name, or an address as text. It is sent to the server (SNI),
  // and its certificate has to be for it.
  template <byte_duplex S>
  [[nodiscard]] static stream client(S below, const context& settings, std::string_view host) {
    return made(std::make_unique<detail::tls_transport_of<S>>(std::move(below)), settings, &host);
  }
  template <byte_duplex S> [[nodiscard]] static stream server(S below, const context& settings) {
    return made(std::make_unique<detail::tls_transport_of<S>>(std::move(below)), settings, nullptr);
  }

  // Agrees on keys, and verifies the peer. Once it was done, again does nothing.
  io::result<void> handshake(io::deadline until = {}) const;

  // What is there, at least one byte. 0: the peer has said that nothing follows (or the buffer is empty).
  io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until = {}) const;
  // Fills the buffer. If the stream ends before: io::errc::end_of_stream, with `transferred` bytes read.
  io::result<void> read_exactly(io::mutable_buffer into, io::deadline until = {}) const;
  // Takes at least one byte, and at most 16 KiB: a record.
  io::result<std::size_t> write_some(io::const_buffer from, io::deadline until = {}) const;
  // Sends all.
  io::result<void> write_all(io::const_buffer from, io::deadline until = {}) const;
  // The peer reads the end after what was written; reading goes on. (Many peers then end the other direction, too.)
  io::result<void> shutdown_write(io::deadline until = {}) const;

  // Ends every operation in progress with io::errc::closed, and the stream below.
  void close() const noexcept;
  [[nodiscard]] bool is_open() const noexcept;
  [[nodiscard]] explicit operator bool() const noexcept { return is_open(); }

  // Sticky deadlines, as in io/handle.h, of the stream below if it has them.
  void set_read_deadline(io::deadline until) const noexcept;
  void set_write_deadline(io::deadline until) const noexcept;
  void set_deadline(io::deadline until) const noexcept {
    set_read_deadline(until);
    set_write_deadline(until);
  }

  // What the handshake has agreed on; empty before.
  [[nodiscard]] std::string protocol() const;             // "TLSv1.3"
  [[nodiscard]] std::string cipher() const;               // "TLS_AES_256_GCM_SHA384"
  [[nodiscard]] std::string application_protocol() const; // ALPN; empty if none was agreed on
  [[nodiscard]] std::string server_name() const;          // what the client has asked for (SNI)
  [[nodiscard]] bool resumed() const;                     // an earlier session
  [[nodiscard]] std::optional<certificate_facts> peer_certificate() const;

  // The stream below, if it is an S: to ask a connection for its peer's address. Reading or writing it breaks TLS.
  template <class S> [[nodiscard]] const S* below() const noexcept {
    return static_cast<const S*>(below_as(typeid(S)));
  }

private:
  explicit stream(std::unique_ptr<detail::tls_core> core) noexcept;
  static stream made(std::unique_ptr<detail::tls_transport> below, const context& settings,
                     const std::string_view* host);
  [[nodiscard]] const void* below_as(const std::type_info& type) const noexcept;

  std::unique_ptr<detail::tls_core> core_;
};

} // namespace thrum::tls
