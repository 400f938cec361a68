// What thrum throws. Misuse (joining twice, unlocking another's mutex, ...) is not thrown: it panics, in every build, with a
// sentence that names the mistake, the fiber and where it was spawned.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

namespace thrum {

// Why a fiber is to stop.
enum class cancel_reason : std::uint8_t {
  user,    // request_stop(), or a handle that was destroyed without join()
  shutdown // the runtime ends
};

// Thrown by a wait of a fiber that was asked to stop. Not a std::exception, so that handlers for errors let it pass. Once asked,
// every further wait throws again (unless the stack is being unwound or a shield is up), so swallowing it once does not
// lose the request.
class cancelled {
public:
  explicit cancelled(cancel_reason reason) noexcept : reason_(reason) {}
  cancel_reason reason() const noexcept { return reason_; }

private:
  cancel_reason reason_;
};

// Thrown by send() on a closed channel. The value was not taken. what() names the fiber and where it was spawned.
class channel_closed : public std::exception {
public:
  channel_closed();
  const char* what() const noexcept override { return what_.c_str(); }

private:
  std::string what_;
};

} // namespace thrum
