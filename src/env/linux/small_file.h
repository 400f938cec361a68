// The small text files of /proc and /sys, without allocation: also for threads that must not allocate.
#pragma once

#include <cstddef>

namespace thrum::env {

// Reads a file that fits, and ends the text with a zero. False: it is not there, or empty; then the text is "".
bool read_small(const char* path, char* text, std::size_t size) noexcept;

template <std::size_t N> bool read_small(const char* path, char (&text)[N]) noexcept {
  return read_small(path, text, N);
}

// The same of a thread of ours: /proc/self/task/<thread>/<what>.
bool read_of_thread(int thread, const char* what, char* text, std::size_t size) noexcept;

template <std::size_t N> bool read_of_thread(int thread, const char* what, char (&text)[N]) noexcept {
  return read_of_thread(thread, what, text, N);
}

// What the kernel says of a thread of ours: 'R' it runs or waits for a CPU, 'S' and 'D' it sleeps, 'T' and 't' it is stopped, 'Z' and
// 'X' it has ended (proc(5)). 0: there is none; '?': it does not say.
char state_of_thread(int thread) noexcept;

// The same, and whether it is the kernel's own, although it is among ours: a worker of io_uring, which runs nobody's code and stays
// for a while when it has nothing to do.
struct thread_status {
  char state = 0;
  bool is_kernels = false;
};
thread_status status_of_thread(int thread) noexcept;

} // namespace thrum::env
