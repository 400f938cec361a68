#include "env/quit_signal.h"

#include "base/atomic.h"
#include "env/env.h"
#include "env/environment.h"

#include <cerrno>
#include <signal.h>

namespace thrum::env {

namespace {

constexpr nanoseconds twice_within = 1'000'000'000;

bool (*answer_quit)() noexcept = nullptr;
constinit base::atomic<nanoseconds> last_quit{-twice_within};

void on_quit(int number) {
  const int saved = errno;
  const nanoseconds now = linux_world().now();
  const nanoseconds before =
      last_quit.exchange(now, std::memory_order_relaxed); // relaxed: only the clock counts
  if (now - before < twice_within || !answer_quit()) {
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    ::sigaction(number, &standard, nullptr);
    ::raise(number); // when the handler returns
  }
  errno = saved;
}

} // namespace

void on_quit_signal(bool (*answer)() noexcept) noexcept {
  if (is_set("THRUM_QUIT", "default")) return;
  struct sigaction present{};
  if (::sigaction(SIGQUIT, nullptr, &present) != 0 || (present.sa_flags & SA_SIGINFO) != 0 ||
      present.sa_handler != SIG_DFL)
    return;
  answer_quit = answer;
  struct sigaction action{};
  action.sa_handler = &on_quit;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGQUIT, &action, nullptr);
}

} // namespace thrum::env
