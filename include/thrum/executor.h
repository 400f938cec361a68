// executor: a place where work runs: a runtime, a strand, a pool of threads.
//
//   void report_later(thrum::executor& where) {
//     where.execute([] { report("done"); });
//   }
//
// A runtime is an executor: each piece of work is a fiber of its own. Others say on their pages how they run it, and in
// which order. Futures queue their continuations to one.
//
// What the caller owes   The executor lives until its work is done; its page says what its destructor waits for.
// What is guaranteed     execute() never calls f itself (but see when_full::caller_runs of thread_pool.h): f runs later, once, unless its
//                        executor drops it, where its page says so. An exception that leaves f goes to options.on_unhandled
//                        (runtime.h), as with go(); `cancelled` just ends it.
// May park               no.
// Happens-before         execute -> f.
// When it dies           f dies where it ran. f is destroyed without having been called if the executor refuses it.
// Errors                 std::bad_alloc, what moving f throws, and what the executor refuses work with (its page); nothing was queued
//                        then.
// Cost                   a task object (task.h) and the executor's queue; runtime: as go().
// Source of the idea     Java's Executor; std::execution's scheduler.
#pragma once

#include <thrum/attrs.h>
#include <thrum/detail/task.h>

#include <source_location>
#include <utility>

namespace thrum {

class executor {
public:
  executor(const executor&) = delete;
  executor& operator=(const executor&) = delete;

  template <class F> void execute(F&& f, std::source_location site = std::source_location::current()) {
    execute(attrs{}, std::forward<F>(f), site);
  }
  template <class F>
  void execute(const attrs& a, F&& f, std::source_location site = std::source_location::current()) {
    auto* t = detail::make_detached_task(std::forward<F>(f), a, site);
    try {
      post(*t);
    } catch (...) {
      detail::free_detached_task(t);
      throw;
    }
  }

  // For those who write executors or what runs on them. Queues the task: t.run(t) will be called once, later, in a fiber or on a
  // thread; or detail::drop_task(t). If post() throws, the task is the caller's still.
  virtual void post(detail::task& t) = 0;
  // The same for what follows a future that has settled. An executor that runs such apart (event_loop.h) says how.
  virtual void post_reaction(detail::task& t) { post(t); }
  // Do reactions run in turns there, one after another, as JavaScript's jobs? Then futures take as many of them as promises do.
  virtual bool has_turns() const noexcept { return false; }

  // That of the calling fiber or thread: where it was started by an executor, that one; else runtime::current().
  static executor& current() noexcept;

protected:
  executor() = default;
  ~executor() = default;
};

} // namespace thrum
