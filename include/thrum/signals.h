// Signals as something to wait for: Ctrl-C, SIGTERM, SIGHUP, without a handler that may do nothing.
//
//   thrum::signal_source stop({SIGINT, SIGTERM});
//   int number = stop.wait().value();                             // parks until one comes
//   switch (thrum::select(thrum::readable(stop), thrum::after(1h))) {
//   case 0: if (auto n = stop.wait(0s)) report("got signal " + std::to_string(*n)); break;
//   case 1: tick();
//   }
//
// While a source lives, its signals do nothing but arrive there: SIGTERM does not end the program, a handler of the program's
// own is not called, SIGQUIT shows no dump (inspect.h). When the last source for a signal is closed, all is as before.
//
// What the caller owes   A source outlives the calls on it; move it only while nobody uses it. Nobody blocks its signals in all
//                        threads, nor installs another handler: then nothing comes. SIGKILL and SIGSTOP, which nobody can
//                        catch, those that say that the program is broken (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT)
//                        and numbers that are no signals panic.
// What is guaranteed     Every source that wants a signal gets it. A signal that comes again before it was taken is one: a burst
//                        of a hundred may be one or a hundred. Different signals are all kept; the lowest number is taken
//                        first. Each is given to one call of wait(). What has come and was not taken is lost with the source.
// Which runtime          as for all handles (io/handle.h): that of the fiber that makes it.
// Cancellation           A stop request ends waits; no signal is lost by it.
// May park               wait.
// Happens-before         what the thread did on which the signal was handled, before that -> the return of wait.
// When it dies           close() and the destructor put back what the signals did before; waits end with errc::closed.
// Errors                 From making one: of the system (too_many_files_open, not_enough_memory); the constructor throws
//                        io::failure, open() returns it. From wait: io::errc::deadline, closed, runtime_ended. A select
//                        may be told of a signal in vain, if several come at a time: wait(0s) then says deadline.
// Cost                   Two descriptors. A signal: some microseconds, most of them the kernel's.
// Source of the idea     Go's os/signal; libuv.
#pragma once

#include <thrum/io/deadline.h>
#include <thrum/io/error.h>
#include <thrum/io/handle.h>

#include <csignal>
#include <initializer_list>
#include <utility>

namespace thrum {

namespace env {
struct signal_seat; // src/env/signal_seat.h
} // namespace env

class signal_source : public io::handle {
public:
  signal_source() noexcept = default; // none: every operation fails with errc::closed
  explicit signal_source(std::initializer_list<int> numbers) : signal_source(open(numbers).value()) {}
  static io::result<signal_source> open(std::initializer_list<int> numbers);

  signal_source(signal_source&& other) noexcept
      : handle(std::move(other)), seat_(std::exchange(other.seat_, nullptr)) {}
  signal_source& operator=(signal_source&& other) noexcept;
  ~signal_source() { finish(); }

  // The number of a signal that has come.
  io::result<int> wait(io::deadline until = {}) const;
  // Waits end, and the signals do what they did before, at once. Closing twice is harmless.
  void close() const noexcept;

private:
  signal_source(io::descriptor* d, env::signal_seat* seat) noexcept : handle(d), seat_(seat) {}
  void finish() noexcept;

  env::signal_seat* seat_ = nullptr;
};

} // namespace thrum
