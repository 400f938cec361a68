// tls_core: a connection: one engine, the stream below it, and who may do what when.
//
// The problem. A fiber reads while another writes. OpenSSL's object for both is one, and not thread-safe; and either direction may
// need the other for a moment: a handshake both; a read finds that something has to be answered; a write may find OpenSSL in the
// middle of a message of the peer's (a ticket that has come by half), before whose end it does not write.
//
// The way taken: the lock covers memory and computing only, and the network is waited for outside it, under turns:
//
//   lock        the engine: one step, some microseconds (a signature: a millisecond). Nobody waits for anything under it.
//   reads       one reading operation at a time, in order of arrival
//   writes      one writing operation at a time
//   receiving   who reads the stream below: whoever has a step that wants input; a reader, seldom a writer
//   sending     who writes the stream below: from `going_` first, and then what the engine has put out
//
// reads and writes come before receiving and sending; of those two nobody waits for one while it has the other; the lock is last. A
// handshake takes reads and writes both.
//
// No input is waited for in vain. A step that wants input notes `fed_` under the lock. Who then has the turn to receive looks
// again: if more was fed meanwhile, by the other direction, it tries its step again instead of waiting.
//
// No output is left behind unseen. Who has sent all looks, after it has given the turn back, whether there is more: what was put
// out by somebody who then found the turn taken, and left it to us, is sent. Only reads do that (send_at_once): what they put out
// is an answer or an alert, and to wait for room could hold a read up until the peer reads, who may wait for us to. What finds no
// room goes before the next write. Only a peer that has asked for 64 KiB of answers and does not read them makes a read wait, or it
// could fill our memory.
//
// What was encrypted cannot be taken back: records are numbered. So a write that is late or stopped after that leaves its record in
// `going_`, partly sent perhaps, and says that it was taken. The next one sends it first.
//
// The end of the connection below is not told to OpenSSL: that would end writing, too. The reader says `truncated`.
//
// Turns are those of io/turn.h.
//
// Invariants, whenever the lock is free
//   a failed handshake, or one that was left, never becomes `open`
//   going_ and sent_ belong to who is sending; next_block_ to who is receiving; all else to who has the lock
#pragma once

#include "tls/engine.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <thrum/io/deadline.h>
#include <thrum/io/error.h>
#include <thrum/mutex.h>
#include <thrum/semaphore.h>
#include <thrum/tls/stream.h>

namespace thrum::detail {

struct tls_core {
  tls_core(std::unique_ptr<tls_transport> below, std::shared_ptr<const tls_context> settings,
           std::string host, bool as_server);

  static const std::shared_ptr<const tls_context>& settings_of(const tls::context& c) noexcept {
    return c.shared_;
  }

  io::result<void> handshake(io::deadline until);
  io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until);
  io::result<void> read_exactly(io::mutable_buffer into, io::deadline until);
  io::result<std::size_t> write_some(io::const_buffer from, io::deadline until);
  io::result<void> write_all(io::const_buffer from, io::deadline until);
  io::result<void> shutdown_write(io::deadline until);
  void close() noexcept;
  bool is_open();

  // f(engine) once the handshake is done; a T{} before.
  template <class T, class F> T ask(F f) {
    const std::lock_guard hold(lock_);
    return state_ == state::open ? f(engine_) : T{};
  }

  const std::unique_ptr<tls_transport> below;

private:
  enum class state : std::uint8_t { fresh, shaking, open, failed };

  struct wrote {
    std::size_t taken = 0;
    std::optional<io::error> error{};       // of sending what was taken, or before
    std::optional<cancel_reason> stopped{}; // instead of it, if something was taken
  };

  io::result<void> shake(io::deadline until);
  // Both with the lock.
  std::optional<io::error> standing(const char* operation) const;
  io::error failure(const char* operation) const;

  // With the turn of their direction.
  io::result<std::size_t> read_step(io::mutable_buffer into, io::deadline until);
  wrote write_step(const void* from, std::size_t size, io::deadline until);

  io::result<void> receive(std::uint64_t seen, io::deadline until);
  io::result<void> send(io::deadline until);
  void send_at_once() noexcept;
  // With the turn to send.
  io::result<void> send_all(io::deadline until);
  bool has_output();

  mutex lock_;
  tls::engine engine_;
  std::uint64_t fed_ = 0;
  state state_ = state::fresh;
  bool input_ended_ = false;  // below
  bool output_ended_ = false; // by shutdown_write or close
  bool closed_ = false;

  binary_semaphore reads_{1};
  binary_semaphore writes_{1};
  binary_semaphore receiving_{1};
  binary_semaphore sending_{1};
  std::vector<char> going_;
  std::size_t sent_ = 0; // of going_
  std::size_t next_block_;
};

} // namespace thrum::detail
