#include "io/descriptor.h"

#include "base/check.h"
#include "io/descriptor_pool.h"
#include "sched/park.h"
#include "sched/scheduler.h"

#include <cerrno>
#include <utility>

#include <thrum/io/handle.h>

namespace thrum {
namespace io {

namespace {

using wait::lock;

constexpr direction ways[] = {direction::in, direction::out};

// Claims everybody on `from`, tells them `said`, and collects them to be made ready after the guard is gone.
unsigned tell_all(wait::waiter_list& from, verdict said, wait::waiter_list& told) noexcept {
  unsigned n = 0;
  while (wait::waiter* w = wait::pop_claimed(from)) {
    static_cast<waiting*>(w)->said = said;
    told.push_back(*w);
    ++n;
  }
  return n;
}

void tell_cases(wait::waiter_list& from, wait::outcome how, wait::waiter_list& told) noexcept {
  while (wait::waiter* w = wait::pop_claimed(from)) {
    w->how = how;
    told.push_back(*w);
  }
}

// A node is gone as soon as its owner runs.
void wake_all(wait::waiter_list& told) noexcept {
  while (wait::waiter* w = told.pop_front()) sched::ready_later(*w->owner);
}

// Ends all waits, for good. Who was parked in an operation has lost its turn and its use (N3).
void turn_out(descriptor& d, verdict said, wait::waiter_list& told) noexcept {
  d.core = nullptr;
  for (const direction way : ways) {
    lane& l = d.of(way);
    if (tell_all(l.parked, said, told) != 0) {
      l.busy = false;
      --d.users;
    }
    tell_all(l.queued, said, told);
    tell_cases(l.cases, wait::outcome::closed, told);
  }
  d.set_ready(both_ready); // nobody has to wait any more
}

// The guard is held: what the present state leaves to do (N4, N6).
leftover settle(descriptor& d) noexcept {
  leftover rest;
  if (!d.closed || d.users != 0) return rest;
  rest.fd = std::exchange(d.fd, -1);
  if (!d.has_handle) {
    ++d.generation;
    rest.recycle = true;
  }
  return rest;
}

void on_edge(sched::worker& w, sched::watcher& self, const env::readiness& r) noexcept {
  auto& d = static_cast<descriptor&>(self);
  const lock::held guard = d.guard.acquire(w);
  if (r.tag == d.generation && d.core != nullptr) {
    const bool ready[] = {r.readable, r.writable};
    bool looked = false;
    env::readiness now = {};
    for (const direction way : ways) {
      if (!ready[static_cast<unsigned>(way)]) continue;
      lane& l = d.of(way);
      ++l.edges;
      if (way == direction::in ? r.tail : r.hangup) l.tail = true;
      d.set_ready(ready_bit(way));
      if (wait::waiter* first = wait::pop_claimed(l.parked)) {
        auto& op = static_cast<waiting&>(*first);
        op.said = verdict::edge;
        op.edges = l.edges;
        sched::ready_inside(w, *op.owner);
      }
      if (l.cases.empty()) continue;
      // A select returns only once, so it is told only what is still true: the report may be older than the last read.
      if (!std::exchange(looked, true)) now = d.world->look(d.fd);
      if (!(way == direction::in ? now.readable : now.writable)) continue;
      while (wait::waiter* c = wait::pop_claimed(l.cases)) {
        c->how = wait::outcome::done;
        sched::ready_inside(w, *c->owner);
      }
    }
  }
  lock::release(guard);
}

// The poller of a runtime is about to close.
void on_poller_closing(env::poller* closing) noexcept {
  descriptor_pool::for_each(
      [](descriptor& d, void* poller) noexcept {
        wait::waiter_list told;
        const lock::held guard = d.guard.acquire(wait::this_thread());
        if (d.core != nullptr && d.poller == poller) turn_out(d, verdict::ended, told);
        lock::release(guard);
        wake_all(told);
      },
      closing);
}

// Does what close() does under the guard.
void close_guarded(descriptor& d, wait::waiter_list& told) noexcept {
  if (d.closed) return;
  d.closed = true;
  if (d.core != nullptr && d.is_watched()) {
    d.world->unwatch(d.poller, d.fd);
    d.core->watched.fetch_sub(1, std::memory_order_relaxed); // relaxed: a hint
  }
  turn_out(d, verdict::closed, told);
}

} // namespace

descriptor::descriptor() noexcept : watcher{&on_edge} {}

bool descriptor::check_invariants() noexcept {
  const lock::held held = guard.acquire(wait::this_thread());
  unsigned busy = 0;
  bool ok = true;
  for (const direction way : ways) {
    const lane& l = of(way);
    busy += l.busy ? 1 : 0;
    ok = ok && (l.busy || l.parked.empty() || closed);
  }
  ok = ok && users >= busy &&                                        // N3
       (fd >= 0 || (users == 0 && closed)) &&                        // N4
       (!closed || (core == nullptr && ready_bits() == both_ready)); // N5
  lock::release(held);
  return ok;
}

std::error_code code_of(status s) noexcept {
  switch (s) {
  case status::ok: break;
  case status::closed: return errc::closed;
  case status::ended: return errc::runtime_ended;
  case status::deadline: return errc::deadline;
  }
  return {};
}

sched::runtime_core& runtime_here() noexcept { return sched::current_runtime(); }

sched::runtime_core* runtime_next_to(descriptor& d) noexcept {
  if (const sched::worker* w = sched::try_this_worker()) return &w->runtime;
  const lock::held guard = d.guard.acquire(wait::this_thread());
  sched::runtime_core* core = d.core;
  lock::release(guard);
  return core;
}

} // namespace io

sched::awaited_read sched::note_awaited_read(const void* what) noexcept {
  auto& d = *static_cast<io::descriptor*>(const_cast<void*>(what)); // as operation::park says
  if (!d.asks) return awaited_read::work;
  const bool asked = d.asked;
  d.asked = false;
  return asked ? awaited_read::answer : awaited_read::rest;
}

namespace io {

namespace {

// Makes a descriptor of `fd` that is open, and known to nobody yet.
descriptor* make_open(int fd, const open_options& options, env::world& world,
                      sched::runtime_core* core) noexcept {
  descriptor* d = descriptor_pool::take();
  if (d == nullptr) return nullptr;
  const lock::held guard = d->guard.acquire(wait::this_thread());
  d->world = &world;
  d->poller = core != nullptr ? core->poller : nullptr;
  d->core = core;
  d->has_runtime = core != nullptr;
  d->fd = fd;
  d->closed = false;
  d->has_handle = true;
  d->is_stream = options.is_stream;
  d->through = options.through;
  d->about = options.about;
  d->asks = options.asks;
  d->asked = false;
  d->burst = 0;
  for (lane& l : d->lanes) {
    l.deadline = detail::no_deadline;
    l.tail = false;
  }
  d->ready.update(options.ready);
  lock::release(guard);
  return d;
}

} // namespace

int open(int fd, const open_options& options, descriptor** out) noexcept {
  const bool watched = options.through != medium::file;
  if (!watched && options.core == nullptr) {
    *out = make_open(fd, options, *options.world, nullptr);
    return *out != nullptr ? 0 : -ENOMEM;
  }
  sched::runtime_core& core = options.core != nullptr ? *options.core : runtime_here();
  env::poller_closing.store(&on_poller_closing, std::memory_order_release); // V1 (env.h)
  if (watched) core.watched.fetch_add(1, std::memory_order_relaxed);        // relaxed: a hint
  descriptor* d = make_open(fd, options, core.world, &core);
  int error = d != nullptr ? 0 : -ENOMEM;
  if (error == 0 && watched)
    error = core.world.watch(core.poller, fd, static_cast<sched::watcher*>(d), d->generation);
  if (error != 0) {
    if (watched) core.watched.fetch_sub(1, std::memory_order_relaxed); // relaxed: a hint
    if (d == nullptr) return error;
    const lock::held guard = d->guard.acquire(wait::this_thread());
    d->core = nullptr;
    d->fd = -1;
    d->closed = true;
    d->has_handle = false;
    d->set_ready(both_ready);
    lock::release(guard);
    descriptor_pool::give(*d);
    return error;
  }
  const sched::worker* here = sched::try_this_worker();
  if (watched && (here == nullptr || &here->runtime != &core)) { // perhaps nobody there has ever polled
    base::thread_fence(std::memory_order_seq_cst);               // I1 (idle.cc)
    sched::wake_another(core);
  }
  *out = d;
  return 0;
}

void close(descriptor& d) noexcept { close_and_tell(d); }

int close_and_tell(descriptor& d) noexcept {
  wait::waiter_list told;
  const lock::held guard = d.guard.acquire(wait::this_thread());
  close_guarded(d, told);
  env::world& world = *d.world;
  const leftover rest = settle(d); // the handle is there: the descriptor stays
  lock::release(guard);
  wake_all(told);
  return rest.fd >= 0 ? world.close(rest.fd) : 0;
}

void close_and_release(descriptor& d) noexcept {
  wait::waiter_list told;
  const lock::held guard = d.guard.acquire(wait::this_thread());
  close_guarded(d, told);
  d.has_handle = false;
  env::world& world = *d.world;
  const leftover rest = settle(d);
  lock::release(guard);
  wake_all(told);
  finish(d, world, rest);
}

void close_all_in(env::world& world) noexcept {
  descriptor_pool::for_each(
      [](descriptor& d, void* going) noexcept {
        auto& in = *static_cast<env::world*>(going);
        wait::waiter_list told; // stays empty: those who could wait went with the runtimes
        leftover rest;
        const lock::held guard = d.guard.acquire(wait::this_thread());
        if (d.world == &in && !d.closed) {
          d.core = nullptr;
          close_guarded(d, told);
          rest = settle(d);
        }
        lock::release(guard);
        finish(d, in, rest);
      },
      &world);
}

void set_deadline(descriptor& d, direction way, detail::deadline_t until) noexcept {
  wait::waiter_list told;
  lane& l = d.of(way);
  const lock::held guard = d.guard.acquire(wait::this_thread());
  // Who waits longer than that is told; who waits less looks again anyway when its own time has come.
  if (until < std::exchange(l.deadline, until)) {
    tell_all(l.parked, verdict::again, told);
    tell_all(l.queued, verdict::again, told);
  }
  lock::release(guard);
  wake_all(told);
}

leftover give_turn_back(descriptor& d, lane& l) noexcept {
  if (wait::waiter* next = wait::pop_claimed(l.queued)) {
    static_cast<waiting*>(next)->said = verdict::turn;
    return {.fd = -1, .recycle = false, .next = next->owner}; // busy and users stay as they are (N2, N3)
  }
  l.busy = false;
  --d.users;
  return settle(d);
}

void finish(descriptor& d, env::world& world, const leftover& rest) noexcept {
  if (rest.next != nullptr) sched::ready(*rest.next);
  if (rest.fd >= 0) world.close(rest.fd);
  if (rest.recycle) descriptor_pool::give(d);
}

use::use(descriptor* d) noexcept : d_(d), standing_(status::closed) {
  if (d == nullptr) return;
  const lock::held guard = d->guard.acquire(wait::this_thread());
  standing_ = d->closed ? status::closed : status::ok; // also when its runtime has ended: nobody waits here
  if (standing_ == status::ok) ++d->users;
  lock::release(guard);
}

use::~use() {
  if (standing_ != status::ok) return;
  const lock::held guard = d_->guard.acquire(wait::this_thread());
  --d_->users;
  env::world& world = *d_->world;
  const leftover rest = settle(*d_);
  lock::release(guard);
  finish(*d_, world, rest);
}

// ---- handle

void handle::close() const noexcept {
  if (descriptor_ != nullptr) io::close(*descriptor_);
}

void handle::drop_slow() noexcept { close_and_release(*std::exchange(descriptor_, nullptr)); }

namespace {

// -1: closed.
int number_of(descriptor& d) noexcept {
  const lock::held guard = d.guard.acquire(wait::this_thread());
  const int fd = d.closed ? -1 : int{d.fd};
  lock::release(guard);
  return fd;
}

} // namespace

bool handle::is_open() const noexcept { return descriptor_ != nullptr && number_of(*descriptor_) >= 0; }

int handle::native() const noexcept {
  const int fd = descriptor_ != nullptr ? number_of(*descriptor_) : -1;
  return env::in_ring(fd) ? -1 : fd; // means nothing to the system
}

void handle::set_read_deadline(deadline until) const noexcept {
  if (descriptor_ != nullptr) io::set_deadline(*descriptor_, direction::in, until.time());
}

void handle::set_write_deadline(deadline until) const noexcept {
  if (descriptor_ != nullptr) io::set_deadline(*descriptor_, direction::out, until.time());
}

} // namespace io
} // namespace thrum
