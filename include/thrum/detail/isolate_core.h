// Serves isolate.h: what does not depend on the types of messages (src/isolate/), and what is called in the isolate.
#pragma once

#include <thrum/chan.h>
#include <thrum/codec.h>
#include <thrum/event_loop.h>
#include <thrum/task.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <memory_resource>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

class runtime;

struct isolate_options {
  // Of its thread, and in reports; must outlive the isolate.
  const char* name = "isolate";
  // How many bytes the function may use on its stack; 0: as any fiber (attrs.h).
  std::size_t stack = 0;
  // How long its end waits for what was asked to stop and has not yet.
  std::chrono::milliseconds drain{5000};
};

template <class In, class Out> class isolate_port;

namespace detail {

class isolate_state; // src/isolate/isolate.cc

// Where the function of an isolate is; there while it runs.
struct isolate_place {
  event_loop* loop = nullptr;
  std::pmr::memory_resource* memory = nullptr;
  isolate_state* state = nullptr;
};
// The first failure ends the isolate.
void fail_isolate(isolate_state& s, std::exception_ptr why) noexcept;

class isolate_body {
public:
  isolate_body() = default;
  virtual ~isolate_body() = default;
  isolate_body(const isolate_body&) = delete;
  isolate_body& operator=(const isolate_body&) = delete;

  // Starts the function on place.loop.
  virtual fiber<> begin(const attrs& how, std::source_location site) = 0;
  isolate_place place;
};

template <class F, class Port>
concept isolate_entry = (std::is_empty_v<F> || std::is_pointer_v<F>) && std::invocable<F&, Port&> &&
                        (std::is_void_v<std::invoke_result_t<F&, Port&>> ||
                         std::same_as<std::invoke_result_t<F&, Port&>, thrum::task<>>);

template <class F, class Port> void demand_entry() {
  static_assert(std::is_empty_v<F> || std::is_pointer_v<F>,
                "thrum: what an isolate runs shares nothing, so it captures nothing: post the value to it");
  static_assert(
      !(std::is_empty_v<F> || std::is_pointer_v<F>) || std::invocable<F&, Port&>,
      "thrum: what an isolate runs is called with its port: [](thrum::isolate_port<In, Out>& parent) "
      "{ ... }");
  if constexpr (std::invocable<F&, Port&>)
    static_assert(isolate_entry<F, Port> || !(std::is_empty_v<F> || std::is_pointer_v<F>),
                  "thrum: what an isolate runs returns nothing, or a task<>: results are posted");
}

template <class T> void demand_message() {
  if constexpr (!sendable<T>) demand_sendable<T>();
}

template <class In, class Out, class F> class isolate_body_of final : public isolate_body {
public:
  isolate_body_of(F f, const chan<In>& from, const chan<Out>& to)
      : f_(std::move(f)), port_(from, to, place) {}

  fiber<> begin(const attrs& how, std::source_location site) override {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, isolate_port<In, Out>&>>) {
      return place.loop->spawn(
          how,
          [this] {
            try {
              f_(port_);
            } catch (...) { fail_isolate(*place.state, std::current_exception()); }
          },
          site);
    } else {
      return place.loop->spawn(
          how,
          [this]() -> thrum::task<> {
            try {
              co_await f_(port_);
            } catch (...) { fail_isolate(*place.state, std::current_exception()); }
          },
          site);
    }
  }

private:
  F f_;
  isolate_port<In, Out> port_;
};

class isolate_core {
public:
  isolate_core(std::unique_ptr<isolate_body> body, const chan_ref& in, const chan_ref& out,
               const isolate_options& o, std::source_location site);
  isolate_core(isolate_core&& other) noexcept;
  isolate_core& operator=(isolate_core&& other) noexcept;
  ~isolate_core();

  void join();
  void request_stop() noexcept;
  bool ended() const noexcept;

private:
  void end() noexcept;

  std::shared_ptr<isolate_state> state_; // null: it was joined, or moved away
  std::unique_ptr<runtime> runtime_;
};

} // namespace detail
} // namespace thrum
