// core: an event_loop behind its public face.
//
// The problem: of everything that belongs to a loop, one thing is to run at a time: callbacks, of which one ends before the next begins,
// and fibers, which give way to each other where they wait. And a loop is to own no thread.
//
// The way taken: a strand (sched/strand.h), which is exactly that for fibers; and one fiber of it, the *main fiber*, is the loop: run()
// starts it, and it calls the callbacks, in Node's phases. Where it has nothing to do it waits, as any fiber, and so leaves the
// strand to others. So who is on the strand has all of the loop's queues to itself, and they need no lock. A callback that waits
// leaves the strand, too: then fibers of the loop run in the middle of it, but no callback, as those are the main fiber's.
//
// What comes from elsewhere goes through the inbox, a list under a short lock, and wakes the main fiber. What a fiber of the loop leaves in
// the queues while the main fiber sleeps must wake that as well (`nudge`): it has reckoned until when to sleep without it.
//
// Rejected: no strand, but the main fiber runs the fibers' code itself. Then a wait stops the loop.
// Rejected: a queue without a lock for the inbox. A post wakes a fiber, which costs ten times as much as the lock.
//
// Invariants
//   L1  The queues, timers and flags that are not guarded belong to who is on the strand; while run() is not running and no fiber of the
//       loop is, to its owner. check_here() finds who breaks that.
//   L2  `inside_` is true while a callback is called, and false when the next one begins.
//   L3  While the main fiber is in `waiters_`, the inbox is empty.
#pragma once

#include "base/atomic.h"
#include "exec/thread_pool.h"
#include "loop/lag.h"
#include "loop/timers.h"
#include "sched/strand.h"
#include "wait/lock.h"
#include "wait/waiter.h"

#include <thrum/event_loop.h>
#include <thrum/wait_group.h>

#include <deque>
#include <exception>
#include <memory>

namespace thrum::loop {

class core final : sched::strand_core {
public:
  core(event_loop& face, const event_loop_options& o, runtime& where);
  core(const core&) = delete;
  core& operator=(const core&) = delete;

  void run(detail::task* first); // first: to be called before all others; null: none
  void stop() noexcept;
  void end() noexcept; // the destructor's part

  // ---- any thread
  void post(detail::task& t) noexcept;
  void post_fiber(detail::task& t); // which is begun in its turn
  void keep() noexcept;
  void let_go() noexcept;
  bool is_here() const noexcept; // does the loop's own work call?

  // ---- L1
  void check_here(const char* mistake) const noexcept;
  void add_tick(detail::task& t) noexcept { add(ticks_, t); }
  void add_microtask(detail::task& t) noexcept { add(microtasks_, t); }
  void add_close(detail::task& t) noexcept { add(closing_, t); }
  std::shared_ptr<timer_node> add_timer(deadline_t duration, bool repeats, std::move_only_function<void()> f,
                                        std::source_location place);
  std::shared_ptr<immediate_node> add_immediate(std::move_only_function<void()> f,
                                                std::source_location place);
  void set_again(const std::shared_ptr<timer_node>& n);
  void clear(timer_node& n) noexcept;
  void set_ref(timer_node& n, bool has_ref) noexcept;
  void clear(immediate_node& n) noexcept;
  void set_ref(immediate_node& n, bool has_ref) noexcept;
  bool alive() const noexcept;
  deadline_t now() const noexcept;
  void advance(deadline_t by) noexcept;
  void watch_slow(deadline_t threshold, std::function<void(const slow_callback&)> f) noexcept {
    slow_after_ = threshold;
    on_slow_ = std::move(f);
  }

  lag_histogram lag; // written on the strand

  struct fiber_door final : executor { // an executor whose work are fibers of the loop
    explicit fiber_door(core& c) noexcept : of(c) {}
    void post(detail::task& t) override { of.post_fiber(t); }
    core& of;
  } fibers{*this};

private:
  using held = wait::lock::held;
  struct main_piece final : detail::task {
    explicit main_piece(core& c) noexcept;
    core& of;
  };
  struct fiber_to_begin;

  held acquire() const noexcept { return guard_.acquire(wait::this_thread()); }
  void wake(held h) noexcept; // ends with the guard free
  void nudge() noexcept;
  void add(exec::task_queue& to, detail::task& t) noexcept;

  // Everything of the strand, in a fiber of its own
  static void run_work(detail::task& raw) noexcept;
  void failed(std::exception_ptr error) noexcept;

  // The main fiber
  void serve();
  bool stopping() const noexcept;
  void run_posts();
  void wait_for_posts(held& h);
  void run_immediates() noexcept;
  void run_closing() noexcept;
  void run_timers() noexcept;
  void drain() noexcept; // ticks and microtasks
  void call(const char* sort, detail::task& t) noexcept;
  void call(const char* sort, callback_node& n) noexcept;
  template <class F> void enter(const char* sort, const std::source_location& place,
                                F&& f) noexcept; // the only way into a callback
  void note_lag(deadline_t due) noexcept;
  class stopwatch;
  void drop_all() noexcept;

  event_loop& face_;
  const event_loop_options options_;
  const deadline_t origin_;
  main_piece main_{*this};
  wait_group fibers_and_tokens_;
  wait_group main_runs_;
  base::atomic<bool> running_{false}; // between the beginning and the end of run()

  // L1
  deadline_t virtual_now_ = 0;
  exec::task_queue ticks_;
  exec::task_queue microtasks_;
  exec::task_queue batch_; // posts that this turn has taken
  exec::task_queue closing_;
  std::deque<std::shared_ptr<immediate_node>> immediates_;
  std::deque<std::shared_ptr<immediate_node>> immediates_now_; // of the step that runs
  std::size_t immediate_refs_ = 0;
  timer_lists timers_;
  const std::shared_ptr<life> life_ = std::make_shared<life>(life{this});
  detail::task* first_ = nullptr;
  std::exception_ptr uncaught_;
  deadline_t began_ = 0; // run(); nothing is late that was due before
  deadline_t slow_after_ = 0;
  std::function<void(const slow_callback&)> on_slow_;
  bool inside_ = false; // L2
  bool sleeps_ = false; // the main fiber does

  mutable wait::lock guard_; // guards the rest
  exec::task_queue inbox_;
  deadline_t posted_at_ = 0;  // the first that is in the inbox
  wait::waiter_list waiters_; // the main fiber, or nobody
  std::size_t tokens_ = 0;
  bool nudged_ = false;
  bool stop_ = false;
  bool closed_ = false;
};

} // namespace thrum::loop
