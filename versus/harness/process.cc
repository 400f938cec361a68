#include "harness/process.h"

#include "harness/stats.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

namespace versus {

double now_seconds() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

interrupts::interrupts() {
  sigset_t watched;
  sigemptyset(&watched);
  for (int s : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&watched, s);
  sigprocmask(SIG_BLOCK, &watched, &before_);
  std::signal(SIGPIPE, SIG_IGN); // a write that fails says the same, where it can be handled
  fd_ = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

interrupts::~interrupts() {
  if (fd_ >= 0) close(fd_);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool interrupts::pending() {
  signalfd_siginfo info{};
  while (read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    if (info.ssi_signo != SIGCHLD && signal_ == 0) signal_ = static_cast<int>(info.ssi_signo);
  return signal_ != 0;
}

std::string outcome::describe() const {
  std::string said = error_output;
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (std::size_t line = said.rfind('\n'); line != std::string::npos) said.erase(0, line + 1);
  if (said.size() > 160) said.resize(160);
  if (!said.empty()) said = ": " + said;
  switch (ended) {
  case how::exited: return code == 0 ? "ended well" : "exit code " + std::to_string(code) + said;
  case how::signalled: return std::string("ended by signal ") + strsignal(code) + said;
  case how::not_started: return std::string("could not be started: ") + std::strerror(code);
  case how::timed_out: return "timed out after " + duration(seconds);
  case how::too_much_output: return "printed without end";
  case how::interrupted: return "interrupted";
  }
  return "";
}

namespace {

struct descriptor {
  int fd = -1;
  descriptor() = default;
  explicit descriptor(int f) : fd(f) {}
  descriptor(descriptor&& o) noexcept : fd(std::exchange(o.fd, -1)) {}
  descriptor& operator=(descriptor&& o) noexcept {
    std::swap(fd, o.fd);
    return *this;
  }
  ~descriptor() { reset(); }
  void reset() {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

struct pipe_ends {
  descriptor read, write;
};

pipe_ends make_pipe() {
  int fds[2] = {-1, -1};
  if (pipe2(fds, O_CLOEXEC) != 0) return {};
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  return {descriptor(fds[0]), descriptor(fds[1])};
}

std::vector<std::string> environment_for(const command& what) {
  std::vector<std::string> out;
  auto dropped = [&](std::string_view name) {
    auto same = [&](const auto& pair) { return pair.first == name; };
    return std::find(what.unset.begin(), what.unset.end(), name) != what.unset.end() ||
           std::find_if(what.set.begin(), what.set.end(), same) != what.set.end();
  };
  for (char** e = environ; *e != nullptr; ++e) {
    std::string_view entry = *e;
    if (!dropped(entry.substr(0, entry.find('=')))) out.emplace_back(entry);
  }
  for (const auto& [name, text] : what.set) out.push_back(name + "=" + text);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& t : texts) out.push_back(t.data());
  out.push_back(nullptr);
  return out;
}

// Processes that are our children although we did not start them: they left their group and their
// parent ended. At most one program runs at a time, so whoever is there after it is a stray.
void end_strays() {
  for (int round = 0; round < 20; ++round) {
    bool found = false;
    DIR* proc = opendir("/proc");
    if (proc == nullptr) return;
    while (dirent* entry = readdir(proc)) {
      int pid = std::atoi(entry->d_name);
      if (pid <= 1) continue;
      char path[64], text[512] = {};
      std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
      descriptor file(open(path, O_RDONLY | O_CLOEXEC));
      if (file.fd < 0 || read(file.fd, text, sizeof text - 1) <= 0) continue;
      const char* name_end = std::strrchr(text, ')'); // the name may hold anything, a ')' too
      int parent = 0;
      char state = 0;
      if (name_end == nullptr || std::sscanf(name_end + 1, " %c %d", &state, &parent) != 2) continue;
      if (parent != getpid()) continue;
      found = true;
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    closedir(proc);
    if (!found) return;
  }
}

class running {
public:
  running(const command& what, interrupts& stop, listener& to) : what_(what), stop_(stop), to_(to) {}

  outcome to_the_end() {
    start_ = now_seconds();
    if (!start()) return result_;
    while (!exited()) {
      wait_for_something(0.25);
      double elapsed = now_seconds() - start_;
      to_.tick(elapsed);
      if (result_.ended != outcome::how::exited) break;
      if (stop_.pending())
        result_.ended = outcome::how::interrupted;
      else if (elapsed > what_.timeout)
        result_.ended = outcome::how::timed_out;
      else if (printed_ > what_.output_limit)
        result_.ended = outcome::how::too_much_output;
      if (result_.ended != outcome::how::exited) break;
    }
    if (!exited()) ask_to_end();
    finish();
    return result_;
  }

private:
  bool start() {
    pipe_ends out = make_pipe(), err = make_pipe(), failure = make_pipe();
    std::vector<std::string> argv = what_.argv, env = environment_for(what_);
    std::vector<char*> argv_pointers = pointers(argv), env_pointers = pointers(env);
    pid_t parent = getpid();
    child_ = fork();
    if (child_ == 0) {
      // Only what is safe after fork: no allocation, no locks.
      setpgid(0, 0);
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(127);
      std::signal(SIGPIPE, SIG_DFL);
      sigprocmask(SIG_SETMASK, &stop_.before(), nullptr);
      int nothing = open("/dev/null", O_RDONLY);
      if (nothing >= 0) dup2(nothing, 0);
      dup2(out.write.fd, 1);
      dup2(err.write.fd, 2);
      if (what_.directory.empty() || chdir(what_.directory.c_str()) == 0) {
        environ = env_pointers.data();
        execvp(argv_pointers[0], argv_pointers.data());
      }
      int reason = errno;
      (void)!write(failure.write.fd, &reason, sizeof reason);
      _exit(127);
    }
    if (child_ < 0) {
      result_.code = errno;
      return false;
    }
    setpgid(child_, child_); // here too: whoever comes first
    failure.write.reset();
    fcntl(failure.read.fd, F_SETFL, 0);
    int reason = 0;
    if (read(failure.read.fd, &reason, sizeof reason) == static_cast<ssize_t>(sizeof reason)) {
      waitpid(child_, nullptr, 0);
      result_.code = reason;
      return false;
    }
    result_.ended = outcome::how::exited; // unless something else happens
    out_ = std::move(out.read);
    err_ = std::move(err.read);
    return true;
  }

  bool exited() {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
  }

  void wait_for_something(double seconds) {
    pollfd fds[3] = {{stop_.descriptor(), POLLIN, 0}, {out_.fd, POLLIN, 0}, {err_.fd, POLLIN, 0}};
    poll(fds, 3, static_cast<int>(seconds * 1000));
    stop_.pending(); // also takes the SIGCHLDs away
    drain();
  }

  void drain() {
    char bytes[16384];
    for (ssize_t n; out_.fd >= 0 && (n = read(out_.fd, bytes, sizeof bytes)) != -1;) {
      if (n == 0)
        out_.reset();
      else
        take(std::string_view(bytes, static_cast<std::size_t>(n)));
      if (printed_ > what_.output_limit) break;
    }
    for (ssize_t n; err_.fd >= 0 && (n = read(err_.fd, bytes, sizeof bytes)) != -1;) {
      if (n == 0)
        err_.reset();
      else
        result_.error_output.append(bytes, static_cast<std::size_t>(n));
      if (result_.error_output.size() > 8192)
        result_.error_output.erase(0, result_.error_output.size() - 4096);
      if (n > 0 && ++error_reads_ % 64 == 0) break; // it may write faster than we read
    }
  }

  void take(std::string_view bytes) {
    printed_ += bytes.size();
    line_ += bytes;
    std::size_t from = 0;
    for (std::size_t end; (end = line_.find('\n', from)) != std::string::npos; from = end + 1)
      to_.line(std::string_view(line_).substr(from, end - from));
    line_.erase(0, from);
  }

  void ask_to_end() {
    kill(-child_, SIGTERM);
    for (double until = now_seconds() + what_.grace; !exited() && now_seconds() < until;)
      wait_for_something(0.02);
    kill(-child_, SIGKILL);
    while (!exited()) wait_for_something(0.02);
  }

  void finish() {
    result_.seconds = now_seconds() - start_;
    kill(-child_,
         SIGKILL); // the rest of the group; the leader is not reaped yet, so the number is still its own
    int status = 0;
    rusage used{};
    wait4(child_, &status, 0, &used);
    end_strays();
    drain(); // nobody holds the other end any more, so this is all there is
    if (!line_.empty()) to_.line(line_);
    auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    result_.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
    if (result_.ended != outcome::how::exited) return;
    if (WIFSIGNALED(status))
      result_.ended = outcome::how::signalled, result_.code = WTERMSIG(status);
    else
      result_.code = WEXITSTATUS(status);
  }

  const command& what_;
  interrupts& stop_;
  listener& to_;
  outcome result_;
  pid_t child_ = -1;
  descriptor out_, err_;
  std::string line_;
  std::size_t printed_ = 0;
  int error_reads_ = 0;
  double start_ = 0;
};

} // namespace

outcome run(const command& what, interrupts& stop, listener& to) {
  return running(what, stop, to).to_the_end();
}

text_outcome run_for_text(const command& what, interrupts& stop) {
  struct collector : listener {
    std::string text;
    void line(std::string_view l) override { (text += l) += '\n'; }
  } all;
  text_outcome result;
  static_cast<outcome&>(result) = run(what, stop, all);
  result.output = std::move(all.text);
  return result;
}

} // namespace versus
