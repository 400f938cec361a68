// rcu: periods, who waits for them, and the fiber that deletes. How regions are counted is in region_counts.h.
//
// Nobody drives a period but those who come by: who wants one begins it and goes as far as it can without waiting; the last reader
// of a phase, who finds that it is awaited, goes on from there. So a waiter that gives up leaves nothing undone, and no fiber waits for readers
// only to delete something. (Such a fiber would hold up the end of its runtime, and deadlocks would not be seen.)
//
//   retired    fresh ──► batch ──────────────────────► deleted
//                    │        a period begins, and ends
//                    the collector takes all
//
// The collector is a task that is launched when something is retired and it is not active, and again when the period is over
// that it had begun. In between it is no fiber. It is active from the first until it finds nothing retired.
//
// Each of the two guards is taken alone. `periods` is held over a heavy fence, which takes microseconds; who retires does not take it.
//
// Where a fiber or thread notes that it is in a region: phase and depth in one word, for the default domain in the agent, because nearly
// all regions are there, for others in a fiber_local of the domain. Only the outermost region is counted.
//
// Invariants
//   C1  the collector's task is in a run queue, or runs, or waits for a period (batch_target != 0), iff `active`.
//   C2  `batch` is touched by the collector only. If it is not empty when the task begins, its period is over.
//   C3  the last touch of the collector, when it goes idle or waits for a period, is the release of a guard.
//   C4  if wanted > ended, a period is under way whenever `periods` is free.
#include "base/sanitizer.h"
#include "env/panic.h"
#include "sched/runtime_core.h"
#include "sched/scheduler.h"
#include "sync/region_counts.h"
#include "sync/sleep_on.h"

#include <new>
#include <thrum/detail/task.h>
#include <thrum/error.h>
#include <thrum/fiber_local.h>
#include <thrum/rcu.h>
#include <thrum/this_fiber.h>

namespace thrum {
namespace sync {

namespace {

using detail::rcu_node;
using wait::lock;

// The open regions of an agent in one domain: 2 * depth + phase.
constexpr std::uint32_t one_region = 2;

struct region_word { // in a fiber_local
  std::uint32_t word = 0;
  ~region_word() {
    if (word >= one_region)
      env::panic("a fiber or thread ends in a region of an rcu_domain",
                 "who calls lock() calls unlock(), too");
  }
};

// Who waits until a number is reached.
struct counting_waiter : wait::waiter {
  base::guarded<std::uint64_t> target = 0;
};

// Targets only grow along such a list.
void claim_reached(wait::waiter_list& from, std::uint64_t reached, wait::waiter_list& claimed) noexcept {
  while (wait::waiter* w = from.front()) {
    if (static_cast<counting_waiter*>(w)->target > reached) return;
    from.erase(*w);
    if (wait::claim(*w)) claimed.push_back(*w);
  }
}

struct node_list {
  rcu_node* first = nullptr;
  rcu_node* last = nullptr;

  bool empty() const noexcept { return first == nullptr; }
  void push_back(rcu_node& n) noexcept {
    n.next = nullptr;
    (last != nullptr ? last->next : first) = &n;
    last = &n;
  }
  rcu_node& pop_front() noexcept {
    rcu_node& n = *first;
    first = n.next;
    if (first == nullptr) last = nullptr;
    return n;
  }
};

} // namespace

class rcu_core {
public:
  constexpr explicit rcu_core(bool is_default) noexcept : is_default_(is_default) {}
  rcu_core(const rcu_core&) = delete;
  rcu_core& operator=(const rcu_core&) = delete;

