// Stop requests: who is asked, where it notices.
//
// A request goes to a fiber as a whole (by its handle, by the group that it is in, by the end of its runtime), or to a scope: a part of
// its work with an end of its own (with_timeout). Scopes of a fiber nest; they stand in its frames, linked from the innermost
// outwards. A shield is a scope that requests from outside do not cross. A request is a level, not an event: while it is
// in force every wait throws. It is in force if nothing between the innermost scope and what was asked is a shield
// (stop_in_force). stop_requested is the hint that makes a fiber look closer: true whenever a request is in force, and
// perhaps when not (of a fiber on a strand: always).
//
// Anybody may ask at any time, also while the fiber goes to sleep:
//
//   who asks                                 the fiber, parking
//   --------                                 ------------------
//   note the request                         decided = open (or sheltered)  // P1
//   stop_requested = true                    light fence                    // P2
//   decided: pending -> stopped?   // P1     stop_requested?
//     yes: make the fiber ready                yes, and in force: decided: pending -> stopped? make it ready
//     no: heavy fence              // P2       (the guards are still held, so nobody else decides, and the fiber cannot leave
//         once more                             its scopes)
//
// By the fence at least one of them sees the other; by the compare-exchange at most one decides. A fiber that sleeps already is
// found by the first try, without a fence. A wait that must not be interrupted at all (a shield of the runtime, stack
// unwinding) publishes `shielded`, which only claimants of waiters accept. One inside a user's shield publishes
// `sheltered`: who asks the fiber as a whole lets it be, who asks a scope decides it if no shield is between.
//
// Invariants
//   Q2  the chain of scopes changes only under scope_guard, by the fiber. Who asks a scope knows that it lasts: the wheel's guard
//       keeps a timer's scope, whoever else asks is known to the scope's owner. So under scope_guard, with the
//       compare-exchange, the chain is that of the wait that is decided.
// Orderings
//   P1  decided: release store -> acquire compare-exchange of who asks to stop: it holds no guard, and must see the saved stack.
//       Who claims a waiter holds a guard that was released after the store: that orders everything, so a claim is relaxed.
//   P2  the fences above.
//   Q1  stop_requested: set after the request was noted (release); a fiber that leaves a scope exchanges it for false (acquire) and
//       then looks what is in force: an earlier request it sees, a later one sets the flag again. Everybody writes it by
//       read-modify-writes, so that no write hides an earlier request from the exchange. In a shield it may
//       be lowered although a request waits outside; leaving the shield looks again.
#include "sched/stop.h"

#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/timers.h"

#include <new>
#include <thrum/detail/stop_scope.h>

