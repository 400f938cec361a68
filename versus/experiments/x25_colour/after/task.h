// What a program needs before it can write `co_await` with the standard library alone: a task, a sleep, a loop.
#pragma once

#include <chrono>
#include <coroutine>
#include <exception>
#include <map>
#include <optional>
#include <thread>
#include <utility>

namespace coroutines {

using clock = std::chrono::steady_clock;
inline std::multimap<clock::time_point, std::coroutine_handle<>> sleepers; // of the one thread

struct sleep_for {
  clock::duration nap;
  explicit sleep_for(clock::duration d) : nap(d) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) const { sleepers.emplace(clock::now() + nap, who); }
  void await_resume() const noexcept {}
};

// Starts when it is awaited.
template <class T> class task {
public:
  struct promise_type {
    std::optional<T> result;
    std::coroutine_handle<> waiting = std::noop_coroutine();

    task get_return_object() { return task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct wake {
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> who) const noexcept {
        return who.promise().waiting;
      }
      void await_resume() const noexcept {}
    };
    wake final_suspend() noexcept { return {}; }
    void return_value(T value) { result = std::move(value); }
    [[noreturn]] void unhandled_exception() { std::terminate(); }
  };

  task(task&& other) noexcept : self_(std::exchange(other.self_, nullptr)) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (self_) self_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) const {
    self_.promise().waiting = waiting;
    return self_;
  }
  T await_resume() const { return std::move(*self_.promise().result); }

  // Runs it, and whatever it waits for, to its end.
  T run() const {
    self_.resume();
    while (!self_.done()) {
      auto next = sleepers.begin();
      std::this_thread::sleep_until(next->first);
      std::coroutine_handle<> who = next->second;
      sleepers.erase(next);
      who.resume();
    }
    return await_resume();
  }

private:
  explicit task(std::coroutine_handle<promise_type> self) : self_(self) {}

  std::coroutine_handle<promise_type> self_;
};

} // namespace coroutines
