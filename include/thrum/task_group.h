// task_group: tasks that are started together and end together. Nothing outlives its scope.
//
//   std::string page(int id) {
//     thrum::task_group<> group({.name = "page", .timeout = 2s});
//     auto user = group.spawn([id] { return fetch_user(id); });
//     auto orders = group.spawn([id] { return fetch_orders(id); });
//     group.join();                         // waits for both; throws what the first that failed has thrown
//     return *user + *orders;
//   }
//   std::string fastest() {
//     thrum::task_group<thrum::joiner::first_success<std::string>> group;
//     for (int mirror = 0; mirror < 3; ++mirror) group.spawn([mirror] { return download(mirror); });
//     return group.join();                  // the first result; the others are asked to stop, and have ended
//   }
//
// Joiners decide what a result or a failure means, and what join() returns:
//
// joiner::all_or_fail       (the default) the first failure asks the others to stop; join() throws it
// joiner::collect           nobody is asked; join() throws an exception_group of all failures, if there are any
// joiner::first_success<T>  the first result asks the others to stop; join() returns it, or throws an exception_group
// your own                  with bool on_success(T&) (and on_success() for tasks that return void), bool on_failure(const
//                           std::exception_ptr&): true asks the others to stop; and result(const std::vector<std::exception_ptr>&
//                           failures), which join() returns. The first two are called by the task that has ended, one at a time,
//                           and do not throw.
//
// A task that ends with `cancelled` has neither succeeded nor failed. with_group(f) calls f(group) and joins; besides, a failure
// of a task asks f itself to stop, too.
//
// What the caller owes   Who makes the group, a fiber or a thread, owns it: only the owner spawns, joins and destroys; others panic.
//                        join() is called once, and nothing is spawned afterwards. What tasks refer to outlives the group.
// What is guaranteed     When join() or the destructor returns, all tasks have ended and their functions are destroyed. All
//                        failures are kept, in failures(); join() throws one of them, and they are the whole truth behind it.
//                        A task that is spawned when the group was asked to stop already does not begin: it counts as `cancelled`.
// Cancellation           If the owner is asked to stop while it joins, so are the tasks; join() waits for them and throws
//                        `cancelled`. options.timeout asks the tasks to stop when it has passed; join() then throws timed_out.
//                        stop() may be called by anybody who knows that the group lives.
// Deadlines              this_fiber::deadline() tells a task the earliest of the group's, its owner's when it was spawned, and its own,
//                        which nest inside (with_timeout.h); the body of with_group is told the group's, too. The group asks its
//                        tasks to stop for its own deadline; for its owner's when the owner joins, or leaves.
// May park               spawn(), if there is a limit; join(); the destructor; with_group().
// Happens-before         spawn -> f; f's end -> the return of join().
// When it dies           A group that was not joined (an exception passes, say) asks its tasks to stop and waits for them. Failures
//                        that nobody was told go to options.on_unhandled, or are printed. Subtasks may outlive their group.
// Errors                 std::bad_alloc from spawn, with nothing started; what moving f throws; `cancelled`.
// Reports                thrum::dump() shows groups as a tree, each with its name, the place where it was made, its owner and its tasks
//                        (inspect.h).
// Cost                   About 30 ns a task more than spawn(). Asking many to stop: no fence where all of them wait, else one or two heavy
//                        ones for all of them.
// Source of the idea     Java's StructuredTaskScope and its joiners; Trio's nurseries.
#pragma once

#include <thrum/detail/task_group_core.h>
#include <thrum/exception_group.h>

#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

namespace joiner {

struct all_or_fail {
  template <class... T> bool on_success(T&...) noexcept { return false; }
  bool on_failure(const std::exception_ptr&) noexcept { return true; }
  void result(const std::vector<std::exception_ptr>& failures) const {
    if (!failures.empty()) std::rethrow_exception(failures.front());
  }
};

struct collect {
  template <class... T> bool on_success(T&...) noexcept { return false; }
  bool on_failure(const std::exception_ptr&) noexcept { return false; }
  void result(const std::vector<std::exception_ptr>& failures) const {
    if (!failures.empty()) throw exception_group(failures);
  }
};

template <class T> class first_success {
public:
  bool on_success(T& value) noexcept(std::is_nothrow_move_constructible_v<T>) {
    if (!value_) value_.emplace(std::move(value));
    return true;
  }
  bool on_failure(const std::exception_ptr&) noexcept { return false; }
  T result(const std::vector<std::exception_ptr>& failures) {
    if (!value_) throw exception_group(failures);
    return std::move(*value_);
  }

private:
  std::optional<T> value_;
};

} // namespace joiner

namespace detail {
[[noreturn]] void panic_subtask_early() noexcept;
} // namespace detail

