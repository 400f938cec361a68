// The everyday headers in one, for first programs: fibers, groups of them, channels, select, locks, timers. What else there is
// takes longer to compile, and is included by name: futures (future.h, future_all.h), coroutines (task.h, generator.h,
// async_generator.h, operation.h), executors (thread_pool.h, strand.h, event_loop.h, schedule.h, invoke.h), emitter.h,
// <thrum/net/...> and <thrum/io/...>; and <thrum/tls.h> and <thrum/http.h>, which are components of their own.
#pragma once

#include <thrum/atomic.h>
#include <thrum/attrs.h>
#include <thrum/barrier.h>
#include <thrum/blocking.h>
#include <thrum/chan.h>
#include <thrum/chan_status.h>
#include <thrum/condition_variable.h>
#include <thrum/error.h>
#include <thrum/exception_group.h>
#include <thrum/executor.h>
#include <thrum/fiber_local.h>
#include <thrum/go.h>
#include <thrum/guarded.h>
#include <thrum/inspect.h>
#include <thrum/latch.h>
#include <thrum/mutex.h>
#include <thrum/once.h>
#include <thrum/pinned.h>
#include <thrum/report.h>
#include <thrum/runtime.h>
#include <thrum/scoped.h>
#include <thrum/select.h>
#include <thrum/semaphore.h>
#include <thrum/sharded_counter.h>
#include <thrum/shared_mutex.h>
#include <thrum/spawn.h>
#include <thrum/stop_token.h>
#include <thrum/task_group.h>
#include <thrum/this_fiber.h>
#include <thrum/timer.h>
#include <thrum/wait_group.h>
#include <thrum/with_timeout.h>
