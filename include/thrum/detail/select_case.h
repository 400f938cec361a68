// Serves select.h and every header whose objects a select can wait for: one case, in raw form. The engine (src/select/) reads
// it; the frame of the select call holds it.
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>

#include <cstddef>
#include <cstdint>

namespace thrum::detail {

struct select_case {
  enum class kind : std::uint8_t { source, after, at, stopped, otherwise };
  kind what = kind::otherwise;
  bool throws_if_closed = false; // a send
  std::uint32_t ready_bit = 0;   // which bit of *readiness means that this case is ready
  // A source. `prepare` makes the engine's part of the case, in `state`; it is called at most once, and only if the case is
  // about to be tried or waited for.
  const void* readiness = nullptr; // its select::hint; null: never ready
  void (*prepare)(select_case& c) noexcept = nullptr;
  void* object = nullptr;
  void* value = nullptr;              // recv: the std::optional<T>, or null; send: the T
  std::int64_t time = 0;              // after: nanoseconds; at: a deadline
  alignas(8) unsigned char state[detail::room_for(80)]; // select::alternative
};

inline constexpr std::uint32_t chan_recv_ready = 1;
inline constexpr std::uint32_t chan_send_ready = 2;
inline constexpr std::uint32_t has_ended_ready = 1;

void prepare_recv(select_case& c) noexcept;  // src/chan/
void prepare_send(select_case& c) noexcept;  // src/chan/
void prepare_ended(select_case& c) noexcept; // src/sync/join.cc

// Waits for one of the cases and returns its index. `ordered`: the first ready one, instead of a random one. Throws
// channel_closed if a send was chosen whose channel is closed.
std::size_t select_cases(select_case* const* cases, std::size_t count, bool ordered);

} // namespace thrum::detail
