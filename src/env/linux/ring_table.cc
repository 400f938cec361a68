#include "env/linux/ring_table.h"

#include "base/check.h"
#include "base/sanitizer.h"
#include "env/linux/epoll.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace thrum::env {

namespace {

constexpr std::uint8_t due_in = 1;
constexpr std::uint8_t due_out = 2;
constexpr std::uint8_t due_hangup = 4;
constexpr std::uint8_t due_all = due_in | due_out;

std::uint8_t due_of(int mask) noexcept {
  if ((mask & (POLLERR | POLLHUP)) != 0) return due_all | due_hangup;
  std::uint8_t due = 0;
  if ((mask & (POLLIN | POLLPRI | POLLRDHUP)) != 0) due |= due_in;
  if ((mask & POLLOUT) != 0) due |= due_out;
  return due;
}

readiness report(std::uint8_t due, void* token, std::uint16_t tag) noexcept {
  const bool in = (due & due_in) != 0;
  return {.token = token,
          .tag = tag,
          .readable = in,
          .writable = (due & due_out) != 0,
          .hangup = (due & due_hangup) != 0,
          .tail = in};
}

} // namespace

unsigned limit_now() noexcept {
  ::rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, most_slots));
}

// ---- calls

// The lock is held, and a request prepared. Its result; -ENOMEM: the kernel could not take it.
std::int64_t ring::complete(patience p) noexcept {
  if (fault_ != nullptr && fault_(fault_site::ring_call)) {
    kernel_.forget();
    return -ENOMEM;
  }
  base::tsan_release(this);
  if (const int error = kernel_.submit(); error != 0) return error;
  std::int64_t result;
  if (unsigned others; !take_own(result, others)) {
    if (p == patience::none) kernel_.cancel(own_mark);
    while (!take_own(result, others)) {
      // It may come at any moment, so nothing here looks at how many there are now.
      if (kernel_.is_full(others)) {
        move_reports_aside(others);
        others = 0;
      }
      kernel_.wait(others + 1);
    }
  }
  base::tsan_acquire(this);
  return result;
}

// False: it is not among those that there were, which are `others`.
bool ring::take_own(std::int64_t& result, unsigned& others) noexcept {
  others = kernel_.ready();
  for (unsigned i = 0; i < others; ++i) {
    if (kernel_.at(i).user_data != own_mark) continue;
    result = kernel_.at(i).result;
    kernel_.at(i) = kernel_.at(0);
    kernel_.drop(1);
    return true;
  }
  return false;
}

// ---- connections come and go

