#include "exec/thread_pool.h"

#include "env/fault_signal.h"
#include "env/panic.h"
#include "sched/describe.h"
#include "sched/inherit.h"
#include "sched/park.h"
#include "sync/sleep_on.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <system_error>
#include <thrum/detail/joinable.h>
#include <thrum/detail/local.h>
#include <thrum/error.h>
#include <utility>

namespace thrum {
namespace exec {

using detail::joinable_task;
using detail::task;
using wait::lock;

namespace {

env::nanoseconds in_nanoseconds(std::chrono::milliseconds t) noexcept {
  constexpr auto longest =
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds(env::forever));
  return t > longest ? env::forever : std::max<env::nanoseconds>(std::chrono::nanoseconds(t).count(), 0);
}

constexpr const char* limit_advice =
    "is the limit of processes reached? ulimit -u, or pids.max of the cgroup";

} // namespace

pool_core::pool_core(thread_pool& face, const thread_pool_options& o, env::world& world)
    : face_(face),
      world_(world),
      options_(o),
      most_threads_(std::max(o.threads != 0 ? o.threads : world.cpus().processors, 1u)),
      idle_time_(in_nanoseconds(o.idle_time)) {}

void pool_core::finish() noexcept {
  wait::agent& self = sched::this_agent();
  if (is_own_thread())
    env::panic("a thread pool is destroyed by its own work", "it would wait for itself, for ever");
  held h = acquire();
  if (threads_ != 0 || starting_ != 0) {
    const sched::shield no_stop(self);
    wait::waiter w;
    w.owner = &self;
    destroyer_.push_back(w);
    sched::park(self, h, sched::wait_reason::pool_end, &face_);
    h = acquire();
  }
  pool_thread* ended = std::exchange(ended_, nullptr);
  lock::release(h);
  join_all(world_, ended);
}

bool pool_core::is_own_thread() const noexcept {
  const wait::agent& self = sched::this_agent();
  return self.kind == wait::agent_kind::thread && self.own.home == &face_;
}

// ---- posting

void pool_core::post(task& t) {
  sched::inherit(t);
  try {
    place(acquire(), t, true);
  } catch (...) {
    sched::disinherit(t);
    throw;
  }
}

void pool_core::place(held h, task& t, bool may_start) {
  if (closed_) {
    ++rejected_;
    lock::release(h);
    refuse_closed();
  }
  if (!idle_.empty()) return hand(h, t);
  if (may_start && threads_ < most_threads_) return start(h, t);
  if (!has_room()) return post_to_full(h, t);
  queue_.push(t);
  lock::release(h);
}

void pool_core::hand(held h, task& t) noexcept {
  pool_thread& idle = *idle_.pop_front();
  wait::agent& agent = *idle.agent;
  idle.handed = &t;
  wait::claim(agent, 0); // succeeds: it is on idle_
  ++running_;
  lock::release(h);
  sched::ready(agent);
}

void pool_core::start(held h, task& t) {
  ++threads_;
  ++starting_;
  ++running_;
  const unsigned number = next_number_++;
  lock::release(h);
  char name[16];
  env::thread_name(name, options_.name, number);
  auto* fresh = new (std::nothrow) pool_thread(*this);
  int error = -ENOMEM;
  if (fresh != nullptr) {
    fresh->handed = &t;
    error = world_.start_thread(&fresh->handle, name, options_.stack, &thread_main, fresh);
  }
  if (error != 0) {
    delete fresh;
    return start_failed(t, error);
  }
  fresh->handle_is_known.store(true, std::memory_order_release); // X5; perhaps gone from here on
  h = acquire();
  --starting_;
  wait::claimable* destroyer = destroyer_if_last();
  lock::release(h); // and the pool from here
  if (destroyer != nullptr) sched::ready(*destroyer);
}

void pool_core::start_failed(task& t, int error) {
  held h = acquire();
  --threads_;
  --starting_;
  --running_;
  if (threads_ != 0) {
    const unsigned left = threads_;
    const bool first_time = !std::exchange(told_of_refusal_, true);
    place(h, t, false);
    if (!first_time) return;
    env::report message;
    message.text("thrum: thread pool '")
        .text(options_.name)
        .text("': the system gives it no further thread (errno ");
    message.number(static_cast<std::uint64_t>(-error))
        .text("); those that it has do the work: ")
        .number(left);
    message.text(" of ").number(most_threads_).text("\n  ").text(limit_advice).text("\n").flush();
    return;
  }
  task_queue stranded = std::exchange(queue_, {}); // by those who counted on this thread
  rejected_ += stranded.size();
  lock::release(h);
  const std::system_error failure(-error, std::system_category(),
                                  std::string("thrum::thread_pool '") + options_.name +
                                      "': the system gives it not even one thread; " + limit_advice);
  while (task* other = stranded.pop()) detail::drop_task(*other, std::make_exception_ptr(failure));
  throw failure;
}

void pool_core::post_to_full(held h, task& t) {
  task* dropped = &t;
  switch (options_.full) {
  case when_full::reject: {
    ++rejected_;
    const std::size_t queued = queue_.size();
    lock::release(h);
    refuse_full(queued);
  }
  case when_full::caller_runs: lock::release(h); return run_here(t);
  case when_full::wait:
    if (!is_own_thread()) return wait_for_room(h, t);
    queue_.push(t);
    return lock::release(h);
  case when_full::discard: break;
  case when_full::discard_oldest:
    if (task* oldest = queue_.pop()) {
      dropped = oldest;
      queue_.push(t);
    }
    break;
  }
  ++rejected_;
  lock::release(h);
  detail::drop_task(*dropped, reason_for_dropping("was full and dropped the work"));
}

void pool_core::wait_for_room(held h, task& t) {
  wait::waiter w;
  w.owner = &sched::this_agent();
  w.slot = &t;
  switch (
      sync::sleep_on(posters_, w, guard_, h, detail::no_deadline, sched::wait_reason::pool_room, &face_)) {
  case sync::waking::woken:
    if (w.how == wait::outcome::closed) refuse_closed();
    return; // queued by who has made room; perhaps done by now
  case sync::waking::timeout:
  case sync::waking::stopped: break;
  }
  lock::release(h);
  sync::throw_cancelled(*w.owner);
}

void pool_core::run_here(task& t) noexcept {
  sched::disinherit(t); // it is in force here anyway
  executor*& home = sched::this_agent().own.home;
  executor* const before = std::exchange(home, &face_);
  const char* name = t.name;
  const std::source_location site = t.site;
  try {
    t.run(t);
  } catch (const cancelled&) { // asked to stop, and did
  } catch (...) { unhandled(name, site); }
  sched::this_agent().own.home = before;
  const held h = acquire();
  ++completed_;
  lock::release(h);
}

void pool_core::refuse_closed() const {
  throw thrum::rejected(std::string("thrum::thread_pool '") + options_.name +
                        "' is shut down and takes no more work");
}

void pool_core::refuse_full(std::size_t queued) const {
  throw thrum::rejected(std::string("thrum::thread_pool '") + options_.name + "' is full: " +
                        std::to_string(most_threads_) + " threads are busy, and " + std::to_string(queued) +
                        " pieces of work wait, of " + std::to_string(options_.capacity) +
                        "; raise options.capacity, or set options.full to wait or caller_runs");
}

std::exception_ptr pool_core::reason_for_dropping(const char* why) const noexcept {
  try {
    return std::make_exception_ptr(
        thrum::rejected(std::string("thrum::thread_pool '") + options_.name + "' " + why));
  } catch (...) { return std::current_exception(); } // std::bad_alloc is a reason, too
}

// ---- stopping

std::size_t pool_core::close(bool drop) noexcept {
  held h = acquire();
  closed_ = true;
  threads_list idle;
  while (pool_thread* t = idle_.pop_front()) {
    t->handed = nullptr;
    wait::claim(*t->agent, 0); // succeeds: it is on idle_
    idle.push_back(*t);
  }
  wait::waiter_list claimed;
  while (wait::waiter* w = wait::pop_claimed(posters_)) {
    w->how = wait::outcome::closed;
    claimed.push_back(*w);
    ++rejected_;
  }
  task_queue unwanted;
  if (drop) unwanted = std::exchange(queue_, {});
  const std::size_t dropped = unwanted.size();
  rejected_ += dropped;
  lock::release(h);
  while (pool_thread* t = idle.pop_front()) sched::ready(*t->agent); // its record may be gone then
  sync::ready_all(claimed);
  if (dropped != 0) {
    const std::exception_ptr why = reason_for_dropping("was shut down before the work began");
    while (task* t = unwanted.pop()) detail::drop_task(*t, why);
  }
  return dropped;
}

wait::claimable* pool_core::destroyer_if_last() noexcept {
  if (threads_ != 0 || starting_ != 0) return nullptr;
  wait::waiter* w = wait::pop_claimed(destroyer_);
  return w != nullptr ? w->owner : nullptr;
}

void pool_core::join_all(env::world& world, pool_thread* ended) noexcept {
  while (ended != nullptr) {
    pool_thread* const t = std::exchange(ended, ended->ended_before);
    while (!t->handle_is_known.load(std::memory_order_acquire)) // X5
      world.yield_thread();
    world.join_thread(t->handle);
    delete t;
  }
}

pool_core::numbers pool_core::count() const noexcept {
  const held h = acquire();
  const numbers n{queue_.size(), running_, threads_, completed_, rejected_};
  lock::release(h);
  return n;
}

// ---- the threads

void pool_core::thread_main(void* record) noexcept {
  auto& me = *static_cast<pool_thread*>(record);
  me.pool.serve(me);
}

void pool_core::serve(pool_thread& me) noexcept {
  static_cast<void>(wait::this_thread()); // makes the guest
  me.agent = &wait::this_guest();
  me.agent->own.home = &face_;
  task* t = me.handed;
  for (;;) {
    if (t != nullptr) run(*t);
    held h = acquire();
    if (t != nullptr) {
      --running_;
      ++completed_;
    }
    wait::claimable* admitted = nullptr;
    t = take(admitted);
    if (t != nullptr) {
      ++running_;
      lock::release(h);
      if (admitted != nullptr) sched::ready(*admitted);
      continue;
    }
    if (closed_ || !sleep_until_handed(me, h)) return end(me, h);
    t = me.handed; // null: the pool was shut down
  }
}

task* pool_core::take(wait::claimable*& admitted) noexcept {
  task* t = queue_.pop();
  if (!has_room() && t != nullptr) return t; // work of the pool itself is queued beyond the capacity
  wait::waiter* w = wait::pop_claimed(posters_);
  if (w == nullptr) return t;
  admitted = w->owner;
  auto* theirs = static_cast<task*>(w->slot);
  if (t == nullptr) return theirs; // there is no queue: capacity 0
  queue_.push(*theirs);
  return t;
}

bool pool_core::sleep_until_handed(pool_thread& me, held& h) noexcept {
  wait::guest& g = *me.agent;
  idle_.push_front(me);
  g.note_wait(sched::wait_reason::pool_work, &face_);
  g.decided.store(wait::decision::shielded,
                  std::memory_order_relaxed); // relaxed: only who holds the guard decides
  lock::release(h);
  if (idle_time_ == env::forever) {
    g.sleep();
  } else if (const env::nanoseconds now = world_.now();
             !g.sleep_until(idle_time_ < env::forever - now ? now + idle_time_ : env::forever)) {
    h = acquire();
    if (wait::claim(g, 0)) {
      idle_.erase(me);
      sched::take_decision(g);
      return false;
    }
    lock::release(h);
    g.sleep(); // somebody was quicker and is about to wake it
  }
  sched::take_decision(g);
  return true;
}

void pool_core::end(pool_thread& me, held h) noexcept {
  env::world& world = world_;
  me.agent->own.home = nullptr; // guests are used again
  --threads_;
  pool_thread* const before = std::exchange(ended_, &me);
  wait::claimable* destroyer = destroyer_if_last();
  lock::release(h); // gone from here on, once this thread has ended
  if (destroyer != nullptr) sched::ready(*destroyer);
  join_all(world, before);
}

void pool_core::run(task& t) noexcept {
  const char* name = t.name;
  const std::source_location site = t.site;
  wait::this_guest().own.bound = std::exchange(t.bound, nullptr);
  if (t.joinable && !detail::may_begin_joinable(static_cast<joinable_task&>(t))) {
    detail::drop_task(t, std::make_exception_ptr(cancelled(cancel_reason::user)));
  } else {
    try {
      t.run(t);
    } catch (const cancelled&) { // it just ends
    } catch (...) { unhandled(name, site); }
  }
  detail::end_belongings();
}

void pool_core::unhandled(const char* name, const std::source_location& site) noexcept {
  if (options_.on_unhandled) return options_.on_unhandled(std::current_exception());
  env::report message;
  message.text("thrum: an exception left work of the thread pool '").text(options_.name).text("'\n");
  sched::describe(std::current_exception(), message);
  message.text("  the work");
  sched::describe_origin(name, site, message);
  message.text("\n  catch it there, join the work with spawn(), or set options.on_unhandled\n").flush();
  std::terminate();
}

} // namespace exec

thread_pool::thread_pool(const thread_pool_options& o)
    : core_(std::make_unique<exec::pool_core>(*this, o, env::linux_world())) {}

thread_pool::~thread_pool() {
  shutdown();
  core_->finish();
}

void thread_pool::post(detail::task& t) { core_->post(t); }
void thread_pool::shutdown() noexcept { core_->close(false); }
std::size_t thread_pool::shutdown_now() noexcept { return core_->close(true); }

std::size_t thread_pool::queued() const noexcept { return core_->count().queued; }
unsigned thread_pool::running() const noexcept { return core_->count().running; }
unsigned thread_pool::threads() const noexcept { return core_->count().threads; }
std::uint64_t thread_pool::completed() const noexcept { return core_->count().completed; }
std::uint64_t thread_pool::rejected() const noexcept { return core_->count().rejected; }

} // namespace thrum
