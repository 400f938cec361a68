#include "sched/recorder.h"

#include "base/spin_lock.h"
#include "sched/one_by_one.h"
#include "sched/runtime_core.h"
#include "sched/simulation.h"
#include "sched/tape_holder.h"
#include "sched/worker.h"

#include <cerrno>

namespace thrum::sched::record {

namespace {

constinit tape_holder<tape> current;
constinit base::spin_lock elsewhere_lock; // taken before `current` is cleared, too
constinit pen elsewhere;                  // guarded; of those who are no workers
constinit base::atomic<std::uint64_t> tapes{0};

void note_loss(tape& t, env::nanoseconds at, std::uint32_t slots) noexcept {
  t.lost.fetch_add(slots, std::memory_order_relaxed);                        // relaxed: a count
  env::nanoseconds first = t.complete_until.load(std::memory_order_relaxed); // relaxed: the exchange decides
  while (at < first && !t.complete_until.compare_exchange_weak(first, at,
                                                               std::memory_order_relaxed,    // relaxed: K1
                                                               std::memory_order_relaxed)) { // relaxed: again
  }
}

chunk* take_chunk(tape& t, const worker* w) noexcept {
  if (t.taken.load(std::memory_order_relaxed) >= t.count)
    return nullptr; // relaxed: a hint, so that it does not overflow
  const std::uint32_t i = t.taken.fetch_add(1, std::memory_order_relaxed); // relaxed: only unique
  if (i >= t.count) return nullptr;
  chunk& c = t.chunks[i];
  c.used = 0;
  c.home = w != nullptr ? &w->runtime : nullptr;
  c.thread = w != nullptr ? w->thread_number : 0;
  c.processors = w != nullptr ? static_cast<std::uint16_t>(w->runtime.count_made()) : 0;
  for (char& letter : c.runtime) letter = '\0';
  if (w != nullptr && w->runtime.name != nullptr)
    for (std::size_t n = 0; n + 1 < sizeof c.runtime && w->runtime.name[n] != '\0'; ++n)
      c.runtime[n] = w->runtime.name[n];
  return &c;
}

// Room for so many slots, or null: there is none, which was noted.
slot* make_room(tape& t, pen& p, const worker* w, env::nanoseconds at, std::uint32_t slots) noexcept {
  if (p.tape_number != t.number) {
    p.tape_number = t.number;
    p.here = nullptr;
  }
  if (p.here == nullptr || p.here->used + slots > chunk::capacity) p.here = take_chunk(t, w);
  if (p.here == nullptr) {
    note_loss(t, at, slots);
    return nullptr;
  }
  slot* room = &p.here->slots[p.here->used];
  p.here->used += slots;
  return room;
}

void put(worker& w, const event& e, const origin* o = nullptr) noexcept {
  pen& p = w.recorder;
  current.with_tape(p.busy, [&](tape& t) {
    slot* const s = make_room(t, p, &w, e.at, o != nullptr ? 2 : 1);
    if (s == nullptr) return;
    s->e = e;
    if (o != nullptr) s[1].o = *o;
    if (e.processor != event::no_processor && e.processor >= p.here->processors) // it was made meanwhile
      p.here->processors = static_cast<std::uint16_t>(e.processor + 1);
  });
}

void put_elsewhere(const event& e) noexcept {
  const base::spin_guard guard(elsewhere_lock);
  if (tape* t = current.now())
    if (slot* s = make_room(*t, elsewhere, nullptr, e.at, 1)) s->e = e;
}

std::uint16_t number_of(const processor* p) noexcept {
  return p == nullptr || p->index == processor::limbo_index ? event::no_processor
                                                            : static_cast<std::uint16_t>(p->index);
}

std::uint64_t id_of(const fiber* f) noexcept { return f != nullptr ? f->id : 0; }
std::uint64_t id_of(const detail::task& t) noexcept { return reinterpret_cast<std::uintptr_t>(&t); }

event event_of(const worker& w, kind what) noexcept {
  return {.what = what, .processor = number_of(w.proc), .at = w.runtime.world.now()};
}

event event_elsewhere(kind what) noexcept {
  env::world& world = env::linux_world();
  return {.what = what, .number = static_cast<std::uint32_t>(world.this_thread()), .at = world.now()};
}

void put_name(origin& o, const char* name) noexcept {
  if (name == nullptr) return;
  for (std::size_t i = 0; i < sizeof o.name && name[i] != '\0'; ++i) o.name[i] = name[i];
}

// Workers that come later look at `current` themselves (enroll in worker.cc), under idle_lock.
template <class Visit> void for_each_worker(Visit visit) noexcept {
  for_each_runtime([&](runtime_core& core) {
    const base::spin_guard guard(core.idle_lock);
    for (worker* w = core.workers; w != nullptr; w = w->all_link) visit(*w);
  });
}

} // namespace

int start(tape& t, std::size_t bytes) noexcept {
  constexpr std::size_t fewest = 4;
  constexpr std::size_t most = 1u << 24;
  std::size_t count = bytes / chunk::bytes;
  count = count < fewest ? fewest : count > most ? most : count;
  env::world& world = env::linux_world();
  t.bytes = count * chunk::bytes;
  t.chunks = static_cast<chunk*>(world.map(t.bytes, chunk::bytes));
  if (t.chunks == nullptr) return -ENOMEM;
  t.count = static_cast<std::uint32_t>(count);
  t.number = tapes.fetch_add(1, std::memory_order_relaxed) + 1; // relaxed: only unique
  if (!current.put(t)) {
    give_back(t);
    return -EBUSY;
  }
  for_each_worker([](worker& w) { w.recorded.store(true, std::memory_order_relaxed); }); // relaxed: the fence
  base::heavy_fence();                                                                   // K1 (tape_holder.h)
  t.since = world.now();
  if (this_fiber() != nullptr) { // it is where it is without an event
    worker& w = enter();
    if (is_recorded(w)) holds(w, *w.proc);
    leave();
  }
  return 0;
}

void stop(tape& t) noexcept {
  {
    const base::spin_guard guard(elsewhere_lock);
    current.clear();
  }
  current.let_all_see();
  for_each_worker([](worker& w) {
    w.recorded.store(w.runtime.asking != nullptr || w.runtime.simulated != nullptr,
                     std::memory_order_relaxed); // relaxed: a hint
    current.wait_for(w.recorder.busy);
  });
  t.until = env::linux_world().now();
}

void give_back(tape& t) noexcept {
  if (t.chunks != nullptr) env::linux_world().unmap(t.chunks, t.bytes);
  t.chunks = nullptr;
  t.count = 0;
}

bool is_on() noexcept { return current.any(); }

void created(worker& w, const detail::task& t, bool by_fiber) noexcept {
  if (one_by_one* const seen = w.runtime.asking; seen != nullptr && by_fiber && w.current_fiber() != nullptr)
    seen->spawns(*w.current_fiber());
  if (w.runtime.simulated != nullptr) w.runtime.simulated->created(w, t, by_fiber);
  event e = event_of(w, kind::created);
  e.fiber = by_fiber ? id_of(w.current_fiber()) : 0;
  e.other = id_of(t);
  put(w, e);
}

void created_elsewhere(const detail::task& t) noexcept {
  event e = event_elsewhere(kind::created);
  e.fiber = id_of(this_fiber());
  e.other = id_of(t);
  put_elsewhere(e);
}

void begun(worker& w, const fiber& f, const detail::task& t) noexcept {
  if (w.runtime.simulated != nullptr) w.runtime.simulated->begun(w, f);
  event e = event_of(w, kind::begun);
  e.fiber = f.id;
  e.other = id_of(t);
  origin o;
  o.site = f.site;
  put_name(o, f.name);
  put(w, e, &o);
}

void enters(worker& w, const char* name) noexcept {
  event e = event_of(w, kind::enters);
  e.fiber = id_of(w.current_fiber());
  origin o;
  put_name(o, name);
  put(w, e, &o);
}

void leaves(worker& w, const char*) noexcept {
  event e = event_of(w, kind::leaves);
  e.fiber = id_of(w.current_fiber());
  put(w, e);
}

namespace {

void tell(one_by_one& seen, const worker& w, const fiber* from, const fiber* to, bool ends) noexcept {
  if (ends)
    seen.ends(*from);
  else if (from != nullptr && w.leaving.pending && w.leaving.parked == from)
    seen.waits(*from);
  if (to != nullptr) seen.resumes(*to);
}

} // namespace

void runs(worker& w, const fiber* from, const fiber* to, bool ends) noexcept {
  if (w.runtime.asking != nullptr) tell(*w.runtime.asking, w, from, to, ends);
  event e = event_of(w, kind::runs);
  e.fiber = id_of(to);
  e.other = id_of(from);
  leaving how = leaving::nobody;
  if (ends) {
    how = leaving::ends;
  } else if (from != nullptr && w.leaving.pending && w.leaving.parked == from) {
    how = leaving::waits;
    e.why = static_cast<std::uint8_t>(from->why);
  } else if (from != nullptr) {
    how = leaving::yields;
  }
  e.number = static_cast<std::uint32_t>(how);
  if (w.runtime.simulated != nullptr) w.runtime.simulated->runs(w, from, to, how);
  put(w, e);
}

void ready(worker& w, const fiber& f, bool by_fiber) noexcept {
  if (one_by_one* const seen = w.runtime.asking;
      seen != nullptr && by_fiber && f.why == wait_reason::chan_send && w.current_fiber() != nullptr)
    seen->works(*w.current_fiber()); // it has taken the message
  if (w.runtime.simulated != nullptr) w.runtime.simulated->readied(w, f, by_fiber);
  event e = event_of(w, kind::ready);
  e.why = static_cast<std::uint8_t>(f.why);
  e.fiber = f.id;
  e.other = by_fiber ? id_of(w.current_fiber()) : 0;
  put(w, e);
}

void ready_elsewhere(const fiber& f) noexcept {
  event e = event_elsewhere(kind::ready);
  e.why = static_cast<std::uint8_t>(f.why);
  e.fiber = f.id;
  e.other = id_of(this_fiber());
  put_elsewhere(e);
}

void holds(worker& w, const processor& p) noexcept {
  event e = event_of(w, kind::holds);
  e.processor = number_of(&p);
  e.fiber = id_of(w.current_fiber());
  put(w, e);
}

void gives_up(worker& w, const processor& p, loss why) noexcept {
  event e = event_of(w, kind::gives_up);
  e.why = static_cast<std::uint8_t>(why);
  e.processor = number_of(&p);
  e.fiber = id_of(w.current_fiber());
  put(w, e);
}

void taken(const worker& from, const processor& p, bool blocked) noexcept {
  event e = event_elsewhere(kind::taken);
  e.why = static_cast<std::uint8_t>(blocked ? loss::blocked : loss::computes);
  e.processor = number_of(&p);
  e.number = static_cast<std::uint32_t>(from.thread_number);
  e.other = reinterpret_cast<std::uintptr_t>(&from.runtime);
  put_elsewhere(e);
}

// Of a worker that sleeps others write `proc`.
void sleeps(worker& w, bool polls) noexcept {
  put(w, {.what = kind::sleeps, .why = std::uint8_t{polls}, .at = w.runtime.world.now()});
}

void wakes(worker& w) noexcept { put(w, {.what = kind::wakes, .at = w.runtime.world.now()}); }

} // namespace thrum::sched::record
