// A runtime runs fibers: plain blocking code, many thousands at once, on a few threads.
//
//   int main() { return thrum::run([] { ...; return 0; }); }
//
// run(f) makes a runtime, calls f in a fiber of it, and returns what f returns (or rethrows what it throws). A library or
// a test makes a `runtime` of its own; several may live at a time, also one after another.
//
// What the caller owes   run() is called on a plain thread (main, std::thread), never in a fiber: that panics.
// What is guaranteed     When run() returns or a runtime is destroyed, no fiber of it is running. Detached fibers that are
//                        still parked are asked to stop first: their waits throw `cancelled`, so their destructors run.
//                        After options.drain what is left is reported and abandoned.
// May park               run() blocks the calling thread.
// Happens-before         everything before run(f) -> f; f's return -> run's return.
// Errors                 std::system_error if the system refuses what a runtime needs (threads, memory, descriptors).
// Cost                   about 100 us and one thread to begin with; further threads start when there is work for them.
//                        An idle runtime costs nothing: no thread wakes up.
#pragma once

#include <thrum/detail/task.h>
#include <thrum/spawn.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace thrum {

namespace sched {
struct runtime_core;
runtime_core& core_of(runtime& r) noexcept;
} // namespace sched

struct options {
  // How many fibers may compute at the same time. 0: as many as this process may use CPUs (affinity mask and cgroup quota).
  unsigned processors = 0;
  // Shown in reports and in the names of threads; must outlive the runtime.
  const char* name = "thrum";
  // How long the end of the runtime waits for fibers that nobody joins.
  std::chrono::milliseconds drain{5000};
  // Called with an exception that left a detached fiber, on that fiber; default: report the fiber and std::terminate. Also
  // called with one that is dropped with the handle of its fiber, by who drops it; default: report it and go on.
  std::function<void(std::exception_ptr)> on_unhandled{};
};

class runtime {
public:
  explicit runtime(const options& o = {});
  ~runtime(); // asks all fibers to stop and waits for them; see above
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  // Calls f() in a fiber of this runtime and waits for it.
  template <class F> auto run(F&& f, std::source_location site = std::source_location::current())
      -> std::invoke_result_t<std::decay_t<F>&&> {
    detail::refuse_inside_fiber();
    return detail::spawn_on(this, attrs{.name = "main"}, site, std::forward<F>(f)).join();
  }

  // go and spawn (go.h, spawn.h) on this runtime, from anywhere.
  template <class F> void go(F&& f, std::source_location site = std::source_location::current()) {
    detail::launch_detached(std::forward<F>(f), attrs{}, site, this);
  }
  template <class F> auto spawn(F&& f, std::source_location site = std::source_location::current())
      -> fiber<std::invoke_result_t<std::decay_t<F>&&>> {
    return detail::spawn_on(this, attrs{}, site, std::forward<F>(f));
  }

  unsigned processors() const noexcept;

  // The runtime of the calling fiber. On a plain thread: the default runtime, which is made at first use and never
  // destroyed, so that it may be used from static constructors and destructors, too.
  static runtime& current();

private:
  friend sched::runtime_core& sched::core_of(runtime& r) noexcept;
  std::unique_ptr<sched::runtime_core> core_;
};

// Makes a runtime, runs f in it and destroys it. See the head of this file.
template <class F>
auto run(F&& f, const options& o = {}, std::source_location site = std::source_location::current())
    -> std::invoke_result_t<std::decay_t<F>&&> {
  detail::refuse_inside_fiber();
  runtime r(o);
  return r.run(std::forward<F>(f), site);
}

} // namespace thrum
