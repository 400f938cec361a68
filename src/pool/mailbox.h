// mailbox: a message for a process that is awake. Waking one costs the kernel 10 to 30 us, more than a small call takes; so each end of
// a pool looks out for what comes next for a little while before it waits at its stream, and what is said meanwhile does not go
// through the kernel at all. Each box has one fiber that writes and one that reads (mailbox_flag.h).
//
// Messages that go by the stream and by a box may overtake each other. The two ends speak in turns, but for `stop`, which names its
// call and is ignored if that is not under way.
#pragma once

#include "pool/mailbox_flag.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace thrum::pool {

class shared_mapping; // pool/shared_mapping.h

class mailbox {
public:
  static constexpr std::size_t room = 1024;

  // The writer's. False: nobody looks out for it, or there is not enough room; it is to be sent by the stream.
  bool leave(std::span<const std::byte> what) noexcept;
  // The reader's, if something was left; and has_taken() when that was copied. (The other process may have gone mad: what it left may
  // be nonsense, and may change while we read.)
  std::span<const std::byte> what_was_left() const noexcept;
  void has_taken() noexcept { flag_.lower(); }

private:
  friend class lookout;

  mailbox_flag flag_;
  std::uint32_t size_ = 0;
  std::byte bytes_[room];
};

// What both processes map.
struct mailboxes {
  alignas(64) mailbox calls;                        // the pool writes
  alignas(64) mailbox answers;                      // its process writes
  alignas(64) base::atomic<std::uint64_t> begun{0}; // the number of the call that the process has begun last
};

class shared_mailboxes {
public:
  shared_mailboxes();                        // new ones; throws io::failure
  explicit shared_mailboxes(int descriptor); // those of the other end; takes the descriptor
  mailboxes* operator->() const noexcept;
  int descriptor() const noexcept;

private:
  std::shared_ptr<const shared_mapping> memory_;
};

// The reader's patience.
class lookout {
public:
  explicit lookout(mailbox& at) noexcept : at_(at) {}
  // Whether something was left. Asks again and again, for as long as waking a process may take, and lets other fibers and threads run
  // meanwhile. After a vain look the next eight are left out, and more where others keep the CPUs busy: who waits for long waits in
  // the kernel.
  bool await() noexcept;

private:
  static constexpr unsigned fewest_left_out = 8;

  mailbox& at_;
  unsigned leave_out_ = fewest_left_out; // after a vain look
  unsigned left_out_ = 0;                // so many to come
};

} // namespace thrum::pool
