// uring: one io_uring instance of the kernel, by system calls alone. It submits requests and finds completions; what they mean is
// known to ring.h (connections) and file_ring.h (files).
//
// The kernel's interface is stated here in full, because the headers of the systems that we build on are older than the kernels
// that we run on. Everything used is in Linux 6.10; open() refuses older kernels (-EOPNOTSUPP), instead of serving with half of it.
//
// Not locked: whoever owns it takes turns.
//
// Orderings
//   K1  the kernel moves a tail or head that we read behind what it tells (release), and we read it before (acquire); the
//       same the other way round. The two queues are memory that we share with it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace thrum::env {

namespace uring_abi {

struct request { // io_uring_sqe
  std::uint8_t opcode;
  std::uint8_t flags;
  std::uint16_t modes; // ioprio
  std::int32_t fd;
  std::uint64_t offset; // or the second address, or cmd_op
  std::uint64_t address;
  std::uint32_t size;
  std::uint32_t operation_flags;
  std::uint64_t user_data;
  std::uint16_t buffer;
  std::uint16_t personality;
  std::uint32_t file_index;
  std::uint64_t third; // addr3
  std::uint64_t unused;
};
static_assert(sizeof(request) == 64);

struct completion { // io_uring_cqe
  std::uint64_t user_data;
  std::int32_t result;
  std::uint32_t flags;
};
static_assert(sizeof(completion) == 16);

enum operation : std::uint8_t {
  poll_add = 6,
  send_message = 9,
  receive_message = 10,
  accept = 13,
  read = 22,
  connect = 16,
  send = 26,
  receive = 27,
  shutdown = 34,
  socket = 45,
  command = 46,
  install_descriptor = 54
};

inline constexpr std::uint8_t fixed_file = 1 << 0;           // request::flags: fd is a slot
inline constexpr std::uint32_t poll_multi = 1 << 0;          // poll_add, size: goes on after the first event
inline constexpr std::uint32_t more_follow = 1 << 1;         // completion::flags: and it still does
inline constexpr std::uint16_t accept_dont_wait = 1 << 1;    // accept, modes
inline constexpr std::uint32_t any_slot = ~std::uint32_t{0}; // file_index
inline constexpr std::uint64_t command_get_option = 2;
inline constexpr std::uint64_t command_set_option = 3;

} // namespace uring_abi

class uring {
public:
  uring() noexcept = default;
  uring(const uring&) = delete;
  uring& operator=(const uring&) = delete;
  ~uring() { shut(); }

  // 0 or a negative errno, as all below. Takes one descriptor. So many requests may be prepared at a time.
  int open(unsigned completions, unsigned requests = 2) noexcept;
  void shut() noexcept;
  int fd() const noexcept { return fd_; }

  // A table of so many empty slots: at most as many as the process may have descriptors.
  int make_table(unsigned slots) noexcept;
  // Takes the file out of its slot. Needs no memory.
  int clear_slot(unsigned slot) noexcept;
  // Ends the request with this user_data if it still waits for something; it then completes with -ECANCELED. Needs no memory.
  int cancel(std::uint64_t user_data) noexcept;
  // The same, but one that is being carried out is left alone, where cancel() waits for it. May be called by anybody at any time.
  int cancel_if_it_waits(std::uint64_t user_data) noexcept;

  // The next request, empty but for these; submit() gives all that are prepared to the kernel. -ENOMEM: it was not taken, and is
  // forgotten.
  uring_abi::request& prepare(uring_abi::operation what, std::uint64_t user_data) noexcept;
  unsigned prepared() const noexcept { return prepared_; }
  int submit() noexcept {
    unsigned taken;
    return submit(taken);
  }
  int submit(unsigned& taken) noexcept; // how many it took, from the first
  void forget() noexcept { prepared_ = 0; }
  // Until there are `completions` of them, or a signal.
  void wait(unsigned completions) noexcept;

  // Completions, from the oldest. They may be changed.
  unsigned ready() const noexcept;
  // With so many, the kernel keeps the others.
  bool is_full(unsigned completions) const noexcept { return completions == completion_mask_ + 1; }
  uring_abi::completion& at(unsigned i) noexcept { return completions_[(head() + i) & completion_mask_]; }
  void drop(unsigned n) noexcept;

private:
  unsigned head() const noexcept;
  long enter(unsigned submitted, unsigned wanted, unsigned flags) noexcept;
  long tell(unsigned what, void* argument, unsigned n) noexcept;
  int cancel(std::uint64_t user_data, std::int64_t longest) noexcept;

  int fd_ = -1;
  unsigned prepared_ = 0;
  void* queues_ = nullptr;
  std::size_t queues_bytes_ = 0;
  uring_abi::request* requests_ = nullptr;
  std::size_t requests_bytes_ = 0;
  std::uint32_t* request_tail_ = nullptr;
  std::uint32_t request_mask_ = 0;
  std::uint32_t* completion_head_ = nullptr;
  std::uint32_t* completion_tail_ = nullptr;
  std::uint32_t completion_mask_ = 0;
  uring_abi::completion* completions_ = nullptr;
};

} // namespace thrum::env
