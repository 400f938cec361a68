#include "env/linux/ring.h"

#include "base/check.h"
#include "base/sanitizer.h"
#include "env/linux/epoll.h"
#include "env/linux/quietly.h"
#include "env/linux/uring.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <netinet/in.h>
#include <new>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace thrum::env {

namespace {

constexpr unsigned slot_bits = 20; // the kernel allows no larger table
constexpr unsigned most_slots = 1u << slot_bits;
constexpr unsigned most_rings = 256; // of the process

// How many slots a table may have, and the process descriptors.
unsigned limit_now() noexcept {
  ::rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, most_slots));
}

constexpr std::uint64_t own_mark = 0; // user_data of calls; that of polls has its highest bit set
constexpr std::uint64_t poll_mark = std::uint64_t{1} << 63;

constexpr std::uint8_t due_in = 1;
constexpr std::uint8_t due_out = 2;
constexpr std::uint8_t due_hangup = 4;
constexpr std::uint8_t due_all = due_in | due_out;

// A connection. Zeroed memory is an empty one.
struct slot {
  void* token;
  std::uint32_t serial;   // of its watch
  std::uint32_t next_due; // plus one
  std::uint16_t tag;
  std::uint8_t due; // what is to be reported
  bool is_listed;   // in the list of those
  bool is_open;
  bool is_watched;
  bool is_disarmed;   // the kernel has ended its poll
  bool is_connecting; // and nobody has seen the end of that
};

constinit base::atomic<int> refusal{0};

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

class ring {
public:
  ring(ring_set& set, unsigned index) noexcept : set_(&set), fault_(set.fault), index_(index) {}
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;
  ~ring() {
    if (slots_ != nullptr) ::munmap(slots_, size_ * sizeof(slot));
  }

  unsigned index() const noexcept { return index_; }
  int open(unsigned limit) noexcept {
    return kernel_.open(std::bit_ceil(std::clamp(limit / 4, 256u, 8192u)));
  }

  int accept(int listener, ::sockaddr* address, unsigned* size) noexcept;
  int make_socket(int family, int type, int protocol) noexcept;
  int watch(ring_set& set, unsigned i, void* token, std::uint16_t tag) noexcept;
  void unwatch(unsigned i) noexcept;
  int report_again(unsigned i) noexcept;
  readiness look(unsigned i) noexcept;
  int connect(unsigned i, const ::sockaddr* address, unsigned size) noexcept;
  int connection_state(unsigned i) noexcept;
  bool close(unsigned i) noexcept; // true: nobody needs the ring any more
  bool leave_poller() noexcept;    // the same
  int collect(readiness* out, int capacity, bool only_due) noexcept;

  // What becomes of a request that waits for something.
  enum class patience : std::uint8_t { none, some }; // it is ended; or never waits long

  // One call on a slot; `fill` says what.
  template <class Fill>
  std::int64_t call(uring_abi::operation what, unsigned i, Fill fill, patience p = patience::some) noexcept {
    const std::lock_guard hold(lock_);
    return call_guarded(what, i, fill, p);
  }
  std::int64_t option(unsigned i, std::uint64_t command, int level, int name, const void* value,
                      unsigned size) noexcept {
    return call(uring_abi::command, i, [&](uring_abi::request& r) {
      r.offset = command;
      r.address = static_cast<std::uint32_t>(level) |
                  static_cast<std::uint64_t>(static_cast<std::uint32_t>(name)) << 32;
      r.file_index = size;
      r.third = reinterpret_cast<std::uintptr_t>(value);
    });
  }

private:
  template <class Fill>
  std::int64_t call_guarded(uring_abi::operation what, unsigned i, Fill fill, patience p) noexcept {
    if (!slots_[i].is_open) return -EBADF;
    uring_abi::request& r = kernel_.prepare(what, own_mark);
    r.flags = uring_abi::fixed_file;
    r.fd = static_cast<int>(i);
    fill(r);
    return complete(p);
  }
  std::int64_t complete(patience p) noexcept;
  bool take_own(std::int64_t& result, unsigned& others) noexcept;
  void move_reports_aside(unsigned n) noexcept; // the oldest
  void note(const uring_abi::completion& c) noexcept;
  void list(unsigned i, std::uint8_t due) noexcept;
  void tell_of_due() noexcept;
  int arm(unsigned i) noexcept;
  bool make_table() noexcept;
  template <class Make> int new_number(Make make) noexcept;
  std::uint64_t mark_of(unsigned i) const noexcept {
    return poll_mark | static_cast<std::uint64_t>(slots_[i].serial) << slot_bits | i;
  }

