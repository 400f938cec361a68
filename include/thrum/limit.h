// map_limit(n, range, f): f of each element, beside each other, but no more than n at a time; for_each_limit: without results.
//
//   std::vector<std::string> users(const std::vector<int>& ids) {
//     return thrum::map_limit(10, ids, fetch_user); // in the order of ids
//   }
//   thrum::concurrency_limit connections(10);       // shared, and may be changed while it is used
//   void fetch_all(const std::vector<int>& ids) {
//     thrum::for_each_limit(connections, ids, [](int id) { report(fetch_user(id)); });
//   }
//
// A concurrency_limit counts who is in: acquire() waits for a place, release() gives it back, set(n) changes how many there
// are, at any time: with fewer, nobody is thrown out, but nobody comes in until enough have left.
//
// What the caller owes   Elements of an lvalue range are referred to, not copied, and outlive the call; those of other ranges are
//                        copied. f is called by several fibers at a time. acquire() and release() are balanced.
// What is guaranteed     When a call returns or throws, no f runs. The first failure asks the others to stop and is thrown when they
//                        have ended; elements that had not begun then are left out. Places are given as by a semaphore, mostly in the order of asking.
// Cancellation           If the caller is asked to stop, so are all f. acquire() throws `cancelled`.
// May park               map_limit, for_each_limit, acquire().
// Happens-before         call -> f; f's end -> return. release -> the acquire() that gets the place.
// When it dies           A concurrency_limit outlives its use.
// Errors                 what f throws; cancelled; std::bad_alloc.
// Cost                   a fiber for each element, two short locks for its place.
// Source of the idea     p-limit; Go's errgroup.SetLimit.
#pragma once

#include <thrum/mutex.h>
#include <thrum/semaphore.h>
#include <thrum/task_group.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

class concurrency_limit {
public:
  explicit concurrency_limit(std::size_t places) noexcept
      : free_(static_cast<std::ptrdiff_t>(places)), places_(places) {}
  concurrency_limit(const concurrency_limit&) = delete;
  concurrency_limit& operator=(const concurrency_limit&) = delete;

  void acquire() {
    ++waiting_;
    try {
      free_.acquire();
    } catch (...) {
      --waiting_;
      throw;
    }
    --waiting_;
    ++active_;
  }
  void release() noexcept {
    --active_;
    const std::lock_guard hold(mutex_);
    if (owed_ != 0)
      --owed_;
    else
      free_.release();
  }
  void set(std::size_t places) noexcept {
    const std::lock_guard hold(mutex_);
    for (; places_ < places; ++places_)
      if (owed_ != 0)
        --owed_;
      else
        free_.release();
    for (; places_ > places; --places_)
      if (!free_.try_acquire()) ++owed_;
  }

  // Snapshots.
  [[nodiscard]] std::size_t places() const noexcept {
    const std::lock_guard hold(mutex_);
    return places_;
  }
  [[nodiscard]] std::size_t active() const noexcept { return active_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

private:
  counting_semaphore<> free_;
  mutable mutex mutex_;
  std::size_t places_;   // guarded
  std::size_t owed_ = 0; // guarded: places that are to go when who has them leaves
  std::atomic<std::size_t> active_{0};
  std::atomic<std::size_t> waiting_{0};
};

namespace detail {

// Gives a place back.
class taken_place {
public:
  explicit taken_place(concurrency_limit& of) noexcept : of_(&of) {}
  taken_place(taken_place&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  taken_place& operator=(taken_place&&) = delete;
  ~taken_place() {
    if (of_ != nullptr) of_->release();
  }

private:
  concurrency_limit* of_;
};

// Of an element that lasts: a reference; else a copy.
template <class R> inline constexpr bool lasts =
    std::is_lvalue_reference_v<R> && std::is_lvalue_reference_v<std::ranges::range_reference_t<R>>;

// Calls work(index, element) for each element, in fibers.
template <class R, class Work> void for_each_in_group(concurrency_limit& limit, R&& range, Work work) {
  task_group<> group;
  std::size_t index = 0;
  for (auto&& element : range) {
    limit.acquire();
    taken_place place(limit);
    if (group.stopped()) break;
    if constexpr (lasts<R&&>)
      static_cast<void>(
          group.spawn([&work, &element, n = index, in = std::move(place)] { work(n, element); }));
    else
      static_cast<void>(group.spawn(
          [&work, element = std::ranges::range_value_t<R>(std::forward<decltype(element)>(element)),
           n = index, in = std::move(place)]() mutable { work(n, std::move(element)); }));
    ++index;
  }
  group.join();
}

template <class R, class F> using mapped_t = std::decay_t<std::invoke_result_t<
    F&, std::conditional_t<lasts<R>, std::ranges::range_reference_t<R>, std::ranges::range_value_t<R>&&>>>;

} // namespace detail

template <std::ranges::input_range R, class F>
void for_each_limit(concurrency_limit& limit, R&& range, F&& f) {
  detail::for_each_in_group(limit, std::forward<R>(range), [&f](std::size_t, auto&& element) {
    std::invoke(f, std::forward<decltype(element)>(element));
  });
}
template <std::ranges::input_range R, class F> void for_each_limit(std::size_t limit, R&& range, F&& f) {
  concurrency_limit places(limit);
  for_each_limit(places, std::forward<R>(range), std::forward<F>(f));
}

template <std::ranges::input_range R, class F> auto map_limit(concurrency_limit& limit, R&& range, F&& f)
    -> std::vector<detail::mapped_t<R&&, F>> {
  std::mutex growing; // never held across a wait
  std::deque<std::optional<detail::mapped_t<R&&, F>>> results;
  detail::for_each_in_group(limit, std::forward<R>(range), [&](std::size_t n, auto&& element) {
    auto result = std::invoke(f, std::forward<decltype(element)>(element));
    const std::lock_guard hold(growing);
    if (results.size() <= n) results.resize(n + 1);
    results[n].emplace(std::move(result));
  });
  std::vector<detail::mapped_t<R&&, F>> all;
  all.reserve(results.size());
  for (auto& r : results) all.push_back(std::move(*r));
  return all;
}
template <std::ranges::input_range R, class F> auto map_limit(std::size_t limit, R&& range, F&& f) {
  concurrency_limit places(limit);
  return map_limit(places, std::forward<R>(range), std::forward<F>(f));
}

} // namespace thrum
