// process_pool: processes that work for this one, for what must not share its address space: a library that may crash, leak or exit,
// code that nothing but SIGKILL can stop, memory that is to be gone afterwards.
//
//   int square(int n) { return n * n; }
//   void squares() {
//     thrum::process_pool pool({.processes = 4});
//     thrum::future<int> one = pool.submit(thrum::fn<&square>, 7);
//     work(one.get());
//     for (int n : pool.map([](int n) { return n * n; }, std::vector{1, 2, 3})) work(n);
//   }
//
// A fiber needs no processes to compute on all processors, or to call what blocks; go() and async() cost a thousandth.
//
// submit(f, args...)     calls f(args...) in one of the processes; the result comes as a future (future.h)
// map(f, range, chunk)   calls f for each, and waits for all results, in order; `chunk` of them go to a process at a time (0: as many
//                        as make four parts for each process, or one, if nobody knows how long the range is)
// imap(f, range, ahead)  a generator (generator.h) of the results, in order: the range is read as they are asked for, and no more than
//                        `ahead` calls are under way (0: two for each process)
// f                      has no state: a lambda that captures nothing, a function object without members, thrum::fn<&function>.
//                        Arguments and results are copied there and back as codec.h says; texts arrive as std::string.
//
// A process of the pool is this program once more (/proc/self/exe), up to where main would begin: static objects are made, main
// is not called. Inside is a runtime with one processor, and f is called in a fiber of it, with 8 MiB of stack, so it may use whatever
// thrum has. It calls one f at a time. Variables have the values of a new program, not those here. Standard output and error
// are those of this process, standard input is empty, no other descriptor is inherited.
//
// What the caller owes   Nobody uses the pool when it is destroyed. What f starts and does not wait for ends with the process.
//                        Functions of a library that is loaded later (dlopen) cannot be called there. If only a shared library of the
//                        program includes this header, static objects of the program itself are not made in the processes.
// What is guaranteed     Each call is made at most once; if not to its end, its future fails. If a process dies, the call that it had
//                        begun fails with worker_died, which says how; no other call does, and another process takes its place. No
//                        process outlives the pool or this process, whatever kills that; no zombie is left. What the
//                        process has started is killed with it.
// Stopping               request_stop() of a future (or what asks for it: or_timeout, race): a call that was not begun is dropped;
//                        one that was is asked to stop, so its waits throw `cancelled`. If it goes on for options.kill_after,
//                        its process is killed. The future fails with `cancelled`, unless f returns all the same.
// Shutdown               shutdown(): no more calls are taken, those that wait are made. The destructor drops those (`rejected`), asks the
//                        others to stop, and kills them after options.kill_after, or 5 s.
// May park               the constructor, map(), whoever asks a generator of imap() for the next, the destructor, which listens to no stop request. submit() never parks.
// Happens-before         as for all futures. Between the processes, only what passes through says.
// When it dies           Futures outlive it.
// Errors                 The constructor: remote_error, from options.initializer; worker_died; io::failure. submit: codec_error (codec.h),
//                        rejected, std::bad_alloc. The future: remote_error for an exception of f, worker_died, cancelled, rejected,
//                        codec_error if the result cannot be decoded, and what the constructor throws if a new process cannot be started.
// Cost                   A process: 2 to 3 ms, and 0.6 MiB of its own. A call there and back: 3 us if the process is still awake from the one
//                        before, through memory that both watch (8 to 20 us if both are on one CPU); else 20 to 60 us, most of it the
//                        kernel's for waking two processes; of a map with chunks of 1,000, 0.1 us each. Each side stays awake for up
//                        to 60 us after it has spoken, but for one turn in nine only if nothing comes. Arguments and results beyond
//                        64 KiB pass through a memory file: 64 MiB take about 150 ms each way; a shared_buffer (shared_buffer.h) is
//                        not copied. Encoding and decoding: codec.h.
// Source of the idea     Python's multiprocessing.Pool and ProcessPoolExecutor, without their ways to hang and to break.
#pragma once

