#include "loop/core.h"

#include "env/panic.h"
#include "sched/inherit.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sync/sleep_on.h"
#include "wait/local.h"

#include <algorithm>
#include <thrum/detail/joinable.h>
#include <thrum/detail/local.h>
#include <thrum/detail/self.h>
#include <thrum/error.h>
#include <thrum/this_fiber.h>
#include <utility>

namespace thrum::loop {

using detail::task;
using wait::lock;

namespace {

std::exception_ptr reason_for_dropping() noexcept {
  try {
    return std::make_exception_ptr(rejected("thrum: an event_loop was destroyed before the work began"));
  } catch (...) { return std::current_exception(); } // std::bad_alloc is a reason, too
}

void drop_each(exec::task_queue& q) noexcept {
  while (task* t = q.pop()) detail::drop_task(*t, reason_for_dropping());
}

} // namespace

callback_node::callback_node(std::shared_ptr<life> l, std::move_only_function<void()> g,
                             std::source_location s) noexcept
    : belongs_to(std::move(l)), f(std::move(g)), site(s), bound(wait::kept(sched::this_agent().own.bound)) {}

callback_node::~callback_node() { wait::release(bound); }

core::main_piece::main_piece(core& c) noexcept
    : task([](task& t) { static_cast<main_piece&>(t).of.serve(); }, attrs{.name = c.options_.name},
           std::source_location{}),
      of(c) {}

core::core(event_loop& face, const event_loop_options& o, runtime& where)
    : strand_core(&run_work, sched::core_of(where)),
      face_(face),
      options_(o),
      origin_(detail::steady_now()) {}

// ---- from anywhere

bool core::is_here() const noexcept { return sched::this_agent().own.home == &face_; }

void core::check_here(const char* mistake) const noexcept {
  if (running_.load(std::memory_order_relaxed) &&
      !is_here()) // relaxed: it finds mistakes, and orders nothing
    env::panic(mistake, "it is for what runs on the loop; others give it work with execute() or spawn()");
}

void core::wake(held h) noexcept {
  wait::waiter* w = wait::pop_claimed(waiters_);
  wait::claimable* woken = w != nullptr ? static_cast<wait::claimable*>(w->owner) : nullptr;
  lock::release(h);
  if (woken != nullptr) sched::ready(*woken);
}

void core::post(task& t) noexcept {
  sched::inherit(t);
  const deadline_t at = options_.virtual_time ? 0 : now(); // virtual time is the loop's own
  const held h = acquire();
  if (closed_) {
    lock::release(h);
    return detail::drop_task(t, reason_for_dropping());
  }
  if (inbox_.size() == 0) posted_at_ = at;
  inbox_.push(t);
  wake(h);
}

// What waits in the inbox for the beginning of a fiber.
struct core::fiber_to_begin {
  fiber_to_begin(core& c, task& t) noexcept : of(c), begun(&t) {}
  fiber_to_begin(fiber_to_begin&& other) noexcept
      : of(other.of), begun(std::exchange(other.begun, nullptr)) {}
  ~fiber_to_begin() {
    if (begun != nullptr) detail::drop_task(*begun, reason_for_dropping());
  }
  void operator()() {
    of.fibers_and_tokens_.add();
    of.strand_core::post(*std::exchange(begun, nullptr));
  }
  core& of;
  task* begun;
};

void core::post_fiber(task& t) {
  sched::inherit(t);
  task* beginning;
  try {
    // Should this fail, the task is the caller's still.
    fiber_to_begin f(*this, t);
    struct disarm {
      fiber_to_begin& f;
      ~disarm() { f.begun = nullptr; }
    } on_failure{f};
    beginning = detail::make_detached_task(std::move(f), attrs{.name = t.name}, t.site);
  } catch (...) {
    sched::disinherit(t);
    throw;
  }
  post(*beginning);
}

void core::keep() noexcept {
  fibers_and_tokens_.add();
  const held h = acquire();
  ++tokens_;
  lock::release(h);
}

void core::let_go() noexcept {
  const held h = acquire();
  --tokens_;
  wake(h);
  fibers_and_tokens_.done(); // gone from here on, if nothing else is unfinished
}

void core::stop() noexcept {
  const held h = acquire();
  stop_ = true;
  wake(h);
}

// ---- L1

void core::nudge() noexcept {
  if (!sleeps_) return;
  const held h = acquire();
  nudged_ = true;
  wake(h);
}

void core::add(exec::task_queue& to, task& t) noexcept {
  sched::inherit(t);
  to.push(t);
  nudge();
}

std::shared_ptr<timer_node> core::add_timer(deadline_t duration, bool repeats,
                                            std::move_only_function<void()> f, std::source_location place) {
  auto n = std::make_shared<timer_node>(life_, std::move(f), place);
  n->duration = duration;
  n->repeats = repeats;
  timers_.add(n, now());
  nudge();
  return n;
}

void core::set_again(const std::shared_ptr<timer_node>& n) {
  if (n->is_cleared) return;
  if (n->linked) timers_.remove(*n);
  timers_.add(n, now());
  nudge();
}

void core::clear(timer_node& n) noexcept {
  n.is_cleared = true;
  std::shared_ptr<timer_node> last;
  if (n.linked) last = timers_.remove(n);
  if (!n.is_called) n.f = nullptr;
  nudge();
}

void core::set_ref(timer_node& n, bool has_ref) noexcept {
  timers_.set_ref(n, has_ref);
  nudge();
}

std::shared_ptr<immediate_node> core::add_immediate(std::move_only_function<void()> f,
                                                    std::source_location place) {
  auto n = std::make_shared<immediate_node>(life_, std::move(f), place);
  immediates_.push_back(n);
  ++immediate_refs_;
  nudge();
  return n;
}

void core::clear(immediate_node& n) noexcept {
  if (!std::exchange(n.waits, false)) return;
  immediate_refs_ -= n.has_ref;
  n.f = nullptr;
  nudge();
}

void core::set_ref(immediate_node& n, bool has_ref) noexcept {
  if (n.waits && n.has_ref != has_ref) has_ref ? ++immediate_refs_ : --immediate_refs_;
  n.has_ref = has_ref;
  nudge();
}

bool core::alive() const noexcept {
  if (timers_.refs() != 0 || immediate_refs_ != 0 || ticks_.size() != 0 || microtasks_.size() != 0 ||
      batch_.size() != 0 || closing_.size() != 0)
    return true;
  const held h = acquire();
  const bool yes = inbox_.size() != 0 || tokens_ != 0;
  lock::release(h);
  return yes;
}

deadline_t core::now() const noexcept {
  return options_.virtual_time ? virtual_now_ : detail::steady_now() - origin_;
}

void core::advance(deadline_t by) noexcept {
  if (!options_.virtual_time)
    env::panic("advance() of an event_loop that has the time of the clock", "set options.virtual_time");
  virtual_now_ += std::max<deadline_t>(by, 0);
}

// ---- running

void core::run(task* first) {
  wait::agent& self = sched::this_agent();
  if (is_here()) env::panic("an event_loop is run by its own work", "it runs already");
  if (running_.exchange(true, std::memory_order_relaxed)) // relaxed: it finds mistakes
    env::panic("run() of an event_loop that runs already", "one at a time; execute() gives it work");
  if (first != nullptr) sched::inherit(*first);
  first_ = first;
  main_runs_.add();
  strand_core::post(main_);
  bool asked_to_stop = false;
  try {
    main_runs_.wait();
  } catch (const cancelled&) {
    asked_to_stop = true;
    stop();
    const sched::shield until_it_has_stopped(self);
    main_runs_.wait();
  }
  const held h = acquire();
  stop_ = false;
  lock::release(h);
  running_.store(false, std::memory_order_relaxed); // relaxed: it finds mistakes
  if (uncaught_ != nullptr) std::rethrow_exception(std::exchange(uncaught_, nullptr));
  if (asked_to_stop) sync::throw_cancelled(self);
}

// In a fiber of its own, which the strand began as a task: the main fiber, or a fiber of the loop.
void core::run_work(task& raw) noexcept {
  auto& self = static_cast<core&>(static_cast<strand_core&>(raw));
  task& t = *self.starting;
  const bool is_main = &t == &self.main_;
  sched::fiber& f = *sched::this_fiber();
  sched::begin_on_strand(f);
  f.own.home = &self.face_;
  if (t.joinable) detail::begin_joinable(static_cast<detail::joinable_task&>(t), f);
  try {
    t.run(t);
  } catch (const cancelled&) { // asked to stop, and did
    if (is_main) self.uncaught_ = std::current_exception();
  } catch (...) { self.failed(std::current_exception()); }
  detail::end_belongings(); // on the strand still
  f.own.home = nullptr;
  sched::end_on_strand(f);
  (is_main ? self.main_runs_ : self.fibers_and_tokens_).done(); // gone from here on, if that was the last
}

// On the strand.
void core::failed(std::exception_ptr error) noexcept {
  if (options_.on_unhandled) try {
      return options_.on_unhandled(std::move(error));
    } catch (...) { error = std::current_exception(); }
  if (uncaught_ != nullptr) return sched::unhandled(home, std::move(error)); // run() can throw but one
  uncaught_ = std::move(error);
  nudge();
}

bool core::stopping() const noexcept {
  const held h = acquire();
  const bool yes = stop_;
  lock::release(h);
  return yes;
}

// Every step ends at once when there is an exception that nobody handles, and what it has not done waits for the next run().
void core::serve() {
  began_ = now();
  if (task* t = std::exchange(first_, nullptr)) call("first callback", *t);
  drain();
  if (uncaught_ == nullptr && !stopping()) run_timers();
  while (uncaught_ == nullptr && alive() && !stopping()) {
    run_posts();
    run_immediates();
    run_closing();
    run_timers();
  }
}

void core::drain() noexcept {
  while (uncaught_ == nullptr) {
    if (task* t = ticks_.pop()) {
      call("tick", *t);
    } else if (microtasks_.size() == 0) {
      return;
    } else {
      while (uncaught_ == nullptr) {
        task* m = microtasks_.pop();
        if (m == nullptr) break;
        call("microtask", *m);
      }
    }
  }
}

void core::run_posts() {
  if (somebody_waits()) { // fibers of the loop; they are on the strand in the meantime
    this_fiber::yield();
    drain();
  }
  held h = acquire();
  wait_for_posts(h);
  const deadline_t posted_at = posted_at_;
  const bool is_empty = inbox_.size() == 0;
  while (task* t = inbox_.pop()) batch_.push(*t);
  lock::release(h);
  if (!is_empty) note_lag(posted_at);
  drain(); // what fibers have left
  while (uncaught_ == nullptr) {
    task* t = batch_.pop();
    if (t == nullptr) return;
    call("post", *t);
    drain();
  }
}

// Until there are posts, or something else to do. The guard is held, and held again afterwards.
void core::wait_for_posts(held& h) {
  nudged_ = false;
  if (uncaught_ != nullptr || immediate_refs_ != 0 || !immediates_now_.empty() || closing_.size() != 0 ||
      ticks_.size() != 0 || microtasks_.size() != 0 || batch_.size() != 0)
    return;
  while (inbox_.size() == 0 && !nudged_ && !stop_ && (tokens_ != 0 || timers_.refs() != 0)) {
    const deadline_t next = timers_.next();
    const deadline_t left = next == detail::no_deadline ? next : next - now();
    if (left <= 0) break;
    if (options_.virtual_time && tokens_ == 0) {
      virtual_now_ = next;
      break;
    }
    wait::waiter w;
    w.owner = &sched::this_agent();
    sleeps_ = true;
    const sync::waking how = sync::sleep_on(waiters_, w, guard_, h,
                                            next == detail::no_deadline ? next : detail::steady_now() + left,
                                            sched::wait_reason::loop_event, &face_);
    sleeps_ = false;
    if (how == sync::waking::stopped) { // by the end of the runtime
      lock::release(h);
      sync::throw_cancelled(sched::this_agent());
    }
    if (how == sync::waking::woken) {
      h = acquire();
      continue;
    }
    if (options_.virtual_time) virtual_now_ = std::max(virtual_now_, next);
    break;
  }
}

void core::run_immediates() noexcept {
  if (uncaught_ != nullptr) return;
  if (immediates_now_.empty()) immediates_now_.swap(immediates_);
  while (!immediates_now_.empty()) {
    const std::shared_ptr<immediate_node> n = std::move(immediates_now_.front());
    immediates_now_.pop_front();
    if (!std::exchange(n->waits, false)) continue; // it was cleared
    immediate_refs_ -= n->has_ref;
    call("immediate", *n);
    n->f = nullptr;
    drain();
    if (uncaught_ != nullptr) return;
  }
}

void core::run_closing() noexcept {
  exec::task_queue now = std::exchange(closing_, {});
  while (uncaught_ == nullptr) {
    task* t = now.pop();
    if (t == nullptr) return;
    call("close callback", *t);
    drain();
  }
  while (task* t = closing_.pop()) now.push(*t);
  closing_ = now;
}

void core::run_timers() noexcept {
  const deadline_t at = now();
  while (uncaught_ == nullptr && timers_.next() <= at) {
    const deadline_t duration = timers_.first_list();
    while (timer_node* first = timers_.front(duration)) {
      if (at - first->start < duration) {
        timers_.postpone(duration, at);
        break;
      }
      const std::shared_ptr<timer_node> n = timers_.remove(*first);
      const deadline_t begin = now();
      note_lag(n->start + duration);
      n->is_called = true;
      call("timer", *n);
      n->is_called = false;
      if (n->repeats && !n->is_cleared && !n->linked) try {
          timers_.add(n, begin);
        } catch (...) { failed(std::current_exception()); } // no memory: this interval ends
      if (n->is_cleared) n->f = nullptr;
      drain();
      if (uncaught_ != nullptr) return;
    }
  }
}

// Measures a callback, if somebody wants to know. The CPU time is that of the thread, so it says nothing if others have run there.
class core::stopwatch {
public:
  explicit stopwatch(core& c) noexcept : of_(c), is_on_(static_cast<bool>(c.on_slow_)) {
    if (!is_on_) return;
    waits_ = sched::this_agent().waits;
    thread_ = detail::self();
    computed_ = of_.home.world.thread_cpu_time(0);
    began_ = detail::steady_now();
  }
  void tell(const char* sort, const std::source_location& place) {
    if (!is_on_ || !of_.on_slow_) return;
    const deadline_t took = detail::steady_now() - began_;
    if (took < of_.slow_after_) return;
    const bool parked = sched::this_agent().waits != waits_ || detail::self() != thread_;
    const env::nanoseconds computed =
        parked ? 0 : std::clamp<env::nanoseconds>(of_.home.world.thread_cpu_time(0) - computed_, 0, took);
    const auto f = of_.on_slow_; // it may set another
    f({.what = sort,
       .site = place,
       .took = std::chrono::nanoseconds(took),
       .computed = std::chrono::nanoseconds(computed),
       .parked = parked});
  }

private:
  core& of_;
  const bool is_on_;
  std::uint32_t waits_ = 0;
  const void* thread_ = nullptr;
  env::nanoseconds computed_ = 0;
  deadline_t began_ = 0;
};

template <class F> void core::enter(const char* sort, const std::source_location& place, F&& f) noexcept {
  if (std::exchange(inside_, true))
    env::panic("an event_loop runs two callbacks at a time", "this is a bug of thrum");
  stopwatch watch(*this);
  try {
    f();
  } catch (const cancelled&) { // it just ends
  } catch (...) { failed(std::current_exception()); }
  detail::end_belongings();
  try {
    watch.tell(sort, place);
  } catch (...) { failed(std::current_exception()); }
  inside_ = false;
}

void core::call(const char* sort, task& t) noexcept {
  const std::source_location place = t.site; // the task may be gone when its function is called
  sched::this_agent().own.bound = std::exchange(t.bound, nullptr);
  if (t.joinable && !detail::may_begin_joinable(static_cast<detail::joinable_task&>(t))) {
    detail::drop_task(t, std::make_exception_ptr(cancelled(cancel_reason::user)));
    return detail::end_belongings();
  }
  enter(sort, place, [&] { t.run(t); });
}

void core::call(const char* sort, callback_node& n) noexcept {
  sched::this_agent().own.bound = wait::kept(n.bound);
  enter(sort, n.site, [&] { n.f(); });
}

void core::note_lag(deadline_t due) noexcept {
  if (!options_.virtual_time) lag.record(now() - std::max(due, began_));
}

// ---- the end

void core::drop_all() noexcept {
  exec::task_queue unwanted;
  {
    const held h = acquire();
    closed_ = true;
    unwanted = std::exchange(inbox_, {});
    lock::release(h);
  }
  for (exec::task_queue* q : {&ticks_, &microtasks_, &batch_, &closing_, &unwanted}) drop_each(*q);
  immediates_now_.clear();
  immediates_.clear();
  while (!timers_.empty()) clear(*timers_.front(timers_.first_list()));
}

void core::end() noexcept {
  if (is_here())
    env::panic("an event_loop is destroyed by its own work", "it would wait for itself, for ever");
  if (running_.load(std::memory_order_relaxed)) // relaxed: it finds mistakes
    env::panic("an event_loop is destroyed while it runs", "stop() it, and wait until run() has returned");
  drop_all();
  const sched::shield no_stop(sched::this_agent());
  fibers_and_tokens_.wait();
  drop_all(); // what they have left
  life_->of = nullptr;
}

} // namespace thrum::loop
