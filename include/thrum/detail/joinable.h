// Serves spawn.h: a task whose end can be waited for and whose result is kept until somebody takes it.
//
// Owned by two: the fiber until it has ended, and the handle until it was joined, detached or destroyed. Who leaves last
// frees it (src/sync/join.cc).
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>
#include <thrum/detail/outcome.h>
#include <thrum/detail/task.h>
#include <thrum/error.h>

#include <exception>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace thrum {

template <class T> class fiber;

namespace sched {
struct fiber;
} // namespace sched

namespace detail {

struct joinable_task : task {
  joinable_task(void (*f)(task&), void (*d)(joinable_task&) noexcept, const attrs& a,
                std::source_location s) noexcept;

  std::exception_ptr
      error; // what the fiber threw, or why it was dropped; written before its end is published
  void (*destroy)(joinable_task&) noexcept; // ends the life of the whole object and frees it
  alignas(detail::room_alignment) unsigned char state[detail::room_for(64)]; // sync::join_state
};

// src/sync/join.cc. A null task (no fiber, or joined already) is misuse and panics, except in request_stop and has_ended.
// It is an exception, and not `cancelled`: that says that a task did what it was asked to, or gave up.
bool is_failure(const std::exception_ptr& error) noexcept;
bool wait_ended_until(joinable_task* task, deadline_t deadline); // may throw cancelled
void stop_and_join(joinable_task* task) noexcept;
void give_up(joinable_task* task) noexcept;
bool request_stop(joinable_task* task, cancel_reason why = cancel_reason::user) noexcept;
bool has_ended(const joinable_task* task) noexcept;
const void* ended_hint(const joinable_task* task) noexcept; // for select; null for a null task
void free_joined(joinable_task* task) noexcept; // requires: has_ended, and the caller is the handle
void begin_joinable(joinable_task& task, sched::fiber& f) noexcept; // the fiber's first act
// The fiber's last act; the task may be gone afterwards. Throws its error if that is a failure and nobody is there to be told.
void publish_end(joinable_task& task);
// The same for work that runs in no fiber: on a thread of an executor. False: it was asked to stop before it began, so it is
// not to begin.
bool may_begin_joinable(joinable_task& task) noexcept;
void publish_dropped(joinable_task& task) noexcept; // instead of publish_end, for a task that was dropped
void publish_told(
    joinable_task& task) noexcept; // instead of publish_end: its failure was told to somebody else

// One of many that may be asked to stop together.
struct listed_task {
  explicit listed_task(joinable_task& t) noexcept : task(t) {}
  joinable_task& task;
  listed_task* previous = nullptr; // guarded by the list, as is all below
  listed_task* next = nullptr;
  enum : std::uint8_t {
    not_begun, // as far as was seen
    awake,     // it was told, but ran
    done       // it has ended; or was told in its sleep
  } request = not_begun;
};
// Asks all that have begun; others find the request when they begin (what the list belongs to says so, behind a light fence). Returns
// those who slept, for wake_asked(), when the list is no longer held. Requires: the list is, and nobody of it was asked before.
runnable* ask_all(listed_task* first, cancel_reason why) noexcept;
void wake_asked(runnable* asleep) noexcept;

[[noreturn]] void refuse_inside_fiber_slow() noexcept;
bool inside_fiber() noexcept;
inline void refuse_inside_fiber() noexcept {
  if (inside_fiber()) refuse_inside_fiber_slow();
}

template <class T> struct result_task : joinable_task {
  using joinable_task::joinable_task;
  using stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;
  union {
    stored value; // alive iff the fiber has ended and error is null
  };
  result_task(void (*f)(task&), void (*d)(joinable_task&) noexcept, const attrs& a,
              std::source_location s) noexcept
      : joinable_task(f, d, a, s) {}
  ~result_task() {} // the value was destroyed by destroy()
  void destroy_value() noexcept { value.~stored(); }
};
template <> struct result_task<void> : joinable_task {
  using joinable_task::joinable_task;
  void destroy_value() noexcept {}
};

// Calls f, and keeps what it returns or throws. f dies on this stack, before the end is published: its captures are gone when join
// returns.
template <class T, class F> void call_and_keep(result_task<T>& t, F& f) noexcept {
  try {
    struct owner {
      F& f;
      ~owner() { f.~F(); }
    } callable{f};
    if constexpr (std::is_void_v<T>)
      std::move(callable.f)();
    else if constexpr (std::is_reference_v<T>) {
      auto&& referred = std::move(callable.f)(); // named: addressof takes no rvalue
      t.value = std::addressof(referred);
    } else
      ::new (static_cast<void*>(std::addressof(t.value))) T(std::move(callable.f)());
  } catch (...) { t.error = std::current_exception(); }
}

template <class T, class F> struct callable_task final : result_task<T> {
  template <class G> callable_task(G&& g, const attrs& a, std::source_location s)
      : result_task<T>(&run_it, &destroy_it, a, s), f(std::forward<G>(g)) {}
  ~callable_task() {}

  static void run_it(task& t) {
    auto& self = static_cast<callable_task&>(t);
    if (__builtin_expect(self.dropped, false)) {
      self.f.~F();
      return publish_dropped(self);
    }
    call_and_keep(self, self.f);
    publish_end(self);
  }

  static void destroy_it(joinable_task& t) noexcept {
    auto& self = static_cast<callable_task&>(t);
    if (self.error == nullptr) self.destroy_value();
    self.~callable_task();
    free_task(&self, sizeof(callable_task));
  }

  // One that no executor has accepted.
  static void free_refused(callable_task* self) noexcept {
    self->f.~F();
    self->~callable_task();
    free_task(self, sizeof(callable_task));
  }

  union {
    F f; // alive until run_it ends
  };
};

// A handle's claim on an ended fiber: takes the result, then frees the task.
template <class T> struct joined_result {
  explicit joined_result(joinable_task* t) noexcept : task(static_cast<result_task<T>*>(t)) {}
  ~joined_result() { free_joined(task); }
  T get() {
    if (task->error)
      std::rethrow_exception(task->error); // not moved from: destroy() asks it whether there is a value
    if constexpr (std::is_reference_v<T>)
      return static_cast<T>(*task->value);
    else if constexpr (!std::is_void_v<T>)
      return std::move(task->value);
  }
  thrum::outcome<T> outcome() {
    if (task->error) return std::unexpected(task->error); // as above
    if constexpr (std::is_void_v<T>)
      return {};
    else if constexpr (std::is_reference_v<T>)
      return std::ref(*task->value);
    else
      return thrum::outcome<T>(std::in_place, std::move(task->value));
  }
  result_task<T>* task;
};

template <class T, class F>
callable_task<T, std::decay_t<F>>* make_callable_task(F&& f, const attrs& a, std::source_location site) {
  using task_type = callable_task<T, std::decay_t<F>>;
  static_assert(alignof(task_type) <= 64,
                "thrum: a fiber's callable and result may be aligned to 64 bytes at most");
  void* memory = allocate_task(sizeof(task_type));
  try {
    return ::new (memory) task_type(std::forward<F>(f), a, site);
  } catch (...) {
    free_task(memory, sizeof(task_type));
    throw;
  }
}

// f and its arguments, decayed now, called later.
template <class F, class... A> auto bind_now(F&& f, A&&... a) {
  return [f = std::decay_t<F>(std::forward<F>(f)),
          arguments = std::tuple<std::decay_t<A>...>(std::forward<A>(a)...)]() mutable -> decltype(auto) {
    return std::apply(
        [&](auto&... x) -> decltype(auto) { return std::invoke(std::move(f), std::move(x)...); }, arguments);
  };
}

// For go.h, spawn.h and runtime.h: f can be called with these arguments after all have been decayed and moved.
template <class F, class... A>
concept callable_with = std::is_invocable_v<std::decay_t<F>&&, std::decay_t<A>&&...>;

// Starts a detached fiber on `where` (null: on the caller's runtime) that calls f with its arguments.
template <class F, class... A> void go_on(runtime* where, std::source_location site, F&& f, A&&... a) {
  launch_detached(bind_now(std::forward<F>(f), std::forward<A>(a)...), attrs{}, site, where);
}

template <class T> fiber<T> make_handle(result_task<T>* task) noexcept;
struct handle_access;

} // namespace detail
} // namespace thrum
