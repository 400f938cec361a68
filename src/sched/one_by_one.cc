#include "sched/one_by_one.h"

#include "env/panic.h"
#include "env/trace.h"
#include "sched/describe.h"
#include "sched/runtime_core.h"
#include "sched/watch.h"
#include "sched/worker.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace thrum::sched {

namespace {

constexpr std::size_t most_rows = 64;   // places beyond that are not told apart
constexpr std::size_t most_places = 16; // of one operation; the one with the fewest waits makes room

enum class sort : std::uint8_t { neither, answer, work };

sort sort_of_read(const fiber& f) noexcept {
  switch (note_awaited_read(f.waiting_for)) {
  case awaited_read::work: return sort::work;
  case awaited_read::answer: return sort::answer;
  case awaited_read::rest: break;
  }
  return sort::neither;
}

sort sort_of(const fiber& f, unsigned spawned) noexcept {
  switch (f.why) {
  case wait_reason::readable: return sort_of_read(f);
  case wait_reason::join:
  case wait_reason::future: return spawned == 0 ? sort::neither : spawned == 1 ? sort::answer : sort::work;
  case wait_reason::sleep:
  case wait_reason::chan_recv:
  case wait_reason::select:
  case wait_reason::condition_variable:
  case wait_reason::atomic_wait:
  case wait_reason::pool_work:
  case wait_reason::loop_event: return sort::work;
  default: return sort::neither;
  }
}

// FNV-1a over the return addresses.
std::uint64_t hash_of_trace() noexcept {
  const void* addresses[48];
  const std::size_t n = env::trace_here(addresses, std::size(addresses));
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < n; ++i)
    hash = (hash ^ reinterpret_cast<std::uintptr_t>(addresses[i])) * 0x100000001b3;
  return hash;
}

bool same(const std::source_location& a, const std::source_location& b) noexcept {
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

} // namespace

one_by_one::operation& one_by_one::operation_of(const fiber& f) {
  operation& o = operations_[&f];
  if (o.id != f.id) {
    o = {};
    o.id = f.id;
  }
  return o;
}

one_by_one::row& one_by_one::row_of(const fiber& f) {
  for (row& r : rows_)
    if (same(r.site, f.site)) return r;
  if (rows_.size() == most_rows) return rows_.back();
  return rows_.emplace_back(row{.site = f.site});
}

std::size_t one_by_one::index_of(operation& o, std::uint64_t hash) {
  for (std::size_t i = 0; i < o.places.size(); ++i)
    if (o.places[i].hash == hash) return i;
  if (o.places.size() < most_places) {
    o.places.push_back({.hash = hash});
    return o.places.size() - 1;
  }
  const auto least = std::min_element(o.places.begin(), o.places.end(),
                                      [](const place& a, const place& b) { return a.count < b.count; });
  *least = {.hash = hash};
  return static_cast<std::size_t>(least - o.places.begin());
}

one_by_one::place one_by_one::take_report(operation& o, const fiber& f) {
  place largest;
  for (const place& p : o.places)
    if (p.count > largest.count) largest = p;
  if (largest.count < many || std::exchange(row_of(f).reported, true)) return {};
  return largest;
}

void one_by_one::tell(const fiber& f, const place& p) noexcept {
  if (p.count == 0) return;
  env::report message;
  message.text("thrum: one_by_one: a fiber has asked and waited for the answer ")
      .number(p.count)
      .text(" times in a row, ")
      .number(static_cast<std::uint64_t>(p.waiting / 1'000'000))
      .text(" ms in all\n  ");
  describe(f, message);
  message
      .text("\n  if no question depends on the answer before, ask all at the same time: map_limit (limit.h), "
            "join_all "
            "(join_all.h), a task_group; or ask once for all\n")
      .flush();
}

base::atomic<bool> looked_on{false};

void note_work() noexcept {
  const fiber* f = this_fiber();
  if (f != nullptr && f->runtime->asking != nullptr) f->runtime->asking->works(*f);
}

one_by_one::one_by_one(env::world& world) noexcept : world_(world) {
  looked_on.store(true, std::memory_order_relaxed); // relaxed: a hint; for good
}

void one_by_one::works(const fiber& f) noexcept {
  place told;
  try {
    const base::spin_guard guard(lock_);
    operation& o = operation_of(f);
    told = take_report(o, f);
    o.places.clear();
    o.spawned = 0;
  } catch (const std::bad_alloc&) {} // no memory: not seen, here and below
  tell(f, told);
}

void one_by_one::spawns(const fiber& f) noexcept {
  const base::spin_guard guard(lock_);
  try {
    ++operation_of(f).spawned;
  } catch (const std::bad_alloc&) {}
}

void one_by_one::waits(const fiber& f) noexcept {
  try {
    lock_.lock();
    const auto found = operations_.find(&f);
    const unsigned spawned =
        found != operations_.end() && found->second.id == f.id ? found->second.spawned : 0;
    lock_.unlock();
    const sort what = sort_of(f, spawned);
    if (what == sort::work) return works(f);
    if (what == sort::neither) return;
    const std::uint64_t hash = hash_of_trace(); // takes microseconds, so without the lock
    const base::spin_guard guard(lock_);
    operation& o = operation_of(f);
    o.spawned = 0;
    o.current = index_of(o, hash);
    o.since = world_.now();
  } catch (const std::bad_alloc&) {}
}

void one_by_one::resumes(const fiber& f) noexcept {
  place told;
  try {
    const base::spin_guard guard(lock_);
    const auto found = operations_.find(&f);
    if (found == operations_.end() || found->second.id != f.id) return;
    operation& o = found->second;
    if (o.current == none) return;
    place& p = o.places[std::exchange(o.current, none)];
    const env::nanoseconds waited = world_.now() - o.since;
    p.waiting += waited;
    if (++p.count < many) return;
    row& r = row_of(f);
    const bool first = p.count == many;
    r.times += first ? 1 : 0;
    r.waits += first ? many : 1;
    r.waiting += first ? p.waiting : waited;
    r.most = std::max<std::uint64_t>(r.most, p.count);
    if (p.count == endless) told = take_report(o, f);
  } catch (const std::bad_alloc&) {}
  tell(f, told);
}

void one_by_one::ends(const fiber& f) noexcept {
  place told;
  try {
    const base::spin_guard guard(lock_);
    const auto found = operations_.find(&f);
    if (found == operations_.end()) return;
    if (found->second.id == f.id) told = take_report(found->second, f);
    operations_.erase(found);
  } catch (const std::bad_alloc&) {}
  tell(f, told);
}

std::vector<one_by_one::row> one_by_one::rows() {
  std::vector<row> all;
  all.reserve(most_rows); // no allocation under the lock
  const base::spin_guard guard(lock_);
  all.assign(rows_.begin(), rows_.end());
  std::erase_if(all, [](const row& r) { return r.times == 0; });
  return all;
}

} // namespace thrum::sched
