// Serves with_timeout.h, stop_token.h and task_group.h: a part of a fiber's work that can be asked to stop by itself (src/sched/stop.cc).
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>
#include <thrum/error.h>

#include <cstdint>

namespace thrum::sched {
struct fiber;
} // namespace thrum::sched

namespace thrum::detail {

// A local variable of a fiber, in force from its making to its end. Requires, to make one: a fiber calls (inside_fiber()).
class stop_scope {
public:
  enum class kind : std::uint8_t { limit, told, shield };

  // A limit asks itself to stop when the deadline has come; `told` only knows of it: somebody else asks, or something outside. A
  // shield keeps the requests of what is outside it from what is inside.
  explicit stop_scope(kind k, deadline_t deadline = no_deadline) noexcept;
  ~stop_scope();
  stop_scope(const stop_scope&) = delete;
  stop_scope& operator=(const stop_scope&) = delete;

  // What is inside is asked to stop; its waits throw `cancelled`. Any thread. False: it was asked before.
  bool request(cancel_reason why) noexcept;
  // The fiber itself: this scope was asked for this reason, and nothing outside was, whose request goes further.
  bool ends_here(cancel_reason why) const noexcept;

  // ---- for src/sched/stop.cc
  sched::fiber* const owner;
  stop_scope* const outer; // of the same fiber
  const kind what;
  const deadline_t deadline;
  atomic<std::uint8_t> why{0}; // 0, or 1 + the reason; set once, by any thread

private:
  bool has_timer_ = false;
  alignas(detail::room_alignment) unsigned char timer_[detail::room_for(64)]; // sched::timer_entry
};

// Of the scopes that are in force for the calling fiber.
deadline_t scope_deadline() noexcept;

} // namespace thrum::detail
