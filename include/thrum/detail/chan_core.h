// Serves chan.h: the part of a channel that does not depend on the element type (src/chan/).
#pragma once

#include <thrum/chan_status.h>
#include <thrum/detail/deadline.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace thrum {
namespace detail {

struct chan_core;

// How the core handles an element. A *value* is a sender's T, left moved-from; a *cell* is memory of the buffer; a *slot* is a
// receiver's std::optional<T>. None may throw, or wait: the channel's guard is held.
struct element_ops {
  std::uint32_t size;
  std::uint32_t alignment;
  void (*store)(void* cell, void* value) noexcept;     // value -> new element in the cell
  void (*load)(void* slot, void* cell) noexcept;       // cell -> slot; the cell is raw memory again
  void (*hand_over)(void* slot, void* value) noexcept; // value -> slot
  void (*destroy)(void* cell) noexcept;
};

template <class T> inline constexpr element_ops element_ops_of{
    .size = sizeof(T),
    .alignment = alignof(T),
    .store = [](void* cell, void* value) noexcept { ::new (cell) T(std::move(*static_cast<T*>(value))); },
    .load =
        [](void* slot, void* cell) noexcept {
          T* element = std::launder(static_cast<T*>(cell));
          if (slot != nullptr) static_cast<std::optional<T>*>(slot)->emplace(std::move(*element));
          element->~T();
        },
    .hand_over =
        [](void* slot, void* value) noexcept {
          if (slot != nullptr)
            static_cast<std::optional<T>*>(slot)->emplace(std::move(*static_cast<T*>(value)));
        },
    .destroy = [](void* cell) noexcept { std::launder(static_cast<T*>(cell))->~T(); },
};

inline constexpr std::size_t unbounded_capacity = SIZE_MAX;
// A capacity from outside: -1 that was cast is refused as too large, not taken for "unbounded".
constexpr std::size_t bounded(std::size_t capacity) noexcept {
  return capacity == SIZE_MAX ? SIZE_MAX - 1 : capacity;
}

// Throws std::bad_alloc, or std::length_error for a capacity that no memory holds.
chan_core* make_chan(std::size_t capacity, const element_ops& elements);
void chan_add_ref(chan_core* c) noexcept;  // null is allowed
void chan_drop_ref(chan_core* c) noexcept; // null is allowed

// A null core is a nil channel: never ready, so send and recv wait for ever.
chan_status chan_send(chan_core* c, void* value,
                      deadline_t deadline); // may throw cancelled, bad_alloc (unbounded)
chan_status chan_try_send(chan_core* c, void* value);
chan_status chan_recv(chan_core* c, void* slot, deadline_t deadline); // may throw cancelled
chan_status chan_try_recv(chan_core* c, void* slot);
// The reason may be null. Only the first close counts.
void chan_close(chan_core* c, std::exception_ptr reason) noexcept;
std::exception_ptr chan_close_reason(const chan_core* c) noexcept; // null also if it is open, or null itself
// Throws the reason, if there is one. Requires: the caller was told that it is closed.
void chan_rethrow_reason(const chan_core* c);
bool chan_is_closed(const chan_core* c) noexcept;
std::size_t chan_size(const chan_core* c) noexcept;
std::size_t chan_capacity(const chan_core* c) noexcept;
[[noreturn]] void throw_channel_closed();

// For receivers that are not told a status. The slot is empty afterwards if the channel has ended without a reason.
inline void chan_recv_or_throw(chan_core* c, void* slot) {
  if (__builtin_expect(chan_recv(c, slot, no_deadline) != chan_status::ok, false)) chan_rethrow_reason(c);
}

} // namespace detail
} // namespace thrum
