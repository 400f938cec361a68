// The condition variable as it is: no notification is lost, also when a deadline or a stop request meets it; and it may be destroyed
// once everybody was notified, whoever is still on the way out.
#include "env/explore/world.h"
#include "sched/explore/agents.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/timers.h"

#include <thrum/condition_variable.h>
#include <thrum/error.h>
#include <thrum/semaphore.h>

namespace thrum {

namespace explore = base::explore;

namespace {

using sched::bounded_without_spurious;
using sched::expect_correct_beyond;
using sched::explored_agents;
using sched::mortal;
using sched::some_time;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

// The caller's lock: one that is taken in a step, ...
using quick_lock = base::spin_lock;
// ... and one whose lock() parks and whose unlock() wakes, with the decision word that the wait itself will need.
struct parking_lock {
  binary_semaphore permit{1};
  void lock() noexcept { permit.acquire(); }
  void unlock() noexcept { permit.release(); }
};

// A token under a lock.
template <class Lock> struct token {
  Lock lock;
  explore::plain<int> count;
  condition_variable there;

  void take() { // the lock is held
    there.wait(lock, [this] { return count.get() != 0; });
    count.set(count.get() - 1);
  }
  bool take_until_some_time() { // as take()
    if (!there.wait_until(lock, some_time, [this] { return count.get() != 0; })) return false;
    count.set(count.get() - 1);
    return true;
  }
  template <bool NotifyAll, bool UnderLock> void give(int n) {
    lock.lock();
    count.set(count.get() + n);
    if (UnderLock) notify<NotifyAll>();
    lock.unlock();
    if (!UnderLock) notify<NotifyAll>();
  }
  template <bool NotifyAll> void notify() {
    if (NotifyAll)
      there.notify_all();
    else
      there.notify_one();
  }
};

// Each taker gets a token from each giver's hand.
template <class Agent, class Lock, int Takers, bool NotifyAll, bool UnderLock> struct tokens_are_taken {
  static constexpr int threads = Takers + 1;
  explored_agents<Agent, threads> all;
  token<Lock> t;
  void thread(int index) {
    all.runs_here(index);
    if (index == Takers) {
      if (NotifyAll) return t.template give<NotifyAll, UnderLock>(Takers);
      for (int i = 0; i < Takers; ++i) t.template give<NotifyAll, UnderLock>(1);
      return;
    }
    t.lock.lock();
    t.take();
    t.lock.unlock();
  }
  void finish() { explore::require(t.count.get() == 0, "all are taken"); }
};

// One token, and one of two takers may give up. It takes no notification with it; if it got the token it passes it on.
template <bool UnderLock> struct one_gives_up {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  token<quick_lock> t;
  void thread(int index) {
    all.runs_here(index);
    if (index == 2) return t.give<false, UnderLock>(1);
    t.lock.lock();
    if (index == 1)
      t.take();
    else if (t.take_until_some_time()) {
      t.count.set(1);
      t.there.notify_one();
    }
    t.lock.unlock();
  }
  void finish() { explore::require(t.count.get() == 0, "it is taken"); }
};

// A deadline and a notification meet.
template <class Agent> struct deadline_or_token {
  static constexpr int threads = 2;
  explored_agents<Agent, 2> all;
  token<quick_lock> t;
  bool got = false;
  void thread(int index) {
    all.runs_here(index);
    if (index == 1) return t.template give<false, false>(1);
    t.lock.lock();
    got = t.take_until_some_time();
    t.lock.unlock();
  }
  void finish() { explore::require(t.count.get() == (got ? 0 : 1), "got or left"); }
};

// What wait_until says: a timeout only if no notification was spent on it. (One notification, one waiter, who had queued.)
struct timeout_or_notified {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  quick_lock lock;
  condition_variable c;
  explore::plain<int> waits, given;
  cv_status how = cv_status::timeout;
  void thread(int index) {
    all.runs_here(index);
    lock.lock();
    if (index == 0) {
      waits.set(1);
      how = c.wait_until(lock, some_time);
      explore::require(how == cv_status::timeout || given.get() == 1, "notified only by the notification");
    } else if (waits.get() == 1) {
      given.set(1);
      c.notify_one();
    }
    lock.unlock();
  }
};

// A stop request for one of two takers: the token goes to the other.
struct stop_or_token {
  static constexpr int threads = 4;
  explored_agents<fiber_agent, 4> all;
  token<quick_lock> t;
  void thread(int index) {
    all.runs_here(index);
    if (index == 2) return t.give<false, false>(1);
    if (index == 3) return sched::stop_fiber(all[0]);
    t.lock.lock();
    bool got = true;
    try {
      t.take();
    } catch (const cancelled&) { got = false; }
    explore::require(got || index == 0, "only who was asked");
    if (got && index == 0) {
      t.count.set(1);
      t.there.notify_one();
    }
    t.lock.unlock();
  }
  void finish() { explore::require(t.count.get() == 0, "it is taken"); }
};

// Nobody notifies: the request alone ends the wait.
struct stop_alone {
  static constexpr int threads = 2;
  explored_agents<fiber_agent, 2> all;
  token<quick_lock> t;
  void thread(int index) {
    all.runs_here(index);
    if (index == 1) return sched::stop_fiber(all[0]);
    t.lock.lock();
    bool stopped = false;
    try {
      t.take();
    } catch (const cancelled&) { stopped = true; }
    t.lock.unlock();
    explore::require(stopped, "it is told why");
  }
};

// Who has notified all destroys it at once, while they are on their way out. The lock stays.
enum class leaving : std::uint8_t { notified, at_a_deadline, stopped };
template <leaving How, class Agent, int Waiters> struct notifier_destroys {
  static constexpr int threads = Waiters + 1 + (How == leaving::stopped ? 1 : 0);
  explored_agents<Agent, threads> all;
  quick_lock lock;
  mortal<condition_variable> c;
  explore::plain<bool> gone;
  void thread(int index) {
    all.runs_here(index);
    if constexpr (How == leaving::stopped)
      if (index == Waiters + 1) return sched::stop_fiber(all[0]);
    lock.lock();
    if (index == Waiters) {
      gone.set(true);
      c->notify_all();
      lock.unlock();
      return c.end();
    }
    if (!gone.get()) {
      try {
        if (How == leaving::at_a_deadline && index == 0)
          static_cast<void>(c->wait_until(lock, some_time));
        else
          c->wait(lock);
      } catch (const cancelled&) {}
    }
    lock.unlock();
  }
};

// A deadline or a stop request ends the wait of a fiber while the worker that it left is still in its departure: `asleep` lies in the
// frame of the wait.
template <leaving How> struct goes_on_elsewhere {
  static constexpr int threads = 4;
  sched::explored_core core;
  sched::explored_mover waits{core};
  fiber_agent notifies{core}, ends_it{core};
  quick_lock lock;
  mortal<condition_variable> c;
  explore::plain<bool> gone;
  void thread(int index) {
    if (index == 0) {
      waits.runs_here();
      wait();
      waits.ends();
    } else if (index == 1) {
      waits.stays_behind();
    } else if (index == 2) {
      notifies.runs_here();
      lock.lock();
      gone.set(true);
      c->notify_all();
      lock.unlock();
      c.end();
    } else {
      ends_it.runs_here();
      if (How == leaving::stopped) return sched::stop_fiber(waits);
      sched::worker& w = sched::enter();
      sched::fire_timers(w, *w.proc, env::explored::later);
      sched::leave();
    }
  }
  void wait() {
    lock.lock();
    if (!gone.get()) {
      try {
        if (How == leaving::at_a_deadline)
          static_cast<void>(c->wait_until(lock, some_time));
        else
          c->wait(lock);
      } catch (const cancelled&) {}
    }
    lock.unlock();
  }
};

// A waiter destroys it after its wait: the notification was made under the lock, so it is over.
struct waiter_destroys {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  quick_lock lock;
  mortal<condition_variable> c;
  explore::plain<bool> done;
  void thread(int index) {
    all.runs_here(index);
    lock.lock();
    if (index == 1) {
      done.set(true);
      c->notify_one();
      return lock.unlock();
    }
    while (!done.get()) c->wait(lock);
    lock.unlock();
    c.end();
  }
};

} // namespace

TEST(condition_variable_explore, a_notification_reaches_who_waits) {
  explore::expect_correct<tokens_are_taken<guest, quick_lock, 1, false, true>>();
  explore::expect_correct<tokens_are_taken<guest, quick_lock, 1, false, false>>();
  explore::expect_correct<tokens_are_taken<fiber_agent, quick_lock, 1, true, false>>();
  explore::expect_correct<tokens_are_taken<guest, quick_lock, 2, false, false>>(bounded_without_spurious<1>);
  explore::expect_correct<tokens_are_taken<guest, quick_lock, 2, true, true>>(bounded_without_spurious<1>);
  expect_correct_beyond<tokens_are_taken<guest, quick_lock, 2, false, false>>();
}
TEST(condition_variable_explore, the_lock_may_park_itself) {
  explore::expect_correct<tokens_are_taken<guest, parking_lock, 1, false, false>>(
      bounded_without_spurious<2>);
  explore::expect_correct<tokens_are_taken<fiber_agent, parking_lock, 1, true, true>>(
      bounded_without_spurious<2>);
}
TEST(condition_variable_explore, a_deadline_takes_no_notification_with_it) {
  explore::expect_correct<deadline_or_token<guest>>();
  explore::expect_correct<timeout_or_notified>();
  explore::expect_correct<one_gives_up<false>>(bounded_without_spurious<1>);
  explore::expect_correct<one_gives_up<true>>(bounded_without_spurious<1>);
  expect_correct_beyond<one_gives_up<false>>();
}
TEST(condition_variable_explore, a_stop_request_takes_no_notification_with_it) {
  explore::expect_correct_with_both_fences<stop_alone>();
  explore::expect_correct_with_both_fences<stop_or_token>(bounded_without_spurious<0>);
  expect_correct_beyond<stop_or_token>();
}
TEST(condition_variable_explore, who_has_notified_all_may_destroy_it) {
  explore::expect_correct<notifier_destroys<leaving::notified, guest, 1>>();
  explore::expect_correct<notifier_destroys<leaving::notified, guest, 2>>(bounded_without_spurious<1>);
  explore::expect_correct<notifier_destroys<leaving::at_a_deadline, guest, 1>>();
  explore::expect_correct<notifier_destroys<leaving::at_a_deadline, guest, 2>>(bounded_without_spurious<1>);
  explore::expect_correct_with_both_fences<notifier_destroys<leaving::stopped, fiber_agent, 1>>(
      bounded_without_spurious<1>);
}
TEST(condition_variable_explore, a_fiber_may_go_on_before_the_worker_that_it_left) {
  explore::expect_correct_with_both_fences<goes_on_elsewhere<leaving::stopped>>(bounded_without_spurious<1>);
  explore::expect_correct<goes_on_elsewhere<leaving::at_a_deadline>>(bounded_without_spurious<1>);
  expect_correct_beyond<goes_on_elsewhere<leaving::stopped>>();
  expect_correct_beyond<goes_on_elsewhere<leaving::at_a_deadline>>();
}
TEST(condition_variable_explore, who_was_notified_under_the_lock_may_destroy_it) {
  explore::expect_correct<waiter_destroys>();
}

TEST(condition_variable_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<tokens_are_taken<guest, quick_lock, 1, false, false>>(),
       explore::scenario_of<deadline_or_token<guest>>(),
       explore::scenario_of<notifier_destroys<leaving::notified, guest, 1>>(),
       explore::scenario_of<notifier_destroys<leaving::at_a_deadline, guest, 1>>(),
       explore::scenario_of<goes_on_elsewhere<leaving::stopped>>(bounded_without_spurious<1>),
       explore::scenario_of<stop_or_token>(bounded_without_spurious<0>)},
      {.files = {"sync/condition_variable.cc", "thrum/condition_variable.h"}}));
}

} // namespace thrum
