#include "env/panic.h"

#include "base/atomic.h"
#include "base/check.h"

#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace thrum::env {

void (*describe_self)(report&) noexcept = nullptr;

report& report::text(const char* string) noexcept {
  if (string == nullptr) return *this;
  std::size_t length = std::strlen(string);
  if (length > sizeof buffer_ - used_) length = sizeof buffer_ - used_;
  std::memcpy(buffer_ + used_, string, length);
  used_ += length;
  return *this;
}

report& report::number(std::uint64_t value) noexcept {
  char digits[21];
  char* p = digits + sizeof digits;
  *--p = '\0';
  do *--p = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  return text(p);
}

report& report::hex(std::uint64_t value) noexcept {
  char digits[19];
  char* p = digits + sizeof digits;
  *--p = '\0';
  do *--p = "0123456789abcdef"[value % 16];
  while ((value /= 16) != 0);
  *--p = 'x';
  *--p = '0';
  return text(p);
}

void report::flush() noexcept {
  std::size_t done = 0;
  while (done < used_) {
    const ssize_t n = ::write(STDERR_FILENO, buffer_ + done, used_ - done);
    if (n <= 0) break; // nowhere to report to
    done += static_cast<std::size_t>(n);
  }
  used_ = 0;
}

namespace {
constinit base::atomic<bool> in_exit{false};
} // namespace

bool exiting() noexcept {
  return in_exit.load(std::memory_order_relaxed); // relaxed: only exit()'s own thread destroys static objects
}

void watch_for_exit() noexcept {
  static_cast<void>(std::atexit([] { in_exit.store(true, std::memory_order_relaxed); })); // relaxed: as above
}

void panic(const char* what, const char* advice) noexcept {
  report message;
  message.text("thrum: panic: ").text(what).text("\n");
  if (describe_self)
    describe_self(message);
  else
    message.text("  on a plain thread\n"); // there was no runtime yet
  if (advice) message.text("  ").text(advice).text("\n");
  message.flush();
  std::abort();
}

void give_up() noexcept { std::abort(); }

void check_failed(const char* condition, const char* file, int line) noexcept {
  report message;
  message.text("thrum: internal check failed: ").text(condition).text(" at ").text(file).text(":");
  message.number(static_cast<std::uint64_t>(line)).text("\n");
  if (describe_self) describe_self(message);
  message.text("  this is a bug in thrum, please report it\n");
  message.flush();
  std::abort();
}

} // namespace thrum::env
