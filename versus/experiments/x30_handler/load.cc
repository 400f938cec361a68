// The clients of X30, the same for every server: a program of its own, on one thread, that asks a server at 127.0.0.1.
//
//   x30_handler_load PID PORT RUNTIME VARIANT quick|full
//
// VARIANT "answers": a list of requests, one after the other. Status and body of each answer have to be, byte for byte, what the
// article's handler says. It prints the result lines of the kit:
//
//   wrong    how many are not; the first of them goes to standard error
//   check    the number of answers
//
// Any other: 50 connections with one request each in flight at a time, an array of three persons whom nobody has inserted yet. PID is
// the server's, whose CPU time is read from outside, in the same way for all.
//
//   cpu      the server's CPU time for a request
//   request  time for a request: so long by the answers in it
//   p99      how long an answer took
//   check    the number of requests if all answers were right, else 0
#include "kit/kit.h"

#include <cerrno>
#include <cstdint>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

struct answer {
  int status = 0;
  std::string body;
  bool operator==(const answer&) const = default;
};

// What the handler says.
const answer no_json{400, R"({"message":"Request body must be JSON."})"};
const answer no_array{400, R"({"message":"Request body must be an array of persons."})"};
const answer no_person{
    400, R"({"message":"Each person must have name (string), age (number), and ID (string)."})"};
const answer failed{500, R"({"message":"Failed to insert people."})"};
const answer no_such{404, R"({"message":"There is only POST /persons."})"};

answer inserted(const std::vector<std::string>& ids) {
  std::string body = "{\"insertedCount\":" + std::to_string(ids.size()) + ",\"insertedIds\":{";
  for (std::size_t i = 0; i < ids.size(); ++i)
    body += (i != 0 ? ",\"" : "\"") + std::to_string(i) + "\":\"" + ids[i] + '"';
  return {201, body + "}}"};
}
std::string person(const std::string& id, int age = 36) {
  return R"({"name":"Ada Lovelace","age":)" + std::to_string(age) + R"(,"ID":")" + id + R"("})";
}
std::string post(const std::string& body, const char* target = "/persons") {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct question {
  std::string bytes;
  answer right;
};

std::vector<question> list() {
  std::vector<question> all;
  const auto ask = [&](const std::string& body, const answer& right) { all.push_back({post(body), right}); };
  ask("[" + person("a1") + "]", inserted({"a1"}));
  ask(" [ " + person("a2", -7) + " ,\n" + person("a3", 0) + "\t]\r\n", inserted({"a2", "a3"}));
  ask(R"([{"ID":"a4","extra":{"x":[1,null,true]},"age":3.5e1,"name":""}])", inserted({"a4"}));
  ask("[{\"name\":\"J\xc3\xbcrgen \\u00e9\\n\\\"\\\\\",\"age\":1,\"ID\":\"\\u0041\xc3\xb6\"}]",
      inserted({"A\xc3\xb6"}));
  for (const char* body : {"", "{", "[1,", "[1]]", "persons", "{\"a\":}", "[\"\\x\"]", "'a'", "[01]", "[1,]"})
    ask(body, no_json);
  for (const char* body :
       {"{}", R"({"name":"A","age":1,"ID":"b"})", "7", "\"text\"", "true", "null", "{\"0\":[]}"})
    ask(body, no_array);
  for (const char* body : {"[7]", "[\"text\"]", "[[]]", "[{}]", R"([{"age":1,"ID":"b"}])",
                           R"([{"name":"A","ID":"b"}])", R"([{"name":"A","age":1}])",
                           R"([{"name":1,"age":1,"ID":"b"}])", R"([{"name":"A","age":"1","ID":"b"}])",
                           R"([{"name":"A","age":1,"ID":2}])", R"([{"name":null,"age":1,"ID":"b"}])",
                           R"([{"name":"A","age":true,"ID":"b"}])", R"([{"Name":"A","age":1,"ID":"b"}])"})
    ask(body, no_person);
  ask("[" + person("b1") + ",{}]", no_person); // and nobody of them was inserted:
  ask("[" + person("b1") + "]", inserted({"b1"}));
  ask("[" + person("b1") + "]", failed);                      // there is such an ID
  ask("[" + person("b2") + "," + person("a1") + "]", failed); // all or none
  ask("[" + person("b2") + "," + person("b2") + "]", failed);
  ask("[" + person("b2") + "]", inserted({"b2"}));
  ask("[]", failed); // as MongoDB says of an empty insertMany
  all.push_back({post("[" + person("c1") + "]", "/people"), no_such});
  all.push_back({"GET /persons HTTP/1.1\r\nHost: localhost\r\n\r\n", no_such});
  ask("[" + person("c1") + "]", inserted({"c1"}));
  std::string many = "[";
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    ids.push_back("d" + std::to_string(i));
    many += (i != 0 ? "," : "") + person(ids.back(), i);
  }
  ask(many + "]", inserted(ids));
  return all;
}

std::size_t body_size(std::string_view head) {
  constexpr std::string_view name = "content-length:";
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2))
    if (strncasecmp(head.data() + at + 2, name.data(), name.size()) == 0)
      return std::strtoul(head.data() + at + 2 + name.size(), nullptr, 10);
  errno = EPROTO; // in pieces, or until the end: no server here has to
  give_up("an answer without its length");
}

