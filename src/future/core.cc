// A future settles: who publishes it, who is woken, who is told, and in which order.
//
// There are two ways to wait for a core. Agents park: they queue a waiter, as everywhere (wait/waiter.h). And nodes are left in it:
// continuations, which are then queued to their executors, and whatever acts at once (an adoption, a combinator, a timeout).
// Both lists, and the stop hooks among the nodes, meet the settlement under `guard`:
//
//   who settles                                      others
//   -----------                                      ------
//   puts the result behind the core                  wait:  guard; settled? else enqueue and park
//   guard; hint = settled; wake all waiters          node:  guard; closed? else link it
//   again: guard; nodes? take all, release,          stop:  guard; settled? else take the hooks, or hold
//          tell each in order; none: closed                 the source; release; call them
//
// The nodes are told with no guard held: an executor's post() is anybody's code. So that a node which comes in meanwhile is not
// told before those that came earlier, `nodes` is closed only when it was found empty: until then newcomers are linked, and it
// is the settler who tells them. What finds it closed is told by its own thread.
//
// One consumer
//
// Most cores have one consumer ever: a future that was neither shared nor made by a promise (future_core::is_open is not set). It waits, or
// leaves one node and is gone. So its node needs no guard: it is put into the empty word, and who settles either finds it there,
// and knows that nobody else will come or waits, or closes the word before it comes. Each of the two takes one compare-exchange, and
// whoever comes second needs none.
//
// Who settles a core and has a reference to it would give that back as his last act, while the consumer gives his back: an atomic
// subtraction, and a miss on the line that the other has. So he gives it to the consumer, whom he is about to tell or wake, and
// touches the core no more; `nodes` says so (future_core::given), and the consumer gives two back (leave()).
//
// Telling one node may settle its core, whose nodes are then told, and so on, along chains of any length. That is a loop and no
// recursion: ops->settled only says that its core has settled, and the loop in tell() goes on with that one.
//
// Who settles is one only: a core with a promise is claimed first (future_core::is_claimed); all others are settled by the
// one node or task that computes them.
//
// A stop request travels from a core to its source, and on to the fiber that runs or to the hooks of a promise:
//
//   fiber of a work_part                             request
//   --------------------                             -------
//   begins: running = this                           is_asked
//   light fence                        // F3         heavy fence                      // F3
//   is_asked? -> asks itself to stop                 guard; not settled, running set: stop_fiber
//
// Orderings
//   F3  the fences above: either the fiber that begins sees the request, or who requests sees the fiber.
//   F7  who settles a core that has its only node already takes no guard: hint = settled, light fence, is_asked? -> waits for the
//       guard to be free. Who asks to stop: is_asked, heavy fence, guard, settled? Either the settler sees the request and waits
//       until who asks is done with the fiber, or who asks sees the settlement.
// Invariants
//   F4  `running` is a live fiber whenever it is read under the guard and the core has not settled: the fiber itself settles
//       the core, or clears `running` under the guard (change_source).
//   F5  `source` is changed under the guard, or by the settler after the settlement, when nobody else reads it.
#include "base/check.h"
#include "env/panic.h"
#include "sched/coroutine.h"
#include "sched/launch.h"
#include "sched/park.h"
#include "sched/runtime_core.h"
#include "sched/scheduler.h"
#include "select/engine.h"
#include "sync/unhandled.h"
#include "wait/local.h"

#include <cstddef>
#include <future>
#include <stdexcept>
#include <thrum/detail/binding.h>
#include <thrum/detail/future_core.h>
#include <thrum/detail/joinable.h>
#include <thrum/detail/select_case.h>
#include <thrum/error.h>
#include <thrum/executor.h>
#include <thrum/runtime.h>
#include <utility>

