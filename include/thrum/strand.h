// strand: an executor whose work runs one piece at a time, on no thread of its own: fibers that take turns.
//
//   struct account {
//     thrum::strand mine;
//     int balance = 0; // only work of `mine` touches it: no lock
//     void deposit(int n) {
//       mine.execute([this, n] { balance += n; });
//     }
//     int read() {
//       return mine.spawn([this] { return balance; }).join(); // not from work of `mine` that others wait for
//     }
//   };
//
// Each piece of work is a fiber, which may wait for whatever it likes. While it waits, the next one runs; when it is ready again,
// it queues behind those that wait for their turn. So work interleaves where it waits, and nowhere else: between two
// waits a piece of work has everything that belongs to the strand to itself. (What may wait: "May park" of each page. A lock,
// a send, a join in the middle of a change lets others see half of it.)
//
// What the caller owes   The runtime outlives the strand. What the work refers to outlives it: mostly the strand is a member declared
//                        last. Work does not destroy its own strand (that panics).
// What is guaranteed     First in, first out: pieces of work begin in the order of their posting, and go on in the order in which
//                        they became ready. A fiber that computes for long loses its processor to others, not the strand.
//                        this_fiber::yield() lets the others of the strand go first. blocking() and calls that block in the kernel
//                        keep it. executor::current() is the strand; what the work starts with go() or spawn() is not on it.
//                        An exception that leaves the work goes where it goes with go(), and the strand goes on.
// May park               the destructor, which does not listen to stop requests. execute(), post() and spawn() do not.
// Happens-before         execute, post, spawn -> the work; and everything that ran on the strand -> whatever runs on it next.
// When it dies           The destructor waits until all work has ended, also what is posted meanwhile.
// Errors                 std::bad_alloc from execute and spawn. post() throws nothing.
// Cost                   A fiber, as with go(), and two short locks for each turn: at its beginning, and where it waits or ends. 136 bytes
//                        on the heap.
// Source of the idea     Asio's strand, whose handlers cannot wait; an actor's mailbox, whose can, but stop the others meanwhile.
#pragma once

#include <thrum/attrs.h>
#include <thrum/executor.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>

#include <memory>
#include <source_location>
#include <utility>

namespace thrum {

namespace exec {
struct strand_state;
} // namespace exec

class strand final : public executor {
public:
  // Its work runs on `where`.
  explicit strand(runtime& where = runtime::current());
  ~strand();

  // execute(f): executor.h. With a handle:
  template <class F> auto spawn(F&& f, std::source_location site = std::source_location::current()) {
    return detail::spawn_posted(*this, attrs{}, site, std::forward<F>(f));
  }
  template <class F>
  auto spawn(const attrs& a, F&& f, std::source_location site = std::source_location::current()) {
    return detail::spawn_posted(*this, a, site, std::forward<F>(f));
  }

  void post(detail::task& t) noexcept override;

private:
  std::unique_ptr<exec::strand_state> state_;
};

} // namespace thrum
