// ring: the table of one ring: connections, calls on them, and what the poller is told. ring.h says how and why; this is its inside.
#pragma once

#include "env/linux/ring.h"
#include "env/linux/uring.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <sys/mman.h>

namespace thrum::env {

constexpr unsigned slot_bits = 20; // the kernel allows no larger table
constexpr unsigned most_slots = 1u << slot_bits;

// How many slots a table may have, and the process descriptors.
unsigned limit_now() noexcept;
// ring.cc: has the poller of these rings look at what they have listed.
void tell_of_due(ring_set& set) noexcept;

constexpr std::uint64_t own_mark = 0; // user_data of calls; that of polls has its highest bit set
constexpr std::uint64_t poll_mark = std::uint64_t{1} << 63;

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
  void tell_of_due() noexcept {
    if (set_ != nullptr) env::tell_of_due(*set_);
  }
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

} // namespace thrum::env
