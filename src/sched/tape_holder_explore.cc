// A tape is written on while it is put there, and while it is taken away, read and freed.
#include "sched/tape_holder.h"

#include "base/explore/expect.h"
#include "base/explore/lifetime.h"

#include <memory>
#include <new>

namespace thrum::sched::record {

namespace explore = base::explore;

namespace {

struct short_tape {
  explore::plain<int> events[2];
  base::atomic<int> taken{0};

  void write() { // as make_room() in recorder.cc
    const int mine = taken.fetch_add(1, std::memory_order_relaxed);
    events[mine].set(1);
  }
  int count() const { return events[0].get() + events[1].get(); }
};

// As many who write as are wanted, each an event, and one who records for a while.
template <int Writers> struct recorded_for_a_while {
  static constexpr int threads = Writers + 1;
  tape_holder<short_tape> here;
  base::atomic<bool> busy[2]{};
  alignas(short_tape) unsigned char memory[sizeof(short_tape)];
  int written = 0;
  void thread(int index) {
    if (index != Writers) {
      here.with_tape(busy[index], [&](short_tape& t) {
        t.write();
        ++written;
      });
      return;
    }
    auto* tape = ::new (static_cast<void*>(memory)) short_tape;
    explore::require(here.put(*tape), "there is no other");
    here.clear();
    here.let_all_see();
    for (int i = 0; i < Writers; ++i) here.wait_for(busy[i]);
    const int seen = tape->taken.load(std::memory_order_relaxed);
    explore::require(tape->count() == seen, "each event that has room is complete");
    std::destroy_at(tape);
    explore::object_ends(memory, sizeof memory);
  }
};

// Who is recorded all the time loses nothing between two events.
struct two_events {
  static constexpr int threads = 2;
  tape_holder<short_tape> here;
  base::atomic<bool> busy{false};
  short_tape tape;
  two_events() { static_cast<void>(here.put(tape)); }
  void thread(int index) {
    if (index == 0) {
      for (int i = 0; i < 2; ++i) here.with_tape(busy, [](short_tape& t) { t.write(); });
      return;
    }
    here.clear();
    here.let_all_see();
    here.wait_for(busy);
    explore::require(tape.count() == tape.taken.load(std::memory_order_relaxed), "nobody writes any more");
  }
};

} // namespace

TEST(tape_holder_explore, a_tape_that_is_read_is_written_no_more) {
  explore::expect_correct_with_both_fences<recorded_for_a_while<1>>();
  explore::expect_correct_with_both_fences<recorded_for_a_while<2>>(
      {.strategy = explore::dfs{.preemptions = 3}});
  explore::expect_correct_with_both_fences<two_events>();
}

TEST(tape_holder_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<recorded_for_a_while<1>>(), explore::scenario_of<two_events>()},
      {.files = {"sched/tape_holder.h"}}));
}

} // namespace thrum::sched::record
