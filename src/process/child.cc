#include "process/child.h"

#include "io/operation.h"
#include "io/transfer.h"
#include "sched/park.h"

#include <cerrno>
#include <signal.h>

#include <thrum/blocking.h>

namespace thrum::detail {

namespace {

// The child as it may be asked for while `watch` is in use: without its pidfd, if somebody has closed that.
env::child safe(env::child c, const io::use& watch) noexcept {
  if (watch.standing() != io::status::ok) c.watch = -1;
  return c;
}

} // namespace

int child_core::look(bool take) noexcept {
  const io::use open(descriptor_of(watch));
  const base::spin_guard hold(lock);
  if (reaped) return error;
  env::child_end seen;
  const int result =
      world.wait_child(safe(child, open), &seen, take ? env::child_wait::take : env::child_wait::leave);
  if (result == -EAGAIN || (result == 0 && !take)) return result;
  reaped = true;
  error = result;
  end = seen;
  return result;
}

int child_core::send(int signal) noexcept {
  const io::use open(descriptor_of(watch));
  const base::spin_guard hold(lock);
  return reaped ? -ESRCH : world.signal_child(safe(child, open), signal, leads_group);
}

io::result<void> child_core::await(bool take, io::deadline until) {
  int now = look(take); // also when the runtime that would tell has ended
  if (now == -EAGAIN) {
    io::descriptor* d = descriptor_of(watch);
    if (d == nullptr) return io::error{.code = io::errc::closed, .operation = "wait for", .about = about};
    io::operation op(*d, io::direction::in, until.time());
    const std::int64_t n = op.run(0, [&] { return look(take); });
    if (n == io::operation::no_result) return io::failed("wait for", *d, op, n);
    now = static_cast<int>(n);
  }
  if (now != 0) return io::system_error("wait for", about, now);
  return {};
}

void child_core::end_now() noexcept {
  if (const base::spin_guard hold(lock); reaped) return;
  send(SIGKILL);
  reap();
}

void child_core::reap() noexcept {
  const sched::shield shield(sched::this_agent());
  if (await(true, {})) return;
  if (const base::spin_guard hold(lock); reaped) return;
  // Nobody tells any more when it ends: its runtime is gone, or the descriptor was closed.
  const io::use open(descriptor_of(watch));
  const env::child c = safe(child, open);
  const int result = blocking([&] { return world.wait_child(c, &end, env::child_wait::block); });
  const base::spin_guard hold(lock);
  reaped = true;
  error = result;
}

} // namespace thrum::detail
