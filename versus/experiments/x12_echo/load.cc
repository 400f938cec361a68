// The clients of X12, the same for every server: a program of its own, on one thread, that questions a server at 127.0.0.1.
//
//   x12_echo_load PID PORT EXPERIMENT RUNTIME VARIANT CONNECTIONS BUSY quick|full
//
// A VARIANT without a place is one of one processor: "@1".
// PID is the server's, whose CPU time and memory are read from outside, in the same way for all. Of the connections the first
// BUSY ones ask, the others are idle after their first question. It prints the result lines of the kit:
//
//   cpu      the server's CPU time for a request, while each busy connection has one question in flight at a time
//   request  time for a request then: one second by the answers in it
//   p99      how long an answer takes, when questions come by a plan, 5,000 a second, whatever the server does. It counts from
//            when a question was due; a server that stops for 20 ms is late for a hundred questions.
//   memory   what the server occupies more for each connection, after all have asked once
//   process  all that it occupies, after the last answer (in the variant that asks for it)
//
// What is asked: 64 bytes, which the server sends back; or, if VARIANT begins with "http", a GET of HTTP/1.1 whose answer has the
// path as its body, and leaves the connection open.
//
// Every answer is compared with its question. The check is the number of requests if all were right, else 0.
#include "kit/kit.h"

#include <cerrno>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr std::size_t message = 64;
constexpr double rate = 5000; // of the plan, a second

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

struct connection {
  int fd = -1;
  std::uint64_t asked = 0, answered = 0; // questions are numbered
  std::string got;                       // of the next answer
  std::deque<double> due;                // of the questions that are not answered yet
};

// Question and answer number n of a connection.
struct protocol {
  virtual ~protocol() = default;
  virtual std::string question(int fd, std::uint64_t n) const = 0;
  // How much of what has come is an answer; 0: it is not complete.
  virtual std::size_t answer(std::string_view got) const = 0;
  virtual bool is_right(std::string_view answer, int fd, std::uint64_t n) const = 0;
};

struct echo final : protocol {
  std::string question(int fd, std::uint64_t n) const override {
    std::string bytes(message, '\0');
    std::memcpy(bytes.data(), &n, sizeof n);
    std::memcpy(bytes.data() + message - sizeof fd, &fd, sizeof fd);
    return bytes;
  }
  std::size_t answer(std::string_view got) const override { return got.size() < message ? 0 : message; }
  bool is_right(std::string_view answer, int fd, std::uint64_t n) const override {
    return answer == question(fd, n);
  }
};

struct http final : protocol {
  static std::string path(int fd, std::uint64_t n) { return std::to_string(fd) + '-' + std::to_string(n); }
  std::string question(int fd, std::uint64_t n) const override {
    return "GET /" + path(fd, n) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  std::size_t answer(std::string_view got) const override {
    const std::size_t head = got.find("\r\n\r\n");
    if (head == std::string_view::npos) return 0;
    const std::size_t all = head + 4 + body_size(got.substr(0, head));
    return got.size() < all ? 0 : all;
  }
  bool is_right(std::string_view answer, int fd, std::uint64_t n) const override {
    return answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n" + path(fd, n));
  }
  static std::size_t body_size(std::string_view head) {
    constexpr std::string_view name = "content-length:";
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2))
      if (strncasecmp(head.data() + at + 2, name.data(), name.size()) == 0)
        return std::strtoul(head.data() + at + 2 + name.size(), nullptr, 10);
    errno = EPROTO; // in pieces, or until the end: no server here has to
    give_up("an answer without its length");
  }
};

class clients {
public:
  clients(int server, int port, int count, int busy, std::unique_ptr<protocol> language)
      : language_(std::move(language)),
        server_(server),
        port_(port),
        busy_(busy),
        all_(static_cast<std::size_t>(count)),
        poller_(epoll_create1(0)) {
    if (clock_getcpuclockid(server, &server_clock_) != 0) give_up("the server's CPU clock");
  }

  double server_cpu() const {
    timespec t{};
    clock_gettime(server_clock_, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
  }
  double server_memory() const { return kit::resident(server_); }
  bool all_right() const { return all_right_; }

  // Opens all, and lets each ask once, some at a time.
  void open() {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      connect_one(all_[i]);
      epoll_event interest{.events = EPOLLIN, .data = {.u64 = i}};
      if (epoll_ctl(poller_, EPOLL_CTL_ADD, all_[i].fd, &interest) != 0) give_up("epoll");
      ask(all_[i], kit::wall_ns());
      while (in_flight_ >= 64) serve(-1);
    }
    while (in_flight_ != 0) serve(-1);
  }

  // One question at a time on each busy connection. Returns how many were answered.
  long closed_loop(double nanoseconds) {
    const double end = kit::wall_ns() + nanoseconds;
    const std::uint64_t before = answers_;
    again_ = true;
    for (int i = 0; i < busy_; ++i) ask(all_[static_cast<std::size_t>(i)], kit::wall_ns());
    while (kit::wall_ns() < end) serve_awake();
    again_ = false;
    while (in_flight_ != 0) serve_awake();
    return static_cast<long>(answers_ - before);
  }

