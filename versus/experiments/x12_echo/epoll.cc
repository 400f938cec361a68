// X12 without a runtime: an echo server as one loop around epoll, written by hand. The ceiling: what is left to a runtime can only
// come on top.
#include "experiments/x12_echo/load.h"

#include <cerrno>
#include <thread>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace {

void watch(int poller, int fd) {
  epoll_event interest{.events = EPOLLIN, .data = {.fd = fd}};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &interest);
}

void accept_all(int poller, int listener) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(poller, fd);
  }
}

void loop(int listener) {
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  watch(poller, listener);
  static char buffer[1024];
  for (epoll_event events[256];;) {
    const int n = epoll_wait(poller, events, 256, -1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(poller, listener);
        continue;
      }
      const ssize_t got = read(fd, buffer, sizeof buffer);
      if (got < 0 && errno == EAGAIN) continue;
      // 64 bytes always find room here; a real server would keep the rest and wait for room.
      if (got <= 0 || send(fd, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) close(fd);
    }
  }
}

int listen_anywhere(int& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(fd, 65'535) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  port = ntohs(at.sin_port);
  return fd;
}

} // namespace

int main(int argc, char** argv) {
  const kit::bench b("X12", "epoll", argc, argv);
  kit::raise_descriptor_limit();
  int port = 0;
  std::thread(loop, listen_anywhere(port)).detach();
  const auto serve = [&](const char* variant, int connections, int busy) {
    if (b.wants(variant)) x12::question(b, "epoll", variant, port, connections, busy);
  };
  serve("busy1000", 1000, 1000);
  serve("conns100", 100, 10);
  serve("conns1000", 1000, 100);
  serve("conns10000", 10'000, 1000);
  std::fflush(stdout);
  _exit(0); // the loop goes on until then
}
