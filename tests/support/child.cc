#include "support/child.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace test {

namespace {

struct pipe_pair {
  int ends[2] = {-1, -1};
  pipe_pair() {
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  }
  explicit pipe_pair(const int (&given)[2]) : ends{given[0], given[1]} {}
  ~pipe_pair() {
    for (const int end : ends)
      if (end >= 0) ::close(end);
  }
  int take(int i) { return std::exchange(ends[i], -1); }
};

[[noreturn]] void become(const std::vector<std::string>& arguments, const int (&streams)[3]) {
  const rlimit no_core{0, 0}; // dying is what these programs are for
  ::setrlimit(RLIMIT_CORE, &no_core);
  for (int i = 0; i < 3; ++i) ::dup2(streams[i], i);
  std::vector<char*> raw;
  for (const std::string& a : arguments) raw.push_back(const_cast<char*>(a.c_str()));
  raw.push_back(nullptr);
  ::execv(raw[0], raw.data());
  ::_exit(127);
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

} // namespace

live_child::live_child(const std::vector<std::string>& arguments, std::chrono::seconds limit)
    : limit_(std::chrono::steady_clock::now() + limit) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::runtime_error("socketpair failed");
  pipe_pair in(ends); // a socket says that nobody reads by an error, not by SIGPIPE
  pipe_pair out;
  pipe_pair err;
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) become(arguments, {in.ends[0], out.ends[1], err.ends[1]});
  in_ = in.take(1);
  streams_[0] = out.take(0);
  streams_[1] = err.take(0);
}

live_child::~live_child() {
  if (pid_ > 0) end_now();
}

bool live_child::read_more() {
  pollfd files[2] = {{streams_[0], POLLIN, 0}, {streams_[1], POLLIN, 0}};
  std::string* texts[2] = {&seen_.out, &seen_.err};
  if (files[0].fd < 0 && files[1].fd < 0) return false;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit_ - std::chrono::steady_clock::now());
  if (left.count() <= 0) {
    seen_.timed_out = true;
    return false;
  }
  if (::poll(files, 2, static_cast<int>(left.count())) < 0) return errno == EINTR;
  for (int i = 0; i < 2; ++i) {
    if ((files[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    char buffer[4096];
    const ssize_t n = ::read(files[i].fd, buffer, sizeof buffer);
    if (n > 0)
      texts[i]->append(buffer, static_cast<std::size_t>(n));
    else
      ::close(std::exchange(streams_[i], -1));
  }
  return true;
}

bool live_child::says(const std::string& text, std::size_t times) {
  while (count(seen_.out, text) + count(seen_.err, text) < times)
    if (!read_more()) return false;
  return true;
}

void live_child::tell(const std::string& text) {
  if (::send(in_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("the child does not listen");
}

void live_child::send(int signal) { ::kill(pid_, signal); }

child live_child::end() {
  while (read_more()) {}
  return end_now();
}

child live_child::end_now() {
  // A process that has closed its streams is about to end by itself; any other is killed.
  if (streams_[0] >= 0 || streams_[1] >= 0) ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  for (const int stream : {in_, streams_[0], streams_[1]})
    if (stream >= 0) ::close(stream);
  if (WIFSIGNALED(status))
    seen_.signal = WTERMSIG(status);
  else
    seen_.exit_code = WEXITSTATUS(status);
  return std::move(seen_);
}

child run_child(const std::vector<std::string>& arguments, std::chrono::seconds limit) {
  return live_child(arguments, limit).end();
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
