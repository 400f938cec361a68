// Writing to what is no socket (a pipe whose reader may have gone) without SIGPIPE.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>

struct iovec;

namespace thrum::env {

// write(2) and writev(2); -1 and errno. Never raise SIGPIPE, on whatever thread.
std::int64_t quiet_write(int fd, const void* data, std::size_t size) noexcept;
std::int64_t quiet_write(int fd, const ::iovec* parts, int count) noexcept;

// Blocks SIGPIPE in the calling thread, for calls that know no other way, and leaves none behind that came meanwhile. Keeps errno.
class without_sigpipe {
public:
  without_sigpipe() noexcept;
  ~without_sigpipe();
  without_sigpipe(const without_sigpipe&) = delete;
  without_sigpipe& operator=(const without_sigpipe&) = delete;

  bool may_have_come = false; // set by whoever makes the call: it was refused

private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_;
};

// For tests: behave as on a kernel without RWF_NOSIGNAL.
void refuse_no_signal_flag(bool on) noexcept;

} // namespace thrum::env
