// Fibers and plain threads of models: what a model thread becomes when it runs explored code of the runtime.
#pragma once

#include "base/explore/explore.h"
#include "sched/runtime_core.h"
#include "sched/worker.h"
#include "wait/guest.h"

#include <array>

namespace thrum::sched {

// A runtime with as many processors as it is given, and no workers. Members of the world.
struct explored_core {
  explored_core() : explored_core(1, env::linux_world()) {}
  explored_core(unsigned processors, env::world& world);
  ~explored_core();
  explored_core(const explored_core&) = delete;
  explored_core& operator=(const explored_core&) = delete;

  runtime_core core;
};

// The memory of the only task (or timer) of a world, which is freed once.
struct explored_task_memory {
  explored_task_memory() noexcept;
  explored_task_memory(const explored_task_memory&) = delete;
  explored_task_memory& operator=(const explored_task_memory&) = delete;

  alignas(64) unsigned char bytes[1024];
  bool is_used = false;
  int freed = 0;
};

// What start_worker() gives to world::start_thread() as argument: models that start workers have a model thread wait for it.
struct start_request {
  processor* proc;
  bool searching;
};

// A fiber that runs on a worker of its own. Constructed with the world; runs_here() makes the calling model thread that worker.
struct explored_mover;
struct explored_fiber : fiber {
  static constexpr char has_a_thread[] = "model thread"; // the name of all of them

  explicit explored_fiber(explored_core& c);

  void runs_here() noexcept;

  base::explore::parker bed;
  base::explore::plain<int>
      stack; // stands for all that is saved when the fiber leaves its stack (fiber::saved)
  exception_state no_exceptions;
  worker mine;
  explored_mover* const moves = nullptr; // not null: this is one

protected:
  explored_fiber(explored_core& c, explored_mover* m);
  void adopt(worker& w) noexcept;
};

// A fiber that goes on on another worker after each park, while the one that it left is still busy with what it left to do
// (finish_departure). A model thread of its own plays the workers: who makes the fiber ready and the fiber itself may be faster.
struct explored_mover : explored_fiber {
  explicit explored_mover(explored_core& c);

  void stays_behind() noexcept; // the model thread of the workers
  void ends() noexcept;         // the fiber's last act; stays_behind() returns then

  worker second;
  std::array<worker*, 2> workers{&mine, &second};
  std::array<base::explore::parker, 2> departed; // of each worker
  unsigned here = 0;                             // which of them the fiber is on
  bool over = false;
};

// What goes on with a coroutine: a task that whoever queues it lets run at once, on the model thread that waits for it.
struct explored_resumption : detail::task {
  static constexpr char is_waited_for[] = "model coroutine"; // the name of all of them

  explored_resumption() noexcept : task(nullptr, attrs{.name = is_waited_for}, {}) {}

  base::explore::parker bed;
};

// A plain thread. Members of the world, too: guests outlive every wait.
struct explored_guest : wait::guest {
  explicit explored_guest(explored_core&) noexcept {}

  void runs_here() noexcept;
};

} // namespace thrum::sched