  // By the plan. Returns how long each answer took.
  std::vector<double> open_loop(double nanoseconds) {
    took_.clear();
    const double start = kit::wall_ns();
    const long questions = static_cast<long>(nanoseconds / 1e9 * rate);
    for (long k = 0; k < questions;) {
      const double due = start + static_cast<double>(k) * 1e9 / rate, left = due - kit::wall_ns();
      if (left <= 0)
        ask(all_[static_cast<std::size_t>(k++ % busy_)], due);
      else
        serve(left);
    }
    while (in_flight_ != 0) serve(-1);
    return std::move(took_);
  }

private:
  void connect_one(connection& c) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c.fd < 0) give_up("socket");
    if (connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) give_up("connect");
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  void ask(connection& c, double due) {
    const std::string question = language_->question(c.fd, c.asked);
    c.due.push_back(due);
    ++c.asked;
    ++in_flight_;
    // So little finds room as long as the server reads at all.
    if (send(c.fd, question.data(), question.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(question.size()))
      give_up("send");
  }

  // Takes what has come, without sleeping where there is a processor for it. To wake a client takes a server half as long as to
  // answer it, and only a server that is slower than the client has to: a fifth less speed would look like half.
  void serve_awake() {
    if (processors_ < 2) return serve(-1);
    const double patience = kit::wall_ns() + 5e9;
    const std::uint64_t before = answers_;
    while (answers_ == before) {
      serve(0);
      if (kit::wall_ns() < patience) continue;
      errno = ETIMEDOUT;
      give_up("an answer");
    }
  }

  // Takes what has come. left: nanoseconds to wait for it; negative: 5 s, and then the server has failed.
  void serve(double left) {
    epoll_event events[256];
    const double most = left < 0 ? 5e9 : left;
    const timespec timeout{static_cast<time_t>(most / 1e9),
                           static_cast<long>(most - std::floor(most / 1e9) * 1e9)};
    const long n = syscall(SYS_epoll_pwait2, poller_, events, 256, &timeout, nullptr, 0);
    if (n < 0 && errno != EINTR) give_up("epoll_pwait2");
    if (n == 0 && left < 0) {
      errno = ETIMEDOUT;
      give_up("an answer");
    }
    for (long i = 0; i < n; ++i) receive(all_[events[i].data.u64]);
  }

  void receive(connection& c) {
    char buffer[64 * message];
    const ssize_t n = recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) give_up("a connection was lost");
    c.got.append(buffer, static_cast<std::size_t>(n));
    while (const std::size_t size = language_->answer(c.got)) {
      all_right_ =
          all_right_ && language_->is_right(std::string_view(c.got).substr(0, size), c.fd, c.answered);
      c.got.erase(0, size);
      take_answer(c);
    }
  }

  void take_answer(connection& c) {
    took_.push_back(kit::wall_ns() - c.due.front());
    c.due.pop_front();
    ++c.answered;
    ++answers_;
    --in_flight_;
    if (again_) ask(c, kit::wall_ns());
  }

  const std::unique_ptr<protocol> language_;
  const int server_, port_, busy_;
  const unsigned processors_ = std::thread::hardware_concurrency();
  std::vector<connection> all_;
  const int poller_;
  clockid_t server_clock_{};
  std::vector<double> took_;
  std::uint64_t answers_ = 0;
  long in_flight_ = 0;
  bool again_ = false; // who is answered asks again
  bool all_right_ = true;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    std::fprintf(stderr,
                 "usage: x12_echo_load PID PORT EXPERIMENT RUNTIME VARIANT CONNECTIONS BUSY quick|full\n");
    return 2;
  }
  kit::raise_descriptor_limit();
  prctl(PR_SET_TIMERSLACK, 1);
  const bool quick = std::strcmp(argv[8], "quick") == 0;
  const int count = std::atoi(argv[6]), busy = std::atoi(argv[7]);
  std::unique_ptr<protocol> language = std::make_unique<echo>();
  if (std::strncmp(argv[5], "http", 4) == 0) language = std::make_unique<http>();
  clients c(std::atoi(argv[1]), std::atoi(argv[2]), count, busy, std::move(language));
  const double before = c.server_memory();
  c.open();
  const double memory = (c.server_memory() - before) / count;
  c.closed_loop(quick ? 200e6 : 300e6); // warm-up, for JIT compilers and caches
  const double cpu = c.server_cpu(), start = kit::wall_ns();
  const long n = c.closed_loop(quick ? 400e6 : 600e6);
  const double spent = c.server_cpu() - cpu, wall = kit::wall_ns() - start;
  std::vector<double> took = c.open_loop(quick ? 400e6 : 600e6);
  std::sort(took.begin(), took.end());
  std::string_view variant = argv[5];
  const bool beside_others =
      variant.starts_with("whole"); // in its process; its CPU time and memory are also theirs
  const auto emit = [&](const char* metric, double value, const char* unit) {
    std::printf(
        "{\"exp\":\"%s\",\"rt\":\"%s\",\"variant\":\"%s%s\",\"n\":%ld,\"metric\":\"%s\",\"value\":%.17g,"
        "\"unit\":\"%s\"}\n",
        argv[3], argv[4], argv[5], variant.find('@') == variant.npos ? "@1" : "", n, metric, value, unit);
  };
  if (variant.starts_with("conns11000"))
    emit("process", std::max(c.server_memory(), before + memory * count) / (1 << 20), "MiB");
  if (!beside_others) emit("cpu", spent / static_cast<double>(n) / 1e3, "us/request");
  emit("request", wall / static_cast<double>(n) / 1e3, "us");
  emit("p99", took[took.size() * 99 / 100] / 1e3, "us");
  if (!beside_others) emit("memory", memory, "B/connection");
  emit("check", c.all_right() ? static_cast<double>(n) : 0, "count");
  return 0;
}
