// Fibers that ask a server, one question after the other or several at a time: `queries NAME`. one_by_one_test.cc reads what is said about
// it on standard error; standard output has what the runtime reports at the end, and the line of who is guilty.
#include <thrum/future.h>
#include <thrum/limit.h>
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using thrum::net::tcp_listener;
using thrum::net::tcp_stream;

constexpr int queries = 100;

std::vector<int> ids(int n = queries) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 1);
  return all;
}

// Answers a byte with a byte, for ever: what is never to be named.
class database {
public:
  database() : listener_(tcp_listener::listen("127.0.0.1:0").value()) {
    accepts_ = thrum::spawn({.name = "database"}, [this] {
      std::vector<thrum::fiber<>> sessions;
      while (auto session = listener_.accept())
        sessions.push_back(thrum::spawn({.name = "session"}, [s = std::move(*session)] {
          char c;
          while (auto n = s.read_some({&c, 1})) {
            if (*n == 0 || !s.write_all({&c, 1})) break;
          }
        }));
    });
  }
  ~database() { listener_.close(); }

  tcp_stream connect() const { return tcp_stream::connect(where()).value(); }
  thrum::net::endpoint where() const { return listener_.local_address().value(); }

private:
  tcp_listener listener_;
  thrum::fiber<> accepts_;
};

int ask(const tcp_stream& connection, int id) {
  const char question = static_cast<char>(id);
  connection.write_all({&question, 1}).value();
  char answer = 0;
  connection.read_exactly({&answer, 1}).value();
  return answer;
}

template <class F> void guilty(F f) {
  std::printf("%d\n", __LINE__ + 1);
  thrum::spawn({.name = "guilty"}, std::move(f)).join();
}

// ---- what is to be named

void one_connection() {
  database db;
  guilty([&] {
    const tcp_stream c = db.connect();
    for (const int id : ids()) ask(c, id);
  });
}
void a_connection_each() {
  database db;
  guilty([&] {
    for (const int id : ids()) ask(db.connect(), id);
  });
}
void joins() {
  guilty([] {
    for (int i = 0; i < queries; ++i) thrum::spawn([] { thrum::this_fiber::sleep_for(10us); }).join();
  });
}
void futures() {
  guilty([] {
    for (int i = 0; i < queries; ++i) thrum::async([] { thrum::this_fiber::sleep_for(10us); }).get();
  });
}
// Each request to a server leads to twenty queries.
void handler() {
  database db;
  guilty([&] {
    const auto listener = tcp_listener::listen("127.0.0.1:0").value();
    auto client = thrum::spawn([to = listener.local_address().value()] {
      const tcp_stream c = tcp_stream::connect(to).value();
      for (int i = 0; i < 5; ++i) ask(c, i);
    });
    const tcp_stream requests = listener.accept().value();
    const tcp_stream c = db.connect();
    char request;
    while (requests.read_some({&request, 1}).value() != 0) {
      for (const int id : ids(20)) ask(c, id);
      requests.write_all({&request, 1}).value();
    }
    client.join();
  });
}

// ---- what is not

