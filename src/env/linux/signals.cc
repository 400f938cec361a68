// Seats are kept in a list that only grows, because a handler may be walking along it at any time; those that are free are used
// again. signal_seat.h argues what happens at one of them.
//
// A number has our handler while any seat wants it. What it had before is put back by the last one, unless somebody else has
// installed something meanwhile: then it is not ours to change. (So SIGQUIT shows no dump while a seat wants it, and does again
// afterwards; quit_signal.h.)
#include "env/linux/signals.h"

#include "base/sanitizer.h"

#include <cerrno>
#include <fcntl.h>
#include <new>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace thrum::env {

namespace {

struct linked_seat : signal_seat {
  linked_seat* next = nullptr; // constant once it is linked
  std::uint64_t counted = 0;   // the numbers whose wanted_by counts it; guarded by `lock`
  bool free = false;           // guarded by `lock`
};

// Orderings
//   G4  seats: release store of who adds one -> acquire load of the handler: it sees the seat made.
constinit base::spin_lock lock; // guards the three below; handlers do not take it
constinit base::atomic<linked_seat*> seats{nullptr};
constinit unsigned wanted_by[65]{};
constinit struct sigaction before[65]{};

void ring(int bell) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto ignored = ::write(bell, &one, sizeof one); // full: it has been heard of
}

void silence(int bell) noexcept {
  std::uint64_t rings;
  [[maybe_unused]] const auto ignored = ::read(bell, &rings, sizeof rings);
}

void on_signal(int number) {
  const int saved = errno;
  for (linked_seat* s = seats.load(std::memory_order_acquire); s != nullptr; s = s->next) // G4
    s->leave(number, ring);
  errno = saved;
}

bool is_ours(const struct sigaction& a) noexcept {
  return (a.sa_flags & SA_SIGINFO) == 0 && a.sa_handler == &on_signal;
}

// The lock is held. 0, or -1 and errno.
int install(int number) noexcept {
  struct sigaction action{};
  action.sa_handler = &on_signal;
  // Under the thread sanitizer a sleep in a futex has to end, or the handler, which it puts off, would never run.
  action.sa_flags = (THRUM_TSAN ? 0 : SA_RESTART) | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  return ::sigaction(number, &action, &before[number]);
}

// The lock is held.
void put_back(int number) noexcept {
  struct sigaction present{};
  if (::sigaction(number, nullptr, &present) == 0 && is_ours(present))
    ::sigaction(number, &before[number], nullptr);
}

// The lock is held.
void uncount(linked_seat& s) noexcept {
  for (int number = 1; number <= 64; ++number)
    if ((s.counted & signal_bit(number)) != 0 && --wanted_by[number] == 0) put_back(number);
  s.counted = 0;
}

// The lock is held.
int count(linked_seat& s, std::uint64_t numbers) noexcept {
  for (int number = 1; number <= 64; ++number) {
    if ((numbers & signal_bit(number)) == 0) continue;
    if (wanted_by[number] == 0 && install(number) != 0) return -1;
    ++wanted_by[number];
    s.counted |= signal_bit(number);
  }
  return 0;
}

// The lock is held. Null: no memory.
linked_seat* free_seat() noexcept {
  for (linked_seat* s = seats.load(std::memory_order_relaxed); s != nullptr; s = s->next) // relaxed: guarded
    if (s->free) return s;
  auto* s = new (std::nothrow) linked_seat;
  if (s == nullptr) return nullptr;
  s->next = seats.load(std::memory_order_relaxed); // relaxed: guarded
  seats.store(s, std::memory_order_release);       // G4
  return s;
}

} // namespace

int open_signal_seat(std::uint64_t numbers, signal_seat** out, int* event) noexcept {
  // The bell has two descriptors: one to wait at, whose life is the waiter's, and one that stays until no handler uses it.
  const int heard = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (heard < 0) return -1;
  const int bell = ::fcntl(heard, F_DUPFD_CLOEXEC, 0);
  int error = bell < 0 ? errno : 0;
  linked_seat* s = nullptr;
  if (error == 0) {
    const base::spin_guard hold(lock);
    s = free_seat();
    if (s == nullptr) {
      error = ENOMEM;
    } else {
      s->free = false;
      s->bell = bell;
      s->pending.store(0, std::memory_order_relaxed); // relaxed: no handler is at it
      s->start(numbers);
      if (count(*s, numbers) != 0) {
        error = errno;
        uncount(*s);
      }
    }
  }
  if (error == 0) {
    *out = s;
    *event = heard;
    return 0;
  }
  ::close(heard);
  if (s != nullptr)
    close_signal_seat(s);
  else if (bell >= 0)
    ::close(bell);
  errno = error;
  return -1;
}

int take_from_seat(signal_seat* s) noexcept {
  const int number = s->take(ring, silence);
  if (number != 0) return number;
  errno = EAGAIN;
  return -1;
}

void stop_signal_seat(signal_seat* s) noexcept {
  {
    const base::spin_guard hold(lock);
    uncount(*static_cast<linked_seat*>(s)); // first: what comes from now on is treated as it was before
  }
  s->stop();
}

void close_signal_seat(signal_seat* s) noexcept {
  stop_signal_seat(s);
  const base::spin_guard hold(lock);
  ::close(s->bell);
  s->bell = -1;
  static_cast<linked_seat*>(s)->free = true;
}

} // namespace thrum::env
