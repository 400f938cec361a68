// limit: how deep a task gets until it is refused. The C++ runtimes cannot refuse: the process ends. So each try is a child, which
// counts its calls in memory that outlives it.
#pragma once

#include "kit/kit.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

// One call deeper, in a frame of about 100 bytes, until `left` is 0; returns how many calls there were.
[[gnu::noinline]] inline long descend(long left, volatile long* reached) {
  volatile char frame[64];
  frame[left & 63] = 1;
  *reached = *reached + 1;
  return left == 1 ? 1 : descend(left - 1, reached) + frame[left & 63];
}

// f(), in frames of about 100 bytes each, `depth` calls deeper.
template <class F> [[gnu::noinline]] long at_depth(long depth, F& f) {
  volatile char frame[64];
  frame[depth & 63] = 1;
  return depth == 0 ? f() : at_depth(depth - 1, f) + frame[depth & 63] - 1;
}

// In the calling task: a loop of short calls, from each of 256 depths: does one of them lie at an edge, where calls are dearer?
inline void measure_edge(const kit::bench& b) {
  if (!b.wants("edge")) return;
  constexpr long depths = 256, tries = 5, loops = 2000, calls = 8;
  std::vector<double> best(depths, 1e18);
  long sum = 0;
  for (long t = 0; t < tries; ++t)
    for (long depth = 0; depth < depths; ++depth) {
      double took = 0;
      auto loop = [&] {
        volatile long reached = 0;
        long made = 0;
        const double start = kit::wall_ns();
        for (long i = 0; i < loops; ++i) made += descend(calls, &reached);
        took = kit::wall_ns() - start;
        return made;
      };
      sum += at_depth(depth, loop);
      best[static_cast<std::size_t>(depth)] = std::min(best[static_cast<std::size_t>(depth)], took);
    }
  std::sort(best.begin(), best.end());
  const long n = depths * tries * loops * calls;
  b.emit("edge", n, "edge", best.back() / best[depths / 2], "times usual");
  b.emit("edge", n, "usual", best[depths / 2] / (loops * calls), "ns/call");
  b.emit("edge", n, "check", static_cast<double>(sum), "count");
}

// `task(body)` runs body() in a task of the runtime and waits for it.
template <class Task> void measure_limit(const kit::bench& b, const char* variant, long wanted, Task task) {
  if (!b.wants(variant)) return;
  auto* shared = static_cast<volatile long*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  int ends[2];
  if (shared == MAP_FAILED || pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none{};
    setrlimit(RLIMIT_CORE, &none);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    task([=] { shared[1] = descend(wanted, shared); });
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char part[4096];
  for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;) said.append(part, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const long reached = shared[0], result = shared[1];
  const bool died = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  const bool told = said.find("stack overflow") != std::string::npos;
  // All calls returned; or one too many was made, which ended the process by a signal and nothing else.
  const bool right = died ? result == 0 && reached > 100 && reached < wanted && WIFSIGNALED(status)
                          : result == wanted && reached == wanted;
  b.emit(variant, wanted, "refused", 100 * (1 - static_cast<double>(reached) / static_cast<double>(wanted)),
         "%");
  b.emit(variant, wanted, "died", died ? 100 : 0, "%");
  b.emit(variant, wanted, "untold", died && !told ? 100 : 0, "%");
  b.emit(variant, wanted, "check", right ? static_cast<double>(wanted) : 0, "count");
  munmap(const_cast<long*>(shared), 4096);
}
