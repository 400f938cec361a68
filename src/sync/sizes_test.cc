// The sizes that the public headers tell. Who changes one changes its page.
#include <thrum/barrier.h>
#include <thrum/condition_variable.h>
#include <thrum/latch.h>
#include <thrum/mutex.h>
#include <thrum/once.h>
#include <thrum/semaphore.h>
#include <thrum/shared_mutex.h>
#include <thrum/spawn.h>
#include <thrum/timer.h>
#include <thrum/wait_group.h>

namespace thrum {

static_assert(sizeof(barrier<>) == 56);
static_assert(sizeof(condition_variable) == 40);
static_assert(sizeof(latch) == 40);
static_assert(sizeof(mutex) == 64);
static_assert(sizeof(recursive_mutex) == 80);
static_assert(sizeof(once_flag) == 48);
static_assert(sizeof(binary_semaphore) == 48 && sizeof(counting_semaphore<>) == 48);
static_assert(sizeof(shared_mutex) == 64);
static_assert(sizeof(wait_group) == 40);
static_assert(sizeof(fiber<int>) == 8 && sizeof(timer) == 8);

// What an ended fiber holds until it is joined: a block of the pool's third class, 256 bytes (sched/task_pool.h).
using small_function = int (*)();
static_assert(sizeof(detail::callable_task<int, small_function>) > 128);
static_assert(sizeof(detail::callable_task<int, small_function>) <= 256);

} // namespace thrum
