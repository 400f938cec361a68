// The seat of signals: handlers, one who takes, and the end of the seat, in every interleaving. The bell is an atomic that the
// model rings, with the order that the kernel gives an eventfd.
#include "base/explore/expect.h"
#include "env/signal_seat.h"

namespace thrum::env {

namespace explore = base::explore;

namespace {

constexpr int first = 1;
constexpr int second = 2;

struct seat_and_bell {
  signal_seat seat;
  base::atomic<int> rung{0};
  seat_and_bell() {
    seat.bell = 7;
    seat.start(signal_bit(first) | signal_bit(second));
  }
  auto ring() {
    return [this](int bell) {
      explore::require(bell == 7, "the bell is the seat's");
      rung.exchange(1, std::memory_order_acq_rel);
    };
  }
  auto silence() {
    return [this](int) { rung.exchange(0, std::memory_order_acq_rel); };
  }
  int take() { return seat.take(ring(), silence()); }
  bool heard() { return rung.load(std::memory_order_acquire) != 0; }
};

// Two handlers, of different signals, and one who takes once while they are at it. Whatever was left is announced.
struct two_signals : seat_and_bell {
  static constexpr int threads = 3;
  int taken = 0;
  void thread(int index) {
    if (index == 0)
      taken = take();
    else
      seat.leave(index, ring());
  }
  void finish() {
    std::uint64_t seen = taken == 0 ? 0 : signal_bit(taken);
    while (seat.pending.load(std::memory_order_relaxed) != 0) {
      explore::require(heard(), "whoever waits is woken while a signal is there");
      const int number = take();
      explore::require((seen & signal_bit(number)) == 0, "a signal is taken once");
      seen |= signal_bit(number);
    }
    explore::require(seen == (signal_bit(first) | signal_bit(second)), "both have come");
    static_cast<void>(take()); // a bell that rang in vain is silenced by looking
    explore::require(!heard(), "nothing is left");
  }
};

// The same signal twice: one or two, and the last is never lost. The taker sees what the handler's thread did before.
struct one_signal_twice : seat_and_bell {
  static constexpr int threads = 2;
  explore::plain<int> before;
  int taken = 0;
  void thread(int index) {
    if (index == 0) {
      before.set(1);
      seat.leave(first, ring());
      seat.leave(first, ring());
      return;
    }
    if (take() != first) return;
    ++taken;
    explore::require(before.get() == 1, "who takes a signal sees what was before it");
  }
  void finish() {
    if (seat.pending.load(std::memory_order_relaxed) != 0) {
      explore::require(heard(), "whoever waits is woken while a signal is there");
      explore::require(take() == first, "it is this one");
      ++taken;
    }
    explore::require(taken == 1 || taken == 2, "none is lost, none is made up");
  }
};

// The seat ends while a handler may be at it: its bell is not touched afterwards.
struct the_end : seat_and_bell {
  static constexpr int threads = 2;
  explore::plain<int> open; // the descriptor
  void thread(int index) {
    if (index == 0) {
      seat.stop();
      open.set(0); // a race with a handler that rings is found by the explorer
      seat.bell = -1;
    } else {
      seat.leave(first, [&](int bell) {
        explore::require(bell == 7, "the bell is the seat's");
        static_cast<void>(open.get());
      });
    }
  }
};

// And it begins while one is at it.
struct the_beginning {
  static constexpr int threads = 2;
  signal_seat seat;
  void thread(int index) {
    if (index == 0) {
      seat.bell = 7;
      seat.start(signal_bit(first));
    } else {
      seat.leave(first, [](int bell) { explore::require(bell == 7, "the bell is the seat's"); });
    }
  }
};

} // namespace

TEST(signal_seat_explore, no_signal_is_lost_between_handlers_and_who_takes) {
  explore::expect_correct<two_signals>();
}
TEST(signal_seat_explore, a_signal_that_comes_again_is_one_or_two_and_never_none) {
  explore::expect_correct<one_signal_twice>();
}
TEST(signal_seat_explore, no_handler_rings_a_bell_that_has_been_taken_down) {
  explore::expect_correct<the_end>();
}

TEST(signal_seat_explore, a_handler_that_finds_itself_wanted_finds_the_bell) {
  explore::expect_correct<the_beginning>();
}

TEST(signal_seat_explore, every_order_is_needed) {
  explore::expect_no_survivor(
      explore::mutation_gate({explore::scenario_of<two_signals>(), explore::scenario_of<one_signal_twice>(),
                              explore::scenario_of<the_end>(), explore::scenario_of<the_beginning>()},
                             {.files = {"env/signal_seat.h"}}));
}

} // namespace thrum::env
