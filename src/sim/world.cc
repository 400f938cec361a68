#include "sim/world.h"

#include "env/panic.h"
#include "sim/simulator.h"

namespace thrum::sim {

namespace {

enum : std::uint64_t { user_stream = 2, other_stream = 3 };

[[noreturn]] void refuse(const char* what) noexcept {
  env::panic(what, "what the kernel and others decide is not simulated: put a channel in its place while "
                   "simulation::active() (thrum/simulate.h)");
}

} // namespace

world::world(simulator& s, std::uint64_t seed) noexcept
    : forwarding_world(env::linux_world()),
      simulator_(s),
      user_(seed, user_stream),
      other_(seed, other_stream) {}

std::uint64_t world::random(env::stream which) noexcept {
  return which == env::stream::user ? user_.next() : other_.next();
}

// Only who ends the runtime waits here, on the real clock; the worker has nobody to wait for.
void world::wait_word(const void* word, std::uint32_t expected, env::nanoseconds deadline) noexcept {
  constexpr env::nanoseconds moment = 10'000'000;
  real_.wait_word(word, expected, deadline == env::forever ? deadline : real_.now() + moment);
}

int world::open_poller(env::poller** out) noexcept {
  *out = reinterpret_cast<env::poller*>(this); // never looked into
  return 0;
}

int world::poll(env::poller*, env::readiness*, int, env::nanoseconds deadline) noexcept {
  if (deadline <= now() || simulator_.running()) {
    if (deadline > now()) simulator_.let_time_pass();
    return 0;
  }
  while (kicked_.exchange(0, std::memory_order_acquire) == 0) // S1 (simulator.h)
    real_.wait_word(&kicked_, 0, env::forever);
  return 0;
}

void world::kick(env::poller*) noexcept {
  kicked_.store(1, std::memory_order_release); // S1 (simulator.h)
  real_.wake_word(&kicked_, 1);
}

int world::watch(env::poller*, int, void*, std::uint16_t) noexcept {
  refuse("a simulated program waits for a descriptor");
}
int world::socket(int, int, int, env::poller*) noexcept { refuse("a simulated program makes a socket"); }
int world::socket_pair(int, int, int*) noexcept { refuse("a simulated program makes a socket"); }
int world::make_pipe(int*) noexcept { refuse("a simulated program makes a pipe"); }
int world::look_up(const char*, const char*, address_taker, void*) noexcept {
  refuse("a simulated program looks up a name");
}
int world::open_events() noexcept { refuse("a simulated program watches a directory"); }
int world::start_child(const env::child_plan&, env::child*) noexcept {
  refuse("a simulated program starts a child process");
}
int world::open_signals(std::uint64_t, env::signal_seat**, int*) noexcept {
  refuse("a simulated program waits for signals");
}

} // namespace thrum::sim