bool ring::make_table() noexcept {
  if (slots_ != nullptr) return true;
  const unsigned n = limit_now();
  void* memory = ::mmap(nullptr, n * sizeof(slot), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  epoll_event interest{.events = EPOLLIN,
                       .data = {.u64 = reinterpret_cast<std::uintptr_t>(this) + ring_token}};
  if (kernel_.make_table(n) != 0 || ::epoll_ctl(set_->epoll, EPOLL_CTL_ADD, kernel_.fd(), &interest) != 0) {
    ::munmap(memory, n * sizeof(slot));
    return false;
  }
  slots_ = static_cast<slot*>(memory);
  size_ = n;
  return true;
}

// make() prepares a request whose result is a slot. -ENFILE: the table is full.
template <class Make> int ring::new_number(Make make) noexcept {
  const std::lock_guard hold(lock_);
  if (set_ == nullptr || !make_table() || used_ == size_) return -ENFILE;
  make();
  const std::int64_t i = complete(patience::some);
  if (i < 0) return i == -ECANCELED ? -EAGAIN : static_cast<int>(i);
  slot& s = slots_[i];
  THRUM_CHECK(!s.is_open);
  s.is_open = true; // it may still be in the list of its last owner
  s.is_connecting = false;
  ++used_;
  return first_in_ring | static_cast<int>(index_ << slot_bits | static_cast<unsigned>(i));
}

int ring::accept(int listener, ::sockaddr* address, unsigned* size) noexcept {
  return new_number([&] {
    uring_abi::request& r = kernel_.prepare(uring_abi::accept, own_mark);
    r.fd = listener;
    r.modes = uring_abi::accept_dont_wait;
    r.address = reinterpret_cast<std::uintptr_t>(address);
    r.offset = reinterpret_cast<std::uintptr_t>(size);
    r.operation_flags = SOCK_NONBLOCK;
    r.file_index = uring_abi::any_slot;
  });
}

int ring::make_socket(int family, int type, int protocol) noexcept {
  return new_number([&] {
    uring_abi::request& r = kernel_.prepare(uring_abi::socket, own_mark);
    r.fd = family;
    r.offset = static_cast<std::uint64_t>(type | SOCK_NONBLOCK);
    r.size = static_cast<std::uint32_t>(protocol);
    r.file_index = uring_abi::any_slot;
  });
}

bool ring::close(unsigned i) noexcept {
  const std::lock_guard hold(lock_);
  slot& s = slots_[i];
  if (!s.is_open) return false;
  if (s.is_watched) kernel_.cancel(mark_of(i)); // it would keep the file open
  kernel_.clear_slot(i);
  s.is_open = false;
  s.is_watched = false;
  s.due = 0;
  --used_;
  return set_ == nullptr && used_ == 0;
}

bool ring::leave_poller() noexcept {
  const std::lock_guard hold(lock_);
  set_ = nullptr;
  return used_ == 0;
}

// ---- readiness

int ring::arm(unsigned i) noexcept {
  uring_abi::request& r = kernel_.prepare(uring_abi::poll_add, mark_of(i));
  r.flags = uring_abi::fixed_file;
  r.fd = static_cast<int>(i);
  r.size = uring_abi::poll_multi;
  r.operation_flags = POLLIN | POLLOUT | POLLPRI | POLLRDHUP; // in words, of which the lower comes first
  static_assert(std::endian::native == std::endian::little);
  if (fault_ != nullptr && fault_(fault_site::ring_call)) {
    kernel_.forget();
    return -ENOMEM;
  }
  base::tsan_release(this);
  return kernel_.submit();
}

int ring::watch(ring_set& set, unsigned i, void* token, std::uint16_t tag) noexcept {
  const std::lock_guard hold(lock_);
  slot& s = slots_[i];
  if (!s.is_open) return -EBADF;
  if (s.is_watched) return -EEXIST;
  if (set_ != &set) return -EXDEV; // polls of a ring are told to its poller
  ++s.serial;
  if (const int error = arm(i); error != 0) return error;
  s.token = token;
  s.tag = tag;
  s.is_watched = true;
  s.is_disarmed = false;
  return 0;
}

void ring::unwatch(unsigned i) noexcept {
  const std::lock_guard hold(lock_);
  slot& s = slots_[i];
  if (!s.is_watched) return;
  s.is_watched = false;
  s.due = 0;
  kernel_.cancel(mark_of(i));
}

int ring::report_again(unsigned i) noexcept {
  const std::lock_guard hold(lock_);
  if (!slots_[i].is_watched || set_ == nullptr) return -ENOENT;
  list(i, due_all);
  tell_of_due();
  return 0;
}

void ring::list(unsigned i, std::uint8_t due) noexcept {
  slot& s = slots_[i];
  s.due |= due;
  if (s.is_listed) return;
  s.is_listed = true;
  s.next_due = first_due_;
  first_due_ = i + 1;
}

// A report, to its slot.
void ring::note(const uring_abi::completion& c) noexcept {
  const auto i = static_cast<unsigned>(c.user_data) & (most_slots - 1);
  slot& s = slots_[i];
  if (!s.is_watched || c.user_data != mark_of(i)) return; // of a watch that has ended
  const bool goes_on = (c.flags & uring_abi::more_follow) != 0;
  if (!goes_on) s.is_disarmed = true;
  list(i, goes_on ? due_of(c.result) : due_all);
}

void ring::move_reports_aside(unsigned n) noexcept {
  for (unsigned i = 0; i < n; ++i) note(kernel_.at(i));
  kernel_.drop(n);
  tell_of_due();
}

int ring::collect(readiness* out, int capacity, bool only_due) noexcept {
  const std::lock_guard hold(lock_);
  if (set_ == nullptr || slots_ == nullptr) return 0;
  if (!only_due) {
    // Moved to their slots, several reports of one connection become one; no more than can be told, so that the others stay where
    // the poller sees them.
    const unsigned n = std::min(kernel_.ready(), static_cast<unsigned>(capacity));
    for (unsigned i = 0; i < n; ++i) note(kernel_.at(i));
    kernel_.drop(n);
  }
  base::tsan_acquire(this);
  int count = 0;
  bool again = false;
  std::uint32_t still = 0; // a list of those that are kept
  while (first_due_ != 0 && count < capacity) {
    const unsigned i = first_due_ - 1;
    slot& s = slots_[i];
    first_due_ = s.next_due;
    if (s.is_watched && s.is_disarmed) {
      ++s.serial;
      if (arm(i) == 0)
        s.is_disarmed = false;
      else { // no memory: until there is
        s.next_due = still;
        still = i + 1;
        again = true;
        continue;
      }
    }
    s.is_listed = false;
    const std::uint8_t due = s.due;
    s.due = 0;
    if (s.is_watched && due != 0) out[count++] = report(due, s.token, s.tag);
  }
  while (still != 0) {
    slot& s = slots_[still - 1];
    const std::uint32_t next = s.next_due;
    s.next_due = first_due_;
    first_due_ = still;
    still = next;
  }
  if (again || first_due_ != 0) tell_of_due();
  return count;
}

readiness ring::look(unsigned i) noexcept {
  const std::int64_t mask = call(
      uring_abi::poll_add, i, [](uring_abi::request& r) { r.operation_flags = POLLIN | POLLOUT | POLLRDHUP; },
      patience::none);
  if (mask == -ECANCELED) return {};
  return report(mask >= 0 ? due_of(static_cast<int>(mask)) : due_all, nullptr, 0);
}

// ---- connecting

// A connect that does not end at once is cancelled: the request, that is, which has begun it and waits; the kernel goes on connecting.
int ring::connect(unsigned i, const ::sockaddr* address, unsigned size) noexcept {
  const std::lock_guard hold(lock_);
  const auto n = static_cast<int>(call_guarded(
      uring_abi::connect, i,
      [&](uring_abi::request& r) {
        r.address = reinterpret_cast<std::uintptr_t>(address);
        r.offset = size;
      },
      patience::none));
  if (n != -ECANCELED) return n;
  slots_[i].is_connecting = true;
  return -EINPROGRESS;
}

// 0 or -ENOTCONN. The peer's name is known from the beginning of a connect, so this is not said by whether there is one.
int ring::connection_state(unsigned i) noexcept {
  {
    const std::lock_guard hold(lock_);
    if (!slots_[i].is_open) return -EBADF;
    if (!slots_[i].is_connecting) return 0;
  }
  const readiness now = look(i);
  if (!now.writable || now.hangup) return -ENOTCONN;
  const std::lock_guard hold(lock_);
  slots_[i].is_connecting = false;
  return 0;
}

} // namespace thrum::env
