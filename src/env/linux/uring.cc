#include "env/linux/uring.h"

#include "base/check.h"
#include "env/linux/quietly.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// The same numbers on all processors that have io_uring.
#if !defined(SYS_io_uring_setup)
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#define SYS_io_uring_register 427
#endif

namespace thrum::env {

namespace {

struct queue_places { // io_sqring_offsets
  std::uint32_t head, tail, mask, entries, flags, dropped, array, unused;
  std::uint64_t address;
};
struct completion_places { // io_cqring_offsets
  std::uint32_t head, tail, mask, entries, overflow, completions, flags, unused;
  std::uint64_t address;
};
struct parameters { // io_uring_params
  std::uint32_t requests, completions, flags, thread_cpu, thread_idle, features, workers, unused[3];
  queue_places request_queue;
  completion_places completion_queue;
};
static_assert(sizeof(parameters) == 120);

struct table_request { // io_uring_rsrc_register
  std::uint32_t slots, flags;
  std::uint64_t unused, data, tags;
};
struct slot_update { // io_uring_files_update
  std::uint32_t offset, unused;
  std::uint64_t descriptors;
};
struct cancel_request { // io_uring_sync_cancel_reg
  std::uint64_t user_data;
  std::int32_t fd;
  std::uint32_t flags;
  std::int64_t seconds, nanoseconds;
  std::uint64_t unused[4];
};
static_assert(sizeof(cancel_request) == 64);

constexpr std::uint32_t setup_completions = 1 << 3;
constexpr std::uint32_t setup_clamp = 1 << 4;
constexpr std::uint32_t setup_no_index = 1 << 16; // Linux 6.6: requests in the order of the queue
constexpr std::uint32_t one_mapping = 1 << 0;     // features
constexpr std::uint32_t nothing_is_lost = 1
                                          << 1;  // the kernel keeps what the completion queue has no room for
constexpr std::uint32_t of_linux_6_10 = 1 << 14; // bundles, of which we have no need
constexpr std::uint32_t register_clear = 6;      // files_update
constexpr std::uint32_t register_table = 13;     // files2
constexpr std::uint32_t register_cancel = 24;    // sync_cancel
constexpr std::uint32_t sparse = 1 << 0;
constexpr unsigned enter_get_events = 1 << 0;
constexpr off_t requests_offset = 0x10000000;

std::uint32_t read_shared(std::uint32_t* word) noexcept {
  return std::atomic_ref(*word).load(std::memory_order_acquire); // K1
}
void write_shared(std::uint32_t* word, std::uint32_t value) noexcept {
  std::atomic_ref(*word).store(value, std::memory_order_release); // K1
}

} // namespace

int uring::open(unsigned completions, unsigned requests) noexcept {
  parameters p = {};
  p.flags = setup_completions | setup_clamp | setup_no_index;
  p.completions = completions;
  const long made = quietly([&] { return ::syscall(SYS_io_uring_setup, requests, &p); });
  if (made < 0) return made == -EINVAL ? -EOPNOTSUPP : static_cast<int>(made);
  fd_ = static_cast<int>(made);
  constexpr std::uint32_t needed = one_mapping | nothing_is_lost | of_linux_6_10;
  if ((p.features & needed) != needed) {
    shut();
    return -EOPNOTSUPP;
  }
  queues_bytes_ = p.completion_queue.completions + p.completions * sizeof(uring_abi::completion);
  requests_bytes_ = p.requests * sizeof(uring_abi::request);
  const auto map = [&](std::size_t bytes, off_t offset) {
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, offset);
    return at == MAP_FAILED ? nullptr : at;
  };
  const int saved = errno;
  queues_ = map(queues_bytes_, 0);
  requests_ = static_cast<uring_abi::request*>(map(requests_bytes_, requests_offset));
  errno = saved;
  if (queues_ == nullptr || requests_ == nullptr) {
    shut();
    return -ENOMEM;
  }
  // A child must not share the queues with us.
  quietly([&] { return ::madvise(queues_, queues_bytes_, MADV_DONTFORK); });
  quietly([&] { return ::madvise(requests_, requests_bytes_, MADV_DONTFORK); });
  auto* base = static_cast<char*>(queues_);
  const auto word = [&](std::uint32_t offset) { return reinterpret_cast<std::uint32_t*>(base + offset); };
  request_tail_ = word(p.request_queue.tail);
  request_mask_ = p.requests - 1;
  completion_head_ = word(p.completion_queue.head);
  completion_tail_ = word(p.completion_queue.tail);
  completion_mask_ = p.completions - 1;
  completions_ = reinterpret_cast<uring_abi::completion*>(base + p.completion_queue.completions);
  return 0;
}

