// When is looked, and what happens then (sched/inspector.h).
#include "sched/inspector.h"

#include "base/spin_lock.h"
#include "env/panic.h"
#include "env/quit_signal.h"
#include "inspect/deadlock.h"
#include "inspect/text.h"
#include "sched/runtime_core.h"

#include <algorithm>
#include <new>
#include <thrum/inspect.h>

namespace thrum {

namespace inspect {

namespace {

constexpr env::nanoseconds usual_gap = 1'000'000'000;
constexpr env::nanoseconds first_gap_of_suspicion = 100'000'000;
constexpr std::size_t most_fibers_while_busy = 2'000; // with more, the monitor would neglect the rest

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
  explicit inspector_of(sched::runtime_core& core) noexcept : core_(core) {}

  env::nanoseconds look(env::nanoseconds now, bool idle) noexcept override {
    if (!core_.find_deadlocks) return env::forever;
    if (now < next_) return next_;
    if (!idle && fibers_about() > most_fibers_while_busy) return now + usual_gap;
    try {
      shared_finder& f = finder();
      const base::spin_guard one_at_a_time(f.lock);
      const deadlock_finder::findings found = f.finder.look();
      if (!found.report.empty()) print(found.report);
      if (found.all_sleep) env::give_up();
      // At most one part in a hundred of the time is spent on this.
      const env::nanoseconds cost = core_.world.now() - now;
      next_ = now + cost * 100;
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
  sched::runtime_core& core_;
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
