// fiber_local: where an agent keeps its values.
//
// A fiber_local has a key, given at its first use: the number of a slot and the slot's generation. Slots are used again when
// their fiber_local is destroyed, so their numbers stay small; generations make keys differ for ever.
//
// An agent keeps a hash table from keys to values, with the slot itself as the hash: in a program with few
// fiber_locals each is found where it should be, and a fiber that uses one of many pays for one. Nothing is ever taken out of a
// table, so a probe ends at the first free entry. An entry whose fiber_local is gone (an orphan) is found by whoever comes
// with the same slot, on the same path, and gives its entry and then its value up; otherwise it goes with the agent.
//
// Rejected: an array indexed by slots (a fiber that uses the thousandth pays for a thousand); one list of all values of a
// fiber_local, to destroy them with it (its destructor would have to reach into fibers that run).
//
// The end
//
// Values are destroyed in the reverse order of their construction. A destructor may use other fiber_locals: those that still
// have a value, or it makes one, which is then the newest and destroyed next. That could go on for ever, so values carry a round:
// one more than that of the value whose destructor makes them.
#include "wait/local.h"

#include "base/spin_lock.h"
#include "env/env.h"
#include "env/panic.h"
#include "wait/thread_context.h"

#include <new>
#include <thrum/detail/local.h>
#include <utility>