namespace thrum::sched {

namespace decision = wait::decision;
using detail::stop_scope;

namespace {

constexpr std::uint8_t word_of(cancel_reason why) noexcept { return 1 + static_cast<std::uint8_t>(why); }
constexpr cancel_reason reason_of(std::uint8_t word) noexcept { return static_cast<cancel_reason>(word - 1); }

// Of the requests that are in force for what is in `s` (null: for the fiber outside of all scopes), that of the outermost; 0: none.
std::uint8_t word_in_force(const fiber& f, const stop_scope* s) noexcept {
  std::uint8_t found = 0;
  for (; s != nullptr; s = s->outer) {
    if (const std::uint8_t why = s->why.load(std::memory_order_relaxed); why != 0) found = why; // relaxed: Q1
    if (s->what == stop_scope::kind::shield) return found;
  }
  if (const std::uint8_t why = f.asked.load(std::memory_order_relaxed); why != 0) return why; // relaxed: Q1
  if (f.runtime->draining.load(std::memory_order_relaxed))
    return word_of(cancel_reason::shutdown); // relaxed: Q1
  return found;
}

bool stop_wait(fiber& f, std::uint32_t pending) noexcept {
  return f.decided.compare_exchange_strong(
      pending, decision::stopped, std::memory_order_acquire, // P1
      std::memory_order_relaxed);                            // relaxed: it runs, or is decided otherwise
}

// The fiber, in which `s` is in force, sleeps where a request to `s` reaches it, and that was decided now.
bool stop_wait_in(fiber& f, const stop_scope& s) noexcept {
  const base::spin_guard guard(f.scope_guard); // Q2
  for (const stop_scope* t = f.scope; t != &s; t = t->outer)
    if (t->what == stop_scope::kind::shield) return false;
  return stop_wait(f, f.wait_word);
}

// True: the caller makes the owner ready.
bool ask(stop_scope& s, cancel_reason why, bool& first) noexcept {
  fiber& f = *s.owner;
  std::uint8_t none = 0;
  first = s.why.compare_exchange_strong(none, word_of(why), std::memory_order_relaxed, // relaxed: Q1
                                        std::memory_order_relaxed);                    // relaxed: it is asked
  if (!first) return false;
  f.stop_requested.exchange(true, std::memory_order_release); // Q1
  if (stop_wait_in(f, s)) return true;
  base::heavy_fence(); // P2
  return stop_wait_in(f, s);
}

struct scope_timer : timer_entry {
  stop_scope* scope = nullptr;
};

void expire(worker& w, timer_entry& e) noexcept {
  stop_scope& s = *static_cast<scope_timer&>(e).scope;
  bool first = false;
  if (ask(s, cancel_reason::deadline, first)) ready_inside(w, *s.owner);
}

scope_timer& timer_in(unsigned char* bytes) noexcept {
  return *std::launder(reinterpret_cast<scope_timer*>(bytes));
}

// Requires: the fiber calls. The chain begins with `innermost` from now on.
void change_scopes(fiber& f, stop_scope* innermost) noexcept {
  std::uint8_t word = decision::open;
  for (const stop_scope* s = innermost; s != nullptr; s = s->outer)
    if (s->what == stop_scope::kind::shield) word = decision::sheltered;
  const base::spin_guard guard(f.scope_guard); // Q2
  f.scope = innermost;
  f.wait_word = word;
}

} // namespace

bool stop_in_force(const fiber& f) noexcept { return word_in_force(f, f.scope) != 0; }

cancel_reason stop_reason(const fiber& f) noexcept {
  const std::uint8_t word = word_in_force(f, f.scope);
  return word != 0 ? reason_of(word) : cancel_reason::user;
}

void note_stop(fiber& f, cancel_reason why) noexcept {
  std::uint8_t none = 0;
  f.asked.compare_exchange_strong(none, word_of(why), std::memory_order_relaxed, // relaxed: Q1
                                  std::memory_order_relaxed); // relaxed: the first one counts
  f.stop_requested.exchange(true, std::memory_order_release); // Q1
}

bool claim_if_asleep(fiber& f) noexcept { return stop_wait(f, decision::open); }

void wake_stopped(detail::runnable* first) noexcept {
  if (first == nullptr) return;
  if (first->link == nullptr) return ready(static_cast<fiber&>(*first));
  worker* const here = try_this_worker();
  if (here != nullptr) enter();
  for (detail::runnable* next; first != nullptr; first = next) {
    next = first->link; // it may run at once
    auto& f = static_cast<fiber&>(*first);
    if (here != nullptr)
      ready_inside(*here, f);
    else
      ready_elsewhere(f);
  }
  if (here == nullptr) return;
  share_if_idle(*here);
  leave();
}

void stop_fiber(fiber& f, cancel_reason why) noexcept {
  note_stop(f, why);
  if (claim_if_asleep(f)) return ready(f);
  base::heavy_fence(); // P2
  if (claim_if_asleep(f)) ready(f);
}

} // namespace thrum::sched

namespace thrum::detail {

stop_scope::stop_scope(kind k, deadline_t until) noexcept
    : owner(sched::this_fiber()), outer(owner->scope), what(k), deadline(until) {
  static_assert(sizeof(sched::scope_timer) <= sizeof timer_);
  sched::change_scopes(*owner, this);
  if (deadline == no_deadline || what == kind::told) return;
  if (deadline <= steady_now()) {
    why.store(sched::word_of(cancel_reason::deadline), std::memory_order_relaxed); // relaxed: our own
    owner->stop_requested.exchange(true, std::memory_order_relaxed);               // relaxed: Q1; our own
    return;
  }
  auto& t = *::new (static_cast<void*>(timer_)) sched::scope_timer;
  t.deadline = deadline;
  t.fire = &sched::expire;
  t.scope = this;
  t.touches = owner;
  const wait::lock::held wheel = sched::set_timer(sched::enter(), t);
  wait::lock::release(wheel);
  sched::leave();
  has_timer_ = true;
}

stop_scope::~stop_scope() {
  if (has_timer_) sched::cancel_timer(wait::this_thread(), sched::timer_in(timer_));
  sched::change_scopes(*owner, outer);
  sched::fiber& f = *owner;
  // A scope that ended inside this shield may have lowered the flag of a request from outside.
  if (what != kind::shield && !f.stop_requested.load(std::memory_order_relaxed)) return; // relaxed: Q1
  f.stop_requested.exchange(false, std::memory_order_acquire);                           // Q1
  if (f.on_strand || sched::stop_in_force(f))                   // strand.h: it always looks closer
    f.stop_requested.exchange(true, std::memory_order_relaxed); // relaxed: Q1; our own
}

bool stop_scope::request(cancel_reason reason) noexcept {
  bool first = false;
  if (sched::ask(*this, reason, first)) sched::ready(*owner);
  return first;
}

bool stop_scope::ends_here(cancel_reason reason) const noexcept {
  if (why.load(std::memory_order_relaxed) != sched::word_of(reason)) return false; // relaxed: our own, or Q1
  return what == kind::shield || sched::word_in_force(*owner, outer) == 0;
}

deadline_t scope_deadline() noexcept {
  deadline_t earliest = no_deadline;
  const sched::fiber* f = sched::this_fiber();
  if (f == nullptr) return earliest;
  for (const stop_scope* s = f->scope; s != nullptr; s = s->outer) {
    if (s->deadline < earliest) earliest = s->deadline;
    if (s->what == stop_scope::kind::shield) break;
  }
  return earliest;
}

} // namespace thrum::detail
