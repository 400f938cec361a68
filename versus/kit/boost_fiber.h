// boost_fiber: what the Boost.Fiber programs share: start a fiber, and run on one or on all processors.
// One processor is the library's default scheduler (round robin). All processors is its work_stealing
// algorithm with sleeping workers. Stacks come from its pool, as its chapter on performance advises.
#pragma once

#include "kit/kit.h"

#include <boost/fiber/all.hpp>

#include <thread>
#include <utility>
#include <vector>

namespace fibers = boost::fibers;

namespace kit {

// The pool serves one thread only, so it is not used when fibers may end on another one.
inline bool one_thread = true;

template <class F> fibers::fiber start(fibers::launch how, F&& f) {
  if (one_thread) {
    static fibers::pooled_fixedsize_stack pool;
    return {how, std::allocator_arg, pool, std::forward<F>(f)};
  }
  return {how, std::forward<F>(f)};
}

// post: the fiber waits its turn. dispatch: it runs at once, and the caller waits its turn.
template <class F> fibers::fiber post(F&& f) { return start(fibers::launch::post, std::forward<F>(f)); }
template <class F> fibers::fiber dispatch(F&& f) {
  return start(fibers::launch::dispatch, std::forward<F>(f));
}

template <class F> void run(unsigned processors, F body) {
  unsigned threads = processors > 0 ? processors : std::thread::hardware_concurrency();
  if (threads == 1) return body();
  one_thread = false;
  fibers::mutex lock;
  fibers::condition_variable_any changed;
  bool done = false;
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i)
    others.emplace_back([&] {
      fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(threads, true);
      std::unique_lock held(lock);
      changed.wait(held, [&] { return done; });
    });
  fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(threads, true);
  body();
  {
    std::unique_lock held(lock);
    done = true;
  }
  changed.notify_all();
  for (std::thread& t : others) t.join();
}

} // namespace kit
