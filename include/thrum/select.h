// select: waits for one of several things and does exactly one of them.
//
//   thrum::chan<int> in, out;
//   std::optional<int> got;
//   switch (thrum::select(thrum::recv(in, got), thrum::send(out, 42), thrum::after(50ms), thrum::stopped())) {
//   case 0: if (!got) return; work(*got); break;    // received; empty: closed and drained
//   case 1: break;                                  // sent
//   case 2: report("too slow"); break;
//   case 3: return;                                 // this fiber was asked to stop
//   }
//
// Returns the index of the case that was done, so that switch, return, break and continue work as usual. Cases:
//
// recv(channel, out)       a value into a std::optional<T>, which is emptied first, whichever case is done; ready also when the
//                          channel is closed and drained: then it stays empty. If it was closed with a reason, that is thrown
// recv(channel)            a value that is dropped, while the channel is locked: its destructor must not use the channel
// send(channel, value)     an lvalue is copied when select is called; an rvalue is moved from only if this case is chosen
// after(duration)          if nothing else is ready for that long; zero or less: at once, as otherwise(), but a stop request counts
// at(time)                 the same, until a point in time. One that has passed has its turn also while others are always ready.
//                          Of several, the earliest counts. Other clocks: as for sleeps (this_fiber.h)
// acquire(semaphore)       a permit of a counting_semaphore, which is taken
// lock(mutex)              a mutex, which is locked then, by the fiber or thread that selects, and is its to unlock:
//                          std::lock_guard hold(m, std::adopt_lock). Not in an async_select: a coroutine changes fibers
// ended(fiber)             a spawned fiber has ended; join() will not wait. Never ready for an empty handle
// stopped()                this fiber was asked to stop (without this case, select throws `cancelled`); looked at first. Never
//                          ready on a plain thread
// otherwise()              nothing else was ready, at one instant; makes select non-blocking, and it never throws `cancelled`
// readable(h), writable(h) of a socket: io/ready.h
//
// select_outcome(cases...), select_ordered_outcome(cases...), and wait_outcome() of a selector: a std::expected<std::size_t, closed_case>. Its
// error tells which case was chosen, and with which exception the others would have ended because the channel is closed.
//
// What the caller owes   A case refers to its channel, lock or fiber, `out`, and a value that is an rvalue. All of them outlive the
//                        select call, which a temporary in the call does; for a selector, they outlive the selector, which a
//                        temporary does not. A case is used once.
// What is guaranteed     Exactly one case is done; all others are withdrawn before select returns and keep their values. If
//                        several are ready, each is equally likely (select_ordered: the first). A select never meets itself. A
//                        case on a nil channel is never ready; a select of nothing but such cases waits for ever.
//                        What is ready is done, although a stop was requested, unless there is a stopped().
// May park               unless there is an otherwise().
// Happens-before         that of the operation that was done.
// When it dies           Nothing is left behind when select returns or throws.
// Errors                 channel_closed if the chosen case sends on a closed channel; the reason of a channel that was closed with one, if
//                        the chosen case receives; cancelled; what copying an lvalue throws;
//                        std::bad_alloc from waiting for more than 16 cases. If there is no memory for a value in an
//                        unbounded channel, a select panics.
// Cost                   four cases, one ready: 20 to 30 ns; with otherwise(), none ready: 10 ns; waiting: 100 to 150 ns. Up to 16
//                        cases nothing is allocated: the cases live in the caller's frame.
// Source of the idea     Go's select; index form from libdill's choose.
#pragma once

#include <thrum/chan.h>
#include <thrum/detail/expected.h>
#include <thrum/detail/select_case.h>
#include <thrum/mutex.h>
#include <thrum/semaphore.h>
#include <thrum/spawn.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace thrum {

// The case of a select that was chosen because its channel is closed.
struct closed_case {
  std::size_t index = 0;
  std::exception_ptr reason; // of a send: a channel_closed; else what the channel was closed with
};

