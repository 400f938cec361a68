// world: the outside of a simulated program. Threads, memory and files are real; time is not; and what would bring in the decisions of
// others (sockets, pipes, children, signals) ends the program with a sentence.
#pragma once

#include "base/atomic.h"
#include "env/forwarding_world.h"
#include "sim/chance.h"

namespace thrum::sim {

class simulator;

class world final : public env::forwarding_world {
public:
  // Not 0, which means "never" here and there; and far from what the real clock says in most processes.
  static constexpr env::nanoseconds beginning = 1'000'000'000'000'000;

  world(simulator& s, std::uint64_t seed) noexcept;

  env::nanoseconds now() noexcept override {
    return now_.load(std::memory_order_relaxed); // relaxed: the worker's own; others know that it has ended
  }
  void jump(env::nanoseconds to) noexcept { now_.store(to, std::memory_order_relaxed); } // relaxed: as above
  std::uint64_t random(env::stream which) noexcept override;
  env::topology cpus() noexcept override { return {.processors = 1, .cpus = 1}; }
  void set_time_slice(int, env::nanoseconds) noexcept override {}
  void wait_word(const void* word, std::uint32_t expected, env::nanoseconds deadline) noexcept override;

  int open_poller(env::poller** out) noexcept override;
  void close_poller(env::poller*) noexcept override {}
  int poll(env::poller*, env::readiness*, int, env::nanoseconds deadline) noexcept override;
  void kick(env::poller*) noexcept override;
  bool has_events(env::poller*) noexcept override { return false; }

  int watch(env::poller*, int fd, void* token, std::uint16_t tag) noexcept override;
  int socket(int family, int type, int protocol, env::poller* beyond) noexcept override;
  int socket_pair(int family, int type, int* two) noexcept override;
  int make_pipe(int ends[2]) noexcept override;
  int look_up(const char* host, const char* service, address_taker take, void* to) noexcept override;
  int open_events() noexcept override;
  int start_child(const env::child_plan& plan, env::child* out) noexcept override;
  int open_signals(std::uint64_t numbers, env::signal_seat** out, int* event) noexcept override;

private:
  simulator& simulator_;
  chance user_;
  chance other_;
  base::atomic<env::nanoseconds> now_{beginning};
  base::atomic<std::uint32_t> kicked_{0};
};

} // namespace thrum::sim
