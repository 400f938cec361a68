// strand_core: what a strand is to the scheduler: work of which one piece runs at a time.
//
// The problem: fibers that are to run one at a time, and to give way to each other exactly where they wait. A mutex that each holds
// while it runs would do, if it were released at every wait and taken again after it; but a wait is published, and may end, while
// the fiber is still leaving its stack, so the release belongs to the other side of the switch. Rejected: one fiber that runs all the
// work in turn. Then a wait stops the whole strand.
//
// The way taken: a fiber of a strand is a special fiber (special.cc). Who picks it from a run queue asks the strand (admit): if another
// is on, the fiber is queued there, and the worker picks somebody else. When the fiber on the strand waits, whoever is next on
// that worker finishes its departure, as ever; the hint `stop_requested`, which every fiber of a strand has set for
// good, leads to the slow way (finish_departure_stopped), and there the strand passes on, to the first in its queue, before the
// guard is released. So ordinary fibers pay nothing at all.
//
// Work that has not begun waits in the same queue as fibers that go on. To begin it, the strand itself is launched as a task (there is
// one such begin at a time, because the strand is taken for it), and calls the work in the new fiber (exec/strand.cc).
//
// A fiber that yields does not leave the strand; but when it is picked again and somebody waits, it goes to the end of the queue.
// It is told from one that has waited by its decision word, which is closed.
//
// Invariants
//   S2  `busy` while a piece of work is on: it runs, is in a run queue with `admitted` set or as the strand's own task, has yielded,
//       or leaves its stack. Nobody waits in the queue unless it is busy.
//   S3  who passes the strand on owns what is next until that is in a run queue; so the strand lives that long.
//   S4  `starting` and the strand's part as a task belong to who has set busy for a piece that has not begun, and then to its fiber.
// The guard orders everything: each run happens before the next.
#pragma once

#include "base/spin_lock.h"
#include "sched/fiber.h"

#include <thrum/detail/task.h>

#include <utility>

namespace thrum::sched {

struct strand_core : detail::task {
  strand_core(void (*run_work)(detail::task&), runtime_core& core) noexcept
      : task(run_work, attrs{}, std::source_location{}), home(core) {}

  // Any thread. The task runs when its turn has come.
  void post(detail::task& t) noexcept;

  // A fiber of this strand was picked. True: it may run. False: it was queued here. Inside; never launches a worker.
  bool admit(worker& w, fiber& f) noexcept;
  // The fiber on the strand yields: should it leave its stack although the processor has nobody else?
  bool somebody_waits() noexcept {
    const base::spin_guard hold(guard_);
    return first_ != nullptr;
  }
  // The fiber on the strand has left its stack, or ends. What is next, if not null, must be passed to start().
  [[nodiscard]] detail::runnable* pass_on() noexcept {
    const base::spin_guard hold(guard_);
    if (first_ == nullptr) busy_ = false;
    return pop();
  }
  // Puts it into a run queue. Inside; the worker may be without a processor.
  void start(worker& w, detail::runnable& next) noexcept;

  runtime_core& home;
  detail::task* starting = nullptr; // S4

private:
  void push(detail::runnable& r) noexcept {
    r.link = nullptr;
    (last_ != nullptr ? last_->link : first_) = &r;
    last_ = &r;
  }
  detail::runnable* pop() noexcept {
    detail::runnable* r = first_;
    if (r == nullptr) return nullptr;
    first_ = r->link;
    if (first_ == nullptr) last_ = nullptr;
    return r;
  }
  void prepare(detail::task& t) noexcept;

  base::spin_lock guard_; // guards the rest
  bool busy_ = false;
  detail::runnable* first_ = nullptr;
  detail::runnable* last_ = nullptr;
};

// Requires: f.on_strand. What began the fiber is the strand.
inline strand_core& strand_of(const fiber& f) noexcept { return static_cast<strand_core&>(*f.begin); }

// For the work, in its fiber: it is on the strand from here on.
void begin_on_strand(fiber& f) noexcept;
// It has ended: the next may begin. The strand may be gone then, if that was the last.
void end_on_strand(fiber& f) noexcept;

} // namespace thrum::sched
