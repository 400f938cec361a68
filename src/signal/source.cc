// signal_source: a seat where handlers leave signals (env/signal_seat.h), behind a descriptor that is readable when there are some.
#include "env/panic.h"
#include "env/signal_seat.h"
#include "io/operation.h"
#include "io/transfer.h"
#include "sched/runtime_core.h"

#include <csignal>
#include <cstdint>

#include <thrum/signals.h>

namespace thrum {

namespace {

io::subject about() noexcept { return io::subject::named("signals"); }

[[noreturn]] void refuse(int number, const char* why) noexcept {
  env::report what;
  what.text("a signal_source for signal ");
  if (number < 0) what.text("-");
  what.number(static_cast<std::uint64_t>(number < 0 ? -static_cast<std::int64_t>(number) : number)).text(why);
  char sentence[128]{}; // of a report, which has no zero at its end
  what.view().copy(sentence, sizeof sentence - 1);
  env::panic(sentence, "wait for what others send, as SIGINT, SIGTERM, SIGHUP, SIGUSR1");
}

std::uint64_t bits_of(std::initializer_list<int> numbers) noexcept {
  std::uint64_t bits = 0;
  for (const int number : numbers) {
    switch (number) {
    case SIGKILL:
    case SIGSTOP: refuse(number, ", which no process can catch");
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS:
    case SIGABRT: refuse(number, ", which says that the program itself has failed");
    default: break;
    }
    // 32 and 33 are the C library's own.
    if (number < 1 || number > 64 || number == 32 || number == 33) refuse(number, ", which does not exist");
    bits |= env::signal_bit(number);
  }
  return bits;
}

} // namespace

io::result<signal_source> signal_source::open(std::initializer_list<int> numbers) {
  const std::uint64_t bits = bits_of(numbers);
  env::world& world = io::runtime_here().world;
  env::signal_seat* seat = nullptr;
  int event = -1;
  if (const int error = world.open_signals(bits, &seat, &event); error != 0)
    return io::system_error("open", about(), error);
  io::descriptor* d = nullptr;
  if (const int error = io::open(event, {.is_stream = false, .about = about()}, &d); error != 0) {
    world.close_signals(seat);
    world.close(event);
    return io::system_error("open", about(), error);
  }
  return signal_source(d, seat);
}

signal_source& signal_source::operator=(signal_source&& other) noexcept {
  if (this == &other) return *this;
  finish();
  handle::operator=(std::move(other));
  seat_ = std::exchange(other.seat_, nullptr);
  return *this;
}

io::result<int> signal_source::wait(io::deadline until) const {
  io::descriptor* d = get();
  if (d == nullptr) return io::closed_error("wait for", d);
  io::operation op(*d, io::direction::in, until.time());
  const std::int64_t n = op.run(0, [&] { return d->world->take_signal(seat_); });
  if (n < 0) return io::failed("wait for", *d, op, n);
  return static_cast<int>(n);
}

void signal_source::close() const noexcept {
  if (seat_ == nullptr) return;
  get()->world->stop_signals(seat_);
  handle::close();
}

void signal_source::finish() noexcept {
  if (seat_ == nullptr) return;
  env::world& world = *get()->world;
  close();
  world.close_signals(std::exchange(seat_, nullptr));
}

} // namespace thrum
