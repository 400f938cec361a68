// How a child is started, and why so.
//
// posix_spawn does what would be hard to get right here: the child borrows our memory and the calling thread waits until it has
// called exec (clone with CLONE_VM | CLONE_VFORK), so no page table is copied, however large we are; all signals are
// held back meanwhile, handlers are reset before they are let in again, so none of ours ever runs in the child; and what
// went wrong in the child, exec included, comes back as a number. What it cannot tell is which step went wrong: so everything
// that may fail and is not exec (descriptors, the directory) is opened here, before.
//
// Descriptors. All that we open is close-on-exec, and dup2 clears that for the three that the child is to have. Their sources are
// moved above those numbers first, so that no dup2 overwrites what a later one needs. Descriptors of others that forgot about
// close-on-exec do not get through either: closefrom.
//
// The end of a child is watched by a pidfd, a descriptor like any other for the poller: no handler for SIGCHLD, which
// belongs to the program. Where pidfds are refused (Linux before 5.3, a filter of system calls), a thread waits for this one
// child, leaves it as it is (WNOWAIT), and writes to an eventfd; it has its own copy of that, and needs nobody.
#include "env/linux/child_process.h"

#include "env/env.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <new>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#if !defined(SYS_pidfd_open)
#define SYS_pidfd_open 434
#endif
#if !defined(SYS_pidfd_send_signal)
#define SYS_pidfd_send_signal 424
#endif

extern "C" char** environ;

