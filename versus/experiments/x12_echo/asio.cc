// X12 in Boost.Asio: an echo server, a coroutine a connection, on one thread. Asio has no HTTP.
#include "experiments/x12_echo/load.h"

#include "kit/asio.h"

#include <thread>

#include <unistd.h>

namespace {

using tcp = net::ip::tcp;

awaitable<void> echo(tcp::socket socket) {
  char buffer[1024];
  const auto quietly = net::as_tuple(use_awaitable);
  for (;;) {
    const auto [failed, n] = co_await socket.async_read_some(net::buffer(buffer), quietly);
    if (failed) co_return;
    const auto [lost, sent] = co_await net::async_write(socket, net::buffer(buffer, n), quietly);
    if (lost || sent != n) co_return;
  }
}

awaitable<void> accept(tcp::acceptor& from) {
  const auto here = co_await net::this_coro::executor;
  for (;;) {
    tcp::socket socket = co_await from.async_accept(use_awaitable);
    socket.set_option(tcp::no_delay(true));
    kit::go(here, echo(std::move(socket)));
  }
}

} // namespace

int main(int argc, char** argv) {
  const kit::bench b("X12", "asio", argc, argv);
  kit::raise_descriptor_limit();
  net::io_context io(1);
  tcp::acceptor listener(io);
  listener.open(tcp::v4());
  listener.bind({net::ip::address_v4::loopback(), 0});
  listener.listen(65'535);
  const int port = listener.local_endpoint().port();
  kit::go(io.get_executor(), accept(listener));
  std::thread([&io] { io.run(); }).detach();
  const auto serve = [&](const char* variant, int connections, int busy) {
    if (b.wants(variant)) x12::question(b, "asio", variant, port, connections, busy);
  };
  serve("busy1000", 1000, 1000);
  serve("conns100", 100, 10);
  serve("conns1000", 1000, 100);
  serve("conns10000", 10'000, 1000);
  serve("conns11000", 11'000, 1000);
  std::fflush(stdout);
  _exit(0); // the loop goes on until then
}
