// The clients of X11, the same for every server: a program of its own, on one thread, that asks a server at 127.0.0.1.
//
//   x11_bodies_load PORT RUNTIME VARIANT BODIES quick|full
//
// VARIANT is a whole id, as "one@all". 200 connections ask small questions by a plan, one every 2 ms, whatever the server does: POST /small with one person. BODIES other
// connections send 16 MB of persons to /large, the next body when the last was answered. An answer says how many persons there were
// and what their ages add up to, and is compared. It prints the result lines of the kit:
//
//   p99      how long a small answer took, from when its question was due; a server that stops for 20 ms is late for ten of them
//   p50      the median of the same
//   max      the longest
//   body     how long a large answer took on average, from the first byte that was sent
//   check    the number of small answers if all of both kinds were right, else 0
//
// It asks for so long (quick: 0.6 s, full: 2 s), and until every connection's first large body was answered.
#include "kit/kit.h"

#include <cerrno>
#include <cstdint>
#include <deque>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int small_connections =
    200; // so many that none has two questions at a time, unless for 400 ms nothing is answered
constexpr double period = 2e6;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

// An array of persons, as long as it takes, and the answer to it.
struct body {
  std::string bytes, right;

  body(const char* target, std::size_t size) {
    std::string text = "[";
    long persons = 0, ages = 0;
    while (text.size() < size) {
      const long age = (persons * 7919) % 100;
      text += (persons != 0 ? "," : "") + std::string(R"({"name":"Ada Lovelace )") +
              std::to_string(persons % 1000) + R"(","age":)" + std::to_string(age) + R"(,"ID":"id-)" +
              std::to_string(persons) + R"("})";
      ++persons;
      ages += age;
    }
    text += ']';
    bytes = "POST " + std::string(target) +
            " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
            std::to_string(text.size()) + "\r\n\r\n" + text;
    right = "{\"persons\":" + std::to_string(persons) + ",\"ages\":" + std::to_string(ages) + '}';
  }
};

struct connection {
  int fd = -1;
  const body* what = nullptr;
  std::size_t sent = 0; // of a large body that is on its way
  bool sending = false; // it is
  std::string got;
  std::deque<double> due; // of the questions that are not answered yet
};

std::size_t body_size(std::string_view head) {
  constexpr std::string_view name = "content-length:";
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2))
    if (strncasecmp(head.data() + at + 2, name.data(), name.size()) == 0)
      return std::strtoul(head.data() + at + 2 + name.size(), nullptr, 10);
  errno = EPROTO;
  give_up("an answer without its length");
}

class clients {
public:
  clients(int port, int bodies) : port_(port), bodies_(bodies), poller_(epoll_create1(0)) {
    all_.resize(static_cast<std::size_t>(small_connections + bodies));
    for (std::size_t i = 0; i < all_.size(); ++i) open(i);
  }

  // Small questions for so long. With large bodies, at least until each connection's next one was answered.
  void run(double nanoseconds) {
    took.clear();
    body_took.clear();
    large_ = bodies_ > 0;
    for (std::size_t i = small_connections; i < all_.size(); ++i) begin_body(i);
    const double start = kit::wall_ns();
    for (long k = 0;;) {
      const double now = kit::wall_ns(), due = start + static_cast<double>(k) * period;
      const bool enough = now >= start + nanoseconds && body_took.size() >= static_cast<std::size_t>(bodies_);
      if (enough) break;
      if (due <= now)
        ask(all_[static_cast<std::size_t>(k++ % small_connections)], due);
      else
        serve(due - now);
    }
    large_ = false;
    while (waiting()) serve(1e9);
  }

  std::vector<double> took, body_took;
  bool all_right = true;

private:
  bool waiting() const {
    return std::any_of(all_.begin(), all_.end(), [](const connection& c) { return !c.due.empty(); });
  }