  void lock() noexcept {
    const wait::thread_context& here = wait::this_thread();
    std::uint32_t& mine = regions_of(*here.current);
    if (__builtin_expect(mine >= one_region, false)) {
      mine += one_region;
      return;
    }
    mine = one_region | counts_.enter(here.slot);
  }
  void unlock() noexcept {
    const wait::thread_context& here = wait::this_thread();
    std::uint32_t& mine = regions_of(*here.current);
    if (__builtin_expect(mine < 2 * one_region, true)) {
      if (__builtin_expect(mine < one_region, false)) panic_not_locked();
      const std::uint32_t phase = mine & 1;
      mine = 0;
      if (__builtin_expect(counts_.leave(here.slot, phase), false)) left();
      return;
    }
    mine -= one_region;
  }
  std::uint32_t enter() noexcept { return counts_.enter(wait::this_thread().slot); }
  void leave(std::uint32_t phase) noexcept {
    if (__builtin_expect(counts_.leave(wait::this_thread().slot, phase), false)) left();
  }

  void synchronize();
  void barrier();
  void retire(rcu_node& n) noexcept;
  std::size_t waiting() const noexcept;
  void end() noexcept;

private:
  std::uint32_t& regions_of(wait::agent& a) noexcept {
    return __builtin_expect(is_default_, true) ? a.regions : regions_.get().word;
  }
  [[noreturn]] static void panic_not_locked() noexcept;
  void refuse_in_region(const char* what) noexcept;

  // What follows from a step under a guard, to be done without it.
  struct consequences {
    wait::waiter_list claimed;
    bool collect = false;
    bool any() const noexcept { return collect || !claimed.empty(); }
  };
  void carry_out(consequences& c) noexcept {
    if (c.collect) launch_collector();
    ready_all(c.claimed);
    c = {};
  }

  [[gnu::noinline]] void left() noexcept;
  void go_on(consequences& c) noexcept;
  std::uint64_t want() noexcept;
  void launch_collector() noexcept;
  static void run_collector(detail::task& t);
  void collect() noexcept;
  bool next_batch() noexcept;
  void delete_batch() noexcept;

  const bool is_default_;
  fiber_local<region_word> regions_; // of domains that are not the default
  region_counts counts_;

  wait::lock periods_;
  base::guarded<std::uint64_t> begun_ = 0; // guarded by periods_, as are the next ones
  base::guarded<std::uint64_t> ended_ = 0; // begun_, or one less
  base::guarded<std::uint64_t> wanted_ = 0;
  base::guarded<std::uint64_t> batch_target_ =
      0; // not 0: the collector is to be launched when this one has ended
  wait::waiter_list synchronizing_;

  mutable wait::lock retired_guard_;
  node_list fresh_;                                      // guarded by retired_guard_, as are the next ones
  base::guarded<std::uint64_t> retired_ = 0;             // how many there were, ever
  base::guarded<std::uint64_t> deleted_ = 0;             // how many of them are gone
  base::guarded<bool> active_ = false;                   // C1
  base::guarded<const wait::agent*> deleting_ = nullptr; // who runs deleters now
  wait::waiter_list in_barrier_;
  wait::waiter_list ending_; // waits until not active_

