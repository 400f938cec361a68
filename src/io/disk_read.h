// disk_read: reads of files that have to wait for the disk, through the poller's ring (env/file_reads.h) instead of in a thread.
//
// The problem. A read that waits for the disk keeps its thread, so others need another one: a thousand such reads are some hundred
// threads, and two switches of the kernel each.
//
// The way taken. What is in memory is read at once, as ever (read_file in transfer.cc). What is not is asked for through the ring, and the
// fiber parks until the poller reports the end. The request lives in the frame of the fiber, and its buffer is the caller's; so
// whatever ends the wait, the frame stays until the report has come.
//
// The position. A read at the file's own position must take the bytes and move the position in one step, against seeks and
// writes of others; the system's read does that under a lock, a request in a ring does not. So the ring only brings the bytes
// into memory, where the ordinary read finds them at once, and copies them once more.
//
// Who asks. THRUM_FILE_RING: `on`, each read that has to wait; `off`, none; `auto`, the default, see ring_pays(). Only
// fibers, of a runtime in the real world. Where there is no ring the reads run in a blocking region, as all did before; reports
// tell (describe_disk_reads).
//
// Cancellation. A stop request or a deadline withdraws the request. That ends it only while the system has not begun it; else
// the read ends when it ends, and its bytes count.
#pragma once

#include "env/file_reads.h"

#include <cstdint>
#include <string>
#include <thrum/detail/deadline.h>

namespace thrum::sched {
struct runtime_core;
} // namespace thrum::sched

namespace thrum::io {

// Instead of a number of bytes or a negative errno.
inline constexpr std::int64_t not_read = INT64_MIN;         // not through the ring: read it yourself
inline constexpr std::int64_t read_stopped = INT64_MIN + 1; // withdrawn by a stop request
inline constexpr std::int64_t read_late = INT64_MIN + 2;    // withdrawn by the deadline

// Whether a read that has to wait may be made by another than this thread, so that it pays to ask first whether it has to: while others
// wait for the processor, or a ring is to be used. If not, this thread waits for the disk, whoever has asked.
bool another_may_wait() noexcept;

// Reads through the ring at `offset`. May park; does not throw.
std::int64_t read_from_disk(env::world& world, int fd, void* data, std::size_t size, std::int64_t offset,
                            detail::deadline_t until) noexcept;

// What read_stopped means to the caller. Requires: the fiber that got it calls.
[[noreturn]] void throw_read_stopped();

// Brings what is at the file's position into memory. How much is worth reading at once: 0: nothing was brought. read_stopped and
// read_late as above. Overwrites `data`.
std::int64_t bring_from_disk(env::world& world, int fd, void* data, std::size_t size,
                             detail::deadline_t until) noexcept;

// "through io_uring", or why not; empty: no file had to be read from a disk yet.
std::string describe_disk_reads(sched::runtime_core& core);

enum class ring_use : std::uint8_t { automatic, on, off };
// What THRUM_FILE_RING says; complains about words that it does not know, on standard error, once.
ring_use wanted_ring_use() noexcept;
// For tests: from now on. (Not while fibers read.) What it was before.
ring_use use_ring(ring_use how) noexcept;

} // namespace thrum::io
