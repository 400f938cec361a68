// A runtime runs fibers: plain blocking code, many thousands at once, on a few threads.
//
//   int main() {
//     return thrum::run([] { return compute(); }, {.processors = 4, .drain = 10s});
//   }
//
// run(f) makes a runtime, calls f in a fiber of it, and returns what f returns (or rethrows what it throws). A library or
// a test makes a `runtime` of its own; several may live at a time, also one after another. Channels, locks and handles work
// across them.
//
//   thrum::runtime& here = thrum::runtime::current();
//   const unsigned before = here.set_processors(1); // one fiber at a time
//   compute();
//   here.set_processors(before);
//
// How many fibers run at a time may change while they run, from anywhere. More processors take work at once. Fewer: an idle one
// goes at once, a busy one when it has run 61 more fibers at most, or after some 10 ms if its fiber computes or blocks. The fiber that
// runs on it then runs on beside the others until it waits or yields. Nothing that is queued, or set as a timer, is lost or waits for it.
//
// What the caller owes   run() is called on a plain thread (main, std::thread), never in a fiber: that panics. A runtime may be
//                        made and destroyed in a fiber, but not in one of its own; both block the thread below.
//                        No more than 1,024 processors; more, asked of set_processors(), panic.
// What is guaranteed     When run() returns or a runtime is destroyed, no fiber of it is running. Fibers that are not joined yet
//                        are asked to stop first: their waits throw `cancelled` (error.h), so their destructors run.
//                        After options.drain what is left is reported and abandoned: it runs on, on threads of its own, until the
//                        process ends. Timers that are set are not called any more.
// May park               run() and the destructor block the calling thread; go(), spawn() and set_processors() do not.
// Happens-before         everything before run(f) -> f; f's return -> run's return; the end of every fiber -> the return of
//                        the destructor.
// When it dies           when nobody calls its members any more. Handles of its fibers, and channels, may outlive it. Sockets
//                        and listeners that it serves answer errc::runtime_ended (io/handle.h).
// Errors                 From making one: std::system_error if the system refuses a poller (descriptors), std::bad_alloc. Threads
//                        start when there is work; one that the system refuses is asked for again with the next piece of
//                        work, and meanwhile those that there are do it. set_processors(): std::bad_alloc, and nothing has changed.
// Cost                   about 100 us, and one thread for the first fiber; further threads start when there is work for them.
//                        An idle runtime costs nothing: no thread wakes up. set_processors(): some microseconds for each that
//                        comes or goes. Memory of a processor that goes is kept for when it comes back, but for stacks.
// Source of the idea     Go's scheduler; a runtime as an object from Tokio and Marl. set_processors(): GOMAXPROCS, without
//                        stopping the world.
#pragma once

#include <thrum/attrs.h>
#include <thrum/detail/joinable.h>
#include <thrum/executor.h>
#include <thrum/report.h>
#include <thrum/spawn.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace thrum {

class runtime;

namespace sched {
struct runtime_core;
std::unique_ptr<runtime> handle_for(std::unique_ptr<runtime_core> core);
runtime_core& core_of(runtime& r) noexcept;
} // namespace sched

struct options {
  // How many fibers run at the same time, at most 1024; those that compute or block for long keep a thread beside. 0: as many
  // as this process may use CPUs (affinity mask and cgroup quota).
  unsigned processors = 0;
  // Shown in reports and in the names of threads; must outlive the runtime.
  const char* name = "thrum";
  // How many threads there may be. Fibers that block or compute for long keep a thread each while others take their place; at the
  // limit, others wait. One extra thread costs about 50 KiB. No more than processors: nobody ever takes their place, so
  // {.processors = 1, .max_threads = 1} is an event loop: one fiber runs at a time, and another only when it waits or yields.
  unsigned max_threads = 10'000;
  // Fibers that can never go on are reported (inspect.h); if all can not, the process ends with the report.
  bool find_deadlocks = true;
  // Fibers that still wait, without a deadline, when the runtime ends are shown on standard error before they are asked to stop.
  // For tests, and programs that mean to join all they spawn. (The environment variable THRUM_LEAKS=report does it, too.)
  bool report_leaks = false;
  // How long the end of the runtime waits for its fibers to stop. Zero: they are asked, not waited for;
  // milliseconds::max(): as long as it takes.
  std::chrono::milliseconds drain{5000};
  // Called with an exception that left a detached fiber, on that fiber; default: report the fiber and std::terminate. Also
  // called with one that is dropped with the handle of its fiber, by the fiber that drops it; default, and on a plain thread:
  // report it and go on. What it throws ends the program.
  std::function<void(std::exception_ptr)> on_unhandled{};
};

class runtime final : public executor {
public:
  explicit runtime(const options& o = {});
  ~runtime(); // asks all fibers to stop and waits for them for options.drain; see above
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  // Calls f() in a fiber of this runtime, waits for it, and returns what it returns or rethrows what it throws. May be called
  // again, and by several threads at a time.
  template <class F> auto run(F&& f, std::source_location site = std::source_location::current()) ->
      typename detail::started_by<std::invoke_result_t<std::decay_t<F>&&>>::result {
    detail::refuse_inside_fiber();
    return detail::spawn_on(this, attrs{.name = "main"}, site, std::forward<F>(f)).join();
  }