  node_list batch_; // C2
  struct collector_task : detail::task {
    explicit collector_task(rcu_core& c) noexcept
        : task(&run_collector, attrs{.name = "rcu"}, std::source_location{}), core(c) {}
    rcu_core& core;
  };
  alignas(detail::task) unsigned char task_[sizeof(detail::task) + sizeof(void*)] = {};
};

void rcu_core::panic_not_locked() noexcept {
  env::panic(
      "unlock of an rcu_domain in which the caller has no region",
      "a coroutine that waits in a region, or a region that somebody else closes, needs an rcu_region");
}

void rcu_core::refuse_in_region(const char* what) noexcept {
  if (regions_of(sched::this_agent()) >= one_region)
    env::panic(what, "the region is to be closed first: it would be waited for, by itself");
}

// ---- periods

// Goes as far as can be without waiting. Requires: periods_ is held.
void rcu_core::go_on(consequences& c) noexcept {
  for (;;) {
    if (ended_ == begun_) {
      if (wanted_ == ended_) return;
      ++begun_;
      counts_.begin();
    }
    if (!counts_.go_on()) return;
    ended_ = std::uint64_t{begun_};
    claim_reached(synchronizing_, ended_, c.claimed);
    if (batch_target_ != 0 && batch_target_ <= ended_) {
      batch_target_ = 0;
      c.collect = true;
    }
  }
}

// The period that has all that is done before it. Requires: periods_ is held; go_on() follows.
std::uint64_t rcu_core::want() noexcept {
  wanted_ = begun_ + 1;
  return wanted_;
}

// A region was closed that somebody may wait for.
void rcu_core::left() noexcept {
  consequences c;
  const lock::held held = periods_.acquire(wait::this_thread());
  go_on(c);
  lock::release(held);
  carry_out(c);
}

void rcu_core::synchronize() {
  refuse_in_region("rcu_synchronize in a region of the same domain");
  counting_waiter w;
  w.owner = &sched::this_agent();
  consequences c;
  lock::held held = periods_.acquire(wait::this_thread());
  w.target = want();
  go_on(c);
  while (c.any()) {
    lock::release(held);
    carry_out(c);
    held = periods_.acquire(wait::this_thread());
  }
  if (ended_ >= w.target) return lock::release(held);
  const waking how =
      sleep_on(synchronizing_, w, periods_, held, detail::no_deadline, sched::wait_reason::rcu_readers, this);
  if (how == waking::woken) return;
  const bool is_over = ended_ >= w.target;
  lock::release(held);
  if (!is_over) throw_cancelled(*w.owner);
}

// ---- what was retired

void rcu_core::retire(rcu_node& n) noexcept {
  const lock::held held = retired_guard_.acquire(wait::this_thread());
  fresh_.push_back(n);
  ++retired_;
  const bool is_first = !active_;
  active_ = true;
  lock::release(held);
  if (is_first) launch_collector();
}

std::size_t rcu_core::waiting() const noexcept {
  const lock::held held = retired_guard_.acquire(wait::this_thread());
  const std::uint64_t n = retired_ - deleted_;
  lock::release(held);
  return static_cast<std::size_t>(n);
}

void rcu_core::barrier() {
  refuse_in_region("rcu_barrier in a region of the same domain");
  counting_waiter w;
  w.owner = &sched::this_agent();
  lock::held held = retired_guard_.acquire(wait::this_thread());
  if (deleting_ == w.owner)
    env::panic("rcu_barrier in a deleter of the same domain", "it would wait for the deleter itself");
  w.target = std::uint64_t{retired_};
  if (deleted_ >= w.target) return lock::release(held);
  const waking how = sleep_on(in_barrier_, w, retired_guard_, held, detail::no_deadline,
                              sched::wait_reason::rcu_deleters, this);
  if (how == waking::woken) return;
  const bool is_over = deleted_ >= w.target;
  lock::release(held);
  if (!is_over) throw_cancelled(*w.owner);
}

// The destructor: returns when nobody touches this any more.
void rcu_core::end() noexcept {
  if (counts_.is_any_open())
    env::panic("an rcu_domain is destroyed while a region is open", "its readers are to be joined first");
  if (!synchronizing_.empty() || !in_barrier_.empty())
    env::panic("an rcu_domain is destroyed while somebody waits for it");
  const sched::shield no_stop(sched::this_agent());
  counting_waiter w;
  w.owner = &sched::this_agent();
  lock::held held = retired_guard_.acquire(wait::this_thread());
  if (deleting_ == w.owner)
    env::panic("an rcu_domain is destroyed in one of its deleters", "it would wait for the deleter itself");
  if (!active_) return lock::release(held);
  if (sleep_on(ending_, w, retired_guard_, held, detail::no_deadline, sched::wait_reason::rcu_deleters,
               this) != waking::woken)
    lock::release(held); // nobody stops what is shielded
}

// ---- the collector

void rcu_core::launch_collector() noexcept {
  static_assert(sizeof(collector_task) <= sizeof(task_) && alignof(collector_task) <= alignof(detail::task));
  auto* t = ::new (static_cast<void*>(task_)) collector_task(*this);
  sched::launch_into(sched::current_runtime(), *t); // not detail::launch: deleters inherit no scoped values
}

void rcu_core::run_collector(detail::task& t) {
  auto& self = static_cast<collector_task&>(t);
  rcu_core& core = self.core;
  self.~collector_task(); // the next launch may come as soon as collect() waits for a period
  core.collect();
}

void rcu_core::collect() noexcept {
  const sched::shield no_stop(sched::this_agent());
  do delete_batch(); // C2
  while (next_batch());
}

// False: there is none, or none yet; nothing here is touched any more (C3).
bool rcu_core::next_batch() noexcept {
  consequences c;
  lock::held held = retired_guard_.acquire(wait::this_thread());
  if (fresh_.empty()) {
    active_ = false;
    claim_all(ending_, c.claimed);
    lock::release(held);
    ready_all(c.claimed);
    return false;
  }
  batch_ = std::exchange(fresh_, node_list{});
  lock::release(held);

  held = periods_.acquire(wait::this_thread());
  const std::uint64_t target = want();
  go_on(c);
  const bool is_over = ended_ >= target;
  if (!is_over) batch_target_ = target;
  wait::waiter_list claimed = c.claimed;
  lock::release(held);
  ready_all(claimed);
  return is_over;
}

void rcu_core::delete_batch() noexcept {
  if (batch_.empty()) return;
  constexpr std::uint64_t at_a_time = 256; // then it lets others run
  while (!batch_.empty()) {
    const wait::agent& self = sched::this_agent();
    lock::held held = retired_guard_.acquire(wait::this_thread());
    deleting_ = &self;
    lock::release(held);
    std::uint64_t n = 0;
    for (; n < at_a_time && !batch_.empty(); ++n) {
      rcu_node& next = batch_.pop_front();
      try {
        next.reclaim(next);
      } catch (...) { sched::unhandled(sched::current_runtime(), std::current_exception()); }
    }
    wait::waiter_list claimed;
    held = retired_guard_.acquire(wait::this_thread());
    deleting_ = nullptr;
    deleted_ = deleted_ + n;
    claim_reached(in_barrier_, deleted_, claimed);
    lock::release(held);
    ready_all(claimed);
    if (!batch_.empty()) this_fiber::yield();
  }
}

namespace {

// Never destroyed: fibers and threads may read until the process ends.
union default_storage {
  constexpr default_storage() noexcept : core(true) {}
  ~default_storage() {}
  rcu_core core;
};
constinit default_storage the_default;

} // namespace
} // namespace sync

using sync::rcu_core;

rcu_domain::rcu_domain() : core_(new rcu_core(false)) {}
rcu_domain::~rcu_domain() {
  core_->end();
  delete core_;
}
void rcu_domain::lock() noexcept { core_->lock(); }
void rcu_domain::unlock() noexcept { core_->unlock(); }
std::size_t rcu_domain::waiting() const noexcept { return core_->waiting(); }
std::uint32_t rcu_domain::enter(rcu_core& core) noexcept { return core.enter(); }
void rcu_domain::leave(rcu_core& core, std::uint32_t phase) noexcept { core.leave(phase); }

rcu_domain& rcu_default_domain() noexcept {
  union immortal {
    constexpr immortal() noexcept : domain(&sync::the_default.core) {}
    ~immortal() {}
    rcu_domain domain;
  };
  static constinit immortal it;
  return it.domain;
}
void rcu_synchronize(rcu_domain& domain) { core_of(domain).synchronize(); }
void rcu_barrier(rcu_domain& domain) { core_of(domain).barrier(); }

namespace detail {

void retire_node(rcu_domain& domain, rcu_node& node, void (*reclaim)(rcu_node&)) noexcept {
  if (node.reclaim != nullptr) env::panic("an object is retired that is retired already");
  node.reclaim = reclaim;
  core_of(domain).retire(node);
}

} // namespace detail
} // namespace thrum
