// Serves http/server.h and http/client.h: a connection, of whatever type its stream is.
#pragma once

#include <thrum/io/buffer.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace thrum::detail {

class http_transport {
public:
  http_transport() noexcept = default;
  http_transport(const http_transport&) = delete;
  http_transport& operator=(const http_transport&) = delete;
  virtual ~http_transport() = default;
  virtual io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until) = 0;
  virtual io::result<void> write_all(io::const_buffer head, io::const_buffer body, io::deadline until) = 0;
  // Nothing follows; the other side may still send.
  virtual void end_writing(io::deadline until) = 0;
  // A read that waits ends: the connection has nothing to do, and is to end. What has come already is still read, where that can be.
  virtual void end_reading() noexcept = 0;
};

template <class S> class http_transport_of final : public http_transport {
public:
  explicit http_transport_of(S&& stream) : stream_(std::move(stream)) {}
  io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until) override {
    return stream_.read_some(into, until);
  }
  io::result<void> write_all(io::const_buffer head, io::const_buffer body, io::deadline until) override {
    const io::const_buffer both[] = {head, body};
    if (body.size() == 0) return stream_.write_all(head, until);
    if constexpr (requires { stream_.write_all(std::span<const io::const_buffer>(both), until); }) {
      return stream_.write_all(std::span<const io::const_buffer>(both), until);
    } else {
      if (auto r = stream_.write_all(head, until); !r) return r.error();
      return stream_.write_all(body, until);
    }
  }
  void end_writing([[maybe_unused]] io::deadline until) override {
    if constexpr (requires { stream_.shutdown_write(until); })
      static_cast<void>(stream_.shutdown_write(until));
    else if constexpr (requires { stream_.shutdown_write(); })
      static_cast<void>(stream_.shutdown_write());
  }
  void end_reading() noexcept override {
    if constexpr (requires { stream_.shutdown_read(); })
      static_cast<void>(stream_.shutdown_read());
    else
      stream_.close();
  }

private:
  S stream_;
};

} // namespace thrum::detail

namespace thrum::http {

// What HTTP can be spoken over: net/tcp.h, net/unix.h, tls/stream.h, and the like.
template <class S>
concept transport = requires(S& s, io::mutable_buffer into, io::const_buffer from, io::deadline until) {
  { s.read_some(into, until) } -> std::same_as<io::result<std::size_t>>;
  { s.write_all(from, until) } -> std::same_as<io::result<void>>;
  s.close();
};

} // namespace thrum::http
