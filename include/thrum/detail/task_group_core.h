// Serves task_group.h: what groups share whatever their joiner is, and the tasks in them (src/structure/task_group.cc).
#pragma once

#include <thrum/attrs.h>
#include <thrum/detail/atomic.h>
#include <thrum/detail/countdown.h>
#include <thrum/detail/joinable.h>
#include <thrum/detail/stop_scope.h>
#include <thrum/error.h>
#include <thrum/mutex.h>
#include <thrum/semaphore.h>
#include <thrum/spawn.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

struct group_options {
  const char* name =
      nullptr;        // of the tasks, in reports, unless they have one of their own; must outlive the group
  unsigned limit = 0; // so many tasks run at a time, at most: spawn() waits for a place; 0: no limit
  // The tasks, and join(), may take that long, from the making of the group.
  std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();
};

namespace detail {

class task_group_core;

// For reports: what a fiber or thread has to do with groups, as a list, innermost first: those that it owns, and at the end that of
// which it is a task. Its own; others read copies, which may be of memory that is something else by now (inspect/census.h).
struct group_link {
  enum class role : std::uintptr_t { owner = 0x6f776e73, task = 0x7461736b };

  group_link* outer = nullptr;
  std::uintptr_t mark = 0; // while it is listed: its address and its role
  const task_group_core* group = nullptr;

  // Of a copy: what was at that address was listed.
  bool was_listed_at(const void* address, role as) const noexcept {
    return mark == (reinterpret_cast<std::uintptr_t>(address) ^ static_cast<std::uintptr_t>(as));
  }
};
void begin_link(group_link& l, group_link::role as) noexcept; // src/structure/task_group.cc
void end_link(group_link& l) noexcept;

// What a report tells of a group, from a copy of it.
struct group_facts {
  const char* name;
  std::source_location site;
  unsigned limit;
  std::uint64_t started;
  std::uint64_t running; // have not ended
  bool stopped;
  bool has_deadline;
};

// One task. Linked in its group from its start until it has ended.
struct group_member : listed_task {
  explicit group_member(task_group_core& g, joinable_task& t) noexcept; // the owner makes it
  task_group_core& group;
  const deadline_t deadline; // the earliest around the spawn: told to the task
};

class task_group_core {
public:
  task_group_core(const group_options& o, std::source_location site);
  task_group_core(const task_group_core&) = delete;
  task_group_core& operator=(const task_group_core&) = delete;

  // ---- the owner
  void admit();                          // waits for a place; throws `cancelled`, std::bad_alloc
  void withdraw() noexcept;              // admit(), but nothing is started
  void start(group_member& m) noexcept;  // requires: admit()
  void join();                           // all tasks have ended; throws `cancelled`, or timed_out
  void leave() noexcept;                 // asks all to stop, if it was not joined, and waits for them
  void set_body(stop_scope* s) noexcept; // what is asked, too, when the group stops; null: nothing
  attrs named(attrs a) const noexcept {
    if (a.name == nullptr) a.name = name_;
    return a;
  }

  // ---- anybody
  bool stop(cancel_reason why) noexcept; // false: it was stopped before
  bool stopped() const noexcept { return word() != 0; }
  cancel_reason reason() const noexcept { return static_cast<cancel_reason>(word() - 1); } // if it was
  deadline_t deadline() const noexcept { return deadline_; }
  const group_link& link() const noexcept { return link_; }
  group_facts facts() const noexcept {
    return {name_, site_, limit_, started_, running(), stopped(), deadline_ != no_deadline};
  }
  std::size_t running() const noexcept { return static_cast<std::size_t>(running_.count()); }

  // ---- the task itself
  // Its last act: it may be gone afterwards. tell() says it to the joiner, under the mutex; true: the others are to stop.
  void end(group_member& m, bool (*tell)(task_group_core&, joinable_task&) noexcept) noexcept;

  // In the order in which they happened. Written under the mutex; the owner's behind join().
  std::vector<std::exception_ptr> failures;

private:
  std::uint8_t word() const noexcept { return word_.load(std::memory_order_relaxed); } // relaxed: the fence
  void check_owner(const char* what) const noexcept;
  bool enlist(group_member& m) noexcept; // false: the group was stopped
  // Returns those who slept; they are to be woken without the mutex. Requires: the mutex.
  [[nodiscard]] runnable* stop_all(cancel_reason why) noexcept;

  group_link link_;
  const char* const name_;
  const std::source_location site_;
  const unsigned limit_;
  std::uint64_t started_ = 0; // the owner's
  const deadline_t deadline_;
  const wait::agent* const owner_;
  bool joined_ = false; // the owner's
  mutex mutex_;
  listed_task* first_ = nullptr; // guarded
  stop_scope* body_ = nullptr;   // guarded
  atomic<std::uint8_t> word_{0}; // 0, or 1 + the cancel_reason; written under the mutex
  countdown running_{0};
  std::optional<counting_semaphore<>> places_;
  fiber<> watch_; // stops the group at its deadline
};

// The time in which a task runs, in its fiber: reports find its group, and this_fiber::deadline() tells it the deadline. (Whoever keeps
// that asks the group to stop.)
class running_task {
public:
  explicit running_task(const group_member& m) noexcept;
  ~running_task();
  running_task(const running_task&) = delete;
  running_task& operator=(const running_task&) = delete;

private:
  group_link link_;
  std::optional<stop_scope> told_;
};

// With what all its tasks tell.
template <class Joiner> struct group_with : task_group_core {
  group_with(const group_options& o, Joiner j, std::source_location site)
      : task_group_core(o, site), joiner(std::move(j)) {}
  Joiner joiner;
};

template <class Joiner, class T, class F> struct group_task final : result_task<T>, group_member {
  template <class G> group_task(task_group_core& in, G&& g, const attrs& a, std::source_location s)
      : result_task<T>(&run_it, &destroy_it, a, s),
        group_member(in, static_cast<joinable_task&>(*this)),
        f(std::forward<G>(g)) {}
  ~group_task() {}

  static group_task& of(joinable_task& t) noexcept {
    return static_cast<group_task&>(static_cast<result_task<T>&>(t));
  }

  static void run_it(thrum::detail::task& t) {
    group_task& self = of(static_cast<joinable_task&>(t));
    if (self.dropped) {
      self.f.~F();
      return publish_dropped(self);
    }
    if (self.group.stopped()) { // before it began
      self.f.~F();
      self.error = std::make_exception_ptr(cancelled(self.group.reason()));
    } else {
      const running_task from_here(self);
      call_and_keep(self, self.f);
    }
    self.group.end(self, &tell);
  }

  static bool tell(task_group_core& in, joinable_task& t) noexcept {
    Joiner& joiner = static_cast<group_with<Joiner>&>(in).joiner;
    if (t.error != nullptr) return is_failure(t.error) && joiner.on_failure(t.error);
    if constexpr (std::is_void_v<T>)
      return joiner.on_success();
    else if constexpr (std::is_reference_v<T>)
      return joiner.on_success(static_cast<T>(*of(t).value));
    else
      return joiner.on_success(of(t).value);
  }

  static void destroy_it(joinable_task& t) noexcept {
    group_task& self = of(t);
    if (self.error == nullptr) self.destroy_value();
    self.~group_task();
    free_task(&self, sizeof(group_task));
  }

  union {
    F f; // alive until run_it ends
  };
};

} // namespace detail
} // namespace thrum
