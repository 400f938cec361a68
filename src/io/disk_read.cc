#include "io/disk_read.h"

#include "env/environment.h"
#include "env/panic.h"
#include "sched/handoff.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/watch.h"
#include "wait/lock.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <system_error>

#include <thrum/error.h>

namespace thrum::io {

namespace {

using detail::deadline_t;
using detail::no_deadline;
using wait::lock;
namespace decision = wait::decision;

constexpr std::uint32_t timed_out = 1; // the index of a wait's deadline; that of its waiter is 0

// As much as the kernel reads ahead at once by default. More would only be copied twice.
constexpr std::size_t most_brought = 128 << 10;

void on_end(sched::worker& w, sched::watcher& self, const env::readiness&) noexcept;

struct request final : sched::watcher {
  explicit request(const env::file_request& r) noexcept : watcher{&on_end}, asked(r) {
    asked.token = static_cast<sched::watcher*>(this);
  }
  lock guard;
  wait::waiter_list parked;          // guarded: the fiber; none while it withdraws
  base::guarded<bool> ended = false; // guarded
  env::file_request asked;
};

// The last touch is the release of the guard: the fiber takes it once more before it goes on.
void on_end(sched::worker& w, sched::watcher& self, const env::readiness&) noexcept {
  auto& r = static_cast<request&>(self);
  const lock::held guard = r.guard.acquire_seldom(w);
  r.ended = true;
  if (wait::waiter* who = wait::pop_claimed(r.parked)) sched::ready_inside(w, *who->owner);
  lock::release(guard);
}

// Returns when the report has come: decision::first, or what ended the wait before, so that the request was withdrawn.
std::uint32_t wait_for_end(request& r, sched::runtime_core& core, deadline_t until) noexcept {
  wait::agent& self = sched::this_agent();
  std::uint32_t withdrawn_by = decision::first;
  const auto sleep = [&](lock::held guard) {
    constexpr auto why = sched::wait_reason::disk;
    if (withdrawn_by != decision::first) {
      const sched::shield until_the_kernel_has_left_our_buffer(self);
      return sched::park(self, guard, why, &r);
    }
    return until == no_deadline ? sched::park(self, guard, why, &r)
                                : sched::park_until(self, guard, nullptr, nullptr, until, timed_out, why, &r);
  };
  for (;;) {
    const lock::held guard = r.guard.acquire_seldom(wait::this_thread());
    if (r.ended) {
      lock::release(guard);
      return withdrawn_by;
    }
    wait::waiter w;
    w.owner = &self;
    r.parked.push_back(w);
    const std::uint32_t d = sleep(guard);
    if (d == decision::first) continue;
    const lock::held again = r.guard.acquire_seldom(wait::this_thread());
    if (w.linked) r.parked.erase(w);
    lock::release(again);
    withdrawn_by = d;
    env::withdraw_read(core.poller, r.asked);
  }
}

base::atomic<ring_use>& use_now() noexcept {
  static base::atomic<ring_use> now{wanted_ring_use()};
  return now;
}

base::atomic<unsigned> going_on{0}; // requests of this process

// A thread that sleeps for a read costs less than one that sleeps in the poller until the read has ended, as long as nobody else
// needs it. Those are others that wait for the processor; and requests that it has submitted before, whose ends the kernel
// cannot deliver while it sleeps so deeply.
bool ring_pays() noexcept {
  return going_on.load(std::memory_order_relaxed) != 0 || sched::others_wait_here(); // relaxed: a hint
}

// The fiber's runtime, if it is to read through the ring there.
sched::runtime_core* runtime_with_ring(const env::world& world) noexcept {
  const ring_use how = use_now().load(std::memory_order_relaxed); // relaxed: a setting
  if (how == ring_use::off) return nullptr;
  const wait::agent* self = wait::this_thread().current;
  if (self == nullptr || self->kind != wait::agent_kind::fiber) return nullptr;
  sched::runtime_core& core = sched::this_worker().runtime;
  const bool is_real = &core.world == &world && &world == &env::linux_world();
  return is_real && (how == ring_use::on || ring_pays()) ? &core : nullptr;
}

std::int64_t run(sched::runtime_core& core, const env::file_request& asked, deadline_t until) noexcept {
  request r(asked);
  core.watched.fetch_add(1, std::memory_order_relaxed); // relaxed: a hint
  going_on.fetch_add(1, std::memory_order_relaxed);     // relaxed: a hint
  std::int64_t n = not_read;
  if (env::submit_read(core.poller, r.asked)) {
    const std::uint32_t withdrawn_by = wait_for_end(r, core, until);
    n = r.asked.result;
    const bool interrupted = n == -EINTR && withdrawn_by != decision::first;
    // If the buffer is no memory, the ordinary read will say so. -EAGAIN: it would have to wait, and this file cannot.
    if (n == env::file_request::not_begun || n == -EFAULT || n == -EAGAIN)
      n = not_read;
    else if (n == -ECANCELED || interrupted)
      n = withdrawn_by == decision::stopped ? read_stopped
          : withdrawn_by != decision::first ? read_late
                                            : not_read;
  }
  going_on.fetch_sub(1, std::memory_order_relaxed);     // relaxed: a hint
  core.watched.fetch_sub(1, std::memory_order_relaxed); // relaxed: a hint
  return n;
}

} // namespace

bool another_may_wait() noexcept {
  switch (use_now().load(std::memory_order_relaxed)) { // relaxed: a setting
  case ring_use::on: return true;
  case ring_use::off: return sched::others_wait_here();
  case ring_use::automatic: break;
  }
  return ring_pays();
}

std::int64_t read_from_disk(env::world& world, int fd, void* data, std::size_t size, std::int64_t offset,
                            deadline_t until) noexcept {
  sched::runtime_core* core = runtime_with_ring(world);
  if (core == nullptr) return not_read;
  return run(
      *core,
      {.token = nullptr, .fd = fd, .size = static_cast<std::uint32_t>(size), .data = data, .offset = offset},
      until);
}

void throw_read_stopped() {
  throw cancelled(sched::stop_reason(static_cast<const sched::fiber&>(sched::this_agent())));
}

std::int64_t bring_from_disk(env::world& world, int fd, void* data, std::size_t size,
                             deadline_t until) noexcept {
  sched::runtime_core* core = runtime_with_ring(world);
  const std::int64_t place = core != nullptr ? world.seek(fd, 0, SEEK_CUR) : -1;
  if (place < 0) return 0;
  const std::int64_t n = run(*core,
                             {.token = nullptr,
                              .fd = fd,
                              .size = static_cast<std::uint32_t>(std::min(size, most_brought)),
                              .data = data,
                              .offset = place,
                              .only_to_have_it = true},
                             until);
  return n == read_stopped || n == read_late ? n : std::max<std::int64_t>(n, 0);
}

std::string describe_disk_reads(sched::runtime_core& core) {
  if (use_now().load(std::memory_order_relaxed) == ring_use::off) // relaxed: a setting
    return "by blocked threads (THRUM_FILE_RING=off)";
  const int state = env::can_submit_reads(core.poller);
  if (state == 0) return {};
  if (state > 0) return "through io_uring";
  return "by blocked threads; io_uring is refused: " + std::system_category().message(-state);
}

ring_use wanted_ring_use() noexcept {
  const char* said = env::variable("THRUM_FILE_RING");
  const std::string_view word = said != nullptr ? said : "";
  if (word == "on") return ring_use::on;
  if (word == "off") return ring_use::off;
  if (!word.empty() && word != "auto") {
    char shown[32];
    shown[word.copy(shown, sizeof shown - 1)] = '\0';
    env::report()
        .text("thrum: THRUM_FILE_RING is '")
        .text(shown)
        .text("'; it may be auto, on or off, and is taken for auto\n")
        .flush();
  }
  return ring_use::automatic;
}

ring_use use_ring(ring_use how) noexcept {
  return use_now().exchange(how, std::memory_order_relaxed); // relaxed: a setting
}

} // namespace thrum::io
