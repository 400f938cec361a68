// X12 without a runtime: an echo server as one loop around epoll, written by hand. The ceiling: what is left to a runtime can only
// come on top.
#include "experiments/x12_echo/load.h"

#include <cerrno>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace {

constexpr std::size_t room = 4096;

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

// Gives the answer to what was read from a connection, in `out`; false: it is to be closed.
struct echo {
  bool operator()(int, std::string_view read, std::string& out) {
    out = read;
    return true;
  }
  void closed(int) {}
};

// Answers requests of HTTP/1.1, which may come several at once, or in pieces. A body is the path of "GET /path HTTP/1.1".
struct http {
  std::vector<std::string> rests; // of requests that have not come as a whole, by descriptor

  bool operator()(int fd, std::string_view read, std::string& out) {
    const auto at = static_cast<std::size_t>(fd);
    if (rests.size() <= at) rests.resize(at + 1);
    std::string& rest = rests[at];
    if (!rest.empty()) read = rest += read;
    out.clear();
    std::size_t begin = 0;
    for (std::size_t end; (end = read.find("\r\n\r\n", begin)) != std::string_view::npos; begin = end + 4) {
      const std::string_view path = read.substr(begin + 5, read.find(' ', begin + 5) - begin - 5);
      out += "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(path.size()) + "\r\n\r\n";
      out += path;
    }
    if (begin != read.size() || !rest.empty()) rest = std::string(read.substr(begin));
    return rest.size() < room;
  }
  void closed(int fd) {
    if (const auto at = static_cast<std::size_t>(fd); at < rests.size()) rests[at].clear();
  }
};

template <class Answer> void loop(int listener, Answer answer) {
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  watch(poller, listener);
  std::string out;
  char buffer[room];
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
      // So few bytes always find room here; a real server would keep the rest and wait for room.
      if (got <= 0 || !answer(fd, {buffer, static_cast<std::size_t>(got)}, out) ||
          send(fd, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size())) {
        answer.closed(fd);
        close(fd);
      }
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
  const auto serve = [&](const char* variant, int connections, int busy, auto answer) {
    if (!b.wants(variant)) return;
    int port = 0;
    std::thread([fd = listen_anywhere(port), answer] { loop(fd, answer); }).detach();
    x12::question(b, "epoll", variant, port, connections, busy);
  };
  serve("busy1000", 1000, 1000, echo{});
  serve("conns100", 100, 10, echo{});
  serve("conns1000", 1000, 100, echo{});
  serve("conns10000", 10'000, 1000, echo{});
  serve("conns11000", 11'000, 1000, echo{});
  serve("http100", 100, 10, http{});
  serve("http1000", 1000, 100, http{});
  serve("http10000", 10'000, 1000, http{});
  std::fflush(stdout);
  _exit(0); // the loop goes on until then
}
