// The part of a task_group that does not know its joiner.
//
// Everything that changes rarely is under one mutex: the list of tasks that run, failures, the stop. A task that ends
// tells the joiner and unlinks itself there, so who holds the mutex may use every task in the list. Then its end is published,
// and at last the count goes down; behind that the group may be gone.
//
// Who stops the group sets word_ and then asks every task in the list that has begun. Where all of them sleep, that is all. Those
// that seem not to have begun, or run, are asked once more behind a heavy fence. A task that begins says so, and behind a
// light fence (J1 in sync/join.cc) looks at word_: either it sees the stop, or it is seen. Those who slept are woken at last,
// together, when the mutex is free, which each of them takes soon.
#include "base/atomic.h"
#include "env/panic.h"
#include "sched/fiber.h"
#include "sched/park.h"
#include "sync/unhandled.h"
#include "wait/guest.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <thrum/task_group.h>
#include <thrum/this_fiber.h>

namespace thrum {

namespace {

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) { return e.what(); } catch (...) {
    return "an exception of another type";
  }
}

std::string text_of(const std::vector<std::exception_ptr>& errors) {
  constexpr std::size_t shown = 3;
  std::string text =
      "thrum: " + std::to_string(errors.size()) + (errors.size() == 1 ? " failure" : " failures");
  for (std::size_t i = 0; i < std::min(errors.size(), shown); ++i)
    text += (i == 0 ? ": " : "; ") + message_of(errors[i]);
  if (errors.size() > shown) text += "; and others";
  return text;
}

} // namespace

exception_group::exception_group(std::vector<std::exception_ptr> errors) {
  std::string text = text_of(errors);
  content_ = std::make_shared<const content>(content{std::move(errors), std::move(text)});
}

namespace detail {

namespace {

constexpr countdown::user tasks = countdown::user::task_group;

deadline_t deadline_of(const group_options& o) noexcept {
  return o.timeout == std::chrono::nanoseconds::max() ? no_deadline : deadline_after(o.timeout);
}

} // namespace

// ---- for reports

namespace {

// The list of an agent: the fiber's, or the thread's. Work on a strand has none: there is no room for it.
group_link** list_of(wait::agent& a) noexcept {
  if (a.kind != wait::agent_kind::fiber) return &static_cast<wait::guest&>(a).groups;
  auto& f = static_cast<sched::fiber&>(a);
  if (f.on_strand) return nullptr;
  if (!f.has_groups) f.groups = nullptr; // it was `begin`
  f.has_groups = true;
  return &f.groups;
}

} // namespace

void begin_link(group_link& l, group_link::role as) noexcept {
  group_link** const list = list_of(sched::this_agent());
  if (list == nullptr) return;
  l.outer = *list;
  l.mark = reinterpret_cast<std::uintptr_t>(&l) ^ static_cast<std::uintptr_t>(as);
  *list = &l;
}

void end_link(group_link& l) noexcept {
  if (l.mark == 0) return;
  group_link** at = list_of(sched::this_agent());
  while (*at != &l) at = &(*at)->outer; // groups may end in another order than they began
  *at = l.outer;
  l.mark = 0;
}

running_task::running_task(const group_member& m) noexcept {
  link_.group = &m.group;
  begin_link(link_, group_link::role::task);
  if (m.deadline != no_deadline) told_.emplace(stop_scope::kind::told, m.deadline);
}

running_task::~running_task() { end_link(link_); }

// ---- the group

group_member::group_member(task_group_core& g, joinable_task& t) noexcept
    : listed_task(t), group(g), deadline(std::min(g.deadline(), scope_deadline())) {}

void panic_subtask_early() noexcept {
  env::panic("a subtask was asked for its result before its end", "join() the group first, or ask ended()");
}

task_group_core::task_group_core(const group_options& o, std::source_location site)
    : name_(o.name), site_(site), limit_(o.limit), deadline_(deadline_of(o)), owner_(&sched::this_agent()) {
  if (o.limit != 0) places_.emplace(o.limit);
  if (deadline_ != no_deadline)
    watch_ = thrum::spawn(attrs{.name = "deadline of a task_group"}, [this] {
      this_fiber::sleep_until(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline_)));
      stop(cancel_reason::deadline);
    });
  link_.group = this;
  begin_link(link_, group_link::role::owner); // nothing throws any more
}

