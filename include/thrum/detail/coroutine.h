// Serves task.h, async_generator.h and operation.h: what the runtime knows of coroutines (src/coro/flow.cc).
//
// A *flow* is a coroutine that somebody started, with all that it awaits: one of them runs, the others wait for its end. It is one
// agent: it has one wait at a time, one stop request, one set of bindings. The operations that it waits in queue its
// sched::coroutine as a fiber's queue the fiber.
//
// No coroutine resumes another: each leaves in the turn what is to go on, and returns to the loop that began the turn
// (run_flow). So the stack does not grow, whatever the compiler makes of symmetric transfer.
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>
#include <thrum/detail/pooled_frame.h>
#include <thrum/detail/task.h>
#include <thrum/error.h>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace thrum {

class executor;

namespace detail {

struct binding;
struct joinable_task;
struct select_case;

// From the moment when a flow is resumed until it waits, or ends. In the frame of whoever resumed it.
struct coroutine_turn {
  std::coroutine_handle<> next;     // goes on when the present one has stopped; null: none does
  binding* bound_outside = nullptr; // of the agent that runs the turn, to be restored
  std::coroutine_handle<> ended;    // the coroutine that was started, when it has ended, and the flow with it
};

struct coroutine_flow {
  // `resumption` goes on with it when it is run. `is_kept`: the runtime asks it to stop at its end, and waits for it.
  coroutine_flow(task& resumption, runtime* where, bool is_kept) noexcept;
  ~coroutine_flow();
  coroutine_flow(const coroutine_flow&) = delete;
  coroutine_flow& operator=(const coroutine_flow&) = delete;

  union {
    coroutine_turn* turn;       // while it runs
    std::coroutine_handle<> at; // while it does not: where it goes on
  };
  alignas(detail::room_alignment) unsigned char state[detail::room_for(64)]; // sched::coroutine
};

// Runs a flow until it waits, and then it may be gone: null; or until it has ended: what was started, to be destroyed, and then
// end_flow() is to be called.
std::coroutine_handle<> run_flow(coroutine_flow& f) noexcept;
// The same in the agent that waits for it, which is asked to stop itself.
std::coroutine_handle<> run_flow_inline(coroutine_flow& f) noexcept;
// It belongs to an executor, and is on its way there now: its resumption is to return.
bool sent_home(coroutine_flow& f, task& resumption) noexcept;
// Its executor, to which the caller posts it.
void belong_to(coroutine_flow& f, executor& home) noexcept;
// The last thing done with a flow, before its memory goes.
void end_flow(coroutine_flow& f) noexcept;

// A flow with a handle (src/sync/join.cc): requests go to the flow.
void join_by_flow(joinable_task& t, coroutine_flow& f) noexcept;

// The timer of a wait, or of a sleep; in the frame of the coroutine.
struct coroutine_timer {
  alignas(detail::room_alignment) unsigned char state[detail::room_for(72)]; // sched::coroutine_timer
};

inline constexpr std::size_t nothing_chosen = static_cast<std::size_t>(-1);

// Begins a wait of the flow, which goes on at `at`. True: it waits, and may go on, elsewhere, at any moment; finish_wait() tells
// what was chosen. False: `chosen` was. Throws `cancelled`, std::bad_alloc. Without a timer, no case may be a time.
bool begin_wait(coroutine_flow& f, std::coroutine_handle<> at, select_case* const* cases, std::size_t count,
                bool ordered, coroutine_timer* timer, std::size_t& chosen, bool in_a_turn = false);
// `in_a_turn`: if it is woken by what runs in its executor, and that has turns (executor.h), it goes on in one.
// When it goes on. Throws `cancelled`.
std::size_t finish_wait(coroutine_flow& f, select_case* const* cases, std::size_t count,
                        coroutine_timer* timer);
void throw_if_closed(select_case& chosen);
// If the flow runs in an executor that has turns (executor.h): it goes on at `at` in the next one, and the caller returns to who runs
// it: true. Throws `cancelled`.
bool take_turn(coroutine_flow& f, std::coroutine_handle<> at);

bool begin_sleep(coroutine_flow& f, std::coroutine_handle<> at, deadline_t deadline, coroutine_timer& timer);
void finish_sleep(coroutine_flow& f, coroutine_timer& timer);

// A flow that its caller, a fiber, waits for, in the caller's frame.
struct awaited_flow final : task {
  explicit awaited_flow(std::source_location s) noexcept;
  ~awaited_flow();
  // Runs it here until it waits; then waits for its end. Asked to stop, it asks the flow, and waits on.
  void run_to_end(std::coroutine_handle<> first) noexcept;

  coroutine_flow flow;

private:
  static void go_on(task& t);
  alignas(detail::room_alignment) unsigned char state_[detail::room_for(40)];
};

[[noreturn]] void panic_empty_coroutine() noexcept;

// ---- promises

// Of everything that may await operations.
struct coroutine_promise : pooled_frame {
  coroutine_flow* flow = nullptr;       // set when it is awaited, or started
  std::coroutine_handle<> continuation; // who awaits it; null: nobody, it was started
};

template <class P> coroutine_flow& flow_of(std::coroutine_handle<P> h) noexcept {
  static_assert(std::derived_from<P, coroutine_promise>,
                "thrum: operations, tasks and async_generators are awaited in a thrum::task or a "
                "thrum::async_generator; in other code use thrum::await()");
  return *h.promise().flow;
}

struct end_of_coroutine {
  bool await_ready() const noexcept { return false; }
  template <class P> void await_suspend(std::coroutine_handle<P> h) const noexcept {
    coroutine_promise& mine = h.promise();
    coroutine_turn& turn = *mine.flow->turn;
    if (mine.continuation)
      turn.next = mine.continuation;
    else
      turn.ended = h;
  }
  void await_resume() const noexcept {}
};

// What a coroutine returned or threw.
template <class T> class coroutine_result {
public:
  coroutine_result() noexcept {}
  ~coroutine_result() {
    if (what_ == has::value) std::destroy_at(std::addressof(value_));
    if (what_ == has::error) std::destroy_at(std::addressof(error_));
  }
  coroutine_result(const coroutine_result&) = delete;
  coroutine_result& operator=(const coroutine_result&) = delete;

  template <class U> void set_value(U&& value) {
    if constexpr (std::is_reference_v<T>)
      value_ = std::addressof(value);
    else
      std::construct_at(std::addressof(value_), std::forward<U>(value));
    what_ = has::value;
  }
  void set_error(std::exception_ptr e) noexcept {
    std::construct_at(std::addressof(error_), std::move(e));
    what_ = has::error;
  }
  T take() {
    if (what_ == has::error) std::rethrow_exception(std::move(error_));
    if constexpr (std::is_reference_v<T>)
      return static_cast<T>(*value_);
    else
      return std::move(value_);
  }

private:
  enum class has : unsigned char { nothing, value, error };
  using stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;
  union {
    stored value_;
    std::exception_ptr error_;
  };
  has what_ = has::nothing;
};

template <> class coroutine_result<void> {
public:
  void set_error(std::exception_ptr e) noexcept { error_ = std::move(e); }
  void take() {
    if (error_) std::rethrow_exception(std::move(error_));
  }

private:
  std::exception_ptr error_;
};

} // namespace detail
} // namespace thrum
