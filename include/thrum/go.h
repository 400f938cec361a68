// go(f, args...) starts a fiber that nobody joins: Go's statement.
//
//   thrum::go([] { work(1); });
//   thrum::go(work, 2);                        // with arguments: they are moved into the fiber, too
//   thrum::go({.name = "ticker", .stack = 16 << 10}, tick); // attrs.h
//
// f and args are decayed and moved into the fiber when go is called; f runs later, on any processor. There is no order
// between fibers. What f returns is dropped.
//
// What the caller owes   f owns what it uses, or what it refers to outlives it. To be told about the end, use a wait_group, a
//                        channel, or spawn().
// What is guaranteed     An exception that leaves f goes to options.on_unhandled (runtime.h); by default it is reported with the
//                        fiber's name and the place of this call, and std::terminate is called. `cancelled` just ends the fiber.
// Which runtime          that of the calling fiber; on a plain thread, the default runtime. runtime::go() names another one.
// May park               no.
// Happens-before         go -> f.
// When it dies           f and args die on the fiber's stack when f has returned. At the end of its runtime the fiber is asked
//                        to stop (error.h): its waits throw `cancelled`. One that has not begun by then runs to its first
//                        wait. The default runtime never ends: its fibers end with the process, wherever they are.
// Errors                 std::bad_alloc, and what moving f and args throws; nothing was started then. See attrs.h for stacks.
// Cost                   about 10 ns, no system call, no stack: one is bound at the first run. Waking a thread that sleeps, or
//                        calling from a plain thread, costs a system call more at times.
// Source of the idea     Go.
#pragma once

#include <thrum/attrs.h>
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
  requires detail::callable_with<F, A1>
void go(F&& f, A1&& a1, std::source_location site = std::source_location::current()) {
  detail::go_on(nullptr, site, std::forward<F>(f), std::forward<A1>(a1));
}
template <class F, class A1, class A2>
  requires detail::callable_with<F, A1, A2>
void go(F&& f, A1&& a1, A2&& a2, std::source_location site = std::source_location::current()) {
  detail::go_on(nullptr, site, std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2));
}
template <class F, class A1, class A2, class A3>
  requires detail::callable_with<F, A1, A2, A3>
void go(F&& f, A1&& a1, A2&& a2, A3&& a3, std::source_location site = std::source_location::current()) {
  detail::go_on(nullptr, site, std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2),
                std::forward<A3>(a3));
}
template <class F, class A1, class A2, class A3, class A4>
  requires detail::callable_with<F, A1, A2, A3, A4>
void go(F&& f, A1&& a1, A2&& a2, A3&& a3, A4&& a4,
        std::source_location site = std::source_location::current()) {
  detail::go_on(nullptr, site, std::forward<F>(f), std::forward<A1>(a1), std::forward<A2>(a2),
                std::forward<A3>(a3), std::forward<A4>(a4));
}
// Any number of arguments; reports show no place.
template <class F, class... A>
  requires(sizeof...(A) > 4) && detail::callable_with<F, A...>
void go(F&& f, A&&... a) {
  detail::go_on(nullptr, std::source_location{}, std::forward<F>(f), std::forward<A>(a)...);
}

} // namespace thrum
