// Serves this_fiber.h and others: how the core of a wait says that the fiber was asked to stop.
//
// It does not throw `cancelled` itself, but says why, and the inline function throws that is part of the caller's code. For the
// unwinder looks up every frame between a throw and its handler twice and interprets how it saves its registers; a function
// that contains a switch saves all of them.
#pragma once

#include <thrum/error.h>

#include <cstdint>

namespace thrum::detail {

class [[nodiscard]] stopped {
public:
  constexpr stopped() noexcept = default; // it was not asked
  explicit constexpr stopped(cancel_reason why) noexcept : word_(1 + static_cast<std::uint8_t>(why)) {}

  explicit constexpr operator bool() const noexcept { return word_ != 0; }
  constexpr cancel_reason reason() const noexcept { return static_cast<cancel_reason>(word_ - 1); }

  // Throws `cancelled` if it was asked.
  [[gnu::always_inline]] void act() const {
    if (__builtin_expect(word_ != 0, false)) throw cancelled(reason());
  }

private:
  std::uint8_t word_ = 0;
};

} // namespace thrum::detail
