#include "support/child.h"

#include <cerrno>
#include <cstdlib>
#include <poll.h>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

namespace {

struct pipe_pair {
  int ends[2] = {-1, -1};
  pipe_pair() {
    if (::pipe(ends) != 0) throw std::runtime_error("pipe failed");
  }
  ~pipe_pair() {
    close_end(0);
    close_end(1);
  }
  void close_end(int i) {
    if (ends[i] >= 0) ::close(ends[i]);
    ends[i] = -1;
  }
};

[[noreturn]] void become(const std::vector<std::string>& arguments, pipe_pair& out, pipe_pair& err) {
  const rlimit no_core{0, 0}; // dying is what these programs are for
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::dup2(out.ends[1], STDOUT_FILENO);
  ::dup2(err.ends[1], STDERR_FILENO);
  for (pipe_pair* p : {&out, &err}) {
    p->close_end(0);
    p->close_end(1);
  }
  std::vector<char*> raw;
  for (const std::string& a : arguments) raw.push_back(const_cast<char*>(a.c_str()));
  raw.push_back(nullptr);
  ::execv(raw[0], raw.data());
  ::_exit(127);
}

// Reads both until both have ended. False: the limit passed first.
bool collect(pipe_pair& out, pipe_pair& err, child& c, std::chrono::steady_clock::time_point limit) {
  pollfd files[2] = {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}};
  std::string* texts[2] = {&c.out, &c.err};
  while (files[0].fd >= 0 || files[1].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(limit - std::chrono::steady_clock::now())
            .count();
    if (left <= 0) return false;
    if (::poll(files, 2, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    for (int i = 0; i < 2; ++i) {
      if ((files[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0 || files[i].fd < 0) continue;
      char buffer[4096];
      const ssize_t n = ::read(files[i].fd, buffer, sizeof buffer);
      if (n > 0)
        texts[i]->append(buffer, static_cast<std::size_t>(n));
      else
        files[i].fd = -1;
    }
  }
  return true;
}

} // namespace

child run_child(const std::vector<std::string>& arguments, std::chrono::seconds limit) {
  pipe_pair out;
  pipe_pair err;
  child c;
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid == 0) become(arguments, out, err);
  out.close_end(1);
  err.close_end(1);
  c.timed_out = !collect(out, err, c, std::chrono::steady_clock::now() + limit);
  if (c.timed_out) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  if (WIFSIGNALED(status))
    c.signal = WTERMSIG(status);
  else
    c.exit_code = WEXITSTATUS(status);
  return c;
}

std::string child::summary() const {
  return (timed_out ? "killed at its time limit" : "signal " + std::to_string(signal)) + ", exit code " +
         std::to_string(exit_code) + "\n--- standard output\n" + out + "--- standard error\n" + err + "---\n";
}

std::string own_folder() {
  char path[4096];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) throw std::runtime_error("cannot read /proc/self/exe");
  std::string text(path, static_cast<std::size_t>(n));
  return text.substr(0, text.rfind('/'));
}

} // namespace test
