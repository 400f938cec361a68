// simulator: one run of a simulated program (sched/simulation.h says where it is asked). It keeps what is ready in a list of its own and
// asks a strategy; it writes down what was decided, as a hash and as the last lines; and it finds out that nobody can go on.
//
// A run goes through these states:
//
//   before     until main begins. Made ready from outside: main itself
//   running    everything is decided here. Nobody else may touch a fiber
//   over       main and all others have ended, or are left behind. Nothing is decided any more
//
// How it ends: main calls f, asks the others to stop and waits until they have ended, in virtual time, so that the end follows from the
// seed, too. If nobody can go on, the failure is noted and all are asked to stop, so that destructors run. If that happens
// again, the run is given up: the worker's thread ends, and the runtime is left as it is.
//
// Orderings
//   S1  kicked_ (world.h): release of who wakes the worker up -> its acquire.
//   S2  outcome_: release store of the worker, behind all that it has done -> acquire load of who waits for the run.
#pragma once

#include "sched/runtime_core.h"
#include "sched/simulation.h"
#include "sim/strategy.h"
#include "sim/world.h"

#include <exception>
#include <string>
#include <vector>

namespace thrum::sim {

enum class outcome : std::uint32_t { none, ended, given_up };

class simulator final : public sched::simulation {
public:
  simulator(const simulation_options& o, std::uint64_t seed);

  env::world& outside() noexcept { return world_; }
  bool running() const noexcept {
    return state_.load(std::memory_order_relaxed) == state::running; // relaxed: the worker's own
  }

  // What main does, as a fiber.
  void main(const std::function<bool()>& f) noexcept;
  void fail(const std::exception_ptr& error) noexcept; // of a detached fiber, which calls
  // Until the run is over. Requires: a plain thread.
  outcome wait() noexcept;
  void report(simulation_result& to); // when it is over
  network& net() noexcept { return world_.net(); }
  void arrived(const parcel& p) noexcept;
  void failed_on_disk(disk_call what, int error) noexcept;
  std::uint64_t user_random() noexcept { return world_.random(env::stream::user); }
  void let_time_pass() noexcept; // nobody can run; world.cc
  // env::instead_of_spinning, and wait::meddle
  static bool let_others_run() noexcept;
  static void meddle(const wait::thread_context& me, wait::meddling how) noexcept;
  // The run of the calling fiber, or null.
  static simulator* current() noexcept;

  std::uint64_t seed() const noexcept override { return seed_; }
  void prepare(sched::runtime_core& core) noexcept override;
  void enlist(sched::worker& w) noexcept override;
  void check_caller(const sched::runtime_core& core) noexcept override;
  detail::runnable* choose(sched::worker& w) noexcept override;
  void look(sched::worker& w) noexcept override;
  std::size_t choose_timer(sched::worker& w, std::size_t n) noexcept override;
  void leaving(sched::worker& w) noexcept override;
  void created(sched::worker& w, const detail::task& t, bool by_fiber) noexcept override;
  void begun(sched::worker& w, const sched::fiber& f) noexcept override;
  void runs(sched::worker& w, const sched::fiber* from, const sched::fiber* to,
            sched::record::leaving how) noexcept override;
  void readied(sched::worker& w, const sched::fiber& f, bool by_fiber) noexcept override;

private:
  enum class state : std::uint8_t { before, running, over };
  enum class event : std::uint8_t {
    spawned,
    began,
    runs,
    waits,
    yields,
    interrupted,
    ended,
    ready,
    timer,
    arrives,
    disk,
    time
  };
  struct line { // of the last decisions
    event what = event::time;
    wait::reason why = wait::reason::none;
    std::uint64_t fiber = 0;
    std::uint64_t other = 0;
    env::nanoseconds at = 0;
  };
  static constexpr std::size_t kept_lines = 24;

  void interrupt(sched::worker& w, bool must) noexcept;
  void collect(sched::worker& w) noexcept;
  void note(event what, std::uint64_t fiber, std::uint64_t other,
            wait::reason why = wait::reason::none) noexcept;
  void note_choice(std::uint64_t value) noexcept { hash_ = mix(hash_ ^ value) + 0x9e3779b97f4a7c15u; }
  void fail(std::string what) noexcept;
  void ask_all_to_stop(sched::worker& w) noexcept;
  void give_up() noexcept;
  void nobody_can_run(sched::worker& w) noexcept;
  void end_others() noexcept;
  bool others_could_run() noexcept;
  std::string last_lines() const;

  const std::uint64_t seed_;
  const std::uint64_t max_steps_;
  world world_;
  strategy strategy_;
  sched::runtime_core* core_ = nullptr; // constant while it runs, as is the next
  sched::worker* worker_ = nullptr;
  base::atomic<state> state_{state::before}; // written by the worker
  base::atomic<std::uint32_t> outcome_{0};   // S2; a word to sleep on

  // ---- the worker only
  std::vector<candidate> ready_;
  std::uint64_t rank_of_next_ = 0; // of the task that was chosen
  bool interrupting_ = false;      // the yield is no wish of the fiber
  unsigned yields_ = 0;            // in a row, with nothing else in between
  bool stuck_ = false;             // nobody can run, and no timer is set
  bool endless_ = false;           // too many steps; noted when no guard is held
  bool asking_ = false;            // asks all to stop: nobody is interrupted
  bool failed_ = false;
  bool given_up_ = false;
  unsigned times_stuck_ = 0;
  std::string failure_;
  std::uint64_t steps_ = 0;
  std::uint64_t hash_;
  line lines_[kept_lines];
  std::uint64_t line_count_ = 0;
  detail::runnable marker_{detail::runnable::kind::fiber}; // in processor::due; never run
};

} // namespace thrum::sim