  void open(std::size_t i) {
    connection& c = all_[i];
    c.what = i < small_connections ? &small_ : &large_body_;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c.fd < 0 || connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) give_up("connect");
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(i, EPOLLIN, EPOLL_CTL_ADD);
  }
  void watch(std::size_t i, std::uint32_t what, int how) {
    epoll_event interest{.events = what, .data = {.u64 = i}};
    if (epoll_ctl(poller_, how, all_[i].fd, &interest) != 0) give_up("epoll");
  }

  void ask(connection& c, double due) {
    c.due.push_back(due);
    if (send(c.fd, small_.bytes.data(), small_.bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(small_.bytes.size()))
      give_up("send");
  }

  void begin_body(std::size_t i) {
    all_[i].due.push_back(kit::wall_ns());
    all_[i].sent = 0;
    all_[i].sending = true;
    watch(i, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
  // A piece: small questions that are due come between two.
  void send_more(std::size_t i) {
    connection& c = all_[i];
    const std::size_t piece = std::min<std::size_t>(64 << 10, large_body_.bytes.size() - c.sent);
    const ssize_t n = send(c.fd, large_body_.bytes.data() + c.sent, piece, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) give_up("send");
    c.sent += static_cast<std::size_t>(n);
    if (c.sent < large_body_.bytes.size()) return;
    c.sending = false;
    watch(i, EPOLLIN, EPOLL_CTL_MOD);
  }

  void serve(double nanoseconds) {
    epoll_event events[16];
    const timespec timeout{static_cast<time_t>(nanoseconds / 1e9),
                           static_cast<long>(nanoseconds - std::floor(nanoseconds / 1e9) * 1e9)};
    const long n = syscall(SYS_epoll_pwait2, poller_, events, 16, &timeout, nullptr, 0);
    if (n < 0 && errno != EINTR) give_up("epoll_pwait2");
    if (n > 0) heard_ = kit::wall_ns();
    if (kit::wall_ns() - heard_ > 20e9) {
      errno = ETIMEDOUT;
      give_up("an answer");
    }
    for (long i = 0; i < n; ++i) {
      const std::size_t who = events[i].data.u64;
      if ((events[i].events & EPOLLOUT) != 0 && all_[who].sending) send_more(who);
      if ((events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(who);
    }
  }

  void receive(std::size_t who) {
    connection& c = all_[who];
    char buffer[4096];
    const ssize_t n = recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) give_up("a connection was lost");
    c.got.append(buffer, static_cast<std::size_t>(n));
    for (;;) {
      const std::size_t head = c.got.find("\r\n\r\n");
      if (head == std::string::npos) return;
      const std::size_t whole = head + 4 + body_size(std::string_view(c.got).substr(0, head));
      if (c.got.size() < whole) return;
      const std::string said = c.got.substr(head + 4, whole - head - 4);
      if (said != c.what->right && std::exchange(all_right, false))
        std::fprintf(stderr, "load: %s is wrong, right is %s\n", said.c_str(), c.what->right.c_str());
      c.got.erase(0, whole);
      const double time = kit::wall_ns() - c.due.front();
      c.due.pop_front();
      if (who < small_connections) {
        took.push_back(time);
      } else {
        body_took.push_back(time);
        if (large_) begin_body(who);
      }
    }
  }

  const body small_{"/small", 1}, large_body_{"/large", 16'000'000};
  const int port_, bodies_;
  std::vector<connection> all_;
  const int poller_;
  double heard_ = kit::wall_ns();
  bool large_ = false; // who is answered sends the next body
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: x11_bodies_load PORT RUNTIME VARIANT BODIES quick|full\n");
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1);
  const bool quick = std::strcmp(argv[5], "quick") == 0;
  clients c(std::atoi(argv[1]), std::atoi(argv[4]));
  c.run(quick ? 100e6 : 300e6); // warm-up, for JIT compilers and caches, and a large body at least
  c.run(quick ? 600e6 : 2000e6);
  std::sort(c.took.begin(), c.took.end());
  double bodies = 0;
  for (const double t : c.body_took) bodies += t / static_cast<double>(c.body_took.size());
  const auto emit = [&](const char* metric, double value, const char* unit) {
    std::printf(
        "{\"exp\":\"X11\",\"rt\":\"%s\",\"variant\":\"%s\",\"n\":%zu,\"metric\":\"%s\",\"value\":%.17g,"
        "\"unit\":\"%s\"}\n",
        argv[2], argv[3], c.took.size(), metric, value, unit);
  };
  emit("p99", c.took[c.took.size() * 99 / 100] / 1e3, "us");
  emit("p50", c.took[c.took.size() / 2] / 1e3, "us");
  emit("max", c.took.back() / 1e3, "us");
  if (!c.body_took.empty()) emit("body", bodies / 1e6, "ms");
  emit("check", c.all_right ? static_cast<double>(c.took.size()) : 0, "count");
  return 0;
}
