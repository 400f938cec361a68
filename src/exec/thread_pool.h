// pool_core: the threads of a thread_pool, and the work that waits for them.
//
// Everything is guarded by one lock. That is no bottleneck: what a pool is for takes microseconds at least, and each hand-over to
// a thread that sleeps costs a futex call anyway.
//
// Work that is posted goes, under the guard, to the first of these that there is:
//   an idle thread    the one that became idle last: it is warm, and those below it get to retire. The work is put into its
//                     record (`handed`), and nowhere else, so nobody can snatch it.
//   a new thread      while there are fewer than wanted. The work is its `handed` from the start.
//   the queue         a thread that has finished something takes from its front, and lets the first poster in who waits for room.
// So if a thread is idle, the queue is empty; if the queue has room, no poster waits.
//
// A new thread is counted before it is started, outside the guard. If the system refuses it, the work has been seen by nobody and
// goes into the queue, where the others find it; if there are no others, back to the caller, as an error. But meanwhile
// somebody may have queued work because he counted on that thread, with no other there: that work is dropped, with the same error.
//
// A thread that ends cannot free its own record, because somebody must join it: it puts itself on `ended_`, and joins the one that
// was there. So at most one ended thread is left over; the destructor joins that.
//
// Invariants (whenever the guard is free)
//   X1  idle_ is empty or queue_ is. posters_ is empty or the queue has no room.
//   X2  threads_ counts the records that are idle, run or are being started; running_ those of them that have work.
//   X3  nothing is queued while threads_ is 0.
//   X4  the core lives until threads_ and starting_ are 0 and ended_ was joined; who makes them so wakes the destroyer under the guard.
//
// Orderings
//   X5  handle_is_known: the starter's release store -> acquire load of who joins the thread.
#pragma once

#include "base/intrusive_list.h"
#include "env/env.h"
#include "wait/guest.h"
#include "wait/lock.h"
#include "wait/waiter.h"

#include <thrum/thread_pool.h>

namespace thrum::exec {

// First in, first out, by runnable::link.
class task_queue {
public:
  void push(detail::task& t) noexcept {
    t.link = nullptr;
    (last_ != nullptr ? last_->link : first_) = &t;
    last_ = &t;
    ++size_;
  }
  detail::task* pop() noexcept {
    if (first_ == nullptr) return nullptr;
    detail::runnable* r = std::exchange(first_, first_->link);
    if (first_ == nullptr) last_ = nullptr;
    --size_;
    return static_cast<detail::task*>(r);
  }
  std::size_t size() const noexcept { return size_; }

private:
  detail::runnable* first_ = nullptr;
  detail::runnable* last_ = nullptr;
  std::size_t size_ = 0;
};

struct pool_thread : base::list_node<pool_thread> { // on idle_, or a list of those to be woken
  explicit pool_thread(pool_core& p) noexcept : pool(p) {}

  pool_core& pool;
  wait::guest* agent = nullptr;   // set by the thread itself, before it is idle for the first time
  detail::task* handed = nullptr; // guarded, and by the wake-up
  pool_thread* ended_before = nullptr;
  std::uintptr_t handle = 0;
  base::atomic<bool> handle_is_known{false}; // X5
};

class pool_core {
public:
  pool_core(thread_pool& face, const thread_pool_options& o, env::world& world);
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;

  void post(detail::task& t);
  std::size_t close(bool drop) noexcept;
  void finish() noexcept; // waits until everything is done and every thread has ended. Requires: it is closed

  struct numbers {
    std::size_t queued;
    unsigned running;
    unsigned threads;
    std::uint64_t completed;
    std::uint64_t rejected;
  };
  numbers count() const noexcept;

private:
  using held = wait::lock::held;
  using threads_list = base::intrusive_list<pool_thread>;

  held acquire() const noexcept { return guard_.acquire(wait::this_thread()); }

  // post, piece by piece. The guard is held, and free afterwards.
  void place(held h, detail::task& t, bool may_start);
  void hand(held h, detail::task& t) noexcept;
  void start(held h, detail::task& t);
  void start_failed(detail::task& t, int error);
  void post_to_full(held h, detail::task& t);
  void wait_for_room(held h, detail::task& t);
  void run_here(detail::task& t) noexcept;
  bool has_room() const noexcept { return queue_.size() < options_.capacity; }
  bool is_own_thread() const noexcept;

  // The threads
  static void thread_main(void* record) noexcept;
  void serve(pool_thread& me) noexcept;
  detail::task* take(wait::claimable*& admitted) noexcept; // guard held
  // The guard is held, and free afterwards; false: idle for too long, and the guard is held.
  bool sleep_until_handed(pool_thread& me, held& h) noexcept;
  void end(pool_thread& me, held h) noexcept;
  void run(detail::task& t) noexcept;
  void unhandled(const char* name, const std::source_location& site) noexcept;
  static void join_all(env::world& world, pool_thread* ended) noexcept;
  wait::claimable* destroyer_if_last() noexcept; // guard held

  [[noreturn]] void refuse_closed() const;
  [[noreturn]] void refuse_full(std::size_t queued) const;
  std::exception_ptr reason_for_dropping(const char* why) const noexcept;

  thread_pool& face_;
  env::world& world_;
  const thread_pool_options options_;
  const unsigned most_threads_;
  const env::nanoseconds idle_time_;

  mutable wait::lock guard_; // guards everything below
  task_queue queue_;
  threads_list idle_;           // the last to become so first
  wait::waiter_list posters_;   // who wait for room; slot: the task
  wait::waiter_list destroyer_; // at most one
  pool_thread* ended_ = nullptr;
  unsigned threads_ = 0;
  unsigned starting_ = 0;
  unsigned running_ = 0;
  unsigned next_number_ = 0; // for the names of threads
  std::uint64_t completed_ = 0;
  std::uint64_t rejected_ = 0;
  bool closed_ = false;
  bool told_of_refusal_ = false;
};

} // namespace thrum::exec
