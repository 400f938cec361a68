// wheel: keeps deadlines in order. Insert and erase are O(1) and touch two cache lines; advancing is O(1) amortized. It
// knows no clock and no thread: its owner tells it the time and guards it.
//
// A hierarchical timing wheel (Varghese and Lauck, 1987) with five levels of 256 slots. A level-0 slot spans one tick of
// 16.4 us, a slot of each further level 256 times as much: 208 days in all. A deadline farther away waits half the horizon
// and is sorted in again when that comes up. Entries keep their exact deadline; a slot only says where to look. So
// entries never fire early, and a sleeper can be told the exact time to wake.
//
// The level of an entry is the highest group of eight bits in which its tick differs from `elapsed_`, so each slot that
// comes up either fires (level 0) or moves its entries at least one level down. Few wide levels, because an entry lies in the
// frame of a fiber that has slept for long: each move is a cache miss. (A million sleepers of 1 s: 64 slots and a finer tick
// moved each entry three times, a quarter of the whole cost.)
//
// Invariants
//   T1  every linked entry stands in the slot that its tick and `elapsed_` determine, or in a lower level.
//   T2  occupied_[l] says which slots of the level are not empty.
//   T3  earliest_ is at most the smallest deadline of all entries (erasing may leave it too small, never too big).
//
// Rejected: a 4-ary heap, 23 to 44 ns for a timeout that is cancelled, against 4 to 7; cancelled timeouts are the common
// case of servers. Entries of one slot fire in the order of their insertion.
#pragma once

#include "base/intrusive_list.h"

#include <bit>
#include <cstdint>

namespace thrum::timing {

using nanoseconds = std::int64_t;
inline constexpr nanoseconds never = INT64_MAX;

// Which of 256 slots are not empty.
class slot_set {
public:
  bool none() const noexcept { return (words_[0] | words_[1] | words_[2] | words_[3]) == 0; }
  bool test(unsigned s) const noexcept { return (words_[s / 64] >> (s % 64) & 1) != 0; }
  void set(unsigned s) noexcept { words_[s / 64] |= std::uint64_t{1} << (s % 64); }
  void clear(unsigned s) noexcept { words_[s / 64] &= ~(std::uint64_t{1} << (s % 64)); }
  // The first one at or after `from`, going round. Requires: !none().
  unsigned first_from(unsigned from) const noexcept {
    const std::uint64_t here = words_[from / 64] >> (from % 64) << (from % 64);
    if (here != 0) return from / 64 * 64 + static_cast<unsigned>(std::countr_zero(here));
    for (unsigned w = (from / 64 + 1) % 4;; w = (w + 1) % 4)
      if (words_[w] != 0) return w * 64 + static_cast<unsigned>(std::countr_zero(words_[w]));
  }

private:
  std::uint64_t words_[4] = {};
};

struct entry : base::list_node<entry> {
  std::uint8_t level = 0; // where it stands; the wheel's
  std::uint8_t slot = 0;
  nanoseconds deadline = never;
};

class wheel {
public:
  explicit wheel(nanoseconds now) noexcept : elapsed_(tick_of(now)) {}

  bool empty() const noexcept { return count_ == 0; }
  std::size_t size() const noexcept { return count_; }

  void insert(entry& e) noexcept {
    place(e);
    ++count_;
    if (e.deadline < earliest_) earliest_ = e.deadline;
  }

  // Requires: e is linked here.
  void erase(entry& e) noexcept {
    unlink(e);
    if (--count_ == 0) earliest_ = never;
  }

  // No entry is due before this; `never` if there is none (T3).
  nanoseconds earliest() const noexcept { return earliest_; }
  // The smallest deadline of all entries, or `never`. Walks through the entries of a slot: for who has no clock to wait for.
  nanoseconds exact_earliest() const noexcept;

  // Takes out every entry whose deadline is not after `now` and calls fire(entry) for it, at most `limit` times. `fire` may
  // insert entries, this one too, but erase none. Returns how many fired; earliest() is exact afterwards, or the start of
  // the first slot if that is crowded. `prepare(entry)` is called some entries ahead of fire(), to fetch what that will touch.
  template <class Fire, class Prepare>
  std::size_t advance(nanoseconds now, std::size_t limit, Fire fire, Prepare prepare) {
    std::size_t fired = 0;
    const std::uint64_t now_tick = tick_of(now);
    unsigned level;
    unsigned slot;
    while (fired < limit) {
      const bool any = first_slot(level, slot);
      const std::uint64_t start = any ? start_of(level, slot) : never;
      if (start > now_tick) {
        // Nothing comes up until now: catching up keeps every entry in its level, because `elapsed_` stays before the
        // start of each occupied slot.
        if (now_tick > elapsed_) elapsed_ = now_tick;
        break;
      }
      if (start > elapsed_) elapsed_ = start;
      if (level > 0) {
        cascade(level, slot);
      } else if (const std::size_t n = expire(slot, now, limit - fired, fire, prepare)) {
        fired += n;
      } else {
        break; // the rest of this tick lies ahead
      }
    }
    recompute_earliest();
    return fired;
  }

  template <class Fire> std::size_t advance(nanoseconds now, std::size_t limit, Fire fire) {
    return advance(now, limit, fire, [](entry&) {});
  }

  bool check_invariants() const noexcept; // T2; for tests and debug builds

private:
  static constexpr unsigned levels = 5;
  static constexpr unsigned slot_bits = 8;
  static constexpr unsigned slots = 1 << slot_bits;
  static constexpr unsigned tick_bits = 14; // 16.4 us
  static constexpr std::uint64_t horizon = std::uint64_t{1}
                                           << (levels * slot_bits); // ticks that the wheel can tell apart

  static std::uint64_t tick_of(nanoseconds t) noexcept {
    return t <= 0 ? 0 : static_cast<std::uint64_t>(t) >> tick_bits;
  }

  void place(entry& e) noexcept;
  void unlink(entry& e) noexcept;
  void cascade(unsigned level, unsigned slot) noexcept;
  bool first_slot(unsigned& level, unsigned& slot) const noexcept;
  std::uint64_t start_of(unsigned level, unsigned slot) const noexcept;
  void recompute_earliest() noexcept;

  template <class Fire, class Prepare>
  std::size_t expire(unsigned slot, nanoseconds now, std::size_t limit, Fire& fire, Prepare& prepare) {
    // Moved out first: `fire` may insert into this very slot.
    base::intrusive_list<entry> due;
    std::size_t n = 0;
    for (entry *e = slots_[0][slot].front(), *next; e != nullptr && n < limit; e = next) {
      next = e->next;
      if (e->deadline > now) continue;
      unlink(*e);
      --count_;
      prepare(*e);
      due.push_back(*e);
      ++n;
    }
    while (entry* e = due.pop_front()) fire(*e);
    return n;
  }

  std::uint64_t elapsed_; // every slot before this tick has been emptied
  nanoseconds earliest_ = never;
  std::size_t count_ = 0;
  slot_set occupied_[levels];
  base::intrusive_list<entry> slots_[levels][slots];
};

} // namespace thrum::timing
