// The fatal path: a mistake of the caller (panic) or of ours (check_failed, base/check.h) is reported in every build
// and ends the process. It neither allocates nor takes a lock, and is never compiled out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace thrum::env {

// Collects a message in a fixed buffer and writes it to standard error at once.
class report {
public:
  report& text(const char* string) noexcept; // null prints nothing
  report& number(std::uint64_t value) noexcept;
  report& hex(std::uint64_t value) noexcept;
  void flush() noexcept; // to standard error
  std::string_view view() const noexcept { return {buffer_, used_}; }

private:
  char buffer_[2048];
  std::size_t used_ = 0;
};

// Prints "thrum: panic: <what>", who did it (see on_panic), then what to do about it, and aborts.
[[noreturn]] void panic(const char* what, const char* advice = nullptr) noexcept;

// The end of a panic whose message is written already.
[[noreturn]] void give_up() noexcept;

// True once the process is in exit(), where static objects are destroyed under fibers that still run. Known from the first
// call of watch_for_exit() on.
bool exiting() noexcept;
void watch_for_exit() noexcept;

// Appends who is running here; installed by the scheduler, which knows fibers.
extern void (*describe_self)(report&) noexcept;

} // namespace thrum::env