namespace detail {

// select_cases(), with that as an error.
inline std::expected<std::size_t, closed_case> select_told(select_case* const* cases, std::size_t count,
                                                           bool ordered) {
  std::exception_ptr reason;
  const std::size_t chosen = select_cases(cases, count, ordered, &reason);
  if (reason != nullptr) return std::unexpected(closed_case{chosen, std::move(reason)});
  return chosen;
}

struct handle_access {
  template <class T> static joinable_task* task(const fiber<T>& f) noexcept { return f.task_; }
};

// What select() takes: gives the raw case, once for each select.
struct basic_case {
  select_case raw;
  select_case* get() noexcept { return &raw; }
};
struct otherwise_case : basic_case {};
struct lock_case : basic_case {};
template <class T> struct copied_send_case : basic_case {
  explicit copied_send_case(const T& v) : value(v) {}
  T value;
  select_case* get() noexcept {
    raw.value = std::addressof(value);
    return &raw;
  }
};

// What `out` holds is destroyed here, not when the channel puts a value there: it is locked then.
template <class T> struct recv_case : basic_case {
  explicit recv_case(std::optional<T>& out) noexcept { raw.value = &out; }
  select_case* get() noexcept {
    static_cast<std::optional<T>*>(raw.value)->reset();
    return &raw;
  }
};

inline void fill_chan(select_case& c, const chan_ref& channel) noexcept {
  c.what = select_case::kind::source;
  c.object = chan_access::core(channel);
  c.readiness = c.object; // a core begins with its hint
}
inline void fill_send(select_case& c, const chan_ref& to) noexcept {
  fill_chan(c, to);
  c.ready_bit = chan_send_ready;
  c.when_closed = select_case::at_close::send_fails;
  c.prepare = &prepare_send;
}

inline void fill_recv(select_case& c, const chan_ref& from) noexcept {
  fill_chan(c, from);
  c.ready_bit = chan_recv_ready;
  c.when_closed = select_case::at_close::recv_asks_why;
  c.prepare = &prepare_recv;
}

inline void fill_acquire(select_case& c, semaphore_core& from) noexcept {
  c.what = select_case::kind::source;
  c.object = &from;
  c.readiness = semaphore_access::hint(from);
  c.ready_bit = has_permit_ready;
  c.prepare = &prepare_acquire;
}

template <class T> recv_case<T> make_recv_case(const chan_ref& from, std::optional<T>& out) noexcept {
  recv_case<T> c(out);
  fill_recv(c.raw, from);
  return c;
}
inline basic_case make_dropping_recv_case(const chan_ref& from) noexcept {
  basic_case c;
  fill_recv(c.raw, from);
  return c;
}
template <class T> basic_case moved_send_case(const chan_ref& to, T& value) noexcept {
  basic_case c;
  fill_send(c.raw, to);
  c.raw.value = std::addressof(value);
  return c;
}
template <class T> copied_send_case<T> make_copied_send_case(const chan_ref& to, const T& value) {
  copied_send_case<T> c(value);
  fill_send(c.raw, to);
  return c;
}

} // namespace detail

template <class C>
concept select_case = requires(C& c) {
  { c.get() } -> std::same_as<detail::select_case*>;
};

// A case refers to its channel, its fiber and `out`; they must outlive the select call (a temporary in the call does).
template <class T> [[nodiscard]] auto recv(const chan<T>& from, std::optional<T>& out) {
  return detail::make_recv_case<T>(from, out);
}
template <class T> [[nodiscard]] auto recv(const receiver<T>& from, std::optional<T>& out) {
  return detail::make_recv_case<T>(from, out);
}
template <class T> [[nodiscard]] auto recv(const chan<T>& from) {
  return detail::make_dropping_recv_case(from);
}
template <class T> [[nodiscard]] auto recv(const receiver<T>& from) {
  return detail::make_dropping_recv_case(from);
}

template <class T> [[nodiscard]] auto send(const chan<T>& to, const std::type_identity_t<T>& value) {
  return detail::make_copied_send_case<T>(to, value);
}
template <class T> [[nodiscard]] auto send(const sender<T>& to, const std::type_identity_t<T>& value) {
  return detail::make_copied_send_case<T>(to, value);
}
template <class T> [[nodiscard]] auto send(const chan<T>& to, std::type_identity_t<T>&& value) {
  return detail::moved_send_case<T>(to, value);
}
template <class T> [[nodiscard]] auto send(const sender<T>& to, std::type_identity_t<T>&& value) {
  return detail::moved_send_case<T>(to, value);
}

template <class Rep, class Period>
[[nodiscard]] auto after(const std::chrono::duration<Rep, Period>& duration) {
  detail::basic_case c;
  c.raw.what = detail::select_case::kind::after;
  using seconds = std::chrono::duration<double>;
  c.raw.time = duration <= duration.zero() ? 0
               : seconds(duration).count() > 9.2e9
                   ? detail::no_deadline
                   : std::chrono::ceil<std::chrono::nanoseconds>(duration).count();
  return c;
}
template <class Clock, class Duration>
[[nodiscard]] auto at(const std::chrono::time_point<Clock, Duration>& time) {
  detail::basic_case c;
  c.raw.what = detail::select_case::kind::at;
  c.raw.time = detail::to_deadline(time);
  return c;
}
template <std::ptrdiff_t Max> [[nodiscard]] auto acquire(counting_semaphore<Max>& from) noexcept {
  detail::basic_case c;
  detail::fill_acquire(c.raw, detail::semaphore_access::core(from));
  return c;
}
[[nodiscard]] inline auto lock(mutex& m) noexcept {
  detail::lock_case c;
  c.raw.what = detail::select_case::kind::source;
  c.raw.object = &m;
  c.raw.readiness = detail::mutex_access::hint(m);
  c.raw.ready_bit = detail::may_be_free_ready;
  c.raw.prepare = &detail::prepare_lock;
  c.raw.when_closed = detail::select_case::at_close::lock_is_noted;
  return c;
}
template <class T> [[nodiscard]] auto ended(const fiber<T>& f) {
  detail::basic_case c;
  c.raw.what = detail::select_case::kind::source;
  c.raw.prepare = &detail::prepare_ended;
  c.raw.object = detail::handle_access::task(f);
  c.raw.readiness = detail::ended_hint(detail::handle_access::task(f));
  c.raw.ready_bit = detail::has_ended_ready;
  return c;
}
[[nodiscard]] inline auto stopped() {
  detail::basic_case c;
  c.raw.what = detail::select_case::kind::stopped;
  return c;
}
[[nodiscard]] inline auto otherwise() {
  detail::otherwise_case c;
  c.raw.what = detail::select_case::kind::otherwise;
  return c;
}

