// lock_order: wrong orders of locks, found before anybody waits for ever (THRUM_DEBUG=lock_order; docs/debugging.md).
//
// Who locks B while it holds A says: A before B. If others say that B comes before A, also by way of further locks, then the right
// moment is all that is missing for a deadlock, and both are reported, once. The deadlock itself needs no report of this kind: the
// finder in inspect/ has it.
//
// What is an order about? About locks, each by itself, not about all that were made or are locked in one place, as in Linux'
// lockdep. With places, two accounts that are always locked by address look like a cycle of one place with itself, and so does a
// tree that is locked from the root down; a kernel writes annotations for those, a library's users would get false alarms. The
// price: an order is seen only if the same two locks were taken in both. A lock has a number from its first watched use on,
// in the lock itself, where its constructor puts 0: so a lock that is made where another died is not taken for it, and destructors
// need not tell anybody. Numbers that are not used any more are forgotten when there are many.
//
// No false alarm (the rules are those of Goodlock: Havelund 2000)
//   - All who are part of a cycle are different fibers or threads. One that locks A, B and later B, A never waits for itself.
//   - No lock is held by two of them all the time, but together: then they cannot be there at once.
//   - Readers do not wait for readers. (Only a writer between them can make them; that is not looked for.)
//   - A lock that is only tried, or has a deadline, is waited for by nobody for ever. When it is held, it counts.
//   - A shared lock that is released by somebody who does not hold it is forgotten in all places.
//
// Costs nothing while it is off: who locks asks anyway whether thrum knows its thread (detail::locker()).
#pragma once

#include <thrum/detail/atomic.h>

#include <cstdint>

namespace thrum::sync {

enum class lock_kind : std::uint8_t { mutex, shared_mutex };

struct watched_lock {
  const void* address;
  detail::atomic<std::uint32_t>& number; // 0: it has none yet
  lock_kind kind;
  bool together = false; // as a reader
};

#if defined(THRUM_EXPLORE)
inline void about_to_lock(const watched_lock&) noexcept {}
inline void has_locked(const watched_lock&) noexcept {}
inline void about_to_unlock(const watched_lock&) noexcept {}
#else
// Of the calling agent. Nothing happens if its thread is not watched. The first may report.
void about_to_lock(const watched_lock& l) noexcept; // and would wait for it
void has_locked(const watched_lock& l) noexcept;
void about_to_unlock(const watched_lock& l) noexcept;
#endif

} // namespace thrum::sync
