// Serves select.h and every header whose objects a select can wait for: one case, in raw form. The engine (src/select/) reads
// it; the frame of the select call holds it.
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>

#include <cstddef>
#include <cstdint>
#include <exception>

namespace thrum::detail {

struct select_case {
  enum class kind : std::uint8_t { source, after, at, stopped, otherwise };
  kind what = kind::otherwise;
  // As chosen_closed() reads it; lock_is_noted: never closes, and goes to note_chosen_lock().
  enum class at_close : std::uint8_t { nothing, send_fails, recv_asks_why, lock_is_noted };
  at_close when_closed = at_close::nothing;
  std::uint32_t ready_bit = 0; // which bit of *readiness means that this case is ready
  // A source. `prepare` makes the engine's part of the case, in `state`; it is called at most once, and only if the case is
  // about to be tried or waited for.
  const void* readiness = nullptr; // its select::hint; null: never ready
  void (*prepare)(select_case& c) noexcept = nullptr;
  void* object = nullptr;
  union {
    void* value = nullptr; // of a source. recv: the std::optional<T>, or null; send: the T
    std::int64_t time;     // after: nanoseconds; at: a deadline
  };
  // select::alternative. It stays where it is while somebody waits; the rest of the case may be made once more afterwards.
  static constexpr std::size_t state_size = detail::room_for(64);
  void* state_elsewhere = nullptr; // null: it is here
  alignas(detail::room_alignment) unsigned char state[state_size];
};

inline constexpr std::uint32_t chan_recv_ready = 1;
inline constexpr std::uint32_t chan_send_ready = 2;
inline constexpr std::uint32_t has_ended_ready = 1;
inline constexpr std::uint32_t has_settled_ready = 1;
inline constexpr std::uint32_t has_permit_ready = 1;
inline constexpr std::uint32_t may_be_free_ready = 1;

void prepare_recv(select_case& c) noexcept;    // src/chan/
void prepare_send(select_case& c) noexcept;    // src/chan/
void prepare_ended(select_case& c) noexcept;   // src/sync/join.cc
void prepare_settled(select_case& c) noexcept; // src/future/core.cc
void prepare_acquire(select_case& c) noexcept; // src/sync/semaphore.cc
void prepare_lock(select_case& c) noexcept;    // src/sync/mutex.cc

// For a mutex that was chosen: locks may be watched (src/sync/lock_order.h).
void note_chosen_lock(const select_case& c) noexcept; // src/sync/mutex.cc

// For a case that was chosen because its channel is closed: throws channel_closed for a send, and for a receive the reason that the
// channel was closed with, if there is one (src/chan/).
void chosen_closed(const select_case& c);
std::exception_ptr why_closed(const select_case& c) noexcept; // what it throws; null: nothing (src/chan/)

// Waits for one of the cases and returns its index. `ordered`: the first ready one, instead of a random one. Throws
// what chosen_closed() throws; or, if `closed` is not null, leaves that there. Throws `cancelled`.
std::size_t select_cases(select_case* const* cases, std::size_t count, bool ordered,
                         std::exception_ptr* closed = nullptr);

// Inlined for selects that do not wait: true if at one instant none of the N cases was ready, one of which, *index, is an
// `otherwise`. False: the engine decides. Two readings of all hints that agree, as in nothing_ready_at_one_instant().
template <std::size_t N>
[[gnu::always_inline]] inline bool only_otherwise(select_case* const* cases, std::size_t& index) noexcept {
  static_assert(N <= 8);
  std::uint32_t words[N] = {};
  const auto read = [cases](std::size_t i) noexcept { // a select::hint is its word
    return static_cast<const atomic<std::uint32_t>*>(cases[i]->readiness)
        ->load(std::memory_order_acquire); // H1 (hint.h)
  };
  index = N;
  for (std::size_t i = 0; i < N; ++i) {
    const select_case& c = *cases[i];
    if (c.what == select_case::kind::otherwise) {
      index = i;
      continue;
    }
    if (c.what != select_case::kind::source) return false;
    if (c.readiness == nullptr) continue;
    if (((words[i] = read(i)) & c.ready_bit) != 0) return false;
  }
  if (index == N) return false;
  for (std::size_t i = 0; i < N; ++i)
    if (i != index && cases[i]->readiness != nullptr && read(i) != words[i]) return false;
  return true;
}

} // namespace thrum::detail
