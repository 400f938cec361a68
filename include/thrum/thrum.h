// The everyday headers in one, for first programs: fibers, channels, select, locks, timers. Not included: <thrum/net/tcp.h>,
// <thrum/net/endpoint.h> and <thrum/io/...>, which bring their own needs with them; include them by name.
#pragma once

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
#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/go.h>
#include <thrum/inspect.h>
#include <thrum/latch.h>
#include <thrum/mutex.h>
#include <thrum/once.h>
#include <thrum/pinned.h>
#include <thrum/report.h>
#include <thrum/runtime.h>
#include <thrum/schedule.h>
#include <thrum/scoped.h>
#include <thrum/select.h>
#include <thrum/semaphore.h>
#include <thrum/shared_mutex.h>
#include <thrum/spawn.h>
#include <thrum/stop_token.h>
#include <thrum/strand.h>
#include <thrum/task_group.h>
#include <thrum/this_fiber.h>
#include <thrum/thread_pool.h>
#include <thrum/timer.h>
#include <thrum/wait_group.h>
#include <thrum/with_timeout.h>
