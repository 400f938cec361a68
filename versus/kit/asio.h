// asio: what the programs with Boost.Asio share: coroutines on an io_context, which one thread runs, or as many as there are
// processors. One thread says so to the context, which saves its locks.
#pragma once

#include "kit/kit.h"

#include <boost/asio.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>

#include <atomic>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace net = boost::asio;
using boost::system::error_code;
using net::awaitable;
using net::use_awaitable;

namespace kit {

// For one thread, too: the channel without a lock is no faster where nobody competes for it.
template <class T> using channel = net::experimental::concurrent_channel<void(error_code, T)>;

inline const auto rethrow = [](std::exception_ptr e, auto&&...) {
  if (e) std::rethrow_exception(e);
};

// Starts a coroutine that nobody awaits.
template <class Executor, class T> void go(const Executor& where, awaitable<T> what) {
  net::co_spawn(where, std::move(what), rethrow);
}

// Asio has no way to wait for many: a count, and a channel that tells its end.
class countdown {
public:
  countdown(const net::any_io_executor& where, long n) : left_(n), end_(where, 1) {}
  void done() {
    if (left_.fetch_sub(1) == 1) end_.try_send(error_code{}, true);
  }
  awaitable<void> wait() { co_await end_.async_receive(use_awaitable); }

private:
  std::atomic<long> left_;
  channel<bool> end_;
};

class context {
public:
  explicit context(unsigned processors)
      : threads_(processors > 0 ? processors : std::thread::hardware_concurrency()),
        io_(static_cast<int>(threads_)) {}
  net::io_context& io() { return io_; }

  // Until there is nothing left to do.
  void run() {
    io_.restart();
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads_; ++i) others.emplace_back([this] { io_.run(); });
    io_.run();
    for (std::thread& t : others) t.join();
  }

  template <class T> T complete(awaitable<T> what) {
    auto result = net::co_spawn(io_, std::move(what), net::use_future);
    run();
    return result.get();
  }

private:
  unsigned threads_;
  net::io_context io_;
};

} // namespace kit
