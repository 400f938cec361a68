// Who is running here? For panics and faults: the fiber's number, name and place of its spawn.
#include "sched/describe.h"
#include "env/fault_signal.h"
#include "env/panic.h"
#include "sched/scheduler.h"
#include "sched/simulation.h"

namespace thrum::sched {

const char* name_of(wait_reason reason) noexcept {
  switch (reason) {
  case wait_reason::none: return "running";
  case wait_reason::sleep: return "sleep";
  case wait_reason::chan_send: return "chan send";
  case wait_reason::chan_recv: return "chan receive";
  case wait_reason::select: return "select";
  case wait_reason::mutex: return "mutex";
  case wait_reason::shared_mutex: return "shared_mutex";
  case wait_reason::condition_variable: return "condition_variable";
  case wait_reason::semaphore: return "semaphore";
  case wait_reason::latch: return "latch";
  case wait_reason::barrier: return "barrier";
  case wait_reason::once: return "once";
  case wait_reason::wait_group: return "wait_group";
  case wait_reason::task_group: return "task_group";
  case wait_reason::join: return "join";
  case wait_reason::future: return "future";
  case wait_reason::readable: return "read";
  case wait_reason::writable: return "write";
  case wait_reason::disk: return "disk";
  case wait_reason::pool_room: return "room in a thread_pool";
  case wait_reason::pool_work: return "work of a thread_pool";
  case wait_reason::pool_end: return "end of a thread_pool";
  case wait_reason::coroutine: return "coroutine";
  case wait_reason::loop_event: return "event of an event_loop";
  case wait_reason::atomic_wait: return "atomic";
  case wait_reason::rcu_readers: return "readers of an rcu_domain";
  case wait_reason::rcu_deleters: return "deleters of an rcu_domain";
  }
  return "?";
}

void describe_origin(const char* name, const std::source_location& site, env::report& message) noexcept {
  if (name != nullptr) message.text(" '").text(name).text("'");
  if (site.line() != 0) {
    message.text(", spawned at ").text(site.file_name()).text(":").number(site.line());
    message.text(" in ").text(site.function_name());
  }
}

void describe(const fiber& f, env::report& message) noexcept {
  message.text("fiber #").number(f.id);
  describe_origin(f.name, f.site, message);
}

void describe(const std::exception_ptr& error, env::report& message) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) { message.text("  what(): ").text(e.what()).text("\n"); } catch (...) {
    message.text("  (not a std::exception)\n");
  }
}

namespace {

void describe_this_fiber(env::report& message) noexcept {
  const fiber* f = this_fiber();
  if (f == nullptr) {
    message.text("  on a plain thread\n");
    return;
  }
  message.text("  in ");
  describe(*f, message);
  message.text("\n");
  if (f->runtime->simulated != nullptr)
    message.text("  in a simulation; the same run again: THRUM_SEED=")
        .number(f->runtime->simulated->seed())
        .text("\n");
}

// A fault in the guard of the running fiber's stack is an overflow.
bool explain_overflow(const void* address, env::report& message) noexcept {
  const fiber* f = this_fiber();
  if (f == nullptr) return false;
  const char* fault = static_cast<const char*>(address);
  // Below the guard as well: a frame larger than the guard may have stepped over it into a neighbour's guard.
  if (fault < f->stack.base() || fault >= f->stack_limit()) return false;
  const auto usable = static_cast<std::uint64_t>(f->stack.top() - f->stack_limit());
  message.text("thrum: panic: stack overflow: a fiber used more than its ")
      .number(usable >> 10)
      .text(" KiB of stack\n  in ");
  describe(*f, message);
  message.text("\n  give it more: thrum::go({.stack = ")
      .number(usable * 4)
      .text("}, f), or recurse less deeply\n");
  return true;
}

} // namespace

void install_reports() noexcept {
  static const bool once = [] {
    env::describe_self = &describe_this_fiber;
    env::explain_faults(&explain_overflow);
    env::watch_for_exit();
    return true;
  }();
  static_cast<void>(once);
}

} // namespace thrum::sched