struct connection {
  int fd = -1;
  std::string got;
  answer right; // of the question in flight
  double asked = 0;
};

class clients {
public:
  clients(int server, int port, int count)
      : port_(port), all_(static_cast<std::size_t>(count)), poller_(epoll_create1(0)) {
    if (clock_getcpuclockid(server, &server_clock_) != 0) give_up("the server's CPU clock");
    for (std::size_t i = 0; i < all_.size(); ++i) open(i);
  }

  double server_cpu() const {
    timespec t{};
    clock_gettime(server_clock_, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
  }
  long wrong() const { return wrong_; }

  // How many that were.
  long ask_list() {
    for (const question& q : list()) {
      ask(all_[0], q);
      while (in_flight_ != 0) serve();
    }
    return static_cast<long>(took.size());
  }

  // One request at a time on each connection. Returns how many were answered.
  long run(double nanoseconds) {
    took.clear();
    const double end = kit::wall_ns() + nanoseconds;
    again_ = true;
    for (connection& c : all_) ask(c, next_question());
    while (kit::wall_ns() < end) serve();
    again_ = false;
    while (in_flight_ != 0) serve();
    return static_cast<long>(took.size());
  }

  std::vector<double> took;

private:
  void open(std::size_t i) {
    connection& c = all_[i];
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c.fd < 0 || connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) give_up("connect");
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event interest{.events = EPOLLIN, .data = {.u64 = i}};
    if (epoll_ctl(poller_, EPOLL_CTL_ADD, c.fd, &interest) != 0) give_up("epoll");
  }

  question next_question() {
    const std::string n = std::to_string(number_++);
    const std::vector<std::string> ids = {"x" + n, "y" + n, "z" + n};
    return {post("[" + person(ids[0]) + "," + person(ids[1], 85) + "," + person(ids[2], 7) + "]"),
            inserted(ids)};
  }

  void ask(connection& c, const question& q) {
    c.right = q.right;
    c.asked = kit::wall_ns();
    ++in_flight_;
    for (std::size_t sent = 0; sent < q.bytes.size();) { // waits where the list has more than finds room
      const ssize_t n = send(c.fd, q.bytes.data() + sent, q.bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) give_up("send");
      sent += static_cast<std::size_t>(n);
    }
  }

  void serve() {
    epoll_event events[256];
    const int n = epoll_wait(poller_, events, 256, 10'000);
    if (n < 0 && errno != EINTR) give_up("epoll_wait");
    if (n == 0) {
      errno = ETIMEDOUT;
      give_up("an answer");
    }
    for (int i = 0; i < n; ++i) receive(all_[events[i].data.u64]);
  }

  void receive(connection& c) {
    char buffer[16 << 10];
    const ssize_t n = recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) give_up("a connection was lost");
    c.got.append(buffer, static_cast<std::size_t>(n));
    const std::size_t head = c.got.find("\r\n\r\n");
    if (head == std::string::npos) return;
    const std::size_t whole = head + 4 + body_size(std::string_view(c.got).substr(0, head));
    if (c.got.size() < whole) return;
    took.push_back(kit::wall_ns() - c.asked);
    const answer said{std::atoi(c.got.c_str() + 9), c.got.substr(head + 4, whole - head - 4)};
    if (said != c.right && wrong_++ == 0)
      std::fprintf(stderr, "load: %d %s\n  is wrong, right is %d %s\n", said.status, said.body.c_str(),
                   c.right.status, c.right.body.c_str());
    c.got.erase(0, whole);
    --in_flight_;
    if (again_) ask(c, next_question());
  }

  const int port_;
  std::vector<connection> all_;
  const int poller_;
  clockid_t server_clock_{};
  long number_ = 0;
  long in_flight_ = 0;
  bool again_ = false; // who is answered asks again
  long wrong_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: x30_handler_load PID PORT RUNTIME VARIANT quick|full\n");
    return 2;
  }
  const bool quick = std::strcmp(argv[5], "quick") == 0;
  clients c(std::atoi(argv[1]), std::atoi(argv[2]), 50);
  long n = 0;
  const auto emit = [&](const char* metric, double value, const char* unit) {
    std::printf(
        "{\"exp\":\"X30\",\"rt\":\"%s\",\"variant\":\"%s@1\",\"n\":%ld,\"metric\":\"%s\",\"value\":%.17g,"
        "\"unit\":\"%s\"}\n",
        argv[3], argv[4], n, metric, value, unit);
  };
  if (std::strcmp(argv[4], "answers") == 0) {
    n = c.ask_list();
    emit("wrong", static_cast<double>(c.wrong()), "answers");
    emit("check", static_cast<double>(n), "count");
    return 0;
  }
  c.run(quick ? 150e6 : 600e6); // warm-up, for JIT compilers and caches
  const double cpu = c.server_cpu(), start = kit::wall_ns();
  n = c.run(quick ? 300e6 : 1000e6);
  const double spent = c.server_cpu() - cpu, wall = kit::wall_ns() - start;
  std::sort(c.took.begin(), c.took.end());
  emit("cpu", spent / static_cast<double>(n) / 1e3, "us/request");
  emit("request", wall / static_cast<double>(n) / 1e3, "us");
  emit("p99", c.took[c.took.size() * 99 / 100] / 1e3, "us");
  emit("check", c.wrong() == 0 ? static_cast<double>(n) : 0, "count");
  return 0;
}