namespace thrum {
namespace wait {

using detail::local_value;

struct local_entry {
  std::uint64_t key = 0;        // 0: free
  local_value* value = nullptr; // null: being made, or reset
};

struct local_table {
  std::uint32_t mask;     // its size less one; a power of two
  std::uint32_t used = 0; // entries that are not free
  local_value* newest = nullptr;
  detail::local_making* making = nullptr; // the innermost
  unsigned round = 0;                     // of values made now; above 0 while the agent ends
  local_entry* entries;
};

namespace {

constexpr unsigned most_rounds = 4; // as many as POSIX asks of thread-specific data

std::uint32_t slot_of(std::uint64_t key) noexcept { return static_cast<std::uint32_t>(key); }

local_table* make_table(std::uint32_t size) {
  auto* t = new local_table{.mask = size - 1, .entries = nullptr};
  t->entries = new (std::nothrow) local_entry[size];
  if (t->entries != nullptr) return t;
  delete t;
  throw std::bad_alloc();
}

local_entry& free_entry(local_entry* entries, std::uint32_t mask, std::uint64_t key) noexcept {
  std::uint32_t i = slot_of(key) & mask;
  while (entries[i].key != 0) i = (i + 1) & mask;
  return entries[i];
}

// Twice the size. Orphans go along, but entries without a value do not, if nobody is at making one.
void grow(local_table& t) {
  const std::uint32_t size = 2 * (t.mask + 1);
  auto* entries = new local_entry[size];
  std::uint32_t used = 0;
  for (std::uint32_t i = 0; i <= t.mask; ++i)
    if (const local_entry& e = t.entries[i]; e.value != nullptr || (e.key != 0 && t.making != nullptr)) {
      free_entry(entries, size - 1, e.key) = e;
      ++used;
    }
  delete[] std::exchange(t.entries, entries);
  t.mask = size - 1;
  t.used = used;
}

// The entry of exactly this key, or null.
local_entry* find(const local_table& t, std::uint64_t key) noexcept {
  for (std::uint32_t i = slot_of(key) & t.mask; t.entries[i].key != 0; i = (i + 1) & t.mask)
    if (t.entries[i].key == key) return &t.entries[i];
  return nullptr;
}

// The entry of this key, or of an orphan of its slot, or a new one.
local_entry& find_or_add(belongings& own, std::uint64_t key) {
  constexpr std::uint32_t first_size = 4;
  if (own.locals == nullptr) own.locals = make_table(first_size);
  local_table& t = *own.locals;
  for (std::uint32_t i = slot_of(key) & t.mask; t.entries[i].key != 0; i = (i + 1) & t.mask)
    if (slot_of(t.entries[i].key) == slot_of(key)) return t.entries[i];
  if (4 * (t.used + 1) > 3 * (t.mask + 1)) grow(t);
  ++t.used;
  return free_entry(t.entries, t.mask, key);
}

void unlink(local_table& t, const local_value& v) noexcept {
  local_value** link = &t.newest;
  while (*link != &v) link = &(*link)->older;
  *link = v.older;
}

// ---- slots

struct free_slot {
  free_slot* next;
  std::uint64_t key; // of its next use
};

constinit base::spin_lock slots_lock;
constinit free_slot* free_slots = nullptr; // guarded by slots_lock
constinit std::uint32_t slots_made = 0;    // guarded by slots_lock

constexpr std::uint64_t one_generation = std::uint64_t{1} << 32;

// Gives the key, if it has none yet.
std::uint64_t key_of(detail::local_key& k) noexcept {
  std::uint64_t key = k.load(std::memory_order_relaxed); // relaxed: a number
  if (key != 0) return key;
  free_slot* taken = nullptr;
  {
    const base::spin_guard guard(slots_lock);
    key = k.load(std::memory_order_relaxed); // relaxed: guarded
    if (key != 0) return key;
    taken = free_slots;
    if (taken != nullptr) {
      free_slots = taken->next;
      key = taken->key;
    } else {
      key = one_generation | slots_made++;
    }
    k.store(key,
            std::memory_order_relaxed); // relaxed: guarded; whoever reads it without needs the number only
  }
  delete taken;
  return key;
}

belongings& mine() noexcept { return this_thread().current->own; }

} // namespace

void end_belongings_slow(belongings& own) noexcept {
  if (own.locals != nullptr) {
    while (local_value* v = own.locals->newest) {
      if (v->round == most_rounds)
        env::panic("the values of fiber_locals do not come to an end",
                   "their destructors make each other's values again and again");
      own.locals->newest = v->older;
      if (local_entry* e = find(*own.locals, v->key)) e->value = nullptr;
      own.locals->round = v->round + 1; // of what it makes
      v->destroy(v);
    }
    delete[] own.locals->entries;
    delete std::exchange(own.locals, nullptr);
  }
  release(std::exchange(own.bound, nullptr));
}

} // namespace wait

namespace detail {

local_value* find_local(const local_key& k) noexcept {
  const std::uint64_t key = k.load(std::memory_order_relaxed); // relaxed: a number
  const wait::local_table* t = wait::mine().locals;
  if (t == nullptr) return nullptr;
  // key 0 finds a free entry
  for (std::uint32_t i = wait::slot_of(key) & t->mask;; i = (i + 1) & t->mask) {
    const wait::local_entry& e = t->entries[i];
    if (e.key == key) return e.value;
    if (e.key == 0) return nullptr;
  }
}

local_making::local_making(local_key& k) : own_(wait::mine()), key_(wait::key_of(k)), outer_(nullptr) {
  wait::local_entry& e = wait::find_or_add(own_, key_);
  if (e.key != key_) {
    orphan_ = std::exchange(e.value, nullptr);
    if (orphan_ != nullptr) wait::unlink(*own_.locals, *orphan_);
    e.key = key_;
  }
  for (const local_making* m = own_.locals->making; m != nullptr; m = m->outer_)
    if (m->key_ == key_)
      env::panic("the initialiser of a fiber_local uses the value that it is to make",
                 "it has none before the initialiser has returned");
  outer_ = std::exchange(own_.locals->making, this);
}

void local_making::finish(local_value* v) noexcept {
  wait::local_table& t = *own_.locals;
  v->key = key_;
  v->round = t.round;
  v->older = std::exchange(t.newest, v);
  wait::find(t, key_)->value = v;
}

local_making::~local_making() {
  own_.locals->making = outer_;
  if (orphan_ != nullptr) orphan_->destroy(orphan_);
}

void reset_local(const local_key& k) noexcept {
  wait::belongings& own = wait::mine();
  if (own.locals == nullptr) return;
  wait::local_entry* e = wait::find(*own.locals, k.load(std::memory_order_relaxed)); // relaxed: a number
  if (e == nullptr || e->value == nullptr) return;
  local_value* v = std::exchange(e->value, nullptr);
  wait::unlink(*own.locals, *v);
  v->destroy(v);
}

void retire_local(const local_key& k) noexcept {
  const std::uint64_t key = k.load(std::memory_order_relaxed); // relaxed: a number
  // While the program ends, fibers that still run may still come here.
  if (key == 0 || env::exiting()) return;
  const std::uint64_t next = key + wait::one_generation;
  if (next < key) return; // all generations were used
  auto* slot = new (std::nothrow) wait::free_slot{.next = nullptr, .key = next};
  if (slot == nullptr) return; // the number is lost, no more
  const base::spin_guard guard(wait::slots_lock);
  slot->next = std::exchange(wait::free_slots, slot);
}

} // namespace detail
} // namespace thrum
