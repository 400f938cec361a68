// core: what a process_pool owns: the calls that wait, and a keeper for each process.
//
// A keeper is a fiber, and all that is done with its process is done by it: it starts it, takes a call from the queue, writes it, reads the
// answer, buries the process when it has died, and starts another one. So no two fibers ever use one stream, and there is
// nothing to be locked but the queue. Who submits a call or stops one only changes the queue and wakes a keeper.
//
// A call is queued, then taken by one keeper, then done. Whoever takes it out of the queue settles it: a keeper, stop(), or
// end(). A keeper that finds the queue empty is noted as idle; who submits a call wakes the one that became so last, whose process is the
// likeliest to be awake and to have its memory in a cache. To be woken is a hint: who finds the queue empty waits again.
#pragma once

#define THRUM_HAS_NO_POOL_ENTRY // we may be a library of our own

#include "base/spin_lock.h"
#include "pool/keeper.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <vector>

#include <thrum/chan.h>
#include <thrum/process_pool.h>
#include <thrum/spawn.h>

namespace thrum::pool {

using job_ref = std::shared_ptr<detail::pool_job>;

class core {
public:
  core(process_pool_options o, unsigned processes);
  ~core();
  core(const core&) = delete;
  core& operator=(const core&) = delete;

  // Starts all processes, and waits until each is ready. If one fails, throws why; end() is to be called all the same.
  void start();
  void submit(const job_ref& job); // throws `rejected`
  void stop(detail::pool_job& job) noexcept;
  void shutdown() noexcept; // no more calls are taken
  void end() noexcept; // none is begun either, and those that run are asked to stop; waits for all keepers

  unsigned processes() const noexcept { return static_cast<unsigned>(keepers_.size()); }
  std::size_t queued() const noexcept;
  unsigned running() const noexcept;
  std::vector<int> ids() const;
  std::uint64_t started() const noexcept;

  // ---- for keepers
  const process_pool_options options;
  chan<bool> closing; // closed: no more will come
  chan<bool> ending;  // closed: end() was called

  job_ref take(keeper& by);                     // null: there is none, and `by` is idle
  void leave_idle(keeper& k) noexcept;          // it has something else to do now
  void release(detail::pool_job& job) noexcept; // it is to be settled, or was
  bool asked_to_stop(const detail::pool_job& job) const noexcept;
  bool is_ending() const noexcept;
  void count_start() noexcept;
  void keeper_left() noexcept; // if all have: nobody will make the calls that wait

private:
  using job_list = std::list<job_ref>; // spliced, so nothing is allocated under the lock
  static void reject(const job_list& all) noexcept;
  job_list take_all() noexcept;

  keeper* pop_idle() noexcept;

  mutable base::spin_lock lock_; // guards the next eight, and of each job what pool_job says
  job_list queue_;
  std::vector<keeper*> idle_; // the last one became so last; has room for all
  unsigned running_ = 0;
  unsigned keepers_left_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t last_id_ = 0;
  bool open_ = true;
  bool ending_ = false;
  std::vector<std::unique_ptr<keeper>> keepers_;
  std::vector<fiber<>> fibers_; // of the keepers
};

} // namespace thrum::pool
