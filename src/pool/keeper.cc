// A process dies in one of these ways: it is idle; it makes a call; it has not begun with one that was handed to it; it is
// not ready yet. Only in the second has somebody lost something: that call fails. In the third, the write has failed or the process has
// not noted the call as begun, and the next one gets it. A process that has ended is replaced at once if it had made a call before; else
// when there is a call for it: one that cannot live is not started again and again for nobody.
//
// That a process has ended is told by its stream and by itself, in any order. What it has said before is read first: an answer
// counts, whatever came after it.
#include "pool/keeper.h"

#include "pool/core.h"
#include "pool/link.h"

#include <algorithm>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>

#include <thrum/detail/deadline.h>
#include <thrum/io/ready.h>
#include <thrum/select.h>
#include <thrum/with_timeout.h>

namespace thrum::pool {

using namespace std::chrono_literals;

namespace {

constexpr int attempts = 3;        // to find a process that begins with a call
constexpr auto patience = 5s;      // with one that is to end by itself
constexpr auto message_time = 30s; // for the rest of a message that has begun

[[noreturn]] void throw_remote(const message& m) {
  decoder in(m.what.bytes());
  auto type = in.read<std::string>();
  const auto what = in.read<std::string>();
  throw remote_error(std::move(type), what);
}

} // namespace

void keeper::work() noexcept {
  try {
    try {
      bring_up();
      first_.set_value();
    } catch (const cancelled&) { throw; } catch (...) {
      first_.set_exception(std::current_exception());
      core_.keeper_left();
      return;
    }
    while (const auto job = next()) {
      make(*job);
      if (core_.options.max_tasks_per_process != 0 && made_ >= core_.options.max_tasks_per_process) {
        retire();
        revive();
      }
    }
  } catch (const cancelled&) {
    first_.set_exception(std::current_exception()); // the runtime ends; nothing, if it was settled before
  }
  retire();
  core_.keeper_left();
}

// ---- a process

void keeper::start() {
  auto ends = net::unix_stream::pair().value();
  auto environment = process::environment();
  environment.push_back(std::string(worker_variable) + "=1");
  child_ = process::start({.program = "/proc/self/exe",
                           .arguments = {"(thrum::process_pool)"},
                           .environment = std::move(environment),
                           .in = process::null,
                           .more = {ends.second.native(), boxes_.emplace().descriptor()},
                           .new_group = true})
               .value();
  link_ = std::move(ends.first);
  answers_.emplace((*boxes_)->answers);
  made_ = 0;
  id_.store(child_.id(), std::memory_order_relaxed); // relaxed: a number
  core_.count_start();
}

void keeper::bring_up() {
  start();
  try {
    if (await_message().kind != message_kind::ready) throw worker_died(bury(0s));
    initialize();
  } catch (...) {
    bury(0s);
    throw;
  }
}

void keeper::initialize() {
  auto bytes = core_.options.initializer.message; // a copy: the head is written into it
  if (bytes.empty()) return;
  if (!send(link_, message_kind::run, 0, bytes, core_.options.initializer.attachments))
    throw worker_died(bury(1s));
  const message said = await_message();
  if (said.kind == message_kind::failed) throw_remote(said);
  if (said.kind != message_kind::value) throw worker_died(bury(0s));
}

message keeper::await_message() {
  switch (select_ordered(readable(link_), recv(core_.ending), readable(child_.ended()))) {
  case 1: throw rejected("thrum: the process_pool ends");
  default: break;
  }
  auto m = receive(link_, message_time);
  if (!m) throw worker_died(bury(1s));
  return std::move(*m);
}

// Waits for its end that long, then brings it about; and the end of what it has started, in any case.
exit_status keeper::bury(std::chrono::nanoseconds grace) noexcept {
  exit_status how;
  shield([&] {
    link_.close();
    if (!is_up()) return;
    select_ordered(readable(child_.ended()), after(grace));
    static_cast<void>(child_.kill(SIGKILL)); // of one that has ended: its group
    if (const auto ended = child_.wait()) how = *ended;
    id_.store(0, std::memory_order_relaxed); // relaxed: a number
    child_ = {};
    link_ = {};
  });
  return how;
}

void keeper::retire() noexcept { bury(patience); }

// Or not: who has a call for it tries again, and learns why.
void keeper::revive() noexcept {
  try {
    bring_up();
  } catch (...) {}
}

// ---- calls

std::shared_ptr<detail::pool_job> keeper::next() {
  for (;;) {
    if (auto job = core_.take(*this)) return job;
    switch (select_ordered(readable(link_), recv(core_.closing), recv(wakes_))) {
    case 0: { // nothing is to be said now: it has died, or gone mad
      core_.leave_idle(*this);
      const bool was_of_use = made_ != 0;
      bury(100ms);
      if (was_of_use) revive();
      break;
    }
    case 1: return core_.take(*this);
    default: break;
    }
  }
}

void keeper::make(detail::pool_job& job) {
  std::exception_ptr why;
  try {
    for (int i = 1; !core_.asked_to_stop(job); ++i) {
      if (!is_up()) bring_up();
      if (hand_over(job)) {
        if (await_answer(job, i < attempts)) return;
      } else if (const exit_status how = bury(1s); i == attempts) {
        throw worker_died(how);
      }
    }
    why = std::make_exception_ptr(cancelled(cancel_reason::user));
  } catch (const cancelled&) { // the runtime ends
    core_.release(job);
    job.fail(std::current_exception());
    throw;
  } catch (...) { why = std::current_exception(); }
  core_.release(job);
  job.fail(std::move(why));
}

bool keeper::hand_over(detail::pool_job& job) {
  return leave((*boxes_)->calls, message_kind::run, job.id, job.message, job.attachments) ||
         send(link_, message_kind::run, job.id, job.message, job.attachments);
}

// One that was asked to stop now.
detail::deadline_t keeper::when_to_kill() const noexcept {
  const auto limit = core_.options.kill_after;
  return detail::deadline_after(core_.is_ending() ? std::min<std::chrono::nanoseconds>(limit, patience)
                                                  : limit);
}

keeper::event keeper::wait_for(detail::deadline_t kill_at) {
  const std::chrono::steady_clock::time_point limit{std::chrono::nanoseconds(kill_at)};
  switch (select_ordered(readable(link_), readable(child_.ended()), recv(wakes_), at(limit))) {
  case 0: return event::said;
  case 1: return event::died;
  case 2: return event::woken;
  default: return event::late;
  }
}

// False: its process has ended without having begun it.
bool keeper::await_answer(detail::pool_job& job, bool may_be_given_to_another) {
  auto kill_at = detail::no_deadline;
  bool was_asked = false;
  bool was_killed = false;
  for (;;) {
    const bool is_near = answers_->await();
    const event what = is_near ? event::said : wait_for(kill_at);
    if (what == event::woken) {
      if (!core_.asked_to_stop(job)) continue; // meant for one before
      if (!was_asked)
        static_cast<void>(send(link_, message_kind::stop, job.id)); // has it died, that is told soon
      was_asked = true;
      kill_at = std::min(kill_at, when_to_kill());
      continue;
    }
    if (what == event::late) {
      was_killed = true;
      kill_at = detail::no_deadline;
      static_cast<void>(child_.kill(SIGKILL));
      continue;
    }
    auto answer = is_near
                      ? take((*boxes_)->answers)
                      : receive(link_, what == event::died ? io::deadline(0s) : io::deadline(message_time));
    if (answer && answer->id == job.id && answer->kind >= message_kind::value) {
      ++made_;
      core_.release(job);
      settle(job, *answer);
      return true;
    }
    const exit_status how = bury(1s);
    const bool was_begun =
        (*boxes_)->begun.load(std::memory_order_relaxed) == job.id; // relaxed: nobody writes there any more
    if (!was_begun && !was_killed && may_be_given_to_another) return false;
    core_.release(job);
    job.fail(was_killed ? std::make_exception_ptr(cancelled(cancel_reason::user))
                        : std::make_exception_ptr(worker_died(how)));
    revive();
    return true;
  }
}

void keeper::settle(detail::pool_job& job, const message& m) noexcept {
  try {
    if (m.kind == message_kind::value) return job.succeed(m.what.bytes(), m.descriptors());
    if (m.kind == message_kind::stopped) throw cancelled(cancel_reason::user);
    throw_remote(m);
  } catch (...) { job.fail(std::current_exception()); }
}

} // namespace thrum::pool
