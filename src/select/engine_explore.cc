// `otherwise` as it is, in the engine and inlined before it: it is taken only if nothing was ready at one instant. A token moves
// from box to box, and is in one of them all the time; so whoever says "nothing was ready" is wrong.
//
// Two wrong ways to look are told apart here, too: one reading of the hints, and two readings of bits without versions. They keep
// this model honest: it would notice if the second reading or the versions were lost.
#include "base/explore/expect.h"
#include "sched/explore/explored.h"
#include "select/engine.h"

#include <array>
#include <cstddef>

namespace thrum::select {

namespace explore = base::explore;

namespace {

using detail::select_case;

// A source that holds a token or not.
struct box {
  hint ready;
  wait::lock guard;
  base::guarded<bool> full = false;

  void set(bool wanted) {
    const wait::lock::held held = guard.acquire(wait::this_thread());
    full = wanted;
    ready.update(wanted ? 1 : 0);
    wait::lock::release(held);
  }
};

bool take(alternative& a, wait::claimable**) noexcept {
  auto& b = *static_cast<box*>(a.source);
  const bool done = b.full;
  b.full = false;
  b.ready.update(0);
  return done;
}
void never(alternative&) noexcept { explore::require(false, "a select with `otherwise` does not wait"); }
constexpr source_ops ops{take, never, never};

void prepare_box(select_case& c) noexcept {
  auto& b = *static_cast<box*>(c.object);
  prepare(c, ops, &b, b.guard);
}

// Ways to ask "is nothing ready?". All look at the cases in their order; the last is the `otherwise`.
template <std::size_t Count> using question = std::array<select_case*, Count>;

struct by_engine {
  template <std::size_t Count> static bool nothing(const question<Count>& cases) {
    return detail::select_cases(cases.data(), Count, true) == Count - 1;
  }
};
struct inlined {
  template <std::size_t Count> static bool nothing(const question<Count>& cases) {
    std::size_t index = 0;
    return detail::only_otherwise<Count>(cases.data(), index);
  }
};
struct one_reading { // wrong
  template <std::size_t Count> static bool nothing(const question<Count>& cases) {
    for (std::size_t i = 0; i + 1 < Count; ++i)
      if ((static_cast<const hint*>(cases[i]->readiness)->load() & cases[i]->ready_bit) != 0) return false;
    return true;
  }
};
struct two_readings_of_bits { // wrong
  template <std::size_t Count> static bool nothing(const question<Count>& cases) {
    return one_reading::nothing(cases) && one_reading::nothing(cases);
  }
};

// The token goes from box 0 to box 1, and then to and fro. Reversed: the box that it goes to first is looked at first. Some boxes
// before them are always empty: the engine keeps the words of the first cases, and only the sum of all others.
template <class Way, bool Reversed, int Moves, std::size_t Empty = 0> struct token_moves {
  static constexpr int threads = 2;
  static constexpr std::size_t boxes = 2, count = Empty + boxes + 1;
  sched::explored_core core;
  sched::explored_guest moves{core}, asks{core};
  std::array<box, boxes> all;
  std::array<box, Empty> empty;
  std::array<select_case, count> cases{};

  token_moves() {
    moves.runs_here();
    all[0].set(true);
    for (std::size_t i = 0; i < boxes; ++i) fill(cases[Empty + i], all[Reversed ? boxes - 1 - i : i]);
    for (std::size_t i = 0; i < Empty; ++i) fill(cases[i], empty[i]);
  }
  static void fill(select_case& c, box& b) {
    c.what = select_case::kind::source;
    c.object = &b;
    c.readiness = &b.ready;
    c.ready_bit = 1;
    c.prepare = &prepare_box;
  }
  bool nothing() {
    question<count> in_order;
    for (std::size_t i = 0; i < count; ++i) in_order[i] = &cases[i];
    return Way::nothing(in_order);
  }
  void thread(int index) {
    if (index == 0) {
      moves.runs_here();
      for (std::size_t i = 0; i < Moves; ++i) {
        all[(i + 1) % boxes].set(true);
        all[i % boxes].set(false);
      }
    } else {
      asks.runs_here();
      explore::require(!nothing(), "one of them is ready at every instant");
    }
  }
};

// Who says so when there is nothing is right.
template <class Way> struct nothing_there {
  static constexpr int threads = 1;
  token_moves<Way, false, 0, 1> all;
  void thread(int) {
    all.moves.runs_here();
    all.all[0].set(false);
    explore::require(all.nothing(), "nothing is ready");
  }
};

} // namespace

TEST(engine_explore, otherwise_is_not_taken_while_a_token_moves) {
  explore::expect_correct<token_moves<by_engine, false, 1>>();
  explore::expect_correct<token_moves<by_engine, true, 1>>();
  explore::expect_correct<token_moves<by_engine, true, 1, 1>>();
  explore::expect_correct<token_moves<inlined, false, 1>>();
  explore::expect_correct<token_moves<inlined, true, 1>>();
}
TEST(engine_explore, otherwise_is_not_taken_while_a_token_goes_to_and_fro) {
  explore::expect_correct<token_moves<by_engine, true, 3>>();
  explore::expect_correct<token_moves<by_engine, true, 3, 1>>();
  explore::expect_correct<token_moves<inlined, false, 3>>();
  explore::expect_correct<token_moves<inlined, true, 3>>();
}
TEST(engine_explore, otherwise_is_taken_if_nothing_is_ready) {
  explore::expect_correct<nothing_there<by_engine>>();
  explore::expect_correct<nothing_there<inlined>>();
}
TEST(engine_explore, one_reading_does_not_prove_that_nothing_was_ready) {
  explore::expect_correct<token_moves<one_reading, false, 1>>(); // in this order it would do
  explore::expect_fault<token_moves<one_reading, true, 1>>("one of them is ready at every instant");
}
TEST(engine_explore, two_readings_without_versions_do_not_prove_it_either) {
  explore::expect_fault<token_moves<two_readings_of_bits, true, 3>>("one of them is ready at every instant");
}

TEST(engine_explore, every_order_is_needed) {
  explore::expect_no_survivor(
      explore::mutation_gate({explore::scenario_of<token_moves<by_engine, false, 1>>(),
                              explore::scenario_of<token_moves<by_engine, true, 1>>(),
                              explore::scenario_of<token_moves<inlined, false, 1>>(),
                              explore::scenario_of<token_moves<inlined, true, 1>>()},
                             {.files = {"select/hint.h", "select/engine.cc", "detail/select_case.h"}}));
}

} // namespace thrum::select
