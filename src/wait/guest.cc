#include "wait/guest.h"

#include "base/check.h"
#include "base/spin_lock.h"
#include "env/env.h"
#include "env/panic.h"
#include "wait/local.h"

#include <atomic>
#include <new>

extern "C" {
constinit thread_local thrum::wait::thread_head* thrum_self_ = nullptr;
constinit thread_local thrum::wait::thread_head* thrum_locker_ = nullptr;
}

namespace thrum::wait {

namespace registry {
constinit base::spin_lock lock;
constinit thread_context* first = nullptr;

namespace {
constinit bool is_taken[own_slots] = {};                // guarded by lock
constinit std::uint32_t next_shared = 0;                // guarded by lock
constinit base::atomic<std::uint32_t> own_slots_end{0}; // written under the lock

// The lock is held: what the thread before has written in its slot happened before.
std::uint32_t take_slot() noexcept {
  for (std::uint32_t i = 0; i < own_slots; ++i) {
    if (is_taken[i]) continue;
    is_taken[i] = true;
    if (i >= own_slots_end.load(std::memory_order_relaxed))  // relaxed: guarded
      own_slots_end.store(i + 1, std::memory_order_relaxed); // relaxed: R1 (sync/region_counts.h)
    return i;
  }
  return own_slots + next_shared++ % shared_slots;
}
} // namespace

std::uint32_t end_of_own_slots() noexcept {
  return own_slots_end.load(std::memory_order_relaxed); // relaxed: R1, R4 (sync/region_counts.h)
}
} // namespace registry

namespace {

constinit std::atomic<bool> watched{false}; // set once, before the threads are met that it is for

void become(thread_context* context) noexcept {
  thrum_self_ = context;
  thrum_locker_ = locks_are_watched() || (context != nullptr && context->is_simulated) ? nullptr : context;
}

void enroll(thread_context& t) noexcept {
  const base::spin_guard guard(registry::lock);
  t.slot = registry::take_slot();
  t.registered_prev = nullptr;
  t.registered_next = registry::first;
  if (registry::first != nullptr) registry::first->registered_prev = &t;
  registry::first = &t;
}

void strike(thread_context& t) noexcept {
  const base::spin_guard guard(registry::lock);
  (t.registered_prev ? t.registered_prev->registered_next : registry::first) = t.registered_next;
  if (t.registered_next != nullptr) t.registered_next->registered_prev = t.registered_prev;
  if (t.slot < own_slots) registry::is_taken[t.slot] = false;
  t.slot = own_slots;
}

constinit base::spin_lock free_lock;
constinit guest* free_guests = nullptr; // guarded by free_lock

// Gives the guest back when its thread ends.
struct recycler {
  guest* mine = nullptr;
  ~recycler() {
    if (mine == nullptr) return;
    end_belongings(mine->own); // it is the thread's guest still
    if (mine->regions != 0)
      env::panic("a thread ended in a region of the default rcu_domain",
                 "who calls lock() calls unlock(), too");
    if (thrum_self_ == mine) become(nullptr); // later destructors of this thread get another one
    strike(*mine);
    const base::spin_guard guard(free_lock);
    mine->next_free = free_guests;
    free_guests = mine;
  }
};

guest* take_guest() noexcept {
  {
    const base::spin_guard guard(free_lock);
    if (guest* g = free_guests) {
      free_guests = g->next_free;
      return g;
    }
  }
  return new guest; // terminates the thread's wait if memory is gone: there is nobody to tell
}

} // namespace

thread_context& this_thread_slow() noexcept {
  static thread_local recycler at_exit;
  guest* g = take_guest();
  if (at_exit.mine == nullptr) at_exit.mine = g;
  g->number = env::linux_world().this_thread();
  enroll(*g);
  become(g);
  return *g;
}

void thread_context::seed() noexcept { random_state = env::linux_world().random(env::stream::select) | 1; }

void bind_thread(thread_context* context) noexcept {
  if (auto* before = static_cast<thread_context*>(thrum_self_)) strike(*before);
  become(context);
  if (context != nullptr) enroll(*context);
}

void watch_locks() noexcept {
  watched.store(true, std::memory_order_relaxed); // relaxed: whoever starts a thread orders it
  thrum_locker_ = nullptr;
}

bool locks_are_watched() noexcept {
  return watched.load(std::memory_order_relaxed); // relaxed: as above
}

bool guest::sleep_until(std::int64_t deadline) noexcept {
  std::uint32_t expected = 0;
  if (token.compare_exchange_strong(expected, 2,
                                    std::memory_order_relaxed,    // relaxed: there is nothing to see yet
                                    std::memory_order_acquire)) { // G1
    env::world& world = env::linux_world();
    while (token.load(std::memory_order_acquire) == 2) { // G1
      if (world.now() >= deadline) {
        expected = 2;
        if (token.compare_exchange_strong(expected, 0, std::memory_order_relaxed, // relaxed: our own 2
                                          std::memory_order_acquire))             // G1
          return false;
        break; // woken at the last moment
      }
      world.wait_word(&token, 2, deadline);
    }
  }
  token.store(0, std::memory_order_relaxed); // relaxed: nobody wakes a running agent
  return true;
}

void guest::sleep() noexcept {
  std::uint32_t expected = 0;
  // Announces the sleep; a token that is there already is taken instead.
  if (token.compare_exchange_strong(expected, 2,
                                    std::memory_order_relaxed,  // relaxed: there is nothing to see yet
                                    std::memory_order_acquire)) // G1
    while (token.load(std::memory_order_acquire) == 2)          // G1
      env::linux_world().wait_word(&token, 2, env::forever);
  token.store(0, std::memory_order_relaxed); // relaxed: nobody wakes a running agent
}

void guest::wake() noexcept {
  if (token.exchange(1, std::memory_order_release) == 2) // G1
    env::linux_world().wake_word(&token, 1);
}

} // namespace thrum::wait