void all_at_once() {
  database db;
  thrum::map_limit(queries, ids(), [&](int id) { return ask(db.connect(), id); });
}
void ten_at_a_time() {
  database db;
  thrum::map_limit(10, ids(), [&](int id) { return ask(db.connect(), id); });
}
void spawned_before_they_are_joined() {
  std::vector<thrum::fiber<>> all;
  for (int i = 0; i < queries; ++i) all.push_back(thrum::spawn([] { thrum::this_fiber::sleep_for(100us); }));
  for (auto& f : all) f.join();
}
void in_portions() {
  for (int i = 0; i < queries; ++i) {
    std::array<thrum::future<void>, 3> some;
    for (auto& f : some) f = thrum::async([] { thrum::this_fiber::sleep_for(10us); });
    for (auto& f : some) f.get();
  }
}
void nine() {
  database db;
  const tcp_stream c = db.connect();
  for (const int id : ids(9)) ask(c, id);
}
// Its client knows nothing of thrum.
void a_server() {
  database db;
  const std::uint16_t port = db.where().port();
  thrum::blocking([port] {
    std::thread([port] {
      const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      char c = 'x';
      if (::connect(s, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0)
        for (int i = 0; i < 10 * queries; ++i)
          if (::write(s, &c, 1) != 1 || ::read(s, &c, 1) != 1) std::abort();
      ::close(s);
    }).join();
  });
}
// One question for each message, and for each tick.
void a_worker() {
  database db;
  const thrum::chan<int> jobs;
  auto worker = thrum::spawn([&] {
    const tcp_stream c = db.connect();
    for (const int job : jobs) ask(c, job);
  });
  for (const int id : ids()) jobs.send(id);
  jobs.close();
  worker.join();
}
// A client that does not wait for answers: all requests are there at once, and the server makes a query for each.
void a_server_in_a_hurry() {
  database db;
  const auto listener = tcp_listener::listen("127.0.0.1:0").value();
  auto server = thrum::spawn([&] {
    const tcp_stream requests = listener.accept().value();
    const tcp_stream c = db.connect();
    char request;
    while (requests.read_some({&request, 1}).value() != 0) {
      ask(c, request);
      requests.write_all({&request, 1}).value();
    }
  });
  const tcp_stream c = tcp_stream::connect(listener.local_address().value()).value();
  c.write_all(std::string(queries, 'r')).value();
  std::string answers(queries, '\0');
  c.read_exactly(answers).value();
  c.close();
  server.join();
}
void a_ticker() {
  database db;
  const tcp_stream c = db.connect();
  for (const int id : ids(30)) {
    ask(c, id);
    thrum::this_fiber::sleep_for(10us);
  }
}
// One question, and an answer of many pieces.
void a_download() {
  const auto listener = tcp_listener::listen("127.0.0.1:0").value();
  auto server = thrum::spawn([&] {
    const tcp_stream s = listener.accept().value();
    char c;
    s.read_exactly({&c, 1}).value();
    for (int i = 0; i < queries; ++i) {
      s.write_all({&c, 1}).value();
      thrum::this_fiber::sleep_for(10us);
    }
  });
  const tcp_stream c = tcp_stream::connect(listener.local_address().value()).value();
  c.write_all("?").value();
  char piece;
  while (c.read_some({&piece, 1}).value() != 0) {}
  server.join();
}

struct program {
  const char* name;
  void (*run)();
};
#define THRUM_PROGRAM(name) {#name, &name}
constexpr program programs[] = {THRUM_PROGRAM(one_connection),
                                THRUM_PROGRAM(a_connection_each),
                                THRUM_PROGRAM(joins),
                                THRUM_PROGRAM(futures),
                                THRUM_PROGRAM(handler),
                                THRUM_PROGRAM(all_at_once),
                                THRUM_PROGRAM(ten_at_a_time),
                                THRUM_PROGRAM(spawned_before_they_are_joined),
                                THRUM_PROGRAM(in_portions),
                                THRUM_PROGRAM(nine),
                                THRUM_PROGRAM(a_server),
                                THRUM_PROGRAM(a_worker),
                                THRUM_PROGRAM(a_server_in_a_hurry),
                                THRUM_PROGRAM(a_ticker),
                                THRUM_PROGRAM(a_download)};

} // namespace

int main(int argc, char** argv) {
  for (const program& p : programs)
    if (argc == 2 && std::strcmp(p.name, argv[1]) == 0)
      // One processor: who asks has to wait, because nobody answers before.
      return thrum::run(
          [&p] {
            p.run();
            const thrum::runtime_report r = thrum::runtime::current().report();
            for (const thrum::one_by_one_report& o : r.one_by_one)
              std::printf("%u: %llu operations, %llu waits, most %llu\n",
                          static_cast<unsigned>(o.site.line()), static_cast<unsigned long long>(o.times),
                          static_cast<unsigned long long>(o.waits), static_cast<unsigned long long>(o.most));
            std::fputs(to_string(r).c_str(), stdout);
            return 0;
          },
          {.processors = 1});
  return 2;
}
