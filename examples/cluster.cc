// Node's cluster: four isolates, each with a thread, a loop and a listener of its own, and all listeners on one port; the kernel spreads
// the connections over them. A program of fibers needs none of this: one listener serves all processors.
#include <thrum/isolate.h>
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

#include <cstdio>
#include <deque>
#include <string>

using thrum::net::endpoint;
using thrum::net::tcp_listener;
using thrum::net::tcp_stream;

namespace {

// It is told a port (0: any), tells the one that it listens on, serves until there are no more messages, and tells how many it has served.
void serve(thrum::isolate_port<std::uint16_t, int>& parent) {
  const auto at = endpoint::loopback_v4(parent.recv().value());
  const auto listener = tcp_listener::listen(at, {.reuse_port = true}).value();
  parent.post(listener.local_address().value().port());

  int served = 0; // one thread, on which a fiber gives way only where it waits: no lock
  auto end = parent.loop().spawn([&] {
    while (parent.recv()) {}
    listener.close();
  });
  thrum::wait_group open;
  while (auto accepted = listener.accept())
    open.go([&, stream = std::move(*accepted)] {
      char name[4];
      if (stream.read_exactly(name) && stream.write_all("hello, " + std::string(name, 4))) ++served;
    });
  open.wait();
  end.join();
  parent.post(served);
}

} // namespace

int main() {
  std::deque<thrum::isolate<std::uint16_t, int>> workers;
  std::uint16_t port = 0;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back(&serve);
    workers.back().post(port);
    port = static_cast<std::uint16_t>(workers.back().recv().value());
  }

  int answers = 0;
  for (int i = 0; i < 200; ++i) {
    const auto stream = tcp_stream::connect(endpoint::loopback_v4(port)).value();
    char answer[11];
    if (stream.write_all("node") && stream.read_exactly(answer))
      answers += std::string(answer, 11) == "hello, node";
  }

  int served = 0;
  for (auto& w : workers) {
    w.close();
    served += w.recv().value();
    w.join();
  }
  std::printf("%d answers, from %zu workers that have served %d\n", answers, workers.size(), served);
}
