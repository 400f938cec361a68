// file_ring: reads of files that the kernel carries out while their callers do something else (env/file_reads.h), through one io_uring
// instance of a poller. It is opened by the first that asks, and what refuses it then (a filter, a setting, an old kernel) refuses
// it for good.
//
// Submitting. Any thread may, and nobody waits for another: while the queue of the device is full, the kernel puts the
// thread to sleep that brings one request more, and with it all who would stand behind it. So there is one submitter at a time.
// Who comes meanwhile leaves his request in a list, which the submitter empties before it goes; what has come together is one
// system call.
//
// Ending. The ring's own descriptor is in the poller's epoll set, level-triggered. Whoever polls takes completions out and
// reports them. What the kernel did not take (no memory) is reported the same way: from a list, behind a kick.
//
// A completion is brought to its queue by the thread that has submitted the request, which the kernel interrupts for that, wherever it
// computes or sleeps; but not from a sleep that nothing interrupts, another read of a disk, say. When the thread has
// ended by then, they come back as -ECANCELED or -EFAULT.
//
// Orderings
//   F1  state: open's release store -> acquire load: whoever sees the ring open sees it complete.
//   F2  going_on: release of whoever reports the last -> acquire of shut().
//
// Rejected
//   - A ring for each processor: the threads that submit change with every hand-off, and each ring is one more descriptor to poll.
//   - Handing requests to a kernel thread that polls for them (IORING_SETUP_SQPOLL): it spins for a millisecond at least after
//     each, which is as long as a slow disk takes.
//   - Writes and syncs: the kernel gives them to threads of its own, which cost what ours cost (docs/design/0010-file-reads.md).
#pragma once

#include "base/atomic.h"
#include "env/file_reads.h"
#include "env/linux/uring.h"

#include <mutex>

namespace thrum::env {

class file_ring {
public:
  static constexpr std::uint64_t token =
      2; // of the ring in its poller's epoll set: no address, and no ring_token

  file_ring() noexcept = default;
  file_ring(const file_ring&) = delete;
  file_ring& operator=(const file_ring&) = delete;

  // Before anything else.
  void belong_to(poller* owner, int epoll, bool (*fault)(fault_site) noexcept) noexcept;
  // Requires: no request goes on.
  void shut() noexcept;

  // 1: open; 0: nobody has asked; else why it was refused, a negative errno.
  int state() const noexcept { return state_.load(std::memory_order_acquire); } // F1
  // Opens it, if nobody has tried that. What state() says then.
  int open() noexcept;

  // False: it is not begun, and never reported. `injected`, not 0: it ends with that instead.
  bool submit(file_request& r, int injected) noexcept;
  void withdraw(file_request& r) noexcept;
  int collect(readiness* out, int capacity) noexcept;
  bool has_failed() const noexcept {
    return failed_.load(std::memory_order_relaxed); // relaxed: a hint, behind a kick
  }

private:
  static constexpr unsigned most_at_once = 64;
  static constexpr unsigned most = 4096; // in the kernel's hands: completions that find a place

  void bring_all() noexcept;
  void bring(file_request* first) noexcept;
  void fail(file_request* first) noexcept;

  poller* owner_ = nullptr;
  int epoll_ = -1;
  bool (*fault_)(fault_site) noexcept = nullptr;
  base::atomic<int> state_{0};
  base::atomic<unsigned> going_on_{0};
  uring kernel_; // requests: the submitter's; completions: under ending_

  std::mutex opening_;
  std::mutex listing_; // guards the next three
  bool has_submitter_ = false;
  file_request* first_ = nullptr; // listed
  file_request** last_ = &first_;

  std::mutex ending_;                    // guards the next
  file_request* first_failed_ = nullptr; // to be reported
  base::atomic<bool> failed_{false};     // there are some
};

} // namespace thrum::env
