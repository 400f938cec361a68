// References to bindings: who gives the last one back destroys what is bound. Every use of it is over by then, and nobody touches
// the binding any more.
#include "base/explore/expect.h"
#include "base/explore/lifetime.h"
#include "wait/local.h"

namespace thrum::wait {

namespace explore = base::explore;

namespace {

struct bound : detail::binding {
  explore::plain<int> value{1};
  int destroyed = 0; // for the harness

  bound() {
    destroy = [](detail::binding* b) noexcept {
      auto* self = static_cast<bound*>(b);
      self->value.set(0);
      ++self->destroyed;
      explore::object_ends(b, sizeof *b);
    };
  }
  // Who has a reference.
  void use_and_release() {
    explore::require(value.get() == 1, "what is bound is there as long as there is a reference");
    release(this);
  }
};

void expect_destroyed(const bound& b) { explore::require(b.destroyed == 1, "it is destroyed once"); }

// A fiber and two that inherited its binding.
struct three_agents {
  static constexpr int threads = 3;
  bound b;
  three_agents() {
    kept(&b);
    kept(&b);
  }
  void thread(int) { b.use_and_release(); }
  void finish() { expect_destroyed(b); }
};

// One of two makes a third while the other leaves: a reference that one has may be doubled at any time.
struct inherited_meanwhile {
  static constexpr int threads = 3;
  bound b;
  explore::parker begun;
  inherited_meanwhile() { kept(&b); }
  void thread(int index) {
    if (index == 2) begun.park();
    if (index == 0) {
      kept(&b);
      begun.unpark();
    }
    b.use_and_release();
  }
  void finish() { expect_destroyed(b); }
};

// An inner binding has a reference to the outer one, which an agent uses that does not know the inner one.
struct outer_and_inner {
  static constexpr int threads = 3;
  bound outer, inner;
  outer_and_inner() {
    inner.outer = kept(&outer);
    kept(&inner);
  }
  void thread(int index) {
    if (index == 2) return outer.use_and_release();
    explore::require(outer.value.get() == 1, "the outer one lives as long as the inner one");
    inner.use_and_release();
  }
  void finish() {
    expect_destroyed(inner);
    expect_destroyed(outer);
  }
};

} // namespace

TEST(binding_explore, who_gives_the_last_reference_back_is_alone_with_the_value) {
  explore::expect_correct<three_agents>();
  explore::expect_correct<inherited_meanwhile>();
  explore::expect_correct<outer_and_inner>();
}

TEST(binding_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate({explore::scenario_of<three_agents>(),
                                                      explore::scenario_of<inherited_meanwhile>(),
                                                      explore::scenario_of<outer_and_inner>()},
                                                     {.files = {"wait/binding.cc"}}));
}

} // namespace thrum::wait
