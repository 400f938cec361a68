// Run after run (thrum/simulate.h).
#include "env/back_off.h"
#include "env/environment.h"
#include "env/panic.h"
#include "inspect/text.h"
#include "io/descriptor.h"
#include "sim/simulator.h"

#include <charconv>
#include <cstring>
#include <memory>
#include <thrum/runtime.h>
#include <thrum/simulate.h>

#if THRUM_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace thrum {

namespace sim {

namespace {

// What runs leave behind that cannot end; reachable, so that it is no leak.
struct remains {
  std::unique_ptr<simulator> decides;
  std::unique_ptr<runtime> owner;
  remains* next;
};
constinit base::spin_lock remains_lock;
constinit remains* first_of_remains = nullptr; // guarded by remains_lock

void leave_behind(std::unique_ptr<simulator> s, std::unique_ptr<runtime> r) {
  sched::runtime_core& core = sched::core_of(*r);
  sched::forget(core);
#if THRUM_ASAN
  core.stacks.for_each_in_use([](stack::stack_ref s) {
    char* const bottom = s.base() + s.guard_bytes();
    __lsan_register_root_region(bottom, static_cast<std::size_t>(s.top() - bottom));
  });
#endif
  auto* all = new remains{std::move(s), std::move(r), nullptr};
  const base::spin_guard guard(remains_lock);
  all->next = std::exchange(first_of_remains, all);
}

// The number in THRUM_SEED. False: there is none. Anything else ends the program: another run than was asked for would mislead.
bool seed_from_outside(std::uint64_t& seed) {
  const char* text = env::variable("THRUM_SEED");
  if (text == nullptr || *text == '\0') return false;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, seed);
  if (error != std::errc() || rest != end)
    env::panic("THRUM_SEED is no number",
               "it is the seed that the report of a simulation names, such as THRUM_SEED=17");
  return true;
}

void run_once(const simulation_options& o, std::uint64_t seed, const std::function<bool()>& f,
              std::source_location site, simulation_result& result) {
  auto decides = std::make_unique<simulator>(o, seed);
  simulator& s = *decides;
  options how{.processors = 1, .name = "simulation", .max_threads = 1, .find_deadlocks = false};
  how.on_unhandled = [&s](const std::exception_ptr& error) { s.fail(error); };
  std::unique_ptr<runtime> owner =
      sched::handle_for(std::make_unique<sched::runtime_core>(how, s.outside(), &s));
  owner->go({.name = "main"}, [&] { s.main(f); }, site);
  const outcome end = s.wait();
  if (end == outcome::given_up) { // the worker's thread ends; nothing else does
    sched::runtime_core& core = sched::core_of(*owner);
    core.world.join_thread(core.workers->thread);
  }
  s.report(result);
  if (end == outcome::given_up) {
    leave_behind(std::move(decides), std::move(owner));
  } else {
    owner.reset(); // before what it asks
    io::close_all_in(s.outside());
  }
}

void tell(const simulation_result& r, std::uint64_t number, bool replay) {
  std::string text = "thrum: simulation: ";
  text += replay ? "the run with seed " + std::to_string(r.seed) + " failed"
                 : "run " + std::to_string(number) + " failed, with seed " + std::to_string(r.seed);
  text += ": " + r.failure;
  text += "  the same run again: THRUM_SEED=" + std::to_string(r.seed) + ", and the same program\n";
  inspect::print(text);
}

} // namespace
} // namespace sim

simulation_result detail::simulate(const simulation_options& o, const std::function<bool()>& f,
                                   std::source_location site) {
  if (sched::this_fiber() != nullptr)
    env::panic("simulate() was called inside a fiber",
               "it blocks its thread; call it in main or a test, on a plain thread");
  static const bool once = [] {
    wait::meddle = &sim::simulator::meddle;
    env::instead_of_spinning.store(&sim::simulator::let_others_run,
                                   std::memory_order_relaxed); // relaxed: as declared
    return true;
  }();
  static_cast<void>(once);
  simulation_result result;
  std::uint64_t first = o.seed;
  const bool replay = sim::seed_from_outside(first);
  std::uint64_t left = replay ? 1 : o.runs;
  std::uint64_t made = 0;
  for (; left != 0; --left) {
    simulation_result next;
    sim::run_once(o, first + made++, f, site, next);
    if (next.failed && !result.failed && !replay) left = o.shorter + 1;
    if (!result.failed || (next.failed && next.steps < result.steps)) result = std::move(next);
  }
  result.runs = made;
  if (result.failed && !o.quiet) sim::tell(result, result.seed - first + 1, replay);
  return result;
}

namespace simulation {

bool active() noexcept { return sim::simulator::current() != nullptr; }

std::uint64_t seed() noexcept {
  const sim::simulator* s = sim::simulator::current();
  return s != nullptr ? s->seed() : 0;
}

std::uint64_t random() noexcept {
  sim::simulator* s = sim::simulator::current();
  return s != nullptr ? s->user_random() : env::linux_world().random(env::stream::user);
}

std::chrono::steady_clock::time_point steady_now() noexcept {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(detail::steady_now()));
}

namespace {

sim::network& network_here(const char* what) noexcept {
  sim::simulator* s = sim::simulator::current();
  if (s == nullptr)
    env::panic(what,
               "only a simulated network can be taken apart: see simulation::active() (thrum/simulate.h)");
  return s->net();
}

} // namespace

net::endpoint address_of(std::string_view name) noexcept { return sim::network::address_of(name); }
void cut(const net::endpoint& at) { network_here("simulation::cut() outside of a simulation").cut(at); }
void mend(const net::endpoint& at) { network_here("simulation::mend() outside of a simulation").mend(at); }
void break_connections(const net::endpoint& at) {
  network_here("simulation::break_connections() outside of a simulation").break_connections(at);
}

} // namespace simulation
} // namespace thrum
