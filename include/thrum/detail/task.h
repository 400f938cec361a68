// Serves go.h, spawn.h and runtime.h: what is stored between a spawn and the first run of a fiber.
//
// A spawn makes no fiber. It makes a task: the callable, who made it where, and how to run it, in a slab object of 64
// bytes or a little more. A stack is bound when the task first runs; most run on one that is still warm, and the task's
// memory is free again before the callable is called.
#pragma once

#include <thrum/attrs.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

class runtime;

namespace detail {

struct task;

// What a run queue holds: a task that has not begun, or a fiber that goes on; or one to which something is special, so that
// who picks it looks closer (src/sched/special.cc), or whose stack is lent for the moment (src/sched/lend.h).
struct runnable {
  enum class kind : std::uint8_t { fiber, task, special_fiber, lent_fiber };
  explicit runnable(kind k) noexcept : what(k) {}

  runnable* link = nullptr; // for queues that link; guarded by the queue
  std::atomic<kind> what;   // of a fiber: changed by itself, while it runs, or while it is lent

  bool is_task() const noexcept {
    return what.load(std::memory_order_relaxed) == kind::task; // relaxed: constant
  }
};

struct binding;

struct task : runnable {
  task(void (*f)(task&), const attrs& a, std::source_location s) noexcept
      : runnable(kind::task),
        stack(a.stack < most_stack ? static_cast<std::uint32_t>(a.stack) : most_stack),
        run(f),
        name(a.name),
        site(s) {}

  static constexpr std::uint32_t most_stack = ~std::uint32_t{0}; // four times what is possible

  // The order saves 8 bytes: the first four lie in the padding of runnable.
  bool joinable = false; // a joinable_task (spawn.h)
  bool dropped = false;  // run() is not to call the callable, only to end the task's life; set by drop_task()
  bool asks_why = false; // if it is dropped: run() finds the reason in std::current_exception()
  std::uint32_t stack;
  // Runs the callable on the fiber's stack. Ends the task's life before it returns (or throws). A flag says that it is not to be
  // called after all, not a second function: that would take 8 of the 16 bytes that a callable has in the smallest object.
  void (*run)(task&);
  const char* name;
  std::source_location site;
  binding* bound = nullptr; // what the fiber inherits (scoped.h); a reference, which the fiber takes over
};

// Memory for a task of `bytes`, from the caller's processor. Throws std::bad_alloc.
void* allocate_task(std::size_t bytes);
void free_task(void* memory, std::size_t bytes) noexcept;

// Ends the life of a task that an executor had accepted and does not run after all: the callable is destroyed, not called. Who joins
// it gets `why`. Here, in the caller.
void drop_task(task& t, std::exception_ptr why) noexcept;

// Makes the task runnable on `where`, or on the caller's runtime if null (on a plain thread: the default runtime).
void launch(task& t, runtime* where) noexcept;

// A detached callable with nothing to report.
template <class F> struct detached_task final : task {
  template <class G> detached_task(G&& g, const attrs& a, std::source_location s)
      : task(&run_it, a, s), f(std::forward<G>(g)) {}

  static void run_it(task& t) {
    auto& self = static_cast<detached_task&>(t);
    if (__builtin_expect(self.dropped, false)) return release(&self);
    if constexpr (std::is_nothrow_move_constructible_v<F>) {
      F f(std::move(self.f)); // onto the fiber's stack: the slab object serves the next spawn at once
      release(&self);
      std::move(f)();
    } else {
      struct keeper {
        detached_task* kept;
        ~keeper() { release(kept); }
      } keep{&self};
      std::move(self.f)();
    }
  }
  static void release(detached_task* self) noexcept {
    self->~detached_task();
    free_task(self, sizeof(detached_task));
  }

  F f;
};

template <class F>
detached_task<std::decay_t<F>>* make_detached_task(F&& f, const attrs& a, std::source_location site) {
  using task_type = detached_task<std::decay_t<F>>;
  static_assert(alignof(task_type) <= 64, "thrum: a fiber's callable may be aligned to 64 bytes at most");
  void* memory = allocate_task(sizeof(task_type));
  try {
    return ::new (memory) task_type(std::forward<F>(f), a, site);
  } catch (...) {
    free_task(memory, sizeof(task_type));
    throw;
  }
}
// One that is not to run after all.
template <class F> void free_detached_task(detached_task<F>* t) noexcept { detached_task<F>::release(t); }

// What spawn() and go() start when f returns an R: a fiber that calls f; task.h: a coroutine, with f kept until it has ended.
template <class R> struct started_by {
  using result = R;
  static constexpr bool is_coroutine = false;
};

template <class F> void launch_detached(F&& f, const attrs& a, std::source_location site, runtime* where) {
  using started = started_by<std::invoke_result_t<std::decay_t<F>&&>>;
  if constexpr (started::is_coroutine)
    launch(*started::make_detached(std::forward<F>(f), a, site, where), where);
  else
    launch(*make_detached_task(std::forward<F>(f), a, site), where);
}

} // namespace detail
} // namespace thrum
