#include "tls/core.h"

#include "io/turn.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include <thrum/error.h>

namespace thrum::detail {

namespace {

using io::turn;
using tls::engine;
using tls::stand;
using tls::step;

// What an idle connection reads into: room for a short request. Blocks of whole records follow as soon as one was filled.
constexpr std::size_t small_block = 1024;
constexpr std::size_t large_block = tls::sealed_record;

// Of what reading has put out, and what has found no room, as much as this is kept. An answer has some 30 bytes.
constexpr std::size_t most_answers = 64 << 10;

constexpr std::chrono::steady_clock::time_point long_ago{};

io::error made(std::error_code code, const char* operation) noexcept {
  return {.code = code, .operation = operation, .about = io::subject::named("tls"), .causes = {}};
}
io::error late(const char* operation) noexcept { return made(io::errc::deadline, operation); }

io::error after(io::error e, std::size_t done) noexcept {
  e.transferred = done;
  return e;
}

} // namespace

tls_core::tls_core(std::unique_ptr<tls_transport> transport, std::shared_ptr<const tls_context> settings,
                   std::string host, bool as_server)
    : below(std::move(transport)),
      engine_(std::move(settings), std::move(host), as_server),
      next_block_(small_block) {}

// ---- how it stands

std::optional<io::error> tls_core::standing(const char* operation) const {
  if (closed_) return made(io::errc::closed, operation);
  switch (state_) {
  case state::open: return std::nullopt;
  case state::fresh: return made(tls::errc::handshake_needed, operation);
  case state::shaking: return made(tls::errc::handshake_interrupted, operation);
  case state::failed: return failure(operation);
  }
  return std::nullopt;
}

io::error tls_core::failure(const char* operation) const {
  const io::subject about =
      engine_.host().empty() ? io::subject::named("tls") : io::subject::named(engine_.host());
  return tls::error_of(engine_.why(), operation, about);
}

// ---- the stream below

// Reads once, unless somebody else has fed the engine since `seen`.
io::result<void> tls_core::receive(std::uint64_t seen, io::deadline until) {
  const turn mine(receiving_, until);
  if (!mine) return late("read");
  {
    const std::lock_guard hold(lock_);
    if (closed_) return made(io::errc::closed, "read");
    if (fed_ != seen || input_ended_) return {};
  }
  tls::block b{std::make_unique_for_overwrite<char[]>(next_block_), 0};
  const io::result<std::size_t> n = below->read_some({b.bytes.get(), next_block_}, until);
  if (!n) return n.error();
  b.size = *n;
  next_block_ = *n >= small_block ? large_block : small_block;
  const std::lock_guard hold(lock_);
  ++fed_;
  if (*n == 0)
    input_ended_ = true;
  else
    engine_.feed(std::move(b));
  return {};
}

io::result<void> tls_core::send_all(io::deadline until) {
  for (;;) {
    if (sent_ == going_.size()) {
      sent_ = 0;
      const std::lock_guard hold(lock_);
      going_ = engine_.take_output(); // and what has gone is freed
    }
    if (going_.empty()) return {};
    const io::result<std::size_t> n =
        below->write_some({going_.data() + sent_, going_.size() - sent_}, until);
    if (!n) return n.error();
    sent_ += *n;
  }
}

bool tls_core::has_output() {
  const std::lock_guard hold(lock_);
  return engine_.output_size() != 0;
}

io::result<void> tls_core::send(io::deadline until) {
  do {
    const turn mine(sending_, until);
    if (!mine) return late("write");
    if (auto r = send_all(until); !r) return r;
  } while (has_output());
  return {};
}

// As far as there is room, and nobody sends already.
void tls_core::send_at_once() noexcept {
  try {
    while (has_output() && sending_.try_acquire()) {
      struct giver {
        binary_semaphore& s;
        ~giver() { s.release(); }
      } const give_back{sending_};
      if (!send_all(long_ago)) return;
    }
  } catch (
      ...) { // a stop request, and no room: it will be told where somebody waits; anything else: by the next write
  }
}

// ---- the handshake

io::result<void> tls_core::handshake(io::deadline until) {
  const turn reading(reads_, until);
  if (!reading) return late("tls handshake");
  const turn writing(writes_, until);
  if (!writing) return late("tls handshake");
  {
    const std::lock_guard hold(lock_);
    if (!closed_ && state_ == state::open) return {};
    if (state_ != state::fresh || closed_) return *standing("tls handshake");
    state_ = state::shaking;
  }
  return shake(until);
}

io::result<void> tls_core::shake(io::deadline until) {
  for (;;) {
    step s;
    bool may_stay = false; // nobody waits for what is put out
    bool ended = false;
    std::uint64_t seen = 0;
    {
      const std::lock_guard hold(lock_);
      if (closed_) return made(io::errc::closed, "tls handshake");
      s = engine_.handshake();
      if (s.how == stand::failed) state_ = state::failed;
      may_stay = s.how == stand::failed || (s.how == stand::done && engine_.is_server() && engine_.is_1_3());
      ended = input_ended_;
      seen = fed_;
    }
    // Tickets, and alerts: a peer that does not read now shall not hold us up.
    if (may_stay)
      send_at_once();
    else if (auto r = send(until); !r)
      return r.error();
    if (s.how == stand::wants_input && !ended) {
      if (auto r = receive(seen, until); !r) return r.error();
      continue;
    }
    const std::lock_guard hold(lock_);
    if (s.how == stand::failed) return failure("tls handshake");
    if (s.how != stand::done)
      return tls::error_of(
          {tls::errc::truncated, "in the handshake: the peer has gone away without a reason"},
          "tls handshake", io::subject::named(engine_.host().empty() ? "tls" : engine_.host()));
    state_ = state::open;
    return {};
  }
}

// ---- reading

io::result<std::size_t> tls_core::read_step(io::mutable_buffer into, io::deadline until) {
  for (;;) {
    step s;
    std::size_t answers = 0;
    std::uint64_t seen = 0;
    {
      const std::lock_guard hold(lock_);
      if (auto e = standing("read")) return *std::move(e);
      s = engine_.read(into.data(), into.size());
      if (s.how == stand::failed) state_ = state::failed;
      answers = engine_.output_size();
      seen = fed_;
      if (s.how == stand::wants_input && input_ended_) return made(tls::errc::truncated, "read");
    }
    if (answers != 0) send_at_once();
    switch (s.how) {
    case stand::done: return s.bytes;
    case stand::ended: return std::size_t{0};
    case stand::failed: {
      const std::lock_guard hold(lock_);
      return failure("read");
    }
    case stand::wants_input: break;
    }
    // Who asks for answers and does not read them is not listened to until he does.
    if (answers > most_answers)
      if (auto r = send(until); !r) return r.error();
    if (auto r = receive(seen, until); !r) return r.error();
  }
}

io::result<std::size_t> tls_core::read_some(io::mutable_buffer into, io::deadline until) {
  if (into.size() == 0) return std::size_t{0};
  const turn mine(reads_, until);
  if (!mine) return late("read");
  return read_step(into, until);
}

io::result<void> tls_core::read_exactly(io::mutable_buffer into, io::deadline until) {
  const turn mine(reads_, until);
  if (!mine) return late("read");
  std::size_t done = 0;
  try {
    while (done < into.size()) {
      const auto n = read_step({static_cast<char*>(into.data()) + done, into.size() - done}, until);
      if (!n) return after(n.error(), done);
      if (*n == 0) return after(made(io::errc::end_of_stream, "read"), done);
      done += *n;
    }
  } catch (const cancelled& c) {
    if (done == 0) throw;
    throw io::cancelled_transfer(c.reason(), done);
  }
  return {};
}

// ---- writing

// Takes up to a record, and sends it. What is wrong after it was taken is told with it.
tls_core::wrote tls_core::write_step(const void* from, std::size_t size, io::deadline until) {
  wrote w;
  // What an earlier write has left goes first, so at most a record is on its way.
  if (auto r = send(until); !r) return {.error = r.error()};
  for (;;) {
    step s;
    std::uint64_t seen = 0;
    {
      const std::lock_guard hold(lock_);
      if (auto e = standing("write")) return {.error = *std::move(e)};
      if (output_ended_) return {.error = made(std::make_error_code(std::errc::broken_pipe), "write")};
      if (size == 0) return w;
      s = engine_.write(from, size);
      if (s.how == stand::failed || s.how == stand::ended) {
        state_ = state::failed;
        return {.error = failure("write")};
      }
      if (s.how == stand::wants_input && input_ended_) return {.error = made(tls::errc::truncated, "write")};
      seen = fed_;
    }
    if (s.how == stand::done) {
      w.taken = s.bytes;
      break;
    }
    if (auto r = receive(seen, until); !r) return {.error = r.error()};
  }
  try {
    if (auto r = send(until); !r) w.error = r.error();
  } catch (const cancelled& c) { w.stopped = c.reason(); }
  return w;
}

io::result<std::size_t> tls_core::write_some(io::const_buffer from, io::deadline until) {
  if (from.size() == 0) return std::size_t{0};
  const turn mine(writes_, until);
  if (!mine) return late("write");
  const wrote w = write_step(from.data(), from.size(), until);
  // A record that waits for room was taken; that the time is over, or a stop requested, is told by the next one.
  if (w.error && !(w.taken != 0 && *w.error == io::errc::deadline)) return *w.error;
  return w.taken;
}

io::result<void> tls_core::write_all(io::const_buffer from, io::deadline until) {
  const turn mine(writes_, until);
  if (!mine) return late("write");
  const auto* data = static_cast<const char*>(from.data());
  std::size_t done = 0;
  try {
    do {
      const wrote w = write_step(data + done, from.size() - done, until);
      done += w.taken;
      if (w.error) return after(*w.error, done);
      if (w.stopped) throw io::cancelled_transfer(*w.stopped, done);
    } while (done < from.size());
  } catch (const io::cancelled_transfer&) { throw; } catch (const cancelled& c) {
    if (done == 0) throw;
    throw io::cancelled_transfer(c.reason(), done);
  }
  return {};
}

io::result<void> tls_core::shutdown_write(io::deadline until) {
  const turn mine(writes_, until);
  if (!mine) return late("shutdown");
  {
    const std::lock_guard hold(lock_);
    if (auto e = standing("shutdown")) return *std::move(e);
    if (!std::exchange(output_ended_, true)) engine_.say_end();
  }
  return send(until);
}

// ---- closing

void tls_core::close() noexcept {
  if (writes_.try_acquire()) { // nobody is in the middle of something
    bool say = false;
    {
      const std::lock_guard hold(lock_);
      say = !closed_ && state_ == state::open && !std::exchange(output_ended_, true);
      if (say) engine_.say_end();
    }
    if (say) send_at_once();
    writes_.release();
  }
  {
    const std::lock_guard hold(lock_);
    closed_ = true;
  }
  below->close();
}

bool tls_core::is_open() {
  const std::lock_guard hold(lock_);
  return !closed_;
}

} // namespace thrum::detail
