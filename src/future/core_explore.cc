// A core that has one consumer, as it is (core.cc): who settles it, who leaves the only node or waits, who asks to stop. The core, its
// node and the fiber that computes the value are objects that end; who touches one later is found.
#include "base/explore/expect.h"
#include "base/explore/lifetime.h"
#include "sched/explore/explored.h"
#include "sched/park.h"

#include <thrum/detail/future_core.h>
#include <thrum/error.h>

#include <memory>
#include <new>
#include <optional>

namespace thrum::detail {

namespace explore = base::explore;

namespace {

// What an async() makes, with the function left out.
struct work final : result_core<int>, work_part {
  explore::plain<int> result;

  work()
      : result_core<int>(ops_of_work, 2 * future_core::one, {}),
        work_part(unused_ops, nullptr, attrs{}, {}, nullptr, nullptr) {}
  static void destroy(future_core& c) noexcept {
    auto& self = static_cast<work&>(c);
    std::destroy_at(&self);
    explore::object_ends(&self, sizeof self);
  }
  static future_core* stop(future_core& c) noexcept {
    auto& self = static_cast<work&>(c);
    return stop_work(self, self);
  }
  static constexpr future_ops ops_of_work{&destroy, &stop};
  static constexpr future_node_ops unused_ops{}; // it waits for no source
};

// What a then() leaves there. It is run by who tells it.
struct reaction final : future_node {
  work& source;
  int got = 0;
  bool dropped = false;

  explicit reaction(work& s);
  static bool settled(future_node& n) noexcept {
    auto& self = static_cast<reaction&>(n);
    explore::require(self.source.settled(), "it is told behind the settlement");
    self.got = self.source.result.get();
    self.source.leave();
    return false;
  }
  static void never(future_node& n) noexcept {
    auto& self = static_cast<reaction&>(n);
    self.dropped = true;
    self.source.leave();
  }
};
constexpr future_node_ops reaction_ops{&reaction::settled, &reaction::never, nullptr, nullptr};
reaction::reaction(work& s) : future_node(reaction_ops), source(s) {}

enum how_it_goes { at_once, until_stopped, never, dropped };

struct one_core {
  sched::explored_core core;
  std::optional<sched::explored_fiber> computes;
  alignas(work) unsigned char memory[sizeof(work)];
  work* const c = ::new (static_cast<void*>(memory)) work;

  // The fiber that makes the value; its control block does not outlive that.
  void settle(how_it_goes how = at_once, wait::lock* bed = nullptr) {
    sched::explored_fiber& f = computes.emplace(core);
    f.runs_here();
    begin_work(*c, *c);
    if (how == until_stopped) {
      const wait::lock::held held = bed->acquire(wait::this_thread());
      if (sched::must_stop(f))
        wait::lock::release(held);
      else
        explore::require(sched::park(f, held, sched::wait_reason::select, nullptr) == wait::decision::stopped,
                         "only a request ends this wait");
    }
    if (how == never) {
      change_source(*c, *c, nullptr, true);
      settle_never(*c);
      c->release();
    } else if (how == dropped) { // by its executor
      c->result.set(7);
      detail::settle(*c, c->make_value(7));
      c->release();
    } else {
      c->result.set(7);
      finish_work(*c, *c, c->make_value(7));
    }
    explore::object_ends(static_cast<sched::fiber*>(&f), sizeof(sched::fiber));
  }
  void expect_result() { explore::require(c->result.get() == 7, "who waited sees the value"); }
};

// The consumer goes on with a node, ...
template <how_it_goes How> struct settle_beside_a_reaction {
  static constexpr int threads = 2;
  one_core all;
  sched::explored_guest consumer{all.core};
  reaction node{*all.c};

  void thread(int index) {
    if (index == 0) return all.settle(How);
    consumer.runs_here();
    follow(*all.c, node);
  }
  void finish() {
    explore::require(How == never ? node.dropped : node.got == 7,
                     "the node was told what became of the core");
  }
};

// ... or shares the future before that, ...
struct settle_beside_a_shared_reaction {
  static constexpr int threads = 2;
  one_core all;
  sched::explored_guest consumer{all.core};
  reaction first{*all.c}, second{*all.c};

  void thread(int index) {
    if (index == 0) return all.settle();
    consumer.runs_here();
    all.c->open();
    all.c->retain();
    follow(*all.c, first);
    follow(*all.c, second);
  }
  void finish() { explore::require(first.got == 7 && second.got == 7, "the nodes were told"); }
};

// ... or drops the future, or shares it first, ...
template <bool Shares> struct settle_beside_a_drop {
  static constexpr int threads = 2;
  one_core all;
  sched::explored_guest consumer{all.core};

  void thread(int index) {
    if (index == 0) return all.settle();
    consumer.runs_here();
    if (Shares) all.c->open();
    all.c->leave();
  }
};

// ... or waits, and then drops it, leaves a node, or shares it.
enum class then { drops, leaves_a_node, shares };
template <class Consumer, then Then> struct settle_beside_a_wait {
  static constexpr int threads = 2;
  one_core all;
  Consumer consumer{all.core};
  reaction node{*all.c};

  void thread(int index) {
    if (index == 0) return all.settle();
    consumer.runs_here();
    explore::require(wait_settled_until(all.c, no_deadline), "it settles");
    all.expect_result();
    if (Then == then::leaves_a_node) return follow(*all.c, node);
    if (Then == then::shares) all.c->open();
    all.c->leave();
  }
  void finish() { explore::require(Then != then::leaves_a_node || node.got == 7, "the node was told"); }
};

// The wait may end in another way: by its deadline, ...
struct settle_beside_a_deadline {
  static constexpr int threads = 2;
  one_core all;
  sched::explored_guest consumer{all.core};
  reaction node{*all.c};

