// When is looked, and what happens then (sched/inspector.h).
#include "sched/inspector.h"

#include "base/spin_lock.h"
#include "env/panic.h"
#include "env/quit_signal.h"
#include "inspect/deadlock.h"
#include "inspect/text.h"
#include "sched/runtime_core.h"
#include "sched/scheduler.h"

#include <algorithm>
#include <new>
#include <thrum/inspect.h>

namespace thrum {

namespace inspect {

namespace {

constexpr env::nanoseconds usual_gap = 1'000'000'000;
constexpr env::nanoseconds first_gap_of_suspicion = 100'000'000;
constexpr std::size_t most_fibers_while_busy = 2'000; // with more, the monitor would neglect the rest
constexpr env::nanoseconds look_at_one = 1'500;       // about: what a fiber adds to the cost of a look
constexpr env::nanoseconds share = 100; // one part in so many of the time is spent on looks at most

// Whatever runtime's monitor looks, it looks at the whole process.
struct shared_finder {
  base::spin_lock lock;
  deadlock_finder finder; // guarded
};
shared_finder& finder() {
  static auto* immortal = new shared_finder; // monitors may look while static objects are destroyed
  return *immortal;
}

class inspector_of final : public sched::inspector {
public:
  explicit inspector_of(sched::runtime_core& core) noexcept : core_(core), began_(core.world.now()) {}

  env::nanoseconds look(env::nanoseconds now, bool idle) noexcept override {
    if (!core_.find_deadlocks) return env::forever;
    if (now < next_) return next_;
    if (!idle && fibers_about() > most_fibers_while_busy) return now + usual_gap;
    // Then only cycles can be found, and a crowd that naps is not to pay for that.
    if (idle && somebody_will_be_woken()) {
      const auto estimate = static_cast<env::nanoseconds>(fibers_about()) * look_at_one;
      const env::nanoseconds earned = began_ + estimate * share;
      if (now < earned) return earned;
    }
    try {
      shared_finder& f = finder();
      const base::spin_guard one_at_a_time(f.lock);
      const deadlock_finder::findings found = f.finder.look();
      if (!found.report.empty()) print(found.report);
      if (found.all_sleep) env::give_up();
      const env::nanoseconds cost = core_.world.now() - now;
      next_ = now + cost * share;
      if (!idle) return next_ = std::max(next_, now + usual_gap);
      // A thread that we do not know may end. It is asked less and less often: an idle program should not wake up.
      if (!found.suspicious) {
        suspicion_ = first_gap_of_suspicion;
        return env::forever;
      }
      suspicion_ *= 2;
      return std::max(next_, now + suspicion_ / 2);
    } catch (const std::bad_alloc&) {
      return now + usual_gap; // no memory to look with: later
    }
  }

  void write_dump() noexcept override {
    try {
      print(dump());
    } catch (const std::bad_alloc&) { print("thrum: no memory for a dump\n"); }
  }

private:
  bool somebody_will_be_woken() const noexcept {
    return core_.watched.load(std::memory_order_relaxed) != 0 || // relaxed: a hint
           sched::earliest_timer(core_) != env::forever;
  }

  sched::runtime_core& core_;
  const env::nanoseconds began_;
  env::nanoseconds next_ = 0; // not before
  env::nanoseconds suspicion_ = first_gap_of_suspicion;
};

} // namespace
} // namespace inspect

std::unique_ptr<sched::inspector> sched::make_inspector(runtime_core& core) noexcept {
  static const bool once = (env::on_quit_signal(&request_dump), true);
  static_cast<void>(once);
  return std::unique_ptr<inspector>(new (std::nothrow) inspect::inspector_of(core));
}

} // namespace thrum