namespace thrum::detail {

namespace {

struct future_state {
  wait::lock guard;
  wait::waiter_list waiters; // guarded
};
static_assert(sizeof(future_state) <= sizeof(future_core::state));
static_assert(sizeof(select::hint) <= sizeof(future_core::hint));

future_state& state_of(future_core& c) noexcept {
  return *std::launder(reinterpret_cast<future_state*>(c.state));
}
select::hint& hint_of(future_core& c) noexcept {
  return *std::launder(reinterpret_cast<select::hint*>(c.hint));
}

constexpr auto closed = &future_core::closed;

// Under the guard.
void link_last(future_core& c, future_node& n) noexcept {
  future_node* last = c.nodes.load(std::memory_order_relaxed); // relaxed: guarded
  n.next = last != nullptr ? std::exchange(last->next, &n) : &n;
  c.nodes.store(&n, std::memory_order_release); // F1 (future_core.h)
}

// After the settlement, under the guard: if there is no node, none is to come any more.
void close_if_empty(future_core& c) noexcept {
  future_node* none = c.nodes.load(std::memory_order_relaxed); // relaxed: looked at again
  if (none != nullptr) return;
  if (c.is(future_core::is_open))
    c.nodes.store(closed(), std::memory_order_release); // F1 (future_core.h)
  else
    c.nodes.compare_exchange_strong(none, closed(), std::memory_order_release, // F1 (future_core.h)
                                    std::memory_order_relaxed);                // relaxed: it is taken later
}

// The first of all nodes, which are linked up to a null; null: there are none, and none will come. After the settlement and
// close_if_empty(); under the guard, or if there was one node and no other can come.
future_node* take_nodes(future_core& c) noexcept {
  future_node* const last = c.nodes.load(std::memory_order_acquire); // F1 (future_core.h)
  if (future_core::is_closed(last)) return nullptr;
  const bool more_may_come = last != nullptr && c.is(future_core::is_open);
  c.nodes.store(more_may_come ? nullptr : closed(), std::memory_order_release); // F1 (future_core.h)
  return last != nullptr ? std::exchange(last->next, nullptr) : nullptr;
}

future_node* take_more_nodes(future_core& c) noexcept {
  if (future_core::is_closed(c.nodes.load(std::memory_order_relaxed)))
    return nullptr; // relaxed: nothing is read
  if (!c.is(future_core::is_open)) return take_nodes(c);
  const wait::lock::held guard = state_of(c).guard.acquire_seldom(wait::this_thread());
  future_node* first = take_nodes(c);
  wait::lock::release(guard);
  return first;
}

// Under the guard. Claimed waiters may run at once, and their nodes die then: agents first.
void wake_waiters(future_core& c) noexcept {
  while (wait::waiter* w = wait::pop_claimed(state_of(c).waiters)) sched::ready(*w->owner);
}

// Under the guard.
void publish_guarded(future_core& c, std::uint32_t bits) noexcept {
  hint_of(c).update(bits);
  close_if_empty(c);
  wake_waiters(c);
}

// The only node that c will ever have; null: it has none yet, or others may come. There is a node, so the handle is used up, and
// nobody else can wait.
future_node* only_node(const future_core& c) noexcept {
  future_node* const n = c.nodes.load(std::memory_order_acquire); // F1 (future_core.h)
  return n == nullptr || future_core::is_closed(n) || c.is(future_core::is_open) ? nullptr : n;
}

// Requires: only_node(c). No guard is needed but against who asks to stop and uses the fiber that runs (F4).
[[gnu::noinline]] void wait_for_who_asks(future_core& c) noexcept {
  wait::lock::release(state_of(c).guard.acquire_seldom(wait::this_thread()));
}
[[gnu::always_inline]] inline void publish_alone(future_core& c, std::uint32_t bits) noexcept {
  hint_of(c).update(bits);
  base::light_fence(); // F7
  if (__builtin_expect(c.is(future_core::is_asked), false)) wait_for_who_asks(c);
}

// As future_node_ops::settled. Most nodes are continuations that the caller's own runtime runs: they go into its queue right here.
[[gnu::noinline]] bool launch_work_of(future_node& n) noexcept {
  auto& w = static_cast<work_part&>(n);
  return sched::launch_here(w.where, w); // it may be gone
}
[[gnu::always_inline]] inline bool tell_node(future_node& n) noexcept {
  return (!n.ops->posts_work || !launch_work_of(n)) && n.ops->settled(n);
}

// Tells the nodes of a core that has settled, from `first` on (null: all that there are); and those of the cores that settle
// thereby. See the head of this file. `ours`: a reference to the core, which is given back, or to the owner of its only node.
[[gnu::noinline]] void tell(future_core* now, future_node* first, bool ours) noexcept {
  future_node* later = nullptr; // whose cores have settled, too
  future_node** later_end = &later;
  for (;;) {
    while (ours && first == nullptr && later == nullptr) { // a chain, mostly
      future_node* const n = only_node(*now);
      if (n == nullptr) break;
      now->nodes.store(future_core::given(), std::memory_order_relaxed); // relaxed: to whom we tell it
      if (!tell_node(*n)) return;                                        // perhaps gone
      now = &n->ops->core(*n);
    }
    if (first == nullptr) first = take_more_nodes(*now);
    while (first != nullptr) {
      for (future_node *n = first, *next; n != nullptr; n = next) {
        next = n->next;
        if (!tell_node(*n)) continue; // perhaps gone
        n->next = nullptr;
        *later_end = n;
        later_end = &n->next;
      }
      first = take_more_nodes(*now);
    }
    if (ours) now->release();
    if (later == nullptr) return;
    now = &later->ops->core(*later);
    later = later->next;
    if (later == nullptr) later_end = &later;
    ours = true;
  }
}

bool commit_settled(select::alternative& a, wait::claimable**) noexcept {
  return static_cast<future_core*>(a.source)->settled();
}
void enqueue_settled(select::alternative& a) noexcept {
  state_of(*static_cast<future_core*>(a.source)).waiters.push_back(a);
}
void withdraw_settled(select::alternative& a) noexcept {
  state_of(*static_cast<future_core*>(a.source)).waiters.erase(a);
}
constexpr select::source_ops settled_ops{commit_settled, enqueue_settled, withdraw_settled};

bool wait_with_deadline(future_core& c, deadline_t deadline) {
  select::single_wait w(deadline);
  fill_settled(w.source, &c);
  return w.run(sched::wait_reason::future, &c);
}

} // namespace

future_core::future_core(const future_ops& o, std::uint32_t references, std::source_location s) noexcept
    : references_(references), site(s), ops(&o) {
  ::new (hint) select::hint;
  ::new (state) future_state;
}

// ---- settling

void publish(future_core& c, std::uint32_t bits) noexcept {
  if (only_node(c) != nullptr) return publish_alone(c, bits);
  const wait::lock::held guard = state_of(c).guard.acquire_seldom(wait::this_thread());
  publish_guarded(c, bits);
  wait::lock::release(guard);
}

void settled_nodes_of(future_core& c) noexcept {
  if (future_node* first = take_more_nodes(c)) tell(&c, first, false);
}

void settle(future_core& c, std::uint32_t bits) noexcept {
  future_node* first;
  if (only_node(c) != nullptr) {
    publish_alone(c, bits);
    first = take_nodes(c);
  } else {
    const wait::lock::held guard = state_of(c).guard.acquire_seldom(wait::this_thread());
    publish_guarded(c, bits);
    first = take_nodes(c);
    wait::lock::release(guard);
  }
  if (first != nullptr) tell(&c, first, false);
}

namespace {

// Nobody has left a node yet.
[[gnu::noinline]] void finish_early(future_core& c, work_part& w, std::uint32_t bits) noexcept {
  const wait::lock::held guard = state_of(c).guard.acquire_seldom(wait::this_thread());
  hint_of(c).update(bits);
  future_core* const source = std::exchange(w.source, nullptr); // F5
  wait::waiter* const first = wait::pop_claimed(state_of(c).waiters);
  if (first != nullptr && !c.is(future_core::is_open)) {
    wait::claimable& consumer = *first->owner;
    c.nodes.store(future_core::given(), std::memory_order_relaxed); // relaxed: to whom we wake
    wait::lock::release(guard);
    sched::ready(consumer);
    if (source != nullptr) source->leave();
    return;
  }
  close_if_empty(c);
  if (first != nullptr) sched::ready(*first->owner);
  wake_waiters(c);
  wait::lock::release(guard);
  if (source != nullptr) source->leave();
  tell(&c, nullptr, true);
}

} // namespace

void finish_work(future_core& c, work_part& w, std::uint32_t bits) noexcept {
  future_node* const n = only_node(c);
  if (n == nullptr) return finish_early(c, w, bits);
  publish_alone(c, bits);
  if (future_core* const source = std::exchange(w.source, nullptr)) source->leave(); // F5
  c.nodes.store(future_core::given(), std::memory_order_relaxed); // relaxed: to whom we tell it
  if (tell_node(*n)) tell(&n->ops->core(*n), nullptr, true);
}

void begin_settled(future_core& c, std::uint32_t bits) noexcept {
  hint_of(c).update(bits);
  c.nodes.store(closed(), std::memory_order_relaxed); // relaxed: whoever hands the future on orders it
}

void break_promise(future_core& c) noexcept {
  if (!c.set(future_core::is_claimed)) return;
  if (c.is_last()) {                                                // nobody is to learn it
    if (c.nodes.load(std::memory_order_relaxed) == nullptr) return; // relaxed: nor is there a hook
    c.observe();
  }
  ::new (static_cast<void*>(&c + 1)) std::exception_ptr(broken_promise_error());
  settle(c, future_core::has_settled | future_core::has_failed);
}

void settle_never(future_core& c) noexcept {
  const wait::lock::held guard = state_of(c).guard.acquire_seldom(wait::this_thread());
  c.set(future_core::is_never);
  future_node* const last = c.nodes.exchange(c.is(future_core::is_open) ? nullptr : future_core::never(),
                                             std::memory_order_acquire); // F1 (future_core.h)
  wait::lock::release(guard);
  future_node* n = last != nullptr ? std::exchange(last->next, nullptr) : nullptr;
  for (future_node* next; n != nullptr; n = next) {
    next = n->next;
    n->ops->dropped(*n);
  }
}

namespace {

// For a node that came too late to be linked: `end` is why.
bool tell_late(future_node& n, const future_node* end) noexcept {
  if (end != future_core::never()) return tell_node(n);
  n.ops->dropped(n);
  return false;
}

[[gnu::noinline]] bool add_guarded(future_core& source, future_node& n) noexcept {
  const wait::lock::held guard = state_of(source).guard.acquire_seldom(wait::this_thread());
  future_node* const last = source.nodes.load(std::memory_order_relaxed); // relaxed: guarded
  const bool too_late = future_core::is_closed(last);
  const bool never = source.is(future_core::is_never);
  if (!too_late && !never) link_last(source, n);
  wait::lock::release(guard);
  if (too_late) return tell_late(n, last);
  if (never) n.ops->dropped(n);
  return false;
}

[[gnu::always_inline]] inline bool add(future_core& source, future_node& n) noexcept {
  future_node* last = source.nodes.load(std::memory_order_acquire); // F1 (future_core.h)
  if (future_core::is_closed(last)) return tell_late(n, last);
  if (!source.is(future_core::is_open)) { // the only node that ever comes
    n.next = &n;
    THRUM_DCHECK(last == nullptr);
    if (source.nodes.compare_exchange_strong(last, &n,
                                             std::memory_order_release,  // F1 (future_core.h); perhaps gone
                                             std::memory_order_acquire)) // F1 (future_core.h)
      return false;
    return tell_late(n, last);
  }
  return add_guarded(source, n);
}

} // namespace

bool add_node(future_core& source, future_node& n) noexcept { return add(source, n); }

void follow(future_core& source, future_node& n) noexcept {
  if (add(source, n)) tell(&n.ops->core(n), nullptr, true);
}

// ---- waiting

bool wait_settled_until(future_core* c, deadline_t deadline) {
  if (c == nullptr) panic_no_future("wait for");
  if (c->settled()) return true;
  wait::agent& self = sched::this_agent();
  if (sched::must_stop(self)) throw cancelled(sched::stop_reason(static_cast<sched::fiber&>(self)));
  if (deadline != no_deadline) return wait_with_deadline(*c, deadline);
  future_state& s = state_of(*c);
  const wait::lock::held guard = s.guard.acquire_seldom(wait::this_thread());
  if (c->settled()) {
    wait::lock::release(guard);
    return true;
  }
  wait::waiter w;
  w.owner = &self;
  s.waiters.push_back(w);
  if (sched::park(self, guard, sched::wait_reason::future, c) == wait::decision::stopped) {
    const wait::lock::held again = s.guard.acquire_seldom(wait::this_thread());
    if (w.linked) s.waiters.erase(w);
    wait::lock::release(again);
    throw cancelled(sched::stop_reason(static_cast<sched::fiber&>(self)));
  }
  return true;
}

void prepare_settled(select_case& c) noexcept {
  auto& core = *static_cast<future_core*>(c.object);
  select::prepare(c, settled_ops, &core, state_of(core).guard);
}

const void* settled_hint(const future_core* c) noexcept { return c == nullptr ? nullptr : c->hint; }

void fill_settled(select_case& c, future_core* f) noexcept {
  c.prepare = &prepare_settled;
  c.object = f;
  c.readiness = settled_hint(f);
  c.ready_bit = has_settled_ready;
}

// ---- stopping

void ask_to_stop(future_core* c) noexcept {
  if (c == nullptr) return;
  c->retain();
  while (c != nullptr) {
    future_core* next = c->settled() || !c->set(future_core::is_asked) ? nullptr : c->ops->stop(*c);
    c->release();
    c = next;
  }
}

future_core* stop_hooks(future_core& c) noexcept {
  future_node* hooks = nullptr;
  future_node** end = &hooks;
  const wait::lock::held guard = state_of(c).guard.acquire_seldom(wait::this_thread());
  future_node* const last = c.nodes.load(std::memory_order_relaxed); // relaxed: guarded
  if (!c.settled() && last != nullptr) {
    c.nodes.store(nullptr, std::memory_order_relaxed); // relaxed: guarded
    future_node* n = std::exchange(last->next, nullptr);
    while (n != nullptr) {
      future_node* const next = n->next;
      if (n->ops->stop == nullptr) {
        link_last(c, *n);
      } else {
        n->next = nullptr;
        *end = n;
        end = &n->next;
      }
      n = next;
    }
  }
  wait::lock::release(guard);
  for (future_node *n = hooks, *next; n != nullptr; n = next) {
    next = n->next;
    n->ops->stop(*n);
  }
  return nullptr;
}

void begin_work(future_core& c, work_part& w) noexcept {
  wait::agent& self = sched::this_agent();
  if (self.kind != wait::agent_kind::fiber) return;
  auto& f = static_cast<sched::fiber&>(self);
  // Only a runtime gives each piece of work a fiber of its own; that of another executor has more to do than this.
  if (static_cast<executor*>(f.runtime->owner) != w.where) return;
  w.running.store(&f, std::memory_order_release); // F3
  base::light_fence();                            // F3
  if (c.is(future_core::is_asked)) sched::note_stop(f, cancel_reason::user);
}

future_core* stop_work(future_core& c, work_part& w) noexcept {
  base::heavy_fence(); // F3, F7
  future_core* source = nullptr;
  const wait::lock::held guard = state_of(c).guard.acquire_seldom(wait::this_thread());
  if (!c.settled()) {
    if (sched::fiber* f = w.running.load(std::memory_order_acquire)) // F3
      sched::stop_fiber(*f);
    else if (!c.is(future_core::is_sharer) && (source = w.source) != nullptr)
      source->retain();
  }
  wait::lock::release(guard);
  return source;
}

void change_source(future_core& c, work_part& w, future_core* to, bool alone) noexcept {
  const wait::lock::held guard = state_of(c).guard.acquire_seldom(wait::this_thread());
  future_core* const before = std::exchange(w.source, to);
  w.running.store(nullptr, std::memory_order_relaxed); // relaxed: guarded (F4)
  if (alone == c.is(future_core::is_sharer)) c.change(future_core::is_sharer, !alone);
  const bool asked = alone && c.is(future_core::is_asked);
  wait::lock::release(guard);
  if (before != nullptr) before->leave();
  if (asked) ask_to_stop(to);
}

// ---- running

workplace workplace_here() noexcept {
  const wait::belongings& own = sched::this_agent().own;
  return {own.home != nullptr ? own.home : sched::current_runtime().owner, own.bound};
}
workplace workplace_in(executor& where) noexcept { return {&where, sched::this_agent().own.bound}; }

void keep_bindings(task& t, binding* bound) noexcept { t.bound = wait::kept(bound); }

void forget_bindings(task& t) noexcept {
  if (t.bound != nullptr) wait::release(std::exchange(t.bound, nullptr));
}

namespace {

[[gnu::noinline]] std::exception_ptr post_elsewhere(work_part& w, bool is_reaction) noexcept {
  // A task inherits what is bound where it is posted; here, what was bound where the function was given.
  binding* const bound = std::exchange(w.bound, nullptr);
  wait::belongings& own = sched::this_agent().own;
  binding* const before = std::exchange(own.bound, bound);
  std::exception_ptr refused;
  try {
    is_reaction ? w.where->post_reaction(w) : w.where->post(w); // it may be gone from here on
  } catch (...) { refused = std::current_exception(); }
  own.bound = before;
  if (__builtin_expect(bound != nullptr, false)) wait::release(bound);
  return refused;
}

} // namespace

std::exception_ptr post_work(work_part& w, bool is_reaction) noexcept {
  if (__builtin_expect(sched::launch_here(w.where, w), true)) return nullptr; // it may be gone
  return post_elsewhere(w, is_reaction);
}

executor* turns_here() noexcept { return sched::turns_here(); }

// ---- errors

void report_unobserved(future_core& c) noexcept {
  env::report message;
  if (!is_failure(c.error()) ||
      !sync::report_unseen(c.error(), "nobody looked at a future that failed", nullptr, message))
    return;
  if (c.site.line() != 0)
    message.text("  made at ")
        .text(c.site.file_name())
        .text(":")
        .number(c.site.line())
        .text(" in ")
        .text(c.site.function_name())
        .text("\n");
  message.text("  get() it, handle it with rescue() or settle(), or set options.on_unhandled\n").flush();
}

void panic_no_future(const char* what) noexcept {
  char sentence[96] = {};
  std::size_t n = 0;
  for (const char* part : {what, " a future or promise that refers to nothing"})
    for (; *part != '\0' && n + 1 < sizeof sentence; ++part) sentence[n++] = *part;
  env::panic(sentence, "it was moved from, used up by get(), then() or share(), or never made (see valid())");
}

void panic_second_future() noexcept {
  env::panic("a second get_future() of a promise", "there is one; share() it for more consumers");
}
void panic_no_exception() noexcept {
  env::panic("set_exception() of a promise with a null exception_ptr",
             "std::current_exception() is null outside of a catch block");
}

std::exception_ptr broken_promise_error() noexcept {
  return std::make_exception_ptr(std::future_error(std::future_errc::broken_promise));
}
std::exception_ptr no_state_error() noexcept {
  return std::make_exception_ptr(std::future_error(std::future_errc::no_state));
}
std::exception_ptr dropped_error() noexcept {
  if (std::exception_ptr why = std::current_exception()) return why;
  return std::make_exception_ptr(rejected("thrum: an executor dropped the work of a future"));
}
std::exception_ptr own_future_error() noexcept {
  return std::make_exception_ptr(std::logic_error("thrum: a promise was resolved with its own future"));
}

} // namespace thrum::detail
