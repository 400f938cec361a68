// Between thrum's stop requests and those of the standard library.
//
//   void tick_until(const std::stop_token& token) {
//     thrum::stop_on(token, tick);                            // tick() is asked to stop when the token is
//   }
//   void compute_for(void (*foreign)(std::stop_token)) {
//     thrum::with_stop_token(foreign);                        // its token is asked when this fiber is
//   }
//
// stop_on(token, f)      calls f in the calling fiber. When the token is asked to stop, or was before, so is f (error.h): its
//                        waits throw `cancelled` until it is left, and `cancelled` then leaves stop_on. A stop of the
//                        calling fiber reaches f as always.
// with_stop_token(f)     calls f(token) in a fiber of its own and waits for it. When the calling fiber is asked to stop meanwhile,
//                        by whomever, so is the token; the caller then waits until f has returned, and throws `cancelled`. f
//                        itself is not asked in thrum's way.
//
// What the caller owes   Callbacks of the token run in the fiber or thread that asks; with_stop_token's in the calling fiber.
// What is guaranteed     When either returns or throws, f has ended.
// May park               what f does; with_stop_token does.
// Happens-before         the call of f and its end are ordered as by an ordinary call.
// When it dies           Nothing is left behind.
// Errors                 cancelled; what f throws. std::bad_alloc from with_stop_token, with nothing called.
// On a plain thread      stop_on: f runs in a fiber of the default runtime. with_stop_token: nobody will ask.
// Cost                   stop_on: a std::stop_callback and 20 ns. with_stop_token: a fiber.
// Source of the idea     C++20's stop_token.
#pragma once

#include <thrum/detail/in_fiber.h>
#include <thrum/detail/stop_scope.h>
#include <thrum/spawn.h>
#include <thrum/with_timeout.h>

#include <functional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace thrum {

namespace detail {
// Not inlined: of std::stop_source's constructor, g++ 12 says falsely that it uses what is not initialised.
std::stop_source make_stop_source(); // src/sync/join.cc
} // namespace detail

template <class F> std::invoke_result_t<F> stop_on(const std::stop_token& token, F&& f) {
  return detail::call_in_fiber([&]() -> std::invoke_result_t<F> {
    detail::stop_scope scope(detail::stop_scope::kind::limit);
    const std::stop_callback ask(token, [&scope]() noexcept { scope.request(cancel_reason::user); });
    return std::invoke(std::forward<F>(f));
  });
}

template <class F> std::invoke_result_t<F, std::stop_token> with_stop_token(
    F&& f, std::source_location site = std::source_location::current()) {
  using result = std::invoke_result_t<F, std::stop_token>;
  std::stop_source source = detail::make_stop_source();
  auto running = spawn(
      attrs{},
      [&f, token = source.get_token()]() mutable -> result {
        return std::invoke(std::forward<F>(f), std::move(token));
      },
      site);
  try {
    static_cast<void>(running.wait_until(std::chrono::steady_clock::time_point::max()));
  } catch (const cancelled&) {
    source.request_stop();
    shield([&] { static_cast<void>(running.wait_until(std::chrono::steady_clock::time_point::max())); });
    throw;
  }
  return running.join();
}

} // namespace thrum
