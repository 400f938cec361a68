#include "env/local_service.h"

#include "env/linux/quietly.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace thrum::env {

unsigned this_user() noexcept { return ::geteuid(); }

std::string command_of_this_process() {
  char text[1024];
  const auto n = quietly([&] {
    const int fd = ::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ssize_t{-1};
    const ssize_t size = ::read(fd, text, sizeof text);
    ::close(fd);
    return size;
  });
  std::string words(text, n > 0 ? static_cast<std::size_t>(n) : 0); // each ends with a zero
  while (words.ends_with('\0')) words.pop_back();
  std::replace(words.begin(), words.end(), '\0', ' ');
  return words;
}

folder_state make_own_folder(const char* path, int* error) noexcept {
  *error = quietly([&] { return ::mkdir(path, S_IRWXU); });
  if (*error != 0 && *error != -EEXIST) return folder_state::failed;
  struct stat facts{};
  *error = quietly([&] { return ::lstat(path, &facts); }); // a link might be somebody else's
  if (*error != 0) return folder_state::failed;
  if (!S_ISDIR(facts.st_mode)) return folder_state::no_folder;
  if (facts.st_uid != this_user()) return folder_state::of_another;
  return (facts.st_mode & (S_IRWXG | S_IRWXO)) == 0 ? folder_state::own : folder_state::open_to_others;
}

std::int64_t user_of_peer(int fd) noexcept {
  ucred who{};
  socklen_t size = sizeof who;
  const int error = quietly([&] { return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size); });
  return error != 0 ? error : std::int64_t{who.uid};
}

int wait_for_socket(int fd, bool to_write, int bell, nanoseconds deadline) noexcept {
  for (;;) {
    pollfd files[2] = {{fd, static_cast<short>(to_write ? POLLOUT : POLLIN), 0}, {bell, 0, 0}};
    timespec left{};
    if (deadline != forever) {
      const nanoseconds time = std::max<nanoseconds>(deadline - linux_world().now(), 0);
      left = {time / 1'000'000'000, static_cast<long>(time % 1'000'000'000)};
    }
    const int n = quietly([&] { return ::ppoll(files, 2, deadline == forever ? nullptr : &left, nullptr); });
    if (n == -EINTR) continue;
    if (n < 0) return n;
    if ((files[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return -ECANCELED;
    return n == 0 ? -ETIMEDOUT : 0;
  }
}

} // namespace thrum::env