void task_group_core::check_owner(const char* what) const noexcept {
  if (&sched::this_agent() != owner_)
    env::panic(what,
               "a task_group belongs to the fiber or thread that made it; tasks make groups of their own");
}

void task_group_core::admit() {
  check_owner("spawn() of another's task_group");
  if (joined_) env::panic("spawn() of a task_group that was joined", "make a new one");
  if (places_) places_->acquire();
  try {
    const std::lock_guard hold(mutex_); // room for a failure of each
    const std::size_t needed = failures.size() + running() + 1;
    if (needed > failures.capacity()) failures.reserve(std::max(needed, 2 * failures.capacity()));
  } catch (...) {
    withdraw();
    throw;
  }
}

void task_group_core::withdraw() noexcept {
  if (places_) places_->release();
}

void task_group_core::start(group_member& m) noexcept {
  if (enlist(m)) return launch(m.task, nullptr);
  withdraw();
  drop_task(m.task, std::make_exception_ptr(cancelled(reason())));
}

bool task_group_core::enlist(group_member& m) noexcept {
  const std::lock_guard hold(mutex_);
  if (stopped()) return false;
  m.next = first_;
  if (first_ != nullptr) first_->previous = &m;
  first_ = &m;
  ++started_;
  running_.up(1);
  return true;
}

void task_group_core::end(group_member& m, bool (*tell)(task_group_core&, joinable_task&) noexcept) noexcept {
  runnable* asleep = nullptr;
  {
    const std::lock_guard hold(mutex_);
    (m.previous != nullptr ? m.previous->next : first_) = m.next;
    if (m.next != nullptr) m.next->previous = m.previous;
    if (is_failure(m.task.error)) failures.push_back(m.task.error); // there is room: admit()
    if (tell(*this, m.task) && !stopped())
      asleep = stop_all(m.task.error != nullptr ? cancel_reason::sibling_failed : cancel_reason::scope_exit);
  }
  wake_asked(asleep);
  publish_told(m.task); // it may be gone from here on
  withdraw();
  running_.down(1, tasks); // and the group
}

bool task_group_core::stop(cancel_reason why) noexcept {
  runnable* asleep;
  {
    const std::lock_guard hold(mutex_);
    if (stopped()) return false;
    asleep = stop_all(why);
  }
  wake_asked(asleep);
  return true;
}

runnable* task_group_core::stop_all(cancel_reason why) noexcept {
  word_.store(1 + static_cast<std::uint8_t>(why), std::memory_order_relaxed); // relaxed: the fence
  runnable* const asleep = ask_all(first_, why);                              // J1 (sync/join.cc)
  if (body_ != nullptr) body_->request(why);
  return asleep;
}

void task_group_core::set_body(stop_scope* s) noexcept {
  const std::lock_guard hold(mutex_);
  body_ = s;
  if (s != nullptr && stopped()) s->request(reason());
}

void task_group_core::join() {
  check_owner("join() of another's task_group");
  if (std::exchange(joined_, true)) env::panic("a task_group was joined twice");
  const bool asked = running_.wait_or_stop(no_deadline, tasks) == countdown::waking::stopped;
  cancel_reason why{};
  if (asked) {
    why = sched::stop_reason(*sched::this_fiber());
    stop(why);
    running_.wait_shielded(tasks);
  } else {
    watch_ = {};
  }
  end_link(link_); // here, because somebody else may destroy it
  if (asked) throw cancelled(why);
  if (stopped() && reason() == cancel_reason::deadline) throw timed_out();
}

void task_group_core::leave() noexcept {
  if (joined_) return;
  check_owner("the end of another's task_group");
  stop(cancel_reason::scope_exit);
  running_.wait_shielded(tasks);
  end_link(link_);
  for (const std::exception_ptr& e : failures) {
    env::report message;
    if (sync::report_unseen(e, "a task of a task_group has failed, and the group was not joined", name_,
                            message))
      message.text("  join() it, catch it in the task, or set options.on_unhandled\n").flush();
  }
}

} // namespace detail
} // namespace thrum
