// The simplest primitive that somebody can wait for, and a frame to wait in.
#pragma once

#include "base/explore/lifetime.h"
#include "sched/explore/explored.h"
#include "sched/park.h"

#include <array>
#include <memory>
#include <new>

namespace thrum::sched {

namespace explore = base::explore;

// The simplest primitive: a number is given to who waits, or left for who comes.
struct gate {
  wait::lock guard;
  wait::waiter_list waiters; // guarded
  explore::plain<int> left;  // guarded; 0: nothing

  void give(int number) {
    const wait::lock::held held = guard.acquire(wait::this_thread());
    wait::waiter* w = wait::pop_claimed(waiters);
    wait::claimable* woken = nullptr;
    if (w != nullptr) {
      static_cast<explore::plain<int>*>(static_cast<void*>(w->slot))->set(number);
      w->how = wait::outcome::done;
      woken = w->owner;
    } else {
      left.set(number);
    }
    wait::lock::release(held);
    if (woken != nullptr) sched::ready(*woken);
  }
  // The guard is held.
  int take_left() {
    const int number = left.get();
    if (number != 0) left.set(0);
    return number;
  }
};

// What lies in the frame of a waiting call. It ends with the call.
struct frame {
  explore::plain<int> value;
  std::array<wait::waiter, 2> waiters;
  std::array<wait::lock::held, 2> held{};
  explore::plain<int> touched_by_release;

  static void release(void* raw) noexcept {
    auto& f = *static_cast<frame*>(raw);
    wait::lock::held* next = f.held.data();
    f.touched_by_release.set(1); // before the last guard is released the frame is there
    wait::lock::release(next[0]);
    wait::lock::release(next[1]);
  }
};

class frame_memory {
public:
  frame& begin() { return *::new (static_cast<void*>(memory_)) frame; }
  void end(frame& f) {
    std::destroy_at(&f);
    explore::object_ends(memory_, sizeof memory_);
  }

private:
  alignas(frame) unsigned char memory_[sizeof(frame)];
};

// Waits at one gate; returns the number, or 0 if the wait was stopped.
inline int wait_at(gate& g, frame_memory& memory) {
  wait::agent& self = sched::this_agent();
  const wait::lock::held held = g.guard.acquire(wait::this_thread());
  const int left = g.take_left();
  if (left != 0 || sched::must_stop(self)) {
    wait::lock::release(held);
    return left;
  }
  frame& f = memory.begin();
  f.waiters[0].owner = &self;
  f.waiters[0].slot = &f.value;
  g.waiters.push_back(f.waiters[0]);
  const std::uint32_t d = sched::park(self, held, sched::wait_reason::select, nullptr);
  int got = 0;
  if (d == wait::decision::stopped) {
    const wait::lock::held again = g.guard.acquire(wait::this_thread());
    if (f.waiters[0].linked) g.waiters.erase(f.waiters[0]);
    wait::lock::release(again);
  } else {
    explore::require(d == wait::decision::first && f.waiters[0].how == wait::outcome::done,
                     "the decision is the claim's");
    got = f.value.get();
  }
  memory.end(f);
  return got;
}

// A fiber waits at a gate, a second one gives, a third one asks the first to stop.
struct waits_gives_asks {
  static constexpr int threads = 3;
  explored_core core;
  explored_fiber waits{core}, gives{core}, asks{core};
  gate g;
  frame_memory memory;

  void others(int index) {
    if (index == 1) {
      gives.runs_here();
      g.give(7);
    } else {
      asks.runs_here();
      sched::stop_fiber(waits);
    }
  }
};

} // namespace thrum::sched