#include <thrum/detail/pool_job.h>
#include <thrum/process.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ranges>
#include <source_location>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

// A function as a value without state.
template <auto F> struct function_constant {
  template <class... A> constexpr decltype(auto) operator()(A&&... args) const
    requires std::invocable<decltype(F), A...>
  {
    return std::invoke(F, std::forward<A>(args)...);
  }
};
template <auto F> inline constexpr function_constant<F> fn{};

// What was thrown in another process. Exceptions are not rebuilt: what() says what the original said, type() what it was.
class remote_error : public std::runtime_error {
public:
  remote_error(std::string type, const std::string& what);
  [[nodiscard]] const std::string& type() const noexcept { return *type_; } // "std::out_of_range"

private:
  std::shared_ptr<const std::string> type_; // copying an exception must not throw
};

// The process that was to make a call has ended instead.
class worker_died : public std::runtime_error {
public:
  explicit worker_died(const exit_status& how);
  [[nodiscard]] const exit_status& status() const noexcept { return status_; }

private:
  exit_status status_;
};

namespace detail {
struct pool_initializer {
  std::vector<std::byte> message; // empty: none
  std::vector<attachment> attachments{};
};
// Called by the loader in every program that has this header, before main. In a process that a pool has started it does not return.
struct pool_entry {
  void (*self)(int, char**, char**);
  const void* mark;
};
void enter_pool(const pool_entry& at, int argc, char** argv, char** environment);
} // namespace detail

struct process_pool_options {
  // 0: as many as this process may use CPUs (affinity mask and cgroup quota).
  unsigned processes = 0;
  // After so many calls a process is replaced by a new one. 0: never.
  std::uint64_t max_tasks_per_process = 0;
  // How long a call that was asked to stop may go on before its process is killed; nanoseconds::max(): for ever.
  std::chrono::nanoseconds kill_after = std::chrono::nanoseconds::max();
  // Called in each process before anything else. See initialized_by().
  detail::pool_initializer initializer{};
};

// options.initializer: calls f(args...).
template <class F, class... A> detail::pool_initializer initialized_by(F, const A&... args) {
  detail::demand_stateless<F>();
  if constexpr (detail::stateless<F>) {
    using call = detail::remote_call<F, void, detail::sent<A>...>;
    encoder out(detail::begin_job(&call::run));
    out.allow_attachments();
    detail::write_arguments<detail::sent<A>...>(out, detail::as_sent<detail::sent<A>>(args)...);
    auto message = out.finish();
    return {std::move(message), out.take_attachments()};
  } else {
    return {};
  }
}

class process_pool {
public:
  explicit process_pool(process_pool_options o = {});
  ~process_pool();
  process_pool(const process_pool&) = delete;
  process_pool& operator=(const process_pool&) = delete;

  template <class F>
    requires std::invocable<F>
  auto submit(F, std::source_location site = std::source_location::current()) {
    return submit_from<F>(site);
  }
  // (One to three arguments carry the place of the call; C++ cannot put a default argument after a pack.)
  template <class F, class A1>
    requires std::invocable<F, detail::sent<A1>>
  auto submit(F, const A1& a1, std::source_location site = std::source_location::current()) {
    return submit_from<F>(site, a1);
  }
  template <class F, class A1, class A2>
    requires std::invocable<F, detail::sent<A1>, detail::sent<A2>>
  auto submit(F, const A1& a1, const A2& a2, std::source_location site = std::source_location::current()) {
    return submit_from<F>(site, a1, a2);
  }
  template <class F, class A1, class A2, class A3>
    requires std::invocable<F, detail::sent<A1>, detail::sent<A2>, detail::sent<A3>>
  auto submit(F, const A1& a1, const A2& a2, const A3& a3,
              std::source_location site = std::source_location::current()) {
    return submit_from<F>(site, a1, a2, a3);
  }
  template <class F, class... A>
    requires(sizeof...(A) > 3) && std::invocable<F, detail::sent<A>...>
  auto submit(F, const A&... args) {
    return submit_from<F>(std::source_location{}, args...);
  }

