#include "sched/debug.h"

#include "base/spin_lock.h"
#include "env/environment.h"
#include "env/panic.h"
#include "sched/describe.h"
#include "sched/worker.h"

#include <iterator>
#include <source_location>
#include <string_view>

namespace thrum::sched {

namespace {

void complain(std::string_view word) noexcept {
  char text[64];
  const std::size_t n = word.copy(text, sizeof text - 1);
  text[n] = '\0';
  env::report()
      .text("thrum: THRUM_DEBUG: there is no mode '")
      .text(text)
      .text("'; the modes are migrate, held_mutex, lock_order and one_by_one, separated by commas\n")
      .flush();
}

// What libthrum_debug counts (src/interpose/locks.cc): the locks that the calling thread holds, which it forgets. At most
// `capacity` addresses are written; returns how many.
using take_held_locks = int(const void** locks, int capacity) noexcept;

take_held_locks* lock_counter() noexcept {
  return reinterpret_cast<take_held_locks*>(env::symbol("thrum_debug_take_held_locks"));
}

bool can_see_locks() noexcept {
  if (lock_counter() != nullptr) return true;
  env::report()
      .text("thrum: THRUM_DEBUG=held_mutex sees no locks: link thrum::debug in front of thrum::thrum, or "
            "start the "
            "program with LD_PRELOAD=libthrum_debug.so\n")
      .flush();
  return false;
}

// The places that have had their report. When there are too many, the others get none.
constinit base::spin_lock reported_lock;
constinit unsigned reported_count = 0; // guarded by reported_lock, as is the next
struct place {
  const char* file;
  unsigned line;
};
constinit place reported[64] = {};

bool is_first_report(const std::source_location& site) noexcept {
  const base::spin_guard guard(reported_lock);
  for (unsigned i = 0; i < reported_count; ++i)
    if (reported[i].line == site.line() && reported[i].file == std::string_view(site.file_name()))
      return false;
  if (reported_count == std::size(reported)) return false;
  reported[reported_count++] = {site.file_name(), site.line()};
  return true;
}

} // namespace

void look_for_held_locks(worker& w) noexcept {
  const fiber* f = w.current_fiber();
  if (f == nullptr || f->pins != 0) return; // a pinned fiber comes back to its thread
  static take_held_locks* const take = lock_counter();
  const void* locks[4];
  const int held = take(locks, 4);
  if (held == 0 || !is_first_report(f->site)) return;
  env::report message;
  message.text("thrum: held_mutex: a fiber ");
  if (w.leaving.parked == f)
    message.text("waits (").text(name_of(f->why)).text(")");
  else
    message.text(f->alive.load(std::memory_order_relaxed) ? "yields" : "ends"); // relaxed: its own
  message.text(" while it holds ").text(held == 1 ? "a lock" : "locks").text(" of its thread:");
  for (int i = 0; i < held; ++i) message.text(" ").hex(reinterpret_cast<std::uintptr_t>(locks[i]));
  message.text("\n  ");
  describe(*f, message);
  message
      .text("\n  a std::mutex or pthread lock must be unlocked by the thread that locked it, and whoever "
            "waits for it "
            "blocks a thread; use thrum::mutex, or unlock before the wait\n")
      .flush();
}

debug_modes wanted_debug_modes() noexcept {
  debug_modes wanted;
  const char* text = env::variable("THRUM_DEBUG");
  if (text == nullptr) return wanted;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    if (word == "migrate")
      wanted.migrate = true;
    else if (word == "held_mutex")
      wanted.held_mutex = can_see_locks();
    else if (word == "one_by_one")
      wanted.one_by_one = true;
    else if (word == "lock_order")
      wait::watch_locks();
    else if (!word.empty())
      complain(word);
  }
  return wanted;
}

} // namespace thrum::sched
