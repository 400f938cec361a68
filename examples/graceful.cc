// A server that ends well: on SIGTERM or Ctrl-C it takes no more connections, lets those that are open finish what they are at, and
// gives up on them after a grace. This one sends itself the signal, while a client is in the middle of a request.
#include <thrum/net/tcp.h>
#include <thrum/signals.h>
#include <thrum/thrum.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using thrum::net::tcp_listener;
using thrum::net::tcp_stream;

namespace {

// A request is a letter; the answer is two of it.
void serve(const tcp_stream& s) {
  char letter[1];
  while (s.read_exactly(letter)) {
    if (!s.write_all(std::string(2, letter[0]))) return;
  }
}

struct server {
  thrum::wait_group& open; // connections
  tcp_listener listener = tcp_listener::listen("127.0.0.1:0").value();
  thrum::latch closed{1};

  void run() {
    while (auto s = listener.accept()) open.go([stream = std::move(*s)] { serve(stream); });
  }
};

// A server's life: it runs until a signal comes, and then has `grace` to finish.
void run_until_signal(server& s, std::chrono::seconds grace) {
  const thrum::signal_source stop({SIGINT, SIGTERM});
  thrum::fiber<> running = thrum::spawn([&] { s.run(); });
  std::printf("got signal %d\n", stop.wait().value());
  s.listener.close();
  running.join();
  std::printf("no more connections\n");
  s.closed.count_down();
  if (s.open.wait_for(grace))
    std::printf("all have finished\n");
  else
    std::printf("some have not\n");
}

void client(server& s) {
  const auto address = s.listener.local_address().value();
  const auto stream = tcp_stream::connect(address).value();
  const auto ask = [&](char letter) {
    char answer[2];
    stream.write_all({&letter, 1}).value();
    stream.read_exactly(answer).value();
    std::printf("%c gives %c%c\n", letter, answer[0], answer[1]);
  };
  ask('a');
  std::raise(SIGTERM); // as `kill` does
  s.closed.wait();
  if (!tcp_stream::connect(address)) std::printf("a new client is refused\n");
  ask('b'); // the old one is served
} // and leaves

} // namespace

int main() {
  // It outlives the runtime, at whose end those that have not finished are asked to stop.
  thrum::wait_group open;
  thrum::run([&] {
    server s{.open = open};
    thrum::fiber<> c = thrum::spawn([&] { client(s); });
    run_until_signal(s, 10s);
    c.join();
  });
}
