// strand: the public side. How its fibers take turns is in sched/strand.h.
#include "sched/strand.h"

#include "env/panic.h"
#include "sched/inherit.h"
#include "sched/park.h"
#include "sched/scheduler.h"

#include <exception>
#include <thrum/detail/joinable.h>
#include <thrum/detail/local.h>
#include <thrum/error.h>
#include <thrum/strand.h>
#include <thrum/wait_group.h>

namespace thrum {
namespace exec {

struct strand_state : sched::strand_core {
  strand_state(strand& s, runtime& where) noexcept : strand_core(&run_work, sched::core_of(where)), face(s) {}

  static void run_work(detail::task& raw) noexcept;

  strand& face;
  wait_group unfinished;
};

// In a fiber of its own, which the strand began as a task.
void strand_state::run_work(detail::task& raw) noexcept {
  auto& self = static_cast<strand_state&>(raw);
  detail::task& t = *self.starting;
  sched::fiber& f = *sched::this_fiber();
  sched::begin_on_strand(f);
  f.own.home = &self.face;
  if (t.joinable) detail::begin_joinable(static_cast<detail::joinable_task&>(t), f);
  try {
    t.run(t);
  } catch (const cancelled&) { // asked to stop, and did
  } catch (...) { sched::unhandled(self.home, std::current_exception()); }
  detail::end_belongings(); // on the strand still
  f.own.home = nullptr;
  sched::end_on_strand(f);
  self.unfinished.done(); // gone from here on, if nothing else is unfinished
}

} // namespace exec

strand::strand(runtime& where) : state_(std::make_unique<exec::strand_state>(*this, where)) {}

strand::~strand() {
  if (sched::this_agent().own.home == this)
    env::panic("a strand is destroyed by its own work", "it would wait for itself, for ever");
  const sched::shield no_stop(sched::this_agent());
  state_->unfinished.wait(); // work may still post: the state is here
}

void strand::post(detail::task& t) noexcept {
  sched::inherit(t);
  state_->unfinished.add();
  state_->post(t);
}

} // namespace thrum