// One task of a group: its result, when it has ended. Moved, not copied. To drop it stops nothing.
template <class T = void> class subtask {
public:
  subtask() noexcept = default; // refers to none
  subtask(subtask&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  subtask& operator=(subtask&& other) noexcept {
    subtask taken(std::move(other));
    std::swap(task_, taken.task_);
    return *this;
  }
  ~subtask() {
    if (task_ != nullptr) detail::give_up(task_);
  }

  // It has ended, so get() may be called. Behind join(), all have.
  [[nodiscard]] bool ended() const noexcept { return detail::has_ended(task_); }
  [[nodiscard]] bool succeeded() const noexcept {
    return ended() && task_ != nullptr && task_->error == nullptr;
  }
  // What it has thrown; null: nothing. `cancelled`: it was asked to stop, and did, or it never began. Requires: it has ended.
  [[nodiscard]] std::exception_ptr error() const noexcept {
    check();
    return task_->error;
  }
  // Its result; throws what it has thrown. Panics if it has not ended: join() comes first.
  std::add_lvalue_reference_t<T> get() const {
    check();
    if (task_->error != nullptr) std::rethrow_exception(task_->error);
    if constexpr (std::is_reference_v<T>)
      return *task_->value;
    else if constexpr (!std::is_void_v<T>)
      return task_->value;
  }
  std::add_lvalue_reference_t<T> operator*() const { return get(); }
  auto operator->() const
    requires(!std::is_void_v<T>)
  {
    return std::addressof(get());
  }
  // Asks this one to stop. False: it was asked before, or has ended.
  bool request_stop() noexcept { return detail::request_stop(task_); }

private:
  template <class> friend class task_group;
  explicit subtask(detail::result_task<T>* t) noexcept : task_(t) {}
  void check() const noexcept {
    if (task_ == nullptr || !ended()) detail::panic_subtask_early();
  }

  detail::result_task<T>* task_ = nullptr;
};

template <class Joiner = joiner::all_or_fail> class task_group {
public:
  task_group(std::source_location site = std::source_location::current())
      : task_group(group_options{}, {}, site) {}
  explicit task_group(const group_options& o, Joiner j = {},
                      std::source_location site = std::source_location::current())
      : core_(o, std::move(j), site) {}
  ~task_group() { core_.leave(); }
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  // Starts a task that calls f. Waits for a place, if there is a limit.
  template <class F> auto spawn(F&& f, std::source_location site = std::source_location::current()) {
    return spawn(attrs{}, std::forward<F>(f), site);
  }
  template <class F>
  auto spawn(const attrs& a, F&& f, std::source_location site = std::source_location::current())
      -> subtask<std::invoke_result_t<std::decay_t<F>&&>> {
    using T = std::invoke_result_t<std::decay_t<F>&&>;
    using task_type = detail::group_task<Joiner, T, std::decay_t<F>>;
    static_assert(alignof(task_type) <= 64,
                  "thrum: a task's callable and result may be aligned to 64 bytes at most");
    core_.admit();
    task_type* t = nullptr;
    void* memory = nullptr;
    try {
      memory = detail::allocate_task(sizeof(task_type));
      t = ::new (memory) task_type(core_, std::forward<F>(f), core_.named(a), site);
    } catch (...) {
      if (memory != nullptr) detail::free_task(memory, sizeof(task_type));
      core_.withdraw();
      throw;
    }
    core_.start(*t);
    return subtask<T>(t);
  }

  // Waits for all tasks. What it returns and throws is the joiner's.
  decltype(auto) join() {
    core_.join();
    return core_.joiner.result(std::as_const(core_.failures));
  }

  // Asks all tasks to stop, those too that are spawned later. False: that was done before. Anybody may call.
  bool stop(cancel_reason why = cancel_reason::user) noexcept { return core_.stop(why); }
  [[nodiscard]] bool stopped() const noexcept { return core_.stopped(); }
  // How many tasks have not ended. A snapshot.
  [[nodiscard]] std::size_t running() const noexcept { return core_.running(); }
  // Requires: behind join(), or the owner knows that no task runs.
  [[nodiscard]] const std::vector<std::exception_ptr>& failures() const noexcept { return core_.failures; }

private:
  template <class F> friend auto with_group(const group_options& o, F&& f, std::source_location site)
      -> std::invoke_result_t<F, task_group<>&>;

  detail::group_with<Joiner> core_;
};

namespace detail {

// What a body is asked by, for as long as it runs.
class group_body {
public:
  explicit group_body(task_group_core& g) noexcept : group_(g), scope_(stop_scope::kind::told, g.deadline()) {
    group_.set_body(&scope_);
  }
  ~group_body() { group_.set_body(nullptr); }
  group_body(const group_body&) = delete;
  group_body& operator=(const group_body&) = delete;
  bool was_asked() const noexcept { return group_.stopped() && scope_.ends_here(group_.reason()); }

private:
  task_group_core& group_;
  stop_scope scope_;
};

template <class T> struct holder { // of a reference, too
  T value;
};

// False: the body was asked to stop for the group's sake, and did.
template <class F> bool call_body(task_group_core& group, F&& f) {
  if (!inside_fiber()) return f(), true;
  const group_body body(group);
  try {
    f();
    return true;
  } catch (const cancelled&) {
    if (!body.was_asked()) throw;
    return false;
  }
}

} // namespace detail

// Calls f(group) in the calling fiber, joins the group, and returns what f has returned. If a task fails, f is asked to stop, too, and
// what the task has thrown leaves with_group; timed_out when the timeout has passed. (On a plain thread f is not asked.)
template <class F>
auto with_group(const group_options& o, F&& f, std::source_location site = std::source_location::current())
    -> std::invoke_result_t<F, task_group<>&> {
  using T = std::invoke_result_t<F, task_group<>&>;
  task_group<> group(o, {}, site);
  const auto finish = [&group](bool done) {
    group.join();
    if (!done) throw cancelled(group.core_.reason()); // stop() was called, and nothing has failed
  };
  if constexpr (std::is_void_v<T>) {
    finish(detail::call_body(group.core_, [&] { std::invoke(std::forward<F>(f), group); }));
  } else {
    std::optional<detail::holder<T>> result;
    finish(detail::call_body(
        group.core_, [&] { result.emplace(detail::holder<T>{std::invoke(std::forward<F>(f), group)}); }));
    return std::forward<T>(result->value);
  }
}
template <class F> auto with_group(F&& f, std::source_location site = std::source_location::current())
    -> std::invoke_result_t<F, task_group<>&> {
  return with_group(group_options{}, std::forward<F>(f), site);
}

} // namespace thrum
