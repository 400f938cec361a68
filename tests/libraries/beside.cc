#include "libraries/beside.h"

#include "support/facts.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <sys/resource.h>

namespace test {

using namespace std::chrono_literals;

namespace {

void echo(const thrum::net::tcp_stream& stream) {
  char buffer[256];
  for (;;) {
    const auto n = stream.read_some(buffer);
    if (!n || *n == 0 || !stream.write_all({buffer, *n})) return;
  }
}

} // namespace

others::others() : listener_(thrum::net::tcp_listener::listen("127.0.0.1:0").value()) {
  server_ = thrum::spawn([this] {
    while (auto stream = listener_.accept()) thrum::go([s = std::move(*stream)] { echo(s); });
  });
  client_ = thrum::spawn([this] { ask(); });
  ticker_ = thrum::spawn([this] { tick(); });
}

others::~others() {
  stop_ = true;
  ticker_.join();
  client_.join();
  listener_.close();
  server_.join();
}

void others::tick() {
  while (!stop_) {
    thrum::this_fiber::sleep_for(1ms);
    if (++ticks_ % 8 == 0) // a look at a thousand threads takes a while
      most_threads_ = std::max(most_threads_.load(), thread_count());
  }
}

// A question that comes back changed, late or never is no answer.
void others::ask() {
  const auto stream = thrum::net::tcp_stream::connect(listener_.local_address().value()).value();
  for (std::uint64_t question = 1; !stop_; ++question) {
    std::uint64_t answer = 0;
    if (stream.write_all({reinterpret_cast<const char*>(&question), sizeof question}) &&
        stream.read_exactly({reinterpret_cast<char*>(&answer), sizeof answer}) && answer == question)
      ++answers_;
    else
      ++wrong_;
    thrum::this_fiber::sleep_for(1ms);
  }
}

void others::go_on() const {
  for (const mark since = now(); !went_on(since);) thrum::this_fiber::sleep_for(1ms);
}

void crowd::wait_until_all_have_begun() const {
  while (begun_ < all_) thrum::this_fiber::sleep_for(1ms);
}

std::size_t threads_before() { return thread_count(); }

void allow_many_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65'536);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace test
