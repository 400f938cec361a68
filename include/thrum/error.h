// error: what thrum throws; and the page on cancellation: how a fiber is asked to stop, and where it notices.
//
//   thrum::fiber<> worker = thrum::spawn([] {
//     try {
//       for (;;) thrum::this_fiber::sleep_for(1s);
//     } catch (const thrum::cancelled&) { // not needed to end: `cancelled` just ends a fiber
//       tidy_up();
//       throw;
//     }
//   });
//   worker.request_stop();
//
// A fiber is asked to stop by its handle (request_stop(), or its destruction), its task_group, and the end of its runtime; a
// part of its work by with_timeout(), with_group() or stop_on(). It is never interrupted while it runs. Its waits throw
// `cancelled`: the one that it is in, and every later one, so swallowing it once does not lose the request. A plain thread is
// never asked.
//
// Who throws             What may wait: send, recv, range-for, select (without a stopped() case), sleeps, join(), wait_for() and
//                        wait_until() of a fiber, acquire, the waits of latch, barrier, wait_group, condition_variable and
//                        call_once, accept, connect, read and write, waits for processes and signals; each also with a
//                        deadline. And this_fiber::check().
//                        Nothing else: no try_ form, no select with otherwise(), not go, spawn, yield, close, notify.
// What need not wait     is done, although a stop was requested: a channel with room takes a value, a fiber that has ended is
//                        joined, a socket with data is read. Loops that never wait ask check(), or stopped() in a select.
// Who does not listen    Locks: mutex, recursive_mutex, shared_mutex, in all forms. The destructors of fiber and wait_group. They
//                        wait until what they wait for has come.
// Destructors            While an exception is on its way (std::uncaught_exceptions() > 0), no wait of the fiber throws or is
//                        interrupted, so what destructors wait for during unwinding has to come. In a catch block, the
//                        exception has arrived: waits throw again. A destructor that runs in the ordinary way, with a stop
//                        requested, throws from its waits like any function; as it is noexcept, that is std::terminate: catch
//                        `cancelled` in it.
// What the caller owes   Handlers for everything, catch (...), rethrow `cancelled`, or the fiber goes on until its next wait.
// What is guaranteed     A wait that throws has done nothing: no value taken or sent, no permit, no turn; the exceptions (bytes
//                        that went through before, arrivals that were counted) stand on the page of each. What leaves a
//                        fiber started by go() just ends it; a join() of one by spawn() rethrows it.
// May park               nothing here.
// Happens-before         nothing: a request orders no memory.
// When it dies           `cancelled`, channel_closed and timed_out are values.
// Errors                 Misuse (joining twice, unlocking another's mutex, ...) is not thrown: it panics, in every build, with a
//                        sentence that names the mistake, the fiber and where it was started. std::bad_alloc from
//                        making a channel_closed.
// Cost                   A wait looks at one flag. Asking: see request_stop() in spawn.h. A throw is an ordinary C++ exception.
// Source of the idea     cancellation points of pthreads; asked once, every wait throws, from Trio.
#pragma once

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

namespace thrum {

// Why a fiber is to stop.
enum class cancel_reason : std::uint8_t {
  user,           // request_stop(), or a handle that was destroyed without join()
  shutdown,       // the runtime ends
  deadline,       // of with_timeout(), with_deadline(), or a task_group
  sibling_failed, // another task of the task_group
  scope_exit      // the task_group is left, or has the result that it wanted
};

// Thrown by a wait of a fiber that was asked to stop. Not a std::exception, so that handlers for errors let it pass. Once asked,
// every further wait throws again (unless the stack is being unwound or a shield is up), so swallowing it once does not
// lose the request.
class cancelled {
public:
  explicit cancelled(cancel_reason reason) noexcept : reason_(reason) {}
  cancel_reason reason() const noexcept { return reason_; }

private:
  cancel_reason reason_;
};

// Thrown by send() on a closed channel. The value was not taken. what() names the fiber and where it was spawned.
class channel_closed : public std::exception {
public:
  channel_closed();
  const char* what() const noexcept override { return what_.c_str(); }

private:
  std::string what_;
};

// What was allowed to take some time took longer. Thrown where a deadline has no other way to show itself: a future's or_timeout().
// The forms _for and _until say it by what they return.
class timed_out : public std::exception {
public:
  const char* what() const noexcept override { return "thrum: the time is up"; }
};

// Thrown by an executor (executor.h) that takes no more work: it is full, or shut down; what() says which, and what to do. Also what
// join() throws for work that was accepted, but dropped later.
class rejected : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

} // namespace thrum
