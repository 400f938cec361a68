// Child processes as env starts, watches and reaps them; the operations are in env.h.
#pragma once

#include <cstdint>

namespace thrum::env {

// What becomes one of the three standard descriptors of a child.
struct child_stream {
  enum class kind : std::uint8_t {
    inherit,    // what it is here
    null,       // /dev/null
    pipe,       // a pipe whose other end is ours
    descriptor, // `fd`, which stays the caller's
    as_out      // for err only: the same as out
  };
  kind what = kind::inherit;
  int fd = -1;
};

struct child_plan {
  const char* program;       // without a slash: looked for in PATH
  char* const* arguments;    // from argv[0] to the null pointer
  char* const* environment;  // the same; null: that of this process
  const char* directory;     // null: that of this process
  child_stream streams[3];   // in, out, err
  const int* more = nullptr; // become 3, 4, ... of the child
  unsigned more_count = 0;   //
  bool new_group = false;    // it leads a process group of its own
};

// A child that runs, or has ended and was not reaped. The number is not given to another process before it is.
struct child {
  int id = -1;
  // Becomes readable when it has ended; close-on-exec. -1: not known, it is meant by its number.
  int watch = -1;
  // False: the kernel (or a filter) refuses pidfds; a thread waits for it, and writes to an eventfd.
  bool watch_is_pidfd = true;
  int pipes[3] = {-1, -1, -1};      // our ends, non-blocking, close-on-exec
  bool failed_in_directory = false; // why start_child failed
};

struct child_end {
  int code = 0;   // of exit(), if no signal ended it
  int signal = 0; // that ended it, or 0
  bool core_dumped = false;
};

enum class child_wait : std::uint8_t {
  take,  // reap it if it has ended, else -EAGAIN
  leave, // the same, but do not reap it: its number, and its group's, stay taken
  block  // reap it, however long that takes
};

} // namespace thrum::env
