// thread_pool: an executor with threads of its own, for work that is not to take the processors of fibers.
//
//   thrum::thread_pool images({.threads = 2, .capacity = 100, .full = thrum::when_full::wait, .name = "images"});
//   images.execute([] { work(1); });
//   thrum::fiber<picture> drawn = images.spawn(draw);
//   show(drawn.join()); // in a fiber: parks; on a thread: blocks
//
// A fiber needs no pool: it may block and compute as it likes (blocking.h). A pool is for a limit (two decoders at a time), for
// stacks as large as threads have them, and for work that must keep its processors away from everybody else's.
//
// Work runs on a plain thread, one piece after the other. Everything of thrum works there and blocks the thread: channels,
// locks, sleeps, join(). executor::current() is the pool. fiber_locals and what is bound to scoped values belong to the piece of work and
// end with it, not with the thread.
//
// Growth                 Work goes to a thread that is idle; else to a new one, as long as there are fewer than options.threads; else
//                        it waits in the queue; and if that has options.capacity pieces, options.full says what becomes of it. A thread
//                        that was idle for options.idle_time ends. (ThreadPoolExecutor, which has the same parts, makes further
//                        threads only when the queue is full: with an unbounded one, never. Here the threads come first.)
// When it is full        when_full::reject       post throws `rejected`
//                        when_full::caller_runs  who posts runs it, at once, on its own stack: so it brings no more meanwhile
//                        when_full::discard      the new piece is dropped
//                        when_full::discard_oldest  that which waits longest is dropped; without a queue (capacity 0), the new one
//                        when_full::wait         who posts waits for room, in order; a stop request ends that (`cancelled`). Work of
//                                             the pool itself does not wait, or all might for ever: it goes into the queue.
// What the caller owes   Work that ends: nothing interrupts it. Nobody uses the pool when it is destroyed, and its own work does not
//                        destroy it (that panics). The name outlives the pool.
// What is guaranteed     First in, first out: work begins in the order in which it was posted (on several threads: is taken in that
//                        order). Each piece runs once, or is dropped: destroyed without having been called, and who joins it gets
//                        `rejected`. An exception of work that nobody joins goes to options.on_unhandled; without one it is
//                        reported with the place of the call, and std::terminate is called. `cancelled` just ends the work.
// Stopping               shutdown(): no more work is taken, what is queued is done. shutdown_now(): what is queued is dropped. Both
//                        return at once; who waits for room gets `rejected`. request_stop() of a handle: work that has not begun
//                        by then is not called, and join() throws `cancelled`; work that runs is not told, as no plain thread is.
// May park               the destructor, which does not listen to stop requests; execute(), post() and spawn() with when_full::wait,
//                        and what the work does with when_full::caller_runs.
// Happens-before         execute, post, spawn -> the work; its end -> join(), and the destructor's return.
// When it dies           The destructor is shutdown(), and waits until all is done and the threads have ended. A fiber that waits there
//                        parks.
// Errors                 rejected, from execute, post and spawn: it is full or shut down. std::bad_alloc. std::system_error, if there is
//                        no thread yet and the system refuses the first one. If it refuses a further one, those that there are do the
//                        work; that is reported once, on standard error.
// Cost                   A task object as of go(), a short lock, and a futex call to wake a thread: 2 to 10 us. A thread that is
//                        idle costs no time; a new one 20 to 50 us.
// Source of the idea     Java's ThreadPoolExecutor, and its four policies.
#pragma once

#include <thrum/attrs.h>
#include <thrum/error.h>
#include <thrum/executor.h>
#include <thrum/spawn.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

namespace exec {
class pool_core;
} // namespace exec

enum class when_full : std::uint8_t { reject, caller_runs, discard, discard_oldest, wait };

struct thread_pool_options {
  // How many threads there may be. 0: as many as this process may use CPUs (affinity mask and cgroup quota).
  unsigned threads = 0;
  // How many pieces of work may wait for a thread. 0: none; all of them run at once, or the pool is full.
  std::size_t capacity = static_cast<std::size_t>(-1);
  when_full full = when_full::reject;
  // How long a thread waits for work until it ends; milliseconds::max(): until the pool does.
  std::chrono::milliseconds idle_time{10'000};
  // Shown in reports and in the names of the threads; must outlive the pool.
  const char* name = "pool";
  // Of each thread. 0: what the system gives threads by default, mostly 8 MiB of addresses. attrs.stack means nothing here.
  std::size_t stack = 0;
  // Called with an exception that left work which nobody joins, on its thread. What it throws ends the program.
  std::function<void(std::exception_ptr)> on_unhandled{};
};

class thread_pool final : public executor {
public:
  explicit thread_pool(const thread_pool_options& o = {});
  ~thread_pool();

  // execute(f): executor.h. With a handle:
  template <class F> auto spawn(F&& f, std::source_location site = std::source_location::current()) {
    return detail::spawn_posted(*this, attrs{}, site, std::forward<F>(f));
  }
  template <class F>
  auto spawn(const attrs& a, F&& f, std::source_location site = std::source_location::current()) {
    return detail::spawn_posted(*this, a, site, std::forward<F>(f));
  }

  void post(detail::task& t) override;

  void shutdown() noexcept;
  // How many pieces of work were dropped.
  std::size_t shutdown_now() noexcept;

  // ---- numbers, of the present moment
  [[nodiscard]] std::size_t queued() const noexcept;
  [[nodiscard]] unsigned running() const noexcept; // pieces of work, those that callers run not counted
  [[nodiscard]] unsigned threads() const noexcept;
  // ---- and of all its life
  [[nodiscard]] std::uint64_t completed() const noexcept; // also by callers
  [[nodiscard]] std::uint64_t rejected() const noexcept;  // and dropped

private:
  std::unique_ptr<exec::pool_core> core_;
};

} // namespace thrum
