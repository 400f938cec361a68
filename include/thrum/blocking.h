// blocking(f) calls f(), which will block its thread for long: the others do not wait until that is noticed. A blocking_pool gives such
// work a name, and a limit.
//
//   std::string name = thrum::blocking([] { return slow_lookup(); });
//
//   thrum::blocking_pool lookups("lookups", 4); // shared: at most four threads at a time
//   std::string other = thrum::blocking(lookups, [] { return slow_lookup(); });
//
// It is never needed: a fiber that blocks in the kernel loses its processor anyway, some 0.1 to 1 ms later, when somebody
// waits for it. It saves that time, where a call is known to be long: getaddrinfo, fsync, waitpid. A pool is for what must not come
// in any number: connections of a library, a disk, a licence for so many callers; and for seeing who is at it.
//
// The threads are the runtime's own, and the fiber keeps the one that it is on. They are made when they are needed, up to
// options.max_threads, kept while there is work for them, and end when they are idle. runtime::report() says how many there are, and
// have been. A pool says how many of them may be in its calls: they come one by one, up to the limit.
//
// What the caller owes   Nothing. On a plain thread blocking(f) is a call of f; that of a pool may have to wait, as in a fiber. A pool
//                        outlives its calls, or panics, and its name outlives it; a literal does. A call from within a call of the same
//                        pool takes another place, and may wait for itself.
// What is guaranteed     If other fibers wait for this processor, it is handed to another thread before f is called. f runs on this
//                        fiber and this thread, and may do whatever a fiber may. A pool lets in who waits longest.
// What is shown          Of a pool: how many are in, how many were at most, how many wait, and how many calls there were, in report() and
//                        dump(). Who is in, in dump(). Each call by the pool's name, in a trace (trace.h).
// May park               what f does; blocking(f) itself never does. blocking(pool, f): when as many are in as may; it listens to stop
//                        requests.
// Happens-before         f is called and returns as by any call. The end of a call -> the call that gets its place.
// Errors                 those of f; of a pool `cancelled`, and f was not called then. If there is no thread for the others
//                        (options.max_threads, or the system refuses one), they wait for f. A limit of no place panics.
// Cost                   2 ns if nobody waits; else waking a thread, 2 to 10 us. A call of a pool: two short locks more.
// Source of the idea     ForkJoinPool.managedBlock; Tokio's block_in_place. Bulkheads, as in Resilience4j, for the pools.
#pragma once

#include <thrum/semaphore.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace thrum {

namespace detail {

void hand_off_if_others_wait() noexcept; // src/sched/handoff.cc

// One that is in; in the frame of its call. All of this is guarded by the lock of src/sched/blocking_pools.cc.
struct blocking_call {
  blocking_call* next = nullptr;
  blocking_call* previous = nullptr;
  std::uint64_t fiber = 0; // 0: a plain thread
};

struct blocking_pool_core {
  const char* name;
  std::size_t limit; // 0: none
  const void* gate;  // what those who wait wait for
  blocking_pool_core* next = nullptr;
  blocking_call* calls = nullptr; // the newest first
  std::size_t running = 0;
  std::size_t most = 0;
  std::size_t waiting = 0;
  std::uint64_t count = 0;
};

} // namespace detail

class blocking_pool {
public:
  static constexpr std::size_t no_limit = PTRDIFF_MAX;

  explicit blocking_pool(const char* name, std::size_t limit = no_limit);
  ~blocking_pool();
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;

  [[nodiscard]] const char* name() const noexcept { return core_.name; }
  [[nodiscard]] std::size_t limit() const noexcept { return core_.limit == 0 ? no_limit : core_.limit; }

  // A call, as an object: blocking(pool, f) is shorter.
  class call {
  public:
    explicit call(blocking_pool& of); // waits for its place
    ~call();
    call(const call&) = delete;
    call& operator=(const call&) = delete;

  private:
    blocking_pool& of_;
    detail::blocking_call noted_;
  };

private:
  counting_semaphore<> places_;
  detail::blocking_pool_core core_;
};

template <class F> decltype(auto) blocking(F&& f) {
  detail::hand_off_if_others_wait();
  return std::forward<F>(f)();
}
template <class F> decltype(auto) blocking(blocking_pool& pool, F&& f) {
  const blocking_pool::call in(pool);
  detail::hand_off_if_others_wait();
  return std::forward<F>(f)();
}

} // namespace thrum
