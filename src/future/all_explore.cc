// A group of futures, as it is (future_all.h): who settles the last source sees what the others have left, and sources are there for as
// long as anybody asks them to stop.
#include "base/explore/expect.h"
#include "base/explore/lifetime.h"
#include "sched/explore/explored.h"

#include <thrum/future_all.h>

#include <memory>
#include <new>

namespace thrum::detail {

namespace explore = base::explore;

namespace {

// A source, whose result lies beside it, where races are seen.
struct part final : result_core<int> {
  explore::plain<int> result;

  part() : result_core<int>(ops_of_part, 2 * future_core::one, {}) {} // the group's, and of who settles it
  void settle_with(int number) {
    result.set(number);
    settle(*this, make_value(number));
    release();
  }
  static void destroy(future_core& c) noexcept {
    auto& self = static_cast<part&>(c);
    std::destroy_at(&self);
    explore::object_ends(&self, sizeof self);
  }
  static future_core* stop(future_core&) noexcept { return nullptr; }
  static constexpr future_ops ops_of_part{&destroy, &stop};
};

// Takes all results, as all() does.
struct sum_kind {
  using result = int;
  static bool decides(const future_core&) noexcept { return false; }
  static std::uint32_t decide(result_core<int>&, group_node&) noexcept { return 0; }
  static std::uint32_t complete(result_core<int>& to, group_node* members, std::size_t count) {
    int sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += static_cast<part*>(members[i].source)->result.get();
    return to.make_value(sum);
  }
};
using sum_group = group_core<sum_kind>;

struct group_of_two {
  sched::explored_core core;
  sched::explored_task_memory room; // for the nodes
  sched::explored_guest settles[2]{sched::explored_guest(core), sched::explored_guest(core)};
  sched::explored_guest consumer{core};
  alignas(part) unsigned char memory[2][sizeof(part)];
  part* const parts[2] = {::new (static_cast<void*>(memory[0])) part,
                          ::new (static_cast<void*>(memory[1])) part};
  alignas(sum_group) unsigned char group_memory[sizeof(sum_group)];
  sum_group* const group = ::new (static_cast<void*>(group_memory)) sum_group(2, {});

  group_of_two() {
    for (part* each : parts) group->add(each, true);
  }
  void settle_part(int index) {
    settles[index].runs_here();
    parts[index]->settle_with(index + 1);
  }
  void wait_and_leave() {
    explore::require(wait_settled_until(group, no_deadline), "it settles");
    explore::require(group->value == 3, "it has both results");
    static_cast<future_core*>(group)->leave();
  }
};

// Both are settled by others, while the group is made.
struct two_settle {
  static constexpr int threads = 3;
  group_of_two all;
  void thread(int index) {
    if (index != 2) return all.settle_part(index);
    all.consumer.runs_here();
    all.group->begin();
    all.wait_and_leave();
  }
};

// One has settled already. Who waits for the group asks it to stop before that.
struct asked_while_one_settles {
  static constexpr int threads = 2;
  group_of_two all;
  asked_while_one_settles() {
    all.parts[1]->settle_with(2);
    all.group->begin();
  }
  void thread(int index) {
    if (index == 0) return all.settle_part(0);
    all.consumer.runs_here();
    ask_to_stop(all.group);
    all.wait_and_leave();
  }
};

template <int Preemptions> inline constexpr explore::options at_most{
    .strategy = explore::dfs{.preemptions = Preemptions}, .max_executions = 300'000};

} // namespace

TEST(future_all_explore, who_settles_the_last_source_sees_all_results) {
  explore::expect_correct<two_settle>(at_most<1>);
  explore::expect_correct<two_settle>({.strategy = explore::pct{5}, .max_executions = 5'000});
}
TEST(future_all_explore, a_request_finds_the_sources_or_none) {
  explore::expect_correct<asked_while_one_settles>(at_most<2>);
}

TEST(future_all_explore, every_order_is_needed) {
  explore::expect_no_survivor(
      explore::mutation_gate({explore::scenario_of<two_settle>(at_most<1>),
                              explore::scenario_of<asked_while_one_settles>(at_most<2>)},
                             {.files = {"thrum/future_all.h"}}));
}

} // namespace thrum::detail
