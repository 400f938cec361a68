// What the tests of futures share: executors that run their work when they are told to, or never.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <exception>
#include <stdexcept>
#include <string>
#include <thrum/executor.h>
#include <thrum/future.h>

namespace thrum::testing {

// Runs what was posted in the order in which it was, in the thread that asks.
class hand_driven final : public executor {
public:
  ~hand_driven() { EXPECT_TRUE(queue_.empty()) << "work was left behind"; }
  void post(detail::task& t) override { queue_.push_back(&t); }
  std::size_t waiting() const { return queue_.size(); }
  // Gives up what is queued.
  void drop(const std::exception_ptr& why) {
    for (; !queue_.empty(); queue_.pop_front()) detail::drop_task(*queue_.front(), why);
  }
  // Until nothing is left; returns how much it was.
  int run() {
    int n = 0;
    for (; !queue_.empty(); ++n) {
      detail::task* t = queue_.front();
      queue_.pop_front();
      t->run(*t);
    }
    return n;
  }

private:
  std::deque<detail::task*> queue_;
};

class refusing final : public executor {
public:
  void post(detail::task&) override { throw std::runtime_error("refused"); }
};

struct error_a : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class E> std::exception_ptr failure(E e) { return std::make_exception_ptr(std::move(e)); }
inline std::exception_ptr failure(const char* what) { return failure(std::runtime_error(what)); }

// What a failed future says; "none" if it did not fail.
template <class Future> std::string failure_of(Future&& f) {
  try {
    static_cast<void>(std::forward<Future>(f).get());
    return "none";
  } catch (const std::exception& e) { return e.what(); }
}

} // namespace thrum::testing
