// Atomic accesses: announce, choose, apply, trace.
#include "base/explore/access.h"

#include "base/explore/engine.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

namespace thrum::base::explore {

namespace {

std::string name(const location& where) { return "a" + std::to_string(where.index); }
std::string with_order(std::string_view operation, std::memory_order order) {
  return std::string(operation) + '(' + std::string(name_of(strength_of(order))) + ')';
}

[[gnu::noinline]] void enlist_now(location& where) {
  engine& e = the_engine;
  if (e.mem().full()) e.fail("the execution makes more stores than the explorer can remember");
  if (where.execution != e.execution()) {
    if (e.is_ended(&where)) e.fail("use of an atomic in an object that has ended");
    e.mem().construct(where, 0, e.execution(), true);
    e.known(where);
  }
  e.mem().list(where);
}

// The first access in an execution. A location that existed before (a global, or one built outside a run) starts with the value
// it had.
inline void enlist(location& where) {
  if (where.listed != the_engine.execution()) [[unlikely]]
    enlist_now(where);
}

[[noreturn, gnu::cold, gnu::noinline]] void report_misuse(const location& where, site at) {
  engine& e = the_engine;
  if (where.destroyed) e.fail("use of a destroyed atomic", at);
  if (e.mem().full()) e.fail("the execution makes more stores than the explorer can remember", at);
  e.fail("data race: the atomic is used by a thread that does not know it has been constructed", at);
}

inline void check_usable(const location& where, site at) {
  engine& e = the_engine;
  const bool born =
      where.birth <= e.mem().now(e.current()).before[where.birth_thread] || where.birth_thread == e.current();
  if (where.destroyed || !born || e.mem().full()) [[unlikely]]
    report_misuse(where, at);
}

std::uint64_t bit_of(const location& where) noexcept { return std::uint64_t{1} << where.index; }

// For the trace: which threads the running one has learned from since `earlier`.
std::string learned(const view& earlier) {
  engine& e = the_engine;
  const view& now = e.mem().now(e.current());
  std::string text;
  for (int t = 0; t < max_threads; ++t) {
    if (t == e.current() || now.before[t] <= earlier.before[t]) continue;
    text += (text.empty() ? "; now ordered after what was published by T" : ", T") + std::to_string(t);
  }
  return text;
}

std::string read_facts(const location& where, const store_record& from, int place, const view& earlier,
                       std::memory_order order) {
  engine& e = the_engine;
  std::string text = " of " + e.who(from.thread, from.step);
  const int newer = where.count - 1 - place;
  if (newer > 0)
    text += ", " + std::to_string(newer) + (newer == 1 ? " newer store exists" : " newer stores exist");
  text += learned(earlier);
  if (!acquires(order) && !e.mem().now(e.current()).before.covers_all(from.carried.before))
    text += "; relaxed, so nothing it publishes is learned";
  return text;
}

// The traced twins of the last lines of the accesses below, out of the way of the fast path.

[[gnu::cold, gnu::noinline]] std::uint64_t traced_load(location& where, int place, std::memory_order order,
                                                       site at) {
  engine& e = the_engine;
  const view earlier = e.mem().now(e.current());
  const store_record& from = e.mem().read(where, e.current(), place, order);
  e.note(at, name(where) + '.' + with_order("load", order) + " -> " + e.describe(from.value) +
                 read_facts(where, from, place, earlier, order));
  return from.value;
}

[[gnu::cold, gnu::noinline]] void note_store(const location& where, std::uint64_t value, int passed,
                                             std::memory_order order, site at) {
  engine& e = the_engine;
  std::string text = name(where) + '.' + with_order("store", order) + ' ' + e.describe(value);
  if (passed > 0)
    text += ", placed before " + std::to_string(passed) + (passed == 1 ? " store" : " stores") +
            " in modification order";
  e.note(at, text);
}

[[gnu::cold, gnu::noinline]] void traced_rmw(location& where, std::string_view operation, int place,
                                             std::memory_order order, std::uint64_t made, site at) {
  engine& e = the_engine;
  const view earlier = e.mem().now(e.current());
  const store_record from = e.mem().at(where, place);
  e.mem().read_modify_write(where, e.current(), place, order, made, e.steps());
  e.note(at, name(where) + '.' + with_order(operation, order) + ' ' + e.describe(from.value) + " -> " +
                 e.describe(made) + ", after the store" + read_facts(where, from, place + 1, earlier, order));
}

[[gnu::cold, gnu::noinline]] void traced_failure(location& where, std::string_view operation, int place,
                                                 std::memory_order order, std::uint64_t expected, site at) {
  engine& e = the_engine;
  const view earlier = e.mem().now(e.current());
  const store_record& from = e.mem().read(where, e.current(), place, order);
  e.note(at, name(where) + '.' + with_order(operation, order) + " fails" +
                 (from.value == expected ? " spuriously" : ", expected " + e.describe(expected)) +
                 ", found " + e.describe(from.value) + read_facts(where, from, place, earlier, order));
}

void read_and_write(location& where, std::string_view operation, int place, std::memory_order order,
                    std::uint64_t made, site at) {
  engine& e = the_engine;
  if (e.tracing()) [[unlikely]]
    traced_rmw(where, operation, place, order, made, at);
  else
    e.mem().read_modify_write(where, e.current(), place, order, made, e.steps());
  e.stored(where);
}

} // namespace

std::uint64_t access_load(location& where, std::memory_order order, site at) {
  engine& e = the_engine;
  if (!e.running()) return where.initial;
  order = the_sites.effective(site_kind::load, order, at);
  enlist(where);
  const bool sequential = order == std::memory_order_seq_cst;
  e.before({.kind = step_kind::load,
            .sequential = sequential,
            .objects = bit_of(where),
            .loads = &where,
            .where = at});
  check_usable(where, at);

  const int place = e.choose_store(where, e.mem().floor_place(where, e.current(), sequential));
  e.loaded(where, place);
  if (e.tracing()) [[unlikely]]
    return traced_load(where, place, order, at);
  return e.mem().read(where, e.current(), place, order).value;
}

void access_store(location& where, std::uint64_t value, std::memory_order order, site at) {
  engine& e = the_engine;
  if (!e.running()) {
    where.initial = value;
    return;
  }
  order = the_sites.effective(site_kind::store, order, at);
  enlist(where);
  const bool sequential = order == std::memory_order_seq_cst;
  e.before({.kind = step_kind::store, .sequential = sequential, .objects = bit_of(where), .where = at});
  check_usable(where, at);

  // Anywhere after the floor, but not between a read-modify-write and what it read. The newest place first.
  const int oldest = e.mem().floor_place(where, e.current(), sequential) + 1;
  int place = where.count;
  if (place > oldest) {
    std::array<std::uint8_t, location::history + 1> places;
    int count = 0;
    for (int p = where.count; p >= oldest; --p)
      if (p == where.count || !e.mem().at(where, p).is_rmw)
        places[static_cast<unsigned>(count++)] = static_cast<std::uint8_t>(p);
    place = places[static_cast<unsigned>(e.choose(count))];
  }
  const int passed = where.count - place;
  e.mem().write(where, e.current(), place, order, value, e.steps());
  e.stored(where);
  if (e.tracing()) [[unlikely]]
    note_store(where, value, passed, order, at);
}

std::uint64_t access_rmw(location& where, const rmw_operation& operation, std::uint64_t argument,
                         std::memory_order order, site at) {
  engine& e = the_engine;
  if (!e.running()) {
    const std::uint64_t old = where.initial;
    where.initial = operation.apply(old, argument);
    return old;
  }
  order = the_sites.effective(site_kind::read_modify_write, order, at);
  enlist(where);
  const bool sequential = order == std::memory_order_seq_cst;
  e.before({.kind = step_kind::read_modify_write,
            .sequential = sequential,
            .objects = bit_of(where),
            .where = at});
  check_usable(where, at);

  // It reads the store just before its own in modification order. That may be an old one, as long as no other
  // read-modify-write has claimed the place behind it.
  const int oldest = e.mem().floor_place(where, e.current(), sequential);
  int place = where.count - 1;
  if (place > oldest && !e.sees_newest()) {
    std::array<std::uint8_t, location::history> places;
    int count = 0;
    for (int p = where.count - 1; p >= oldest; --p)
      if (p == where.count - 1 || !e.mem().at(where, p + 1).is_rmw)
        places[static_cast<unsigned>(count++)] = static_cast<std::uint8_t>(p);
    place = places[static_cast<unsigned>(e.choose(count))];
  }
  e.loaded(where, place);
  const std::uint64_t old = e.mem().at(where, place).value;
  read_and_write(where, operation.name, place, order, operation.apply(old, argument), at);
  return old;
}

bool access_compare_exchange(location& where, std::uint64_t& expected, std::uint64_t desired,
                             std::memory_order success, std::memory_order failure, bool weak, site at) {
  engine& e = the_engine;
  if (!e.running()) {
    if (where.initial != expected) {
      expected = where.initial;
      return false;
    }
    where.initial = desired;
    return true;
  }
  success = the_sites.effective(site_kind::compare_exchange, success, at);
  failure = the_sites.effective(site_kind::compare_exchange_failure, failure, at);
  enlist(where);
  const bool sequential = success == std::memory_order_seq_cst || failure == std::memory_order_seq_cst;
  e.before({.kind = step_kind::read_modify_write,
            .sequential = sequential,
            .objects = bit_of(where),
            .where = at});
  check_usable(where, at);

  // Success is a read-modify-write under one order, failure a load under the other; so each has its own
  // floor. A failure may well return an old value although the newest one would have succeeded.
  const int success_floor = e.mem().floor_place(where, e.current(), success == std::memory_order_seq_cst);
  const int failure_floor = e.mem().floor_place(where, e.current(), failure == std::memory_order_seq_cst);
  struct outcome {
    std::uint8_t place;
    bool succeeds;
  };
  std::array<outcome, location::history + 1> outcomes;
  int count = 0;
  const auto add = [&](int p, bool succeeds) {
    outcomes[static_cast<unsigned>(count++)] = {static_cast<std::uint8_t>(p), succeeds};
  };
  const int newest = where.count - 1;
  const int last = e.sees_newest() ? newest : std::min(success_floor, failure_floor);
  for (int p = newest; p >= last; --p) {
    if (e.mem().at(where, p).value != expected) {
      if (p >= failure_floor) add(p, false);
    } else if (p >= success_floor && (p == newest || !e.mem().at(where, p + 1).is_rmw)) {
      add(p, true);
    }
  }
  if (weak && e.mem().at(where, newest).value == expected && e.weak_failure_possible()) add(newest, false);
  const outcome chosen = outcomes[static_cast<unsigned>(e.choose(count))];
  e.loaded(where, chosen.place);

  const std::string_view operation = weak ? "compare_exchange_weak" : "compare_exchange_strong";
  if (chosen.succeeds) {
    read_and_write(where, operation, chosen.place, success, desired, at);
    return true;
  }
  const std::uint64_t found = e.mem().at(where, chosen.place).value;
  if (found == expected) e.weak_failure_happened();
  if (e.tracing()) [[unlikely]]
    traced_failure(where, operation, chosen.place, failure, expected, at);
  else
    e.mem().read(where, e.current(), chosen.place, failure);
  expected = found;
  return false;
}

void access_take(location& where, std::uint64_t value, std::memory_order order, site at) {
  engine& e = the_engine;
  if (!e.running()) {
    if (where.initial != 0) std::abort(); // nobody could give it back
    where.initial = value;
    return;
  }
  order = the_sites.effective(site_kind::read_modify_write, order, at);
  enlist(where);
  e.before_take(where, bit_of(where), at);
  check_usable(where, at);
  const int newest = where.count - 1; // every other zero has been taken
  read_and_write(where, "take", newest, order, value, at);
}

bool access_wait_word(location& where, std::uint32_t expected, bool may_time_out, bool early, site at) {
  engine& e = the_engine;
  if (!e.running()) return may_time_out;
  enlist(where);
  e.before({.kind = step_kind::read_modify_write, .objects = bit_of(where), .where = at});
  check_usable(where, at);
  if (may_time_out && early && e.choose(2) == 1) {
    if (e.tracing()) e.note(at, name(where) + ": wait, and the deadline passes first");
    return true;
  }
  const int oldest = std::max(e.mem().floor_place(where, e.current(), false),
                              e.mem().floor_place(where, e.woken_floor(where)));
  const int place = e.choose_store(where, oldest);
  e.loaded(where, place);
  const auto found =
      static_cast<std::uint32_t>(e.mem().read(where, e.current(), place, std::memory_order_relaxed).value);
  const bool sleeps = found == expected;
  if (e.tracing())
    e.note(at, name(where) + ": wait while it is " + e.describe(expected) + "; it is " + e.describe(found) +
                   (sleeps ? ": sleeps" : ": goes on"));
  return sleeps && e.sleep_on(where, bit_of(where), may_time_out, at);
}

void access_wake_word(location& where, int how_many, site at) {
  engine& e = the_engine;
  if (!e.running()) return;
  enlist(where);
  e.before({.kind = step_kind::read_modify_write, .objects = bit_of(where), .where = at});
  const int woken = e.wake_sleepers(where, bit_of(where), how_many);
  if (e.tracing()) e.note(at, name(where) + ": wakes " + std::to_string(woken));
}

void access_construct(location& where) noexcept {
  engine& e = the_engine;
  if (!e.running()) return;
  e.mem().construct(where, e.current(), e.execution(), false);
  e.known(where);
}

void access_destroy(location& where) {
  engine& e = the_engine;
  if (e.running() && where.execution == e.execution()) {
    if (where.destroyed) e.fail("an atomic is destroyed twice");
    clock others = where.accessed;
    others.set(e.current(), 0);
    if (!e.mem().now(e.current()).before.covers_all(others))
      e.fail("data race: an atomic is destroyed while another thread's access to it is not known to be over");
  }
  const_cast<volatile bool&>(where.destroyed) =
      true; // volatile: the store must survive the end of the object's life
}

} // namespace thrum::base::explore
