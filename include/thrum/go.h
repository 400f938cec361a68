// go(f, args...) starts a fiber that nobody joins: Go's statement.
//
//   thrum::go([=] { serve(connection); });
//   thrum::go({.name = "ticker", .stack = 16 << 10}, tick);
//
// f and args are decayed and moved into the fiber when go is called; f runs later, on any processor. There is no order
// between fibers. What f returns is dropped.
//
// What the caller owes   f owns what it uses, or what it refers to outlives it. To be told about the end, use a wait_group, a
//                        channel, or spawn().
// What is guaranteed     An exception that leaves f goes to options.on_unhandled; by default it is reported with the
//                        fiber's name and the place of this call, and std::terminate is called. `cancelled` just ends the fiber.
// May park               no. From a plain thread, it starts the fiber on the default runtime.
// Happens-before         go -> f.
// Errors                 std::bad_alloc, with nothing started.
// Cost                   about 10 ns, no system call, no stack: one is bound at the first run.
// Source of the idea     Go.
#pragma once

#include <thrum/detail/joinable.h>
#include <thrum/detail/task.h>

namespace thrum {

template <class F> void go(F&& f, std::source_location site = std::source_location::current()) {
  detail::launch_detached(std::forward<F>(f), attrs{}, site, nullptr);
}
template <class F>
void go(const attrs& a, F&& f, std::source_location site = std::source_location::current()) {
  detail::launch_detached(std::forward<F>(f), a, site, nullptr);
}
// With arguments for f. (One to four of them carry the place of the call; C++ cannot put a default argument after a pack.)
template <class F, class A1>
  requires std::is_invocable_v<std::decay_t<F>&&, std::decay_t<A1>&&>
void go(F&& f, A1&& a1, std::source_location site = std::source_location::current()) {
  detail::launch_detached(detail::bind_now(std::forward<F>(f), std::forward<A1>(a1)), attrs{}, site, nullptr);
}
template <class F, class A1, class A2>
  requires std::is_invocable_v<std::decay_t<F>&&, std::decay_t<A1>&&, std::decay_t<A2>&&>
void go(F&& f, A1&& a1, A2&& a2, std::source_location site = std::source_location::current()) {
  detail::launch_detached(detail::bind_now(std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2)),
                          attrs{}, site, nullptr);
}
template <class F, class A1, class A2, class A3>
  requires std::is_invocable_v<std::decay_t<F>&&, std::decay_t<A1>&&, std::decay_t<A2>&&, std::decay_t<A3>&&>
void go(F&& f, A1&& a1, A2&& a2, A3&& a3, std::source_location site = std::source_location::current()) {
  detail::launch_detached(
      detail::bind_now(std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2), std::forward<A3>(a3)),
      attrs{}, site, nullptr);
}
template <class F, class A1, class A2, class A3, class A4>
  requires std::is_invocable_v<std::decay_t<F>&&, std::decay_t<A1>&&, std::decay_t<A2>&&, std::decay_t<A3>&&,
                               std::decay_t<A4>&&>
void go(F&& f, A1&& a1, A2&& a2, A3&& a3, A4&& a4,
        std::source_location site = std::source_location::current()) {
  detail::launch_detached(detail::bind_now(std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2),
                                           std::forward<A3>(a3), std::forward<A4>(a4)),
                          attrs{}, site, nullptr);
}
// Any number of arguments; reports show no place.
template <class F, class A1, class A2, class A3, class A4, class A5, class... A>
  requires std::is_invocable_v<std::decay_t<F>&&, std::decay_t<A1>&&, std::decay_t<A2>&&, std::decay_t<A3>&&,
                               std::decay_t<A4>&&, std::decay_t<A5>&&, std::decay_t<A>&&...>
void go(F&& f, A1&& a1, A2&& a2, A3&& a3, A4&& a4, A5&& a5, A&&... rest) {
  detail::launch_detached(detail::bind_now(std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2),
                                           std::forward<A3>(a3), std::forward<A4>(a4), std::forward<A5>(a5),
                                           std::forward<A>(rest)...),
                          attrs{}, std::source_location{}, nullptr);
}

} // namespace thrum