  void thread(int index) {
    if (index == 0) return all.settle();
    consumer.runs_here();
    if (wait_settled_until(all.c, 10)) all.expect_result();
    follow(*all.c, node);
  }
  void finish() { explore::require(node.got == 7, "the node was told"); }
};

// ... or because the consumer is asked to stop.
struct settle_beside_a_stopped_wait {
  static constexpr int threads = 3;
  one_core all;
  sched::explored_fiber consumer{all.core}, asks{all.core};
  reaction node{*all.c};

  void thread(int index) {
    if (index == 0) return all.settle();
    if (index == 2) {
      asks.runs_here();
      return sched::stop_fiber(consumer);
    }
    consumer.runs_here();
    try {
      wait_settled_until(all.c, no_deadline);
      all.expect_result();
    } catch (const cancelled&) {}
    follow(*all.c, node);
  }
  void finish() { explore::require(node.got == 7, "the node was told"); }
};

// Somebody else, with a reference of his own, asks the fiber to stop that makes the value. The node may be there already.
template <bool NodeIsThere> struct settle_beside_a_request {
  static constexpr int threads = NodeIsThere ? 2 : 3;
  one_core all;
  sched::explored_guest asks{all.core}, consumer{all.core};
  reaction node{*all.c};

  settle_beside_a_request() {
    all.c->retain();
    if (NodeIsThere) follow(*all.c, node);
  }
  void thread(int index) {
    if (index == 0) return all.settle();
    if (index == 2) {
      consumer.runs_here();
      return follow(*all.c, node);
    }
    asks.runs_here();
    ask_to_stop(all.c);
    all.c->release();
  }
  void finish() { explore::require(node.got == 7, "the node was told"); }
};

// The fiber waits for nothing but the request.
struct request_to_who_waits {
  static constexpr int threads = 2;
  one_core all;
  sched::explored_guest asks{all.core};
  wait::lock bed_guard;

  void thread(int index) {
    if (index == 0) return all.settle(until_stopped, &bed_guard);
    asks.runs_here();
    ask_to_stop(all.c);
    all.c->leave();
  }
};

template <int Preemptions> inline constexpr explore::options bounded{
    .strategy = explore::dfs{.preemptions = Preemptions}, .max_executions = 300'000};

using guest = sched::explored_guest;

} // namespace

TEST(future_explore, the_only_node_of_a_core_is_told_once) {
  explore::expect_correct<settle_beside_a_reaction<at_once>>();
  explore::expect_correct<settle_beside_a_reaction<never>>();
  explore::expect_correct<settle_beside_a_reaction<dropped>>();
  explore::expect_correct<settle_beside_a_shared_reaction>();
}
TEST(future_explore, a_future_may_be_dropped_or_shared_while_it_settles) {
  explore::expect_correct<settle_beside_a_drop<false>>();
  explore::expect_correct<settle_beside_a_drop<true>>();
}
TEST(future_explore, who_has_waited_may_do_anything_with_the_future) {
  explore::expect_correct<settle_beside_a_wait<guest, then::drops>>(bounded<3>);
  explore::expect_correct<settle_beside_a_wait<sched::explored_fiber, then::drops>>(bounded<3>);
  explore::expect_correct<settle_beside_a_wait<guest, then::leaves_a_node>>(bounded<3>);
  explore::expect_correct<settle_beside_a_wait<guest, then::shares>>(bounded<3>);
}
TEST(future_explore, a_wait_that_ends_early_leaves_the_future_as_it_was) {
  explore::expect_correct<settle_beside_a_deadline>(bounded<2>);
  explore::expect_correct_with_both_fences<settle_beside_a_stopped_wait>(bounded<2>);
}
TEST(future_explore, a_request_touches_no_fiber_that_has_ended) {
  explore::expect_correct_with_both_fences<request_to_who_waits>(bounded<3>);
  explore::expect_correct_with_both_fences<settle_beside_a_request<true>>(bounded<2>);
  explore::expect_correct_with_both_fences<settle_beside_a_request<false>>(
      bounded<1>); // two: beyond 300,000 executions
  explore::expect_correct<settle_beside_a_request<false>>(
      {.strategy = explore::pct{}, .max_executions = 20'000});
}

TEST(future_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<settle_beside_a_reaction<at_once>>(),
       explore::scenario_of<settle_beside_a_reaction<never>>(),
       explore::scenario_of<settle_beside_a_reaction<dropped>>(),
       explore::scenario_of<settle_beside_a_shared_reaction>(),
       explore::scenario_of<settle_beside_a_drop<false>>(),
       explore::scenario_of<settle_beside_a_drop<true>>(),
       explore::scenario_of<settle_beside_a_wait<guest, then::shares>>(bounded<2>),
       explore::scenario_of<settle_beside_a_wait<guest, then::leaves_a_node>>(bounded<2>),
       explore::scenario_of<request_to_who_waits>(bounded<2>),
       explore::scenario_of<settle_beside_a_request<true>>(bounded<2>),
       explore::scenario_of<settle_beside_a_request<false>>(bounded<1>)},
      {.files = {"future/core.cc", "detail/future_core.h"}}));
}

} // namespace thrum::detail
