#include "timer/wheel.h"

namespace thrum::timing {

void wheel::place(entry& e) noexcept {
  std::uint64_t tick = tick_of(e.deadline);
  if (tick < elapsed_) tick = elapsed_; // overdue: comes up first
  if (tick - elapsed_ >= horizon / 2)
    tick = elapsed_ + horizon / 2; // too far: sorted in again when that comes up
  const std::uint64_t differs = tick ^ elapsed_;
  unsigned level = differs == 0 ? 0 : (63 - static_cast<unsigned>(std::countl_zero(differs))) / slot_bits;
  if (level >= levels)
    level = levels - 1; // the carry into the bit above the horizon; the ring's distance still fits
  const unsigned slot = static_cast<unsigned>(tick >> (level * slot_bits)) & (slots - 1);
  e.level = static_cast<std::uint8_t>(level);
  e.slot = static_cast<std::uint8_t>(slot);
  slots_[level][slot].push_back(e);
  occupied_[level].set(slot);
}

void wheel::unlink(entry& e) noexcept {
  auto& list = slots_[e.level][e.slot];
  list.erase(e);
  if (list.empty()) occupied_[e.level].clear(e.slot);
}

void wheel::cascade(unsigned level, unsigned slot) noexcept {
  base::intrusive_list<entry> moving = slots_[level][slot];
  slots_[level][slot] = {};
  occupied_[level].clear(slot);
  while (entry* e = moving.pop_front()) place(*e);
}

// The slot that comes up first. Within a level, slots come up in ring order from elapsed_; and by the choice of levels,
// whatever a lower level holds comes up before anything of a higher one.
bool wheel::first_slot(unsigned& level, unsigned& slot) const noexcept {
  for (unsigned l = 0; l < levels; ++l) {
    if (occupied_[l].none()) continue;
    level = l;
    slot = occupied_[l].first_from(static_cast<unsigned>(elapsed_ >> (l * slot_bits)) & (slots - 1));
    return true;
  }
  return false;
}

// The first tick of a slot, at or after elapsed_ rounded down to the slot's span.
std::uint64_t wheel::start_of(unsigned level, unsigned slot) const noexcept {
  const unsigned shift = level * slot_bits;
  const std::uint64_t here = elapsed_ >> shift;
  const std::uint64_t distance = (slot - here) & (slots - 1);
  return (here + distance) << shift;
}

void wheel::recompute_earliest() noexcept {
  unsigned level;
  unsigned slot;
  if (!first_slot(level, slot)) {
    earliest_ = never;
    return;
  }
  // Exact while the slot is short; a long one gives its start, which is early enough.
  constexpr unsigned look_at = 32;
  nanoseconds smallest = never;
  unsigned seen = 0;
  for (const entry* e = slots_[level][slot].front(); e != nullptr; e = e->next) {
    if (++seen > look_at) {
      const auto start = static_cast<nanoseconds>(start_of(level, slot) << tick_bits);
      smallest = start < smallest ? start : smallest;
      break;
    }
    if (e->deadline < smallest) smallest = e->deadline;
  }
  earliest_ = smallest;
}

nanoseconds wheel::exact_earliest() const noexcept {
  unsigned level;
  unsigned slot;
  nanoseconds smallest = never;
  if (first_slot(level, slot))
    for (const entry* e = slots_[level][slot].front(); e != nullptr; e = e->next)
      if (e->deadline < smallest) smallest = e->deadline;
  return smallest;
}

bool wheel::check_invariants() const noexcept {
  std::size_t total = 0;
  for (unsigned l = 0; l < levels; ++l)
    for (unsigned s = 0; s < slots; ++s) {
      if (occupied_[l].test(s) == slots_[l][s].empty()) return false; // T2
      for (const entry* e = slots_[l][s].front(); e != nullptr; e = e->next) {
        if (e->level != l || e->slot != s || e->deadline < earliest_) return false; // T3
        ++total;
      }
    }
  return total == count_;
}

} // namespace thrum::timing
