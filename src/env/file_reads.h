// file_reads: reads of files that go on while their callers do something else, in the real world.
//
// They stand beside the table of the world, because they are another way to what read_at() does: a world that has none is asked for
// read_at() alone. The hooks of the real world hold here, too: `fail_file` is asked as for a read_at(), `fault` when a ring is
// opened (ring_open) and for each request (ring_call: nothing is begun).
#pragma once

#include "base/atomic.h"
#include "env/env.h"

#include <cstdint>

namespace thrum::env {

// A read. It and its `data` belong to the kernel from submit_read() until poll() has reported its token.
struct file_request {
  static constexpr std::int64_t not_begun = INT64_MIN;

  void* token;
  int fd;
  std::uint32_t size;
  void* data;
  std::int64_t offset; // world::own_position: of what has none, a pipe
  // A read_at() that follows is to find it in memory, and tells of errors; so fail_file is not asked here.
  bool only_to_have_it = false;
  // Set before the report, as that of read_at(). -ECANCELED: it was withdrawn; -ECANCELED or -EFAULT: the thread that submitted it
  // had ended when it was to go on; not_begun: the kernel could not take it.
  std::int64_t result = 0;
  file_request* next = nullptr; // the ring's
};

// Of a poller of linux_world(). True: the read goes on, and this poller will report it once; false: nothing was begun, use
// read_at(). May sleep while the queue of the device is full.
bool submit_read(poller*, file_request& r) noexcept;
// Before the report: ends it if the kernel has not begun it.
void withdraw_read(poller*, file_request& r) noexcept;
// 1: yes; 0: nobody has tried; else why not, a negative errno.
int can_submit_reads(poller*) noexcept;

// A hook for tests, false in production: of no file anything is in memory, so read_at() of what is there now says -EAGAIN.
extern base::atomic<bool> nothing_is_in_memory;

} // namespace thrum::env
