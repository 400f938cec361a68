// A bug that needs an unlucky network, found by a simulation. A client asks a server to add one to a counter, and asks again if no answer
// comes in time: plain code over TCP. If the request was lost, that is right; if only the answer was, the server adds twice. The
// simulation has a network of its own, in which things take as long as a seed says, and a test may take a server away for a moment. The
// last line shows the cure, a number for each request, which passes a thousand networks.
//
//   THRUM_SEED=3 ./unlucky_network     makes that run, and no other
#include <thrum/net/tcp.h>
#include <thrum/simulate.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <set>

using namespace std::chrono_literals;

const auto address = *thrum::net::endpoint::parse("10.0.0.1:80"); // any will do

struct counter {
  bool knows_requests;
  int value = 0;
  std::set<char> seen = {};

  void serve(const thrum::net::tcp_listener& listener) {
    while (auto client = listener.accept()) {
      char request;
      if (!client->read_exactly({&request, 1}, 50ms)) continue;
      if (seen.insert(request).second || !knows_requests) ++value;
      static_cast<void>(client->write_all({"done", 4}));
    }
  }
};

void add_one() {
  constexpr char request = 1;
  char done[4];
  for (;;) {
    const auto server = thrum::net::tcp_stream::connect(address, 20ms);
    if (server && server->write_all({&request, 1}, 20ms) && server->read_exactly(done, 20ms)) return;
  }
}

bool adds_once(bool knows_requests) {
  counter c{.knows_requests = knows_requests};
  const auto listener = thrum::net::tcp_listener::listen(address).value();
  const auto server = thrum::spawn([&] { c.serve(listener); }); // stopped and joined at the end of the scope
  thrum::go([] {
    thrum::this_fiber::sleep_for(std::chrono::microseconds(thrum::simulation::random() % 10'000));
    thrum::simulation::cut(address);
    thrum::this_fiber::sleep_for(30ms);
    thrum::simulation::mend(address);
  });
  add_one();
  thrum::this_fiber::sleep_for(1h); // what is late arrives; time is virtual
  return c.value == 1;
}

int main() {
  const auto wrong = thrum::simulate({.runs = 1'000, .quiet = true}, [] { return adds_once(false); });
  std::printf("requests without numbers: %s\n",
              wrong.failed ? "added twice, and the seed is known" : "nothing found");
  const auto right = thrum::simulate({.runs = 1'000}, [] { return adds_once(true); });
  std::printf("requests with numbers: %llu networks, %s\n", static_cast<unsigned long long>(right.runs),
              right.failed ? "added twice" : "always added once");
  return wrong.failed ? right.exit_code() : 1;
}