  template <class F, std::ranges::input_range Range>
    requires std::invocable<F, std::ranges::range_value_t<Range>>
  auto map(F, Range&& items, std::size_t chunk = 0,
           std::source_location site = std::source_location::current()) {
    using T = std::ranges::range_value_t<Range>;
    using R = std::decay_t<std::invoke_result_t<F, T>>;
    detail::demand_stateless<F>();
    detail::demand_result<R>();
    if constexpr (detail::stateless<F>) {
      using part = std::conditional_t<std::is_void_v<R>, void, std::vector<R>>;
      detail::map_parts<part> parts;
      std::vector<T> some;
      const auto send = [&] {
        parts.all.push_back(
            detail::submit_call<detail::remote_map<F, R, T>, part, std::vector<T>>(core_, site, some));
        some.clear();
      };
      if (chunk == 0) chunk = chunk_for(items);
      for (auto&& item : items) {
        some.push_back(std::forward<decltype(item)>(item));
        if (some.size() == chunk) send();
      }
      if (!some.empty()) send();
      return parts.get();
    }
  }

  template <class F, std::ranges::viewable_range Range>
    requires std::invocable<F, std::ranges::range_value_t<Range>>
  auto imap(F, Range&& items, std::size_t ahead = 0,
            std::source_location site = std::source_location::current()) {
    using R = std::decay_t<std::invoke_result_t<F, std::ranges::range_value_t<Range>>>;
    static_assert(!std::is_void_v<R>,
                  "thrum: imap() hands out results, and this function has none: use map()");
    detail::demand_stateless<F>();
    detail::demand_result<R>();
    if constexpr (detail::stateless<F> && !std::is_void_v<R>)
      return detail::results_in_order<F, R>(core_, std::views::all(std::forward<Range>(items)),
                                            ahead != 0 ? ahead : std::size_t{2} * processes(), site);
  }

  // No more calls are taken; those that wait are made.
  void shutdown() noexcept;

  [[nodiscard]] unsigned processes() const noexcept;
  // ---- numbers, of the present moment
  [[nodiscard]] std::size_t queued() const noexcept;
  [[nodiscard]] unsigned running() const noexcept;
  [[nodiscard]] std::vector<int> ids() const; // of the processes that live
  // ---- and of all its life
  [[nodiscard]] std::uint64_t started() const noexcept; // processes

private:
  template <class F, class... A> auto submit_from(std::source_location site, const A&... args) {
    using R = std::decay_t<std::invoke_result_t<F, detail::sent<A>...>>;
    detail::demand_stateless<F>();
    detail::demand_result<R>();
    if constexpr (detail::stateless<F>)
      return detail::submit_call<detail::remote_call<F, R, detail::sent<A>...>, R, detail::sent<A>...>(
          core_, site, detail::as_sent<detail::sent<A>>(args)...);
  }
  // Four parts for each process: those that are done sooner take more of them.
  template <class Range> std::size_t chunk_for(const Range& items) const {
    if constexpr (std::ranges::sized_range<const Range>)
      return std::ranges::size(items) / (std::size_t{4} * processes()) + 1;
    else
      return 1;
  }

  std::shared_ptr<pool::core> core_;
};

} // namespace thrum

#if !defined(THRUM_HAS_NO_POOL_ENTRY) // thrum's own files, which may be a shared library
namespace thrum::detail {
// All modules of a program mean the same one: that of the program itself, if it has one. So its place tells which entry counts.
[[gnu::visibility("default")]] inline char pool_mark = 0;
} // namespace thrum::detail
[[gnu::constructor, maybe_unused]] static void thrum_enter_pool(int argc, char** argv, char** environment) {
  thrum::detail::enter_pool({&thrum_enter_pool, &thrum::detail::pool_mark}, argc, argv, environment);
}
#endif