void uring::shut() noexcept {
  quietly([&] {
    if (queues_ != nullptr) ::munmap(queues_, queues_bytes_);
    if (requests_ != nullptr) ::munmap(requests_, requests_bytes_);
    return fd_ >= 0 ? ::close(fd_) : 0;
  });
  queues_ = nullptr;
  requests_ = nullptr;
  fd_ = -1;
}

long uring::enter(unsigned submitted, unsigned wanted, unsigned flags) noexcept {
  return quietly(
      [&] { return ::syscall(SYS_io_uring_enter, fd_, submitted, wanted, flags, nullptr, std::size_t{0}); });
}
long uring::tell(unsigned what, void* argument, unsigned n) noexcept {
  return quietly([&] { return ::syscall(SYS_io_uring_register, fd_, what, argument, n); });
}

int uring::make_table(unsigned slots) noexcept {
  table_request r = {.slots = slots, .flags = sparse, .unused = 0, .data = 0, .tags = 0};
  const long done = tell(register_table, &r, sizeof r);
  return done < 0 ? static_cast<int>(done) : 0;
}

int uring::clear_slot(unsigned slot) noexcept {
  const std::int32_t none = -1;
  slot_update u = {.offset = slot, .unused = 0, .descriptors = reinterpret_cast<std::uintptr_t>(&none)};
  const long done = tell(register_clear, &u, 1);
  return done < 0 ? static_cast<int>(done) : 0;
}

// `longest`: how long one that is being carried out is waited for; -1: for ever.
int uring::cancel(std::uint64_t user_data, std::int64_t longest) noexcept {
  cancel_request c = {
      .user_data = user_data, .fd = -1, .flags = 0, .seconds = longest, .nanoseconds = longest, .unused = {}};
  return static_cast<int>(tell(register_cancel, &c, 1));
}
int uring::cancel(std::uint64_t user_data) noexcept { return cancel(user_data, -1); }
int uring::cancel_if_it_waits(std::uint64_t user_data) noexcept { return cancel(user_data, 0); }

uring_abi::request& uring::prepare(uring_abi::operation what, std::uint64_t user_data) noexcept {
  THRUM_DCHECK(prepared_ <= request_mask_);
  uring_abi::request& r = requests_[(*request_tail_ + prepared_) & request_mask_]; // only we write the tail
  ++prepared_;
  r = {};
  r.opcode = what;
  r.user_data = user_data;
  return r;
}

int uring::submit(unsigned& taken) noexcept {
  const unsigned all = prepared_;
  prepared_ = 0;
  const std::uint32_t before = *request_tail_;
  write_shared(request_tail_, before + all);
  long n = 0;
  for (taken = 0; taken < all; taken += static_cast<unsigned>(n)) { // it stops behind one that fails at once
    do { n = enter(all - taken, 0, 0); } while (n == -EINTR);
    if (n <= 0) break;
  }
  if (taken == all) return 0;
  write_shared(request_tail_, before + taken); // the kernel reads it only inside enter()
  return n == 0 || n == -EAGAIN || n == -EBUSY ? -ENOMEM : static_cast<int>(n);
}

void uring::wait(unsigned completions) noexcept { enter(0, completions, enter_get_events); }

unsigned uring::head() const noexcept { return *completion_head_; } // only we write it
unsigned uring::ready() const noexcept { return read_shared(completion_tail_) - head(); }
void uring::drop(unsigned n) noexcept { write_shared(completion_head_, head() + n); }

} // namespace thrum::env