template <select_case... Cases> std::size_t select(Cases&&... cases) {
  detail::select_case* const all[] = {cases.get()..., nullptr};
  if constexpr (sizeof...(Cases) <= 8 && (std::is_same_v<std::decay_t<Cases>, detail::otherwise_case> || ...))
    if (std::size_t index; detail::only_otherwise<sizeof...(Cases)>(all, index)) return index;
  return detail::select_cases(all, sizeof...(Cases), false);
}
// The first ready case, in the order of the arguments.
template <select_case... Cases> std::size_t select_ordered(Cases&&... cases) {
  detail::select_case* const all[] = {cases.get()..., nullptr};
  return detail::select_cases(all, sizeof...(Cases), true);
}

// The same, but what the chosen case would throw because its channel is closed is the error of an expected.
template <select_case... Cases>
[[nodiscard]] std::expected<std::size_t, closed_case> select_outcome(Cases&&... cases) {
  detail::select_case* const all[] = {cases.get()..., nullptr};
  return detail::select_told(all, sizeof...(Cases), false);
}
template <select_case... Cases>
[[nodiscard]] std::expected<std::size_t, closed_case> select_ordered_outcome(Cases&&... cases) {
  detail::select_case* const all[] = {cases.get()..., nullptr};
  return detail::select_told(all, sizeof...(Cases), true);
}

// A select whose number of cases is known at run time. wait() may be called again and again: each is a select of its own, in
// which after() begins anew and a value that was an lvalue is copied again. An rvalue is gone after it was sent once.
//
//   std::vector<thrum::chan<int>> channels(10);
//   std::optional<int> got;
//   thrum::selector any;
//   for (auto& c : channels) any.add(thrum::recv(c, got));
//   if (any.wait() == 0 && got) work(*got);
//
// Used by one fiber or thread at a time. add() allocates, and throws std::bad_alloc with nothing added; wait() throws what a
// select throws, and what copying a value throws.
class selector {
public:
  // Returns the index that wait() will report for this case. What the case refers to must outlive the selector: channels,
  // `out`, and an rvalue to be sent, which the case does not hold: send(c, 42) is too short-lived, send(c, n) makes a copy.
  template <select_case Case> std::size_t add(Case c) {
    cases_.push_back(nullptr); // room for run()
    kept_.push_back(std::make_unique<repeated<Case>>(std::move(c)));
    return kept_.size() - 1;
  }
  std::size_t wait() { return run(false); }
  std::size_t wait_ordered() { return run(true); }
  [[nodiscard]] std::expected<std::size_t, closed_case> wait_outcome() {
    begin();
    return detail::select_told(cases_.data(), cases_.size(), false);
  }
  [[nodiscard]] std::expected<std::size_t, closed_case> wait_ordered_outcome() {
    begin();
    return detail::select_told(cases_.data(), cases_.size(), true);
  }
  [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }

private:
  struct kept_case {
    virtual ~kept_case() = default;
    virtual detail::select_case* begin() = 0;
  };
  // A select uses a case up (a copied value is moved from), so each gets a copy.
  template <class Case> struct repeated final : kept_case {
    explicit repeated(Case c) : original(std::move(c)) {}
    detail::select_case* begin() override { return used.emplace(original).get(); }
    Case original;
    std::optional<Case> used;
  };

  void begin() {
    cases_.clear();
    for (auto& kept : kept_) cases_.push_back(kept->begin());
  }
  std::size_t run(bool ordered) {
    begin();
    return detail::select_cases(cases_.data(), cases_.size(), ordered);
  }

  std::vector<std::unique_ptr<kept_case>> kept_;
  std::vector<detail::select_case*> cases_; // of the select that runs
};

} // namespace thrum