namespace thrum::env {

namespace {

constexpr auto by_pidfd = static_cast<idtype_t>(3); // P_PIDFD; headers before glibc 2.36 have no name for it

class own_fd {
public:
  own_fd() noexcept = default;
  explicit own_fd(int fd) noexcept : fd_(fd) {}
  own_fd(own_fd&& other) noexcept : fd_(other.release()) {}
  own_fd& operator=(own_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~own_fd() { reset(); }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept {
    if (fd_ < 0) return;
    const int saved = errno;
    ::close(release());
    errno = saved;
  }
  explicit operator bool() const noexcept { return fd_ >= 0; }

private:
  int fd_ = -1;
};

int fail(int error) noexcept {
  errno = error;
  return -1;
}

// What posix_spawn is told, and the descriptors that it needs.
class preparation {
public:
  preparation() noexcept {
    made_ = ::posix_spawn_file_actions_init(&actions) == 0;
    if (made_ && ::posix_spawnattr_init(&attributes) != 0) {
      ::posix_spawn_file_actions_destroy(&actions);
      made_ = false;
    }
  }
  ~preparation() {
    if (!made_) return;
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  preparation(const preparation&) = delete;
  preparation& operator=(const preparation&) = delete;

  // 0, or -1 and errno.
  int follow(const child_plan& plan, bool& failed_in_directory) noexcept {
    if (!made_) return fail(ENOMEM);
    if (enter(plan.directory) != 0) {
      failed_in_directory = true;
      return -1;
    }
    first_free_ = 3 + static_cast<int>(plan.more_count);
    for (int i = 0; i < 3; ++i)
      if (open_stream(plan.streams[i], i) != 0) return -1;
    more_.reset(new (std::nothrow) own_fd[plan.more_count]);
    if (!more_) return fail(ENOMEM);
    for (unsigned j = 0; j < plan.more_count; ++j) {
      int from = plan.more[j];
      if (move_up(from, more_[j]) != 0 || add_dup(from, 3 + static_cast<int>(j)) != 0) return -1;
    }
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    if (const int e = ::posix_spawn_file_actions_addclosefrom_np(&actions, first_free_); e != 0)
      return fail(e);
#endif
    return set_attributes(plan.new_group);
  }

  own_fd ours[3]; // our ends of pipes
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

private:
  int enter(const char* directory) noexcept {
    if (directory == nullptr) return 0;
    directory_ = own_fd(::open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory_ || ::faccessat(AT_FDCWD, directory, X_OK, AT_EACCESS) != 0) return -1;
    const int e = ::posix_spawn_file_actions_addfchdir_np(&actions, directory_.get());
    return e != 0 ? fail(e) : 0;
  }

  int open_stream(const child_stream& s, int number) noexcept {
    int from = -1;
    switch (s.what) {
    case child_stream::kind::inherit: return 0;
    case child_stream::kind::as_out:
      if (number != STDERR_FILENO) return fail(EINVAL);
      return add_dup(STDOUT_FILENO, STDERR_FILENO); // what out has become: actions are done in order
    case child_stream::kind::descriptor: from = s.fd; break;
    case child_stream::kind::null:
      theirs_[number] = own_fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
      from = theirs_[number].get();
      if (from < 0) return -1;
      break;
    case child_stream::kind::pipe: {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
      const bool they_read = number == STDIN_FILENO;
      theirs_[number] = own_fd(ends[they_read ? 0 : 1]);
      ours[number] = own_fd(ends[they_read ? 1 : 0]);
      // Of our end alone: the child expects a pipe that blocks.
      if (::fcntl(ours[number].get(), F_SETFL, O_NONBLOCK | (they_read ? O_WRONLY : O_RDONLY)) != 0)
        return -1;
      from = theirs_[number].get();
      break;
    }
    }
    return move_up(from, theirs_[number]) != 0 ? -1 : add_dup(from, number);
  }

  // Below first_free_ it would be overwritten. (A descriptor that is not open is said to be so here, and not blamed on exec.)
  int move_up(int& from, own_fd& owner) noexcept {
    if (from >= first_free_) return ::fcntl(from, F_GETFD) < 0 ? -1 : 0;
    own_fd moved(::fcntl(from, F_DUPFD_CLOEXEC, first_free_));
    if (!moved) return -1;
    from = moved.get();
    owner = std::move(moved);
    return 0;
  }

  int add_dup(int from, int to) noexcept {
    const int e = ::posix_spawn_file_actions_adddup2(&actions, from, to);
    return e != 0 ? fail(e) : 0;
  }

  int set_attributes(bool new_group) noexcept {
    sigset_t none;
    ::sigemptyset(&none);
    sigset_t standard; // to be as they are by default, even if we ignore them
    ::sigemptyset(&standard);
    ::sigaddset(&standard, SIGPIPE);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (new_group) flags |= POSIX_SPAWN_SETPGROUP;
    int e = ::posix_spawnattr_setsigmask(&attributes, &none);
    if (e == 0) e = ::posix_spawnattr_setsigdefault(&attributes, &standard);
    if (e == 0 && new_group) e = ::posix_spawnattr_setpgroup(&attributes, 0);
    if (e == 0) e = ::posix_spawnattr_setflags(&attributes, flags);
    return e != 0 ? fail(e) : 0;
  }

  bool made_ = false;
  int first_free_ = 3;
  own_fd directory_;
  own_fd theirs_[3];
  std::unique_ptr<own_fd[]> more_;
};

struct watch_by_thread {
  pid_t id;
  own_fd event;
};

void* wait_and_tell(void* raw) noexcept {
  const std::unique_ptr<watch_by_thread> w(static_cast<watch_by_thread*>(raw));
  siginfo_t info;
  while (::waitid(P_PID, static_cast<id_t>(w->id), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {}
  const std::uint64_t one = 1; // also if it is gone: whoever reaps it next is told so
  [[maybe_unused]] const auto ignored = ::write(w->event.get(), &one, sizeof one);
  return nullptr;
}

int watch_by_a_thread(pid_t id) noexcept {
  own_fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return -1;
  own_fd copy(::fcntl(event.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return -1;
  auto* w = new (std::nothrow) watch_by_thread{id, std::move(copy)};
  if (w == nullptr) return fail(ENOMEM);
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before); // what comes is for others
  pthread_t thread;
  const int e = ::pthread_create(&thread, &attributes, &wait_and_tell, w);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (e == 0) return event.release();
  delete w;
  return fail(e);
}

int open_watch(child& c, bool refuse_pidfd) noexcept {
  c.watch = refuse_pidfd ? fail(ENOSYS) : static_cast<int>(::syscall(SYS_pidfd_open, c.id, 0));
  c.watch_is_pidfd = c.watch >= 0;
  if (c.watch < 0 && (errno == ENOSYS || errno == EPERM || errno == EACCES))
    c.watch = watch_by_a_thread(c.id);
  return c.watch < 0 ? -1 : 0;
}

} // namespace

int spawn_child(const child_plan& plan, child& out, bool refuse_pidfd) noexcept {
  preparation ready;
  out.failed_in_directory = false;
  if (ready.follow(plan, out.failed_in_directory) != 0) return -1;
  // What the watch will need is found to be missing now, not when the child runs.
  own_fd place_for_watch(::eventfd(0, EFD_CLOEXEC));
  if (!place_for_watch) return -1;
  char* const* environment = plan.environment != nullptr ? plan.environment : environ;
  const auto spawn = std::strchr(plan.program, '/') != nullptr ? &::posix_spawn : &::posix_spawnp;
  pid_t id = -1;
  const int e = spawn(&id, plan.program, &ready.actions, &ready.attributes, plan.arguments, environment);
  if (e != 0) return fail(e);
  out.id = id;
  place_for_watch.reset();
  if (open_watch(out, refuse_pidfd) != 0) { // somebody else has taken the place
    const int saved = errno;
    ::kill(plan.new_group ? -id : id, SIGKILL);
    while (::waitpid(id, nullptr, 0) < 0 && errno == EINTR) {}
    return fail(saved);
  }
  for (int i = 0; i < 3; ++i) out.pipes[i] = ready.ours[i].release();
  return 0;
}

int watch_child_again(child& c, bool refuse_pidfd) noexcept { return open_watch(c, refuse_pidfd); }

int wait_for_child(const child& c, child_end& end, child_wait how) noexcept {
  siginfo_t info{};
  const int options =
      WEXITED | (how == child_wait::leave ? WNOWAIT : 0) | (how == child_wait::block ? 0 : WNOHANG);
  const bool has_pidfd = c.watch_is_pidfd && c.watch >= 0;
  const auto id = static_cast<id_t>(has_pidfd ? c.watch : c.id);
  int result;
  do result = ::waitid(has_pidfd ? by_pidfd : P_PID, id, &info, options);
  while (result < 0 && errno == EINTR);
  if (result < 0) return -1;
  if (info.si_pid == 0) return fail(EAGAIN);
  const bool exited = info.si_code == CLD_EXITED;
  end = {.code = exited ? info.si_status : 0,
         .signal = exited ? 0 : info.si_status,
         .core_dumped = info.si_code == CLD_DUMPED};
  return 0;
}

int send_to_child(const child& c, int signal, bool group) noexcept {
  if (group) return ::kill(-c.id, signal);
  if (!c.watch_is_pidfd || c.watch < 0) return ::kill(c.id, signal);
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, c.watch, signal, nullptr, 0));
}

char* const* environment_of_this_process() noexcept { return environ; }

} // namespace thrum::env