  std::mutex lock_; // guards all that follows
  uring kernel_;
  ring_set* set_; // null: the poller is gone
  bool (*const fault_)(fault_site) noexcept;
  const unsigned index_;
  slot* slots_ = nullptr;
  unsigned size_ = 0; // of the table
  unsigned used_ = 0;
  std::uint32_t first_due_ = 0; // plus one
};

namespace {

constinit base::atomic<ring*> rings[most_rings];

ring& ring_of(int number) noexcept {
  ring* r = rings[static_cast<unsigned>(number) >> slot_bits & (most_rings - 1)].load(
      std::memory_order_acquire); // R1
  THRUM_CHECK(r != nullptr);
  return *r;
}
unsigned slot_of(int number) noexcept { return static_cast<unsigned>(number) & (most_slots - 1); }

} // namespace

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

// What is listed is not in the queue, where the poller would see it.
void ring::tell_of_due() noexcept {
  if (set_ == nullptr) return;
  set_->due.store(true, std::memory_order_release); // R2
  epoll_kick(set_->owner);
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

// ---- sets

namespace {

void destroy(ring* r, unsigned index) noexcept {
  delete r;
  rings[index].store(nullptr, std::memory_order_release); // R1: the index is free
}

// A place that is taken, and not yet known to anybody.
ring* taken() noexcept { return reinterpret_cast<ring*>(std::uintptr_t{1}); }

// The set's lock is held. Opens one ring more.
int add_ring(ring_set& set, unsigned limit) noexcept {
  const unsigned n = set.count.load(std::memory_order_relaxed); // relaxed: ours, under the lock
  if (n == ring_set::most) return -ENFILE;
  if (set.fault != nullptr && set.fault(fault_site::ring_open)) return -EPERM;
  for (unsigned index = 0; index < most_rings; ++index) {
    ring* none = nullptr;
    if (!rings[index].compare_exchange_strong(none, taken(), std::memory_order_acquire, // R1
                                              std::memory_order_relaxed))               // relaxed: not ours
      continue;
    ring* made = new (std::nothrow) ring(set, index);
    const int error = made != nullptr ? made->open(limit) : -ENOMEM;
    if (error != 0) {
      delete made;
      rings[index].store(nullptr, std::memory_order_release); // R1
      return error;
    }
    rings[index].store(made, std::memory_order_release); // R1
    set.all[n] = made;
    set.count.store(n + 1, std::memory_order_release); // R1
    return 0;
  }
  return -ENFILE;
}

void remember(int error) noexcept {
  refusal.store(error, std::memory_order_relaxed); // relaxed: for a message
}

// Tries the rings of the set, the one that was opened first before the others, and then a new one.
template <class Try> int in_some_ring(ring_set& set, Try attempt) noexcept {
  for (;;) {
    const unsigned n = set.count.load(std::memory_order_acquire); // R1
    for (unsigned i = 0; i < n; ++i)
      if (const int number = attempt(*set.all[i]); number != -ENFILE) return number;
    const std::lock_guard hold(set.lock);
    if (set.count.load(std::memory_order_relaxed) != n) continue; // relaxed: another has opened one
    if (const int error = add_ring(set, limit_now()); error != 0) {
      remember(n != 0 ? -ENFILE : error);
      return -EMFILE;
    }
    remember(0);
  }
}

} // namespace

void ring_make_ready(ring_set& set, int fd) noexcept {
  const unsigned limit = limit_now();
  if (static_cast<unsigned>(fd) < limit - limit / 4) return;
  if (set.count.load(std::memory_order_relaxed) != 0) return; // relaxed: they were opened together
  // Enough for a quarter of a million connections, for an eighth of the descriptors at most.
  constexpr unsigned enough = 1u << 18;
  const unsigned wanted = std::clamp(std::min(enough / limit, limit / 8), 1u, ring_set::most);
  const std::lock_guard hold(set.lock);
  for (unsigned n = set.count.load(std::memory_order_relaxed); n < wanted; ++n) { // relaxed: under the lock
    const int error = add_ring(set, limit);
    if (n == 0) remember(error);
    if (error != 0) return;
  }
}

int ring_accept(ring_set& set, int listener, ::sockaddr* address, unsigned* size) noexcept {
  return in_some_ring(set, [&](ring& r) { return r.accept(listener, address, size); });
}
int ring_socket(ring_set& set, int family, int type, int protocol) noexcept {
  return in_some_ring(set, [&](ring& r) { return r.make_socket(family, type, protocol); });
}
int ring_refusal() noexcept { return refusal.load(std::memory_order_relaxed); } // relaxed: for a message

int ring_collect(ring& reporting, readiness* out, int capacity) noexcept {
  return reporting.collect(out, capacity, false);
}
int ring_collect_due(ring_set& set, readiness* out, int capacity) noexcept {
  if (!set.due.load(std::memory_order_relaxed)) return 0; // relaxed: a kick comes behind it
  int count = 0;
  unsigned i = 0;
  if (capacity > 0 && set.due.exchange(false, std::memory_order_acquire)) { // R2
    const unsigned n = set.count.load(std::memory_order_acquire);           // R1
    for (; i < n && count < capacity; ++i) count += set.all[i]->collect(out + count, capacity - count, true);
    if (i == n) return count;
  }
  set.due.store(true, std::memory_order_release); // R2
  epoll_kick(set.owner);
  return count;
}

void ring_leave_poller(ring_set& set) noexcept {
  const unsigned n = set.count.load(std::memory_order_acquire); // R1
  for (unsigned i = 0; i < n; ++i) {
    ring* r = set.all[i];
    const unsigned index = r->index();
    if (r->leave_poller()) destroy(r, index);
  }
}

// ---- the calls

int ring_watch(ring_set& set, int number, void* token, std::uint16_t tag) noexcept {
  return ring_of(number).watch(set, slot_of(number), token, tag);
}
void ring_unwatch(int number) noexcept { ring_of(number).unwatch(slot_of(number)); }
int ring_report_again(int number) noexcept { return ring_of(number).report_again(slot_of(number)); }
readiness ring_look(int number) noexcept { return ring_of(number).look(slot_of(number)); }

namespace {

// Calls `act` with a descriptor for the same socket, which is closed again behind it.
template <class Act> int with_descriptor(int number, Act act) noexcept {
  const auto fd = static_cast<int>(
      ring_of(number).call(uring_abi::install_descriptor, slot_of(number), [](uring_abi::request&) {}));
  if (fd < 0) return fd;
  const int result = quietly([&] { return act(fd); });
  quietly([&] { return ::close(fd); });
  return result;
}

// The kernel does not take more at once.
std::uint32_t at_most(std::size_t size) noexcept {
  return static_cast<std::uint32_t>(std::min<std::size_t>(size, 0x7ffff000));
}

} // namespace

int ring_set_option(int number, int level, int name, const void* value, unsigned size) noexcept {
  return static_cast<int>(
      ring_of(number).option(slot_of(number), uring_abi::command_set_option, level, name, value, size));
}

int ring_get_option(int number, int level, int name, void* value, unsigned* size) noexcept {
  const auto n = static_cast<int>(
      ring_of(number).option(slot_of(number), uring_abi::command_get_option, level, name, value, *size));
  if (n == -EOPNOTSUPP) // only those of SOL_SOCKET have a request
    return with_descriptor(number, [&](int fd) { return ::getsockopt(fd, level, name, value, size); });
  if (n < 0) return n;
  *size = static_cast<unsigned>(n);
  return 0;
}

int ring_connect(int number, const ::sockaddr* address, unsigned size) noexcept {
  return ring_of(number).connect(slot_of(number), address, size);
}

int ring_local_address(int number, ::sockaddr* address, unsigned* size) noexcept {
  return with_descriptor(number, [&](int fd) { return ::getsockname(fd, address, size); });
}

int ring_peer_address(int number, ::sockaddr* address, unsigned* size) noexcept {
  const int told = with_descriptor(number, [&](int fd) { return ::getpeername(fd, address, size); });
  if (told != -EMFILE) return told;
  ring& r = ring_of(number);
  if (const int error = r.connection_state(slot_of(number)); error != 0) return error;
  // As an option, the name is only given to who asks for no more bytes than it has.
  int n = -EINVAL;
  for (const std::size_t of : {sizeof(sockaddr_in6), sizeof(sockaddr_in)}) {
    if (n != -EINVAL || *size < of) continue;
    n = static_cast<int>(r.option(slot_of(number), uring_abi::command_get_option, SOL_SOCKET, SO_PEERNAME,
                                  address, static_cast<unsigned>(of)));
  }
  if (n < 0) return n;
  *size = static_cast<unsigned>(n);
  return 0;
}

std::int64_t ring_read(int number, void* data, std::size_t size) noexcept {
  return ring_of(number).call(uring_abi::receive, slot_of(number), [&](uring_abi::request& r) {
    r.address = reinterpret_cast<std::uintptr_t>(data);
    r.size = at_most(size);
    r.operation_flags = MSG_DONTWAIT;
  });
}

std::int64_t ring_write(int number, const void* data, std::size_t size) noexcept {
  return ring_of(number).call(uring_abi::send, slot_of(number), [&](uring_abi::request& r) {
    r.address = reinterpret_cast<std::uintptr_t>(data);
    r.size = at_most(size);
    r.operation_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  });
}

std::int64_t ring_receive_message(int number, ::msghdr* message, int flags) noexcept {
  return ring_of(number).call(uring_abi::receive_message, slot_of(number), [&](uring_abi::request& r) {
    r.address = reinterpret_cast<std::uintptr_t>(message);
    r.size = 1;
    r.operation_flags = static_cast<std::uint32_t>(flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  });
}

std::int64_t ring_send_message(int number, const ::msghdr* message, int flags) noexcept {
  return ring_of(number).call(uring_abi::send_message, slot_of(number), [&](uring_abi::request& r) {
    r.address = reinterpret_cast<std::uintptr_t>(message);
    r.size = 1;
    r.operation_flags = static_cast<std::uint32_t>(flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

// sendfile takes descriptors only, so the file's bytes pass through here.
std::int64_t ring_send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept {
  char buffer[16 << 10];
  const std::int64_t got =
      quietly([&] { return ::pread(from, buffer, std::min(size, sizeof buffer), *offset); });
  if (got <= 0) return got;
  const std::int64_t n = ring_write(to, buffer, static_cast<std::size_t>(got));
  if (n > 0) *offset += n;
  return n;
}

int ring_shutdown(int number, int how) noexcept {
  return static_cast<int>(
      ring_of(number).call(uring_abi::shutdown, slot_of(number),
                           [&](uring_abi::request& r) { r.size = static_cast<std::uint32_t>(how); }));
}

int ring_close(int number) noexcept {
  ring& r = ring_of(number);
  if (r.close(slot_of(number))) destroy(&r, r.index());
  return 0;
}

} // namespace thrum::env
