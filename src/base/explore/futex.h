// The kernel's sleep on a word, as the explorer sees it: for worlds (env/explore/) that stand in for the system.
//
// wait_word() sleeps while the word is `expected`, until wake_word(). As with the real futex, a wake-up is not kept: one that
// comes when nobody sleeps there is lost, so a waker that does not change the word first loses somebody (a deadlock). What
// the kernel promises is modelled, and no more: either the sleeper sees the word as the waker saw it, or the waker finds the
// sleeper. Nothing happens-before the return; who wakes up looks at the word again.
//
// A sleep with a deadline may end at once: with that, a deadline passes at every instant. (A thread that sleeps and then times
// out has done nothing that one which was slow to go to sleep has not.) And it ends when nobody can go on any more.
#pragma once

#include "base/explore/access.h"
#include "base/explore/site.h"

#include <cstdint>

namespace thrum::base::explore {

// `word` is the address of an explored atomic of four bytes, which begins with its location.
inline location& location_of(const void* word) noexcept {
  return const_cast<location&>(*static_cast<const location*>(word));
}

// True: the deadline has passed.
inline bool wait_word(const void* word, std::uint32_t expected, bool may_time_out,
                      site at = site::current()) {
  return access_wait_word(location_of(word), expected, may_time_out, true, at);
}
// The same with a deadline that is far away: it passes only when nobody can go on.
inline bool wait_word_long(const void* word, std::uint32_t expected, site at = site::current()) {
  return access_wait_word(location_of(word), expected, true, false, at);
}
inline void wake_word(const void* word, int how_many, site at = site::current()) {
  access_wake_word(location_of(word), how_many, at);
}

} // namespace thrum::base::explore
