// keeper: the fiber that looks after one process of a pool; see core.h.
#pragma once

#include "base/atomic.h"
#include "pool/wire.h"

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>

#include <thrum/chan.h>
#include <thrum/detail/deadline.h>
#include <thrum/detail/pool_job.h>
#include <thrum/future.h>
#include <thrum/net/unix.h>
#include <thrum/process.h>

namespace thrum::pool {

class keeper {
public:
  explicit keeper(core& of) : core_(of) {}
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;

  void work() noexcept; // the fiber
  // The first process is ready, or has failed.
  future<void> first() { return first_.get_future(); }
  // There may be a call, or what it makes is to be stopped. Never parks.
  void wake() noexcept { static_cast<void>(wakes_.try_send(true)); }
  // The number of its process; 0: it has none at the moment.
  int id() const noexcept { return id_.load(std::memory_order_relaxed); } // relaxed: a number

private:
  friend class core;
  enum class event : std::uint8_t { said, died, woken, late };

  bool is_up() const noexcept { return child_.id() != 0; }
  void bring_up(); // throws
  void start();
  void await_ready();
  void initialize();
  message await_message(); // of one that is not ready yet
  exit_status bury(std::chrono::nanoseconds grace) noexcept;
  void retire() noexcept;
  void revive() noexcept;

  std::shared_ptr<detail::pool_job> next();
  void make(detail::pool_job& job);
  bool hand_over(detail::pool_job& job);
  bool await_answer(detail::pool_job& job, bool may_be_given_to_another);
  detail::deadline_t when_to_kill() const noexcept;
  event wait_for(detail::deadline_t kill_at);
  void settle(detail::pool_job& job, const message& m) noexcept;

  core& core_;
  detail::pool_job* current_ = nullptr; // what it makes; guarded by the lock of the core
  process child_;
  net::unix_stream link_;
  std::optional<shared_mailboxes> boxes_;
  std::optional<lookout> answers_;
  chan<bool> wakes_{1};
  promise<void> first_;
  base::atomic<int> id_{0};
  std::uint64_t made_ = 0; // calls by this process
};

} // namespace thrum::pool
