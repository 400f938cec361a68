// Serves fiber_local.h: the values of an agent without their types (src/wait/local.cc).
#pragma once

#include <thrum/detail/atomic.h>

#include <cstdint>

namespace thrum::wait {
struct belongings;
} // namespace thrum::wait

namespace thrum::detail {

// Stands before a value. Written by its agent only.
struct local_value {
  local_value* older = nullptr; // the agent's value that was made before this one
  std::uint64_t key = 0;
  void (*destroy)(local_value*) noexcept = nullptr; // ends its life and frees it
  unsigned round = 0; // made while a value of the round before was destroyed; 0: earlier
};

// Names a fiber_local: a slot and its generation. 0: it was not used yet.
using local_key = atomic<std::uint64_t>;

// The calling agent's value, or null. About 2 ns.
local_value* find_local(const local_key& key) noexcept;

// The making of one value of the calling agent: prepares everything that may fail, then takes the value over.
class local_making {
public:
  explicit local_making(local_key& key); // throws std::bad_alloc; panics if this value is being made already
  void finish(local_value* made) noexcept;
  ~local_making(); // without finish(): there is no value
  local_making(const local_making&) = delete;
  local_making& operator=(const local_making&) = delete;

private:
  wait::belongings& own_;
  std::uint64_t key_;
  local_making* outer_;           // that of which this is a part
  local_value* orphan_ = nullptr; // whose fiber_local is gone, and its slot taken by this one
};

// Destroys the calling agent's value, if there is one.
void reset_local(const local_key& key) noexcept;
// The fiber_local is destroyed: its slot may serve another.
void retire_local(const local_key& key) noexcept;
// The calling fiber ends: destroys its values and drops the bindings that it has inherited.
void end_belongings() noexcept;

} // namespace thrum::detail