  // ---- go (go.h) on this runtime, from anywhere
  template <class F> void go(F&& f, std::source_location site = std::source_location::current()) {
    detail::launch_detached(std::forward<F>(f), attrs{}, site, this);
  }
  template <class F>
  void go(const attrs& a, F&& f, std::source_location site = std::source_location::current()) {
    detail::launch_detached(std::forward<F>(f), a, site, this);
  }
  // With arguments for f. (One to four of them carry the place of the call; C++ cannot put a default argument after a pack.)
  template <class F, class A1>
    requires detail::callable_with<F, A1>
  void go(F&& f, A1&& a1, std::source_location site = std::source_location::current()) {
    detail::go_on(this, site, std::forward<F>(f), std::forward<A1>(a1));
  }
  template <class F, class A1, class A2>
    requires detail::callable_with<F, A1, A2>
  void go(F&& f, A1&& a1, A2&& a2, std::source_location site = std::source_location::current()) {
    detail::go_on(this, site, std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2));
  }
  template <class F, class A1, class A2, class A3>
    requires detail::callable_with<F, A1, A2, A3>
  void go(F&& f, A1&& a1, A2&& a2, A3&& a3, std::source_location site = std::source_location::current()) {
    detail::go_on(this, site, std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2),
                  std::forward<A3>(a3));
  }
  template <class F, class A1, class A2, class A3, class A4>
    requires detail::callable_with<F, A1, A2, A3, A4>
  void go(F&& f, A1&& a1, A2&& a2, A3&& a3, A4&& a4,
          std::source_location site = std::source_location::current()) {
    detail::go_on(this, site, std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2),
                  std::forward<A3>(a3), std::forward<A4>(a4));
  }
  // Any number of arguments; reports show no place.
  template <class F, class... A>
    requires(sizeof...(A) > 4) && detail::callable_with<F, A...>
  void go(F&& f, A&&... a) {
    detail::go_on(this, std::source_location{}, std::forward<F>(f), std::forward<A>(a)...);
  }

  // ---- spawn (spawn.h) on this runtime, from anywhere
  template <class F> auto spawn(F&& f, std::source_location site = std::source_location::current()) {
    return detail::spawn_on(this, attrs{}, site, std::forward<F>(f));
  }
  template <class F>
  auto spawn(const attrs& a, F&& f, std::source_location site = std::source_location::current()) {
    return detail::spawn_on(this, a, site, std::forward<F>(f));
  }
  // With arguments for f. (One to four of them carry the place of the call; C++ cannot put a default argument after a pack.)
  template <class F, class A1>
    requires detail::callable_with<F, A1>
  auto spawn(F&& f, A1&& a1, std::source_location site = std::source_location::current()) {
    return detail::spawn_on(this, attrs{}, site, std::forward<F>(f), std::forward<A1>(a1));
  }
  template <class F, class A1, class A2>
    requires detail::callable_with<F, A1, A2>
  auto spawn(F&& f, A1&& a1, A2&& a2, std::source_location site = std::source_location::current()) {
    return detail::spawn_on(this, attrs{}, site, std::forward<F>(f), std::forward<A1>(a1),
                            std::forward<A2>(a2));
  }
  template <class F, class A1, class A2, class A3>
    requires detail::callable_with<F, A1, A2, A3>
  auto spawn(F&& f, A1&& a1, A2&& a2, A3&& a3, std::source_location site = std::source_location::current()) {
    return detail::spawn_on(this, attrs{}, site, std::forward<F>(f), std::forward<A1>(a1),
                            std::forward<A2>(a2), std::forward<A3>(a3));
  }
  template <class F, class A1, class A2, class A3, class A4>
    requires detail::callable_with<F, A1, A2, A3, A4>
  auto spawn(F&& f, A1&& a1, A2&& a2, A3&& a3, A4&& a4,
             std::source_location site = std::source_location::current()) {
    return detail::spawn_on(this, attrs{}, site, std::forward<F>(f), std::forward<A1>(a1),
                            std::forward<A2>(a2), std::forward<A3>(a3), std::forward<A4>(a4));
  }
  // Any number of arguments; reports show no place.
  template <class F, class... A>
    requires(sizeof...(A) > 4) && detail::callable_with<F, A...>
  auto spawn(F&& f, A&&... a) {
    return detail::spawn_on(this, attrs{}, std::source_location{}, std::forward<F>(f), std::forward<A>(a)...);
  }

  void post(detail::task& t) override { detail::launch(t, this); } // executor.h

  // How many fibers are to run at the same time; set_processors() changes it and returns what it was. 0: as many as this process may use
  // CPUs by now (affinity mask and cgroup quota are read again). A number above options.max_threads raises that for as long as
  // it stands. Several calls at a time: one of them is the last. See the head of this file.
  unsigned processors() const noexcept;
  unsigned set_processors(unsigned n);
  [[nodiscard]] runtime_report report() const; // report.h

  // The runtime of the calling fiber. On a plain thread: the default runtime, which is made at first use and never
  // destroyed, so that it may be used from static constructors and destructors, too.
  static runtime& current();

private:
  friend sched::runtime_core& sched::core_of(runtime& r) noexcept;
  friend std::unique_ptr<runtime> sched::handle_for(std::unique_ptr<sched::runtime_core> core);
  explicit runtime(std::unique_ptr<sched::runtime_core> core);
  std::unique_ptr<sched::runtime_core> core_;
};

// Makes a runtime, runs f in it and destroys it. See the head of this file.
template <class F>
auto run(F&& f, const options& o = {}, std::source_location site = std::source_location::current()) ->
    typename detail::started_by<std::invoke_result_t<std::decay_t<F>&&>>::result {
  detail::refuse_inside_fiber();
  runtime r(o);
  return r.run(std::forward<F>(f), site);
}

} // namespace thrum
