// isolate<In, Out>: a thread with an event loop of its own, which shares nothing with who started it but what they post to each other.
// Node's Worker.
//
//   double total(const std::vector<double>& prices) {
//     thrum::isolate<std::vector<double>, double> worker([](auto& parent) {   // runs there
//       for (const std::vector<double>& some : parent)                       // until the other side closes
//         parent.post(std::accumulate(some.begin(), some.end(), 0.0));
//     });
//     worker.post(prices);                        // a clone: what is changed here afterwards is not seen there
//     const double sum = worker.recv().value();   // waits; fibers and coroutines park
//     worker.close();                             // no more will come
//     worker.join();                              // rethrows what was thrown there
//     return sum;
//   }
//
// Fibers need no isolates: they run on all processors, and a long computation does not stop the others. An isolate is for what belongs to
// one thread and must not be disturbed: an interpreter, a library with a state, code that came from a worker.
//
// post(value)               a clone (clone.h), taken at once. Of an rvalue that could be transferred, the value itself
// post(transfer(move(x)))   nothing is copied, and x is empty afterwards; does not compile where something might be shared
// recv(), recv_for, ...     as of a chan (chan.h): for (In m : parent), try_recv(), recv(w, out) in a select, co_await w.async_recv()
// close()                   the other side gets what was posted, and then the end
// parent.loop()             the event loop of the isolate: timers, ticks, spawn() of fibers
// parent.memory()           a memory resource (std::pmr) for this isolate alone, without locks, which is gone as a whole with it
//
// What is called may be a function, or a lambda without captures; the compiler refuses others. It runs as a fiber of the loop, or as a
// coroutine, if it returns a task<>. The isolate lives until the loop has nothing left that is referenced (event_loop.h): the function
// itself, timers, fibers of loop().spawn(). loop().stop() ends it sooner, as process.exit() does in a worker.
//
// Exceptions             What leaves the function, a callback of its loop or a fiber that nobody joins ends the isolate, not the
//                        process, and join() rethrows it: Node's event 'error'. The first one counts.
// Stop requests          request_stop() asks the function to stop (error.h), and ends the loop. A function that computes sees it with
//                        this_fiber::check(). A thread cannot be killed: for that there are processes (process_pool.h).
// Messages               arrive in the order of posting, each once. Posting never waits; memory is the only limit, so answer, if the other
//                        side may be slow. What an isolate has posted before its end can be received afterwards; what it has not
//                        received is destroyed with the isolate object. post() to an isolate that has ended is false, and what
//                        was to be transferred stays where it is.
// What the caller owes   The types say what may cross, but C++ lets every function see global and static variables: an isolate leaves those
//                        alone that others use. Nothing of loop() and memory() is used outside of it. While join() runs, and when
//                        the object is moved or destroyed, nobody else uses it; else any number may post and receive.
// What is guaranteed     All that the isolate runs, runs on one thread, which runs nothing else. When join() or the destructor returns
//                        it is gone, unless it did not stop within options.drain: then it is reported and left behind (runtime.h).
// May park               recv and its like; join(); request_stop(), for a moment. Ending one that has not ended by itself blocks the
//                        thread for as long as it takes.
// Happens-before         post -> the recv that returns it; the end of the isolate -> the return of join().
// When it dies           An isolate that was not joined is asked to stop, and waited for, as a fiber (spawn.h); what it failed with is then
//                        printed.
// Errors                 The constructor: std::system_error (descriptors, threads), std::bad_alloc. post(): codec_error and std::bad_alloc
//                        from cloning. join(): what ended the isolate, and `cancelled` if the caller is asked to stop: then it
//                        can be called again. Joining twice panics.
// Cost                   Starting one and ending it: 0.28 ms of CPU. 38 KiB beside the kernel's part of two threads: its own, and one that looks after it and
//                        sleeps. A message there and back, with both sides asleep: 12 us of CPU, and its clone.
// Source of the idea     Node's worker_threads; Dart's isolates.
#pragma once

#include <thrum/chan.h>
#include <thrum/clone.h>
#include <thrum/detail/isolate_core.h>

#include <concepts>
#include <memory>
#include <memory_resource>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

// One end of what connects two: receives In, and posts Out.
template <class In, class Out> class port : public receiver<In> {
public:
  // False: the other end is gone.
  bool post(const Out& value) const {
    Out twin = thrum::clone(value);
    return hand_over(std::move(twin));
  }
  bool post(Out&& value) const {
    if constexpr (transferable<Out>)
      return hand_over(std::move(value));
    else
      return post(std::as_const(value));
  }
  bool post(transferred<Out> value) const {
    return std::move(value).give_to([this](Out&& x) { return hand_over(std::move(x)); });
  }
  // Nothing more will be posted from here.
  void close() const noexcept { to_.close(); }

protected:
  port(const chan<In>& from, const chan<Out>& to) noexcept : receiver<In>(from), to_(to) {}

private:
  bool hand_over(Out&& value) const { return to_.try_send(std::move(value)) == chan_status::ok; }

  sender<Out> to_; // has room for all
};

// The end that the isolate has.
template <class In, class Out> class isolate_port final : public port<In, Out> {
public:
  isolate_port(const isolate_port&) = delete;
  isolate_port& operator=(const isolate_port&) = delete;

  [[nodiscard]] event_loop& loop() const noexcept { return *place_.loop; }
  [[nodiscard]] std::pmr::memory_resource& memory() const noexcept { return *place_.memory; }

private:
  template <class, class, class> friend class detail::isolate_body_of;
  isolate_port(const chan<In>& from, const chan<Out>& to, const detail::isolate_place& place) noexcept
      : port<In, Out>(from, to), place_(place) {}

  const detail::isolate_place& place_;
};

template <class In, class Out> class isolate : public port<Out, In> {
  using inside = isolate_port<In, Out>;
  using place = std::source_location;

public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, isolate>)
  explicit isolate(F&& f, const isolate_options& o = {}, place site = place::current())
      : isolate(std::forward<F>(f), chan<In>::unbounded(), chan<Out>::unbounded(), o, site) {}
  isolate(isolate&&) noexcept = default;
  isolate& operator=(isolate&&) noexcept = default; // ends the one that was here

  // Waits for its end.
  void join() { core_.join(); }
  void request_stop() noexcept { core_.request_stop(); }
  // True: join() will not wait for the isolate, but for its thread.
  [[nodiscard]] bool ended() const noexcept { return core_.ended(); }

private:
  template <class F>
  isolate(F&& f, const chan<In>& to, const chan<Out>& from, const isolate_options& o, place site)
      : port<Out, In>(from, to), core_(make_body(std::forward<F>(f), to, from), to, from, o, site) {}
  template <class F>
  static std::unique_ptr<detail::isolate_body> make_body(F&& f, const chan<In>& to, const chan<Out>& from) {
    detail::demand_message<In>();
    detail::demand_message<Out>();
    detail::demand_entry<std::decay_t<F>, inside>();
    if constexpr (sendable<In> && sendable<Out> && detail::isolate_entry<std::decay_t<F>, inside>)
      return std::make_unique<detail::isolate_body_of<In, Out, std::decay_t<F>>>(std::forward<F>(f), to,
                                                                                 from);
    else
      return nullptr;
  }

  detail::isolate_core core_;
};

} // namespace thrum
