#include "sim/simulator.h"

#include "env/panic.h"
#include "inspect/deadlock.h"
#include "sched/describe.h"
#include "sched/drain.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/switch.h"

#include <cerrno>
#include <thrum/error.h>
#include <thrum/this_fiber.h>

#include <algorithm>
#include <utility>

namespace thrum::sim {

using detail::runnable;
using sched::fiber;
using sched::worker;

simulator::simulator(const simulation_options& o, std::uint64_t seed)
    : seed_(seed), max_steps_(o.max_steps), world_(*this, o, seed), strategy_(o, seed), hash_(mix(seed)) {}

simulator* simulator::current() noexcept {
  const worker* w = sched::try_this_worker();
  return w != nullptr ? static_cast<simulator*>(w->runtime.simulated) : nullptr;
}

// ---- the run

void simulator::main(const std::function<bool()>& f) noexcept {
  state_.store(state::running, std::memory_order_relaxed); // relaxed: others ask for it only by mistake
  try {
    if (!f()) fail("the function says false");
  } catch (...) {
    if (!failed_) { // else it was asked to stop, and did
      env::report message;
      sched::describe(std::current_exception(), message);
      fail("an exception left the function\n" + std::string(message.view()));
    }
  }
  end_others();
  state_.store(state::over, std::memory_order_relaxed);                                  // relaxed: as above
  outcome_.store(static_cast<std::uint32_t>(outcome::ended), std::memory_order_release); // S2
  env::linux_world().wake_word(&outcome_, 1);
}

bool simulator::others_could_run() noexcept {
  collect(sched::enter());
  sched::leave();
  return !ready_.empty();
}

void simulator::end_others() noexcept {
  const sched::shield no_stop(sched::this_agent());
  constexpr unsigned rounds = 500;
  constexpr env::nanoseconds round = 10'000'000;
  for (unsigned n = 0;; ++n) {
    const std::uint64_t ended = sched::count_finished(*core_); // first: N1 (sched/drain.cc)
    if (ended + 1 == sched::count_spawned(*core_)) return;
    if (n == rounds) break;
    ask_all_to_stop(sched::this_worker());
    // Most end at once; only for others time goes on.
    constexpr unsigned turns = 10'000;
    for (unsigned i = 0; i < turns && others_could_run(); ++i) this_fiber::yield();
    if (sched::count_finished(*core_) + 1 == sched::count_spawned(*core_)) return;
    static_cast<void>(this_fiber::detail::sleep_until(world_.now() + round));
  }
  fail("fibers did not stop when they were asked to, as the function had returned\n" +
       inspect::who_waits(*core_));
  give_up();
  static_cast<void>(this_fiber::detail::sleep_until(env::forever));
}

void simulator::fail(std::string what) noexcept {
  if (std::exchange(failed_, true)) return;
  failure_ = std::move(what);
  if (!failure_.ends_with('\n')) failure_ += '\n';
  failure_ += last_lines();
}

void simulator::fail(const std::exception_ptr& error) noexcept {
  env::report message;
  message.text("an exception that nobody handles, in ");
  sched::describe(*sched::this_fiber(), message);
  message.text("\n");
  sched::describe(error, message);
  fail(std::string(message.view()));
  ask_all_to_stop(sched::this_worker());
}

outcome simulator::wait() noexcept {
  for (;;) {
    const std::uint32_t now = outcome_.load(std::memory_order_acquire); // S2
    if (now != 0) return static_cast<outcome>(now);
    env::linux_world().wait_word(&outcome_, 0, env::forever);
  }
}

void simulator::report(simulation_result& to) {
  to.failed = failed_;
  to.seed = seed_;
  to.trace_hash = hash_;
  to.steps = steps_;
  to.time = std::chrono::nanoseconds(world_.now() - world::beginning);
  to.failure = failure_;
}

void simulator::ask_all_to_stop(worker& w) noexcept {
  const std::uint8_t place = w.place.load(std::memory_order_relaxed); // relaxed: nobody takes processors here
  asking_ = true;
  // Who begins, or is about to wait, stops, too.
  core_->draining.store(true, std::memory_order_relaxed); // relaxed: who looks at it is this thread, here
  sched::ask_all_to_stop(*core_);
  asking_ = false;
  w.taken.store(worker::kept, std::memory_order_relaxed); // relaxed: as above
  w.place.store(place, std::memory_order_relaxed);        // relaxed: as above
}

// From here on nobody runs: the worker's thread comes to its native stack, and ends.
void simulator::give_up() noexcept {
  given_up_ = true;
  state_.store(state::over, std::memory_order_relaxed);   // relaxed: the worker's own
  core_->stopping.store(true, std::memory_order_release); // R1 (sched/runtime.cc)
  outcome_.store(static_cast<std::uint32_t>(outcome::given_up), std::memory_order_release); // S2
  env::linux_world().wake_word(&outcome_, 1);
}

// ---- what the scheduler asks

void simulator::prepare(sched::runtime_core& core) noexcept {
  core_ = &core;
  sched::processor& p = *core.processors[0];
  p.due = &marker_;
  p.next_left = 0;
  p.next_id = 1; // numbers of this run, not of the process
  p.last_id = ~std::uint64_t{0};
}

void simulator::enlist(worker& w) noexcept {
  if (worker_ != nullptr) return;
  worker_ = &w;
  w.is_simulated = true;
  w.random_state = mix(seed_ ^ 0x5e1ec7) | 1; // for the order of a select
}

void simulator::check_caller(const sched::runtime_core&) noexcept {
  if (!running() || sched::try_this_worker() == worker_) return;
  env::panic(
      "a fiber of a simulation is started or woken up from outside of it",
      "another thread decides when that happens, so no seed can replay it: use fibers in place of threads "
      "and pools while simulation::active() (thrum/simulate.h)");
}

// Everything that could run comes to ready_.
void simulator::collect(worker& w) noexcept {
  sched::processor& p = *w.proc;
  const auto take = [&](runnable* r) {
    if (r->is_task())
      ready_.push_back({r, 0, strategy_.rank_of_task()});
    else
      ready_.push_back({r, static_cast<fiber*>(r)->id, 0});
  };
  if (fiber* f = std::exchange(p.next, nullptr)) take(f);
  while (!p.ready.empty()) take(p.ready.pop_front());
  while (!p.fresh.empty()) take(p.fresh.pop_front());
  while (runnable* r = p.shared.pop()) take(r);
  while (runnable* r = core_->global.pop(1)) take(r);
}

runnable* simulator::choose(worker& w) noexcept {
  sched::processor& p = *w.proc;
  p.next_left = 0;
  p.set_turns(0);
  const bool at_rest = w.current == nullptr && !w.leaving.pending;
  if (at_rest && std::exchange(stuck_, false)) nobody_can_run(w);
  collect(w);
  if (given_up_) return nullptr;
  if (running() && (!ready_.empty() || w.current != nullptr) && ++steps_ > max_steps_) {
    endless_ = true;
    if (steps_ > 2 * max_steps_) { // although they were asked to stop
      give_up();
      return nullptr;
    }
  }
  if (ready_.empty()) {
    if (w.current != nullptr) ++yields_;
    return nullptr;
  }
  const std::size_t i = ready_.size() == 1 ? 0 : strategy_.choose(ready_);
  note_choice(i + (std::uint64_t{ready_.size()} << 32));
  const candidate chosen = ready_[i];
  ready_[i] = ready_.back();
  ready_.pop_back();
  rank_of_next_ = chosen.rank;
  return chosen.what;
}

void simulator::look(worker& w) noexcept {
  sched::processor& p = *w.proc;
  p.set_turns(0);
  if (given_up_ && w.current != nullptr) { // it yields: leave it for good
    w.leaving = {.pending = true, .release = [](void*) noexcept {}, .argument = nullptr};
    sched::switch_stacks(w, w.current_fiber(), nullptr);
  }
  if (!running()) return;
  if (endless_ && !failed_) {
    fail("no end after " + std::to_string(max_steps_) + " steps (simulation_options::max_steps)\n" +
         inspect::who_waits(*core_));
    ask_all_to_stop(w);
  }
  const env::nanoseconds earliest = p.earliest.load(std::memory_order_relaxed); // relaxed: our own
  if (earliest > world_.now() &&
      yields_ > 16 + 2 * ready_.size() && // they only wait for something that takes time
      std::min(earliest, net().next()) != env::forever) {
    let_time_pass();
    sched::fire_timers(w, p, world_.now());
  } else if (earliest <= world_.now() && strategy_.timer_is_first()) {
    sched::fire_timers(w, p, world_.now());
  }
  if (world_.has_events(nullptr)) sched::poll_now(w);
}

std::size_t simulator::choose_timer(worker&, std::size_t n) noexcept {
  yields_ = 0;
  const std::size_t i = n == 1 ? 0 : strategy_.choose_timer(n);
  note(event::timer, 0, i);
  return i;
}

void simulator::let_time_pass() noexcept {
  yields_ = 0;
  const env::nanoseconds next = std::min(core_->processors[0]->timers.exact_earliest(), net().next());
  if (next == env::forever) {
    stuck_ = true; // seen when the worker is at rest
    return;
  }
  if (next <= world_.now()) return;
  world_.jump(next);
  note(event::time, 0, static_cast<std::uint64_t>(next - world::beginning));
}

void simulator::nobody_can_run(worker& w) noexcept {
  if (!running()) return;
  if (!failed_) {
    const std::uint64_t left = sched::count_spawned(*core_) - sched::count_finished(*core_);
    fail("deadlock: " + (left == 1 ? "the only fiber is" : "all " + std::to_string(left) + " fibers are") +
         " asleep, no timer is set, and nobody is left who could wake them\n" + inspect::who_waits(*core_));
  }
  if (++times_stuck_ == 2) return give_up();
  ask_all_to_stop(w);
}

// ---- interrupting

void simulator::leaving(worker& w) noexcept {
  w.taken.store(worker::kept, std::memory_order_relaxed); // relaxed: nobody takes processors here
  if (running() && !asking_ && w.current != nullptr) interrupt(w, false);
}

void simulator::meddle(const wait::thread_context& me, wait::meddling how) noexcept {
  auto& w = const_cast<worker&>(static_cast<const worker&>(me));
  auto& s = static_cast<simulator&>(*w.runtime.simulated);
  const bool may = w.current != nullptr &&
                   w.place.load(std::memory_order_relaxed) == worker::outside && // relaxed: its own
                   s.running() && !s.asking_;
  const bool must = how == wait::meddling::guard_is_taken;
  if (!may && must && s.running() && !s.asking_) // else it is the thread that ends the runtime that has it
    env::panic("a guard is taken where a simulation cannot let its holder go on",
               "this is a mistake of thrum");
  if (!may) return;
  sched::enter();
  s.interrupt(w, must);
  sched::leave();
}

bool simulator::let_others_run() noexcept {
  worker* const w = sched::try_this_worker();
  if (w == nullptr || !w->is_simulated || w->current == nullptr ||
      w->place.load(std::memory_order_relaxed) != worker::outside) // relaxed: its own
    return false;
  const auto& s = static_cast<const simulator&>(*w->runtime.simulated);
  if (!s.running() || s.asking_) return false;
  meddle(*w, wait::meddling::guard_is_taken);
  return true;
}

void simulator::interrupt(worker& w, bool must) noexcept {
  const std::uint64_t me = w.current_fiber()->id;
  collect(w);
  if (ready_.empty()) return;
  if (must)
    strategy_.falls(me);
  else if (!strategy_.interrupts(me, ready_))
    return;
  interrupting_ = true;
  sched::yield_to_next(w);
  interrupting_ = false;
}

// ---- what happens

void simulator::created(worker& w, const detail::task&, bool by_fiber) noexcept {
  note(event::spawned, w.current != nullptr ? w.current_fiber()->id : 0, 0);
  if (by_fiber && running() && !asking_)
    w.taken.store(worker::promised, std::memory_order_relaxed); // relaxed: its own
}

void simulator::begun(worker&, const fiber& f) noexcept {
  strategy_.begins(f.id, rank_of_next_);
  note(event::began, f.id, f.site.line());
}

void simulator::runs(worker&, const fiber* from, const fiber* to, sched::record::leaving how) noexcept {
  using sched::record::leaving;
  if (from != nullptr) {
    switch (how) {
    case leaving::nobody: break;
    case leaving::waits:
      yields_ = 0;
      note(event::waits, from->id, 0, from->why);
      break;
    case leaving::yields:
      if (std::exchange(interrupting_, false)) {
        note(event::interrupted, from->id, 0);
      } else {
        ++yields_;
        strategy_.falls(from->id);
        note(event::yields, from->id, 0);
      }
      break;
    case leaving::ends:
      yields_ = 0;
      strategy_.ends(from->id);
      note(event::ended, from->id, 0);
      break;
    }
  }
  if (to != nullptr) note(event::runs, to->id, 0);
}

void simulator::readied(worker& w, const fiber& f, bool by_fiber) noexcept {
  note(event::ready, f.id, by_fiber && w.current != nullptr ? w.current_fiber()->id : 0, f.why);
  if (by_fiber && running() && !asking_)
    w.taken.store(worker::promised, std::memory_order_relaxed); // relaxed: its own
}

void simulator::arrived(const parcel& p) noexcept {
  const auto socket = static_cast<std::uint64_t>((p.to < 0 ? p.from : p.to) - env::first_in_ring);
  note(event::arrives, socket, (std::uint64_t{p.bytes.size()} << 8) + static_cast<std::uint64_t>(p.what));
}

void simulator::failed_on_disk(disk_call what, int error) noexcept {
  note(event::disk, static_cast<std::uint64_t>(what), static_cast<std::uint64_t>(error));
}

void simulator::note(event what, std::uint64_t fiber, std::uint64_t other, wait::reason why) noexcept {
  if (!running()) return;
  note_choice((static_cast<std::uint64_t>(what) << 56) ^
              (std::uint64_t{static_cast<std::uint8_t>(why)} << 48) ^ (fiber << 24) ^ mix(other));
  if (!failed_)
    lines_[line_count_++ % kept_lines] = {what, why, fiber, other, world_.now() - world::beginning};
}

namespace {

std::string arrival(std::uint64_t socket, std::uint64_t what) {
  const std::string at = "socket " + std::to_string(socket);
  const std::string size = std::to_string(what >> 8) + " bytes";
  switch (static_cast<carried>(what & 0xff)) {
  case carried::knock: return at + " asks for its connection";
  case carried::welcome: return at + " is connected";
  case carried::refusal: return at + " is refused";
  case carried::bytes: return size + " arrive at " + at;
  case carried::end: return "the end of the stream arrives at " + at;
  case carried::reset: return "a reset arrives at " + at;
  case carried::datagram: return "a datagram of " + size + " from " + at + " arrives";
  case carried::room: break;
  }
  return {};
}

std::string disk_trouble(std::uint64_t what, std::uint64_t error) {
  constexpr const char* calls[] = {"making a file",     "opening a file",  "a read of a file",
                                   "a write to a file", "resizing a file", "a sync",
                                   "renaming a file",   "closing a file"};
  return calls[what] + std::string(error == ENOSPC ? " finds the disk full" : " fails: input/output error");
}

} // namespace

std::string simulator::last_lines() const {
  const auto number = [](std::uint64_t id) { return "#" + std::to_string(id); };
  std::string text = "  the last decisions, at virtual times in nanoseconds:\n";
  const std::uint64_t first = line_count_ > kept_lines ? line_count_ - kept_lines : 0;
  for (std::uint64_t i = first; i < line_count_; ++i) {
    const line& l = lines_[i % kept_lines];
    text += "    " + std::to_string(l.at) + "  ";
    switch (l.what) {
    case event::spawned: text += (l.fiber == 0 ? "a timer" : number(l.fiber)) + " starts a fiber"; break;
    case event::began: text += number(l.fiber) + " begins, started in line " + std::to_string(l.other); break;
    case event::runs: text += number(l.fiber) + " runs"; break;
    case event::waits: text += number(l.fiber) + " waits (" + sched::name_of(l.why) + ")"; break;
    case event::yields: text += number(l.fiber) + " yields"; break;
    case event::interrupted: text += number(l.fiber) + " is interrupted"; break;
    case event::ended: text += number(l.fiber) + " ends"; break;
    case event::ready:
      text += number(l.fiber) + " is woken" + (l.other == 0 ? "" : " by " + number(l.other));
      break;
    case event::timer: text += "a timer is due"; break;
    case event::arrives: text += arrival(l.fiber, l.other); break;
    case event::disk: text += disk_trouble(l.fiber, l.other); break;
    case event::time: text += "nobody can run: time goes on"; break;
    }
    text += '\n';
  }
  return text;
}

} // namespace thrum::sim
