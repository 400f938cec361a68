// A descriptor as it is: operations and selects that wait, against reports of the poller, close, deadlines, stop requests, the end of
// the runtime, and reports that come too late, for the last owner of the memory. No wake-up is lost, no byte is read twice, the
// number is closed once and not used afterwards.
//
// All orderings are the guard's: there is nothing to weaken, so there is no gate.
#include "io/explore/kernel.h"
#include "io/operation.h"
#include "sched/explore/agents.h"
#include "sched/park.h"
#include "select/engine.h"

#include <thrum/error.h>

#include <array>

namespace thrum::io {

namespace explore = base::explore;

namespace {

using detail::no_deadline;
using sched::bounded;
using sched::expect_correct_beyond;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

constexpr detail::deadline_t soon = 10;
constexpr detail::deadline_t at_once = 1; // env/explore/world.h

// One descriptor, the kernel behind it, agents that use it, and a worker that polls: the last model thread.
template <class Agent, int Agents> struct served {
  explored_kernel kernel;
  sched::explored_core core{1, kernel};
  fiber_agent polls{core};
  std::array<std::optional<Agent>, Agents> all;
  explored_descriptor d{core};

  served() : served(0) {}
  explicit served(std::uint32_t ready) {
    for (auto& each : all) each.emplace(core);
    polls.runs_here();
    d.open(explored_kernel::first_number, ready);
  }
  void runs_here(int index) { all[static_cast<std::size_t>(index)]->runs_here(); }

  // Some bytes arrive, one after the other, and each is an edge.
  void arrive_and_report(int n) {
    for (int i = 0; i < n; ++i) {
      kernel.arrive(1);
      report();
    }
  }
  void report(std::uint16_t tag) {
    sched::worker& w = sched::enter();
    d->on_ready(w, *d, explored_kernel::report(tag));
    sched::leave();
  }
  void report() { report(kernel.watched_tag); }

  // How many bytes were read; the operation says why there are none.
  struct outcome {
    std::int64_t n;
    status standing;
  };
  outcome read(std::size_t size, detail::deadline_t until = no_deadline) {
    operation op(*d, direction::in, until);
    const std::int64_t n = op.run(size, [&] { return kernel.read(d->fd, nullptr, size); });
    return {n, op.standing()};
  }
  bool readable_case(bool with_deadline) {
    select::single_wait w(with_deadline ? soon : no_deadline);
    w.source.object = &*d;
    w.source.readiness = detail::io_hint(&*d);
    w.source.ready_bit = detail::io_in_ready;
    w.source.prepare = &detail::prepare_readable;
    return w.run(sched::wait_reason::select, nullptr);
  }
};

// Every byte is read, though the poller tells of each only once. `Ready`: it is tried before it is waited for.
template <class Agent, std::uint32_t Ready, int Bytes, std::size_t Size> struct reads_all {
  static constexpr int threads = 2;
  served<Agent, 1> all{Ready};
  void thread(int index) {
    if (index == 1) {
      all.polls.runs_here();
      return all.arrive_and_report(Bytes);
    }
    all.runs_here(0);
    for (std::int64_t left = Bytes; left != 0;) {
      const auto r = all.read(Size);
      explore::require(r.n > 0 && r.n <= left, "a wait without a deadline ends with bytes");
      left -= r.n;
    }
  }
  void finish() { explore::require(all.d->check_invariants(), "the descriptor's invariants hold"); }
};

// Two who read: each in its turn.
struct two_readers {
  static constexpr int threads = 3;
  served<guest, 2> all;
  void thread(int index) {
    if (index == 2) {
      all.polls.runs_here();
      return all.arrive_and_report(2);
    }
    all.runs_here(index);
    explore::require(all.read(1).n == 1, "each gets its byte");
  }
  void finish() { explore::require(all.d->check_invariants(), "the descriptor's invariants hold"); }
};

// The deadline of an operation against the edge: the byte is read or left, and the edge is not forgotten.
struct deadline_or_byte {
  static constexpr int threads = 2;
  served<guest, 1> all;
  void thread(int index) {
    if (index == 1) {
      all.polls.runs_here();
      return all.arrive_and_report(1);
    }
    all.runs_here(0);
    const auto r = all.read(1, soon);
    explore::require(r.n == 1 || r.standing == status::deadline, "a byte or the deadline");
    if (r.n != 1) explore::require(all.read(1).n == 1, "the byte is there for the next");
  }
};

// The deadline has passed before the operation begins, and the byte is there, told of or not: it is read, and what comes
// after it is not forgotten.
struct late_for_a_byte {
  static constexpr int threads = 2;
  served<guest, 1> all;
  late_for_a_byte() { all.kernel.arrive(1); }
  void thread(int index) {
    if (index == 1) {
      all.polls.runs_here();
      all.report();
      return all.arrive_and_report(1);
    }
    all.runs_here(0);
    explore::require(all.read(1, at_once).n == 1, "what is there is read");
    explore::require(all.read(1).n == 1, "and so is the next");
  }
  void finish() { explore::require(all.d->check_invariants(), "the descriptor's invariants hold"); }
};

// Somebody else moves the sticky deadline while an operation waits for its edge or its turn.
struct deadline_is_moved {
  static constexpr int threads = 3;
  served<guest, 3> all;
  int timed_out = 0;
  void thread(int index) {
    all.runs_here(index);
    if (index == 2) return set_deadline(*all.d, direction::in, soon);
    const auto r = all.read(1);
    explore::require(r.standing == status::deadline, "nothing arrives");
    ++timed_out;
  }
  void finish() {
    explore::require(timed_out == 2 && all.d->check_invariants(), "both have given their turns back");
  }
};

// The same while who has the turn is busy: who waits for the turn is told.
struct deadline_is_moved_in_the_queue {
  static constexpr int threads = 3;
  served<guest, 3> all{both_ready};
  explore::parker ended;
  deadline_is_moved_in_the_queue() { all.kernel.arrive(1); }
  void thread(int index) {
    all.runs_here(index);
    if (index == 2) return set_deadline(*all.d, direction::in, soon);
    if (index == 1) {
      const auto r = all.read(1);
      explore::require(r.n == 1 || r.standing == status::deadline, "the byte or the deadline");
      return ended.unpark();
    }
    operation op(*all.d, direction::in, no_deadline);
    static_cast<void>(op.step(1, [this] { return all.kernel.read(all.d->fd, nullptr, 1); }));
    ended.park(); // a long call
  }
};

// One of two who read gives up while the turn is handed on.
struct turn_or_deadline {
  static constexpr int threads = 3;
  served<guest, 2> all;
  int got = 0;
  void thread(int index) {
    if (index == 2) {
      all.polls.runs_here();
      return all.arrive_and_report(2);
    }
    all.runs_here(index);
    const auto r = all.read(1, index == 1 ? soon : no_deadline);
    explore::require(r.n == 1 || index == 1, "who waits without a deadline gets a byte");
    if (r.n == 1) ++got;
  }
  void finish() {
    explore::require(got + all.kernel.bytes() == 2 && all.d->check_invariants(), "read or left");
  }
};

// A stop request against the edge.
struct stop_or_byte {
  static constexpr int threads = 3;
  served<fiber_agent, 2> all;
  bool got = false;
  void thread(int index) {
    if (index == 2) {
      all.polls.runs_here();
      return all.arrive_and_report(1);
    }
    all.runs_here(index);
    if (index == 1) return sched::stop_fiber(*all.all[0]);
    try {
      got = all.read(1).n == 1;
    } catch (const cancelled&) {}
  }
  void finish() {
    explore::require(all.kernel.bytes() == (got ? 0 : 1) && all.d->check_invariants(), "read or left");
    explore::require(got || all.d->ready_bits() == detail::io_in_ready, "the edge is not forgotten");
  }
};

// Close, from another thread, while some read: the number is closed by whoever is the last to use it, once.
template <int Readers, bool Release> struct close_or_byte {
  static constexpr int threads = Readers + 2;
  served<guest, Readers + 1> all;
  int got = 0, refused = 0;
  void thread(int index) {
    if (index == Readers + 1) {
      all.polls.runs_here();
      return all.arrive_and_report(1);
    }
    all.runs_here(index);
    if (index == Readers) return Release ? close_and_release(*all.d) : close(*all.d);
    const auto r = all.read(1);
    explore::require(r.n == 1 || r.standing == status::closed, "a byte or the close");
    ++(r.n == 1 ? got : refused);
  }
  void finish() {
    explore::require(got + refused == Readers, "all have returned");
    explore::require(all.kernel.closed == 1 && all.d->users == 0, "closed once");
    explore::require(all.d->generation == (Release ? 1 : 0) && all.d->check_invariants(),
                     "the memory is free or kept");
  }
};

// Two who close.
struct two_close {
  static constexpr int threads = 3;
  served<guest, 3> all;
  void thread(int index) {
    all.runs_here(index);
    if (index != 2) return close(*all.d);
    const use mine(&*all.d);
    if (mine.standing() == status::ok) static_cast<void>(mine.world().look(mine.fd()));
  }
  void finish() { explore::require(all.kernel.closed == 1 && all.d->users == 0, "closed once"); }
};

// The memory is given to the next descriptor while a worker is on its way with a report for the last one.
struct late_report {
  static constexpr int threads = 2;
  served<fiber_agent, 1> all;
  void thread(int index) {
    if (index == 1) {
      all.polls.runs_here();
      return all.report(0); // the tag of the first
    }
    all.runs_here(0);
    close_and_release(*all.d);
    all.d.open(explored_kernel::first_number + 1, 0);
    explore::require(all.kernel.watched_tag == 1, "another generation");
    explore::require(all.d->ready_bits() == 0, "the report was not for this one");
  }
  void finish() {
    explore::require(all.d->ready_bits() == 0, "the report was not for this one");
    explore::require(all.d->lanes[0].edges <= 1 && all.d->check_invariants(), "nothing was counted");
  }
};

// A select waits for the descriptor, perhaps beside one who reads.
template <bool Deadline> struct select_or_byte {
  static constexpr int threads = 2;
  served<guest, 1> all{both_ready};
  void thread(int index) {
    if (index == 1) {
      all.polls.runs_here();
      return all.arrive_and_report(1);
    }
    all.runs_here(0);
    const bool readable = all.readable_case(Deadline);
    explore::require(readable || Deadline, "only the deadline ends it otherwise");
    if (readable) explore::require(all.kernel.bytes() == 1, "there is something to read, nobody else reads");
    explore::require(all.read(1).n == 1, "nor is the edge forgotten");
  }
};

// The report of a byte that was read already tells no select.
struct late_edge {
  static constexpr int threads = 2;
  served<guest, 1> all{both_ready};
  void thread(int index) {
    if (index == 1) {
      all.polls.runs_here();
      return all.arrive_and_report(1);
    }
    all.runs_here(0);
    explore::require(all.read(1).n == 1, "it reads the byte");
    explore::require(!all.readable_case(true), "there is nothing to read");
  }
};

// A select and a reader wait beside each other for two bytes: the reader takes the first, and whether it has or not the second tells
// the select.
struct select_beside_a_reader {
  static constexpr int threads = 3;
  served<guest, 2> all;
  void thread(int index) {
    if (index == 2) {
      all.polls.runs_here();
      return all.arrive_and_report(2);
    }
    all.runs_here(index);
    if (index == 0)
      explore::require(all.read(1).n == 1, "it reads one");
    else
      explore::require(all.readable_case(false), "one is left");
  }
  void finish() { explore::require(all.kernel.bytes() == 1 && all.d->check_invariants(), "one is left"); }
};

// The end of the runtime: whoever waits is told.
struct runtime_ends {
  static constexpr int threads = 3;
  served<guest, 2> all;
  status read_said = status::ok;
  void thread(int index) {
    if (index == 2) {
      all.polls.runs_here();
      return env::poller_closing.load(std::memory_order_relaxed)(nullptr); // relaxed: set before the threads
    }
    all.runs_here(index);
    if (index == 0)
      read_said = all.read(1).standing;
    else
      explore::require(all.readable_case(false), "an end is ready, too");
  }
  void finish() {
    explore::require(read_said == status::ended && all.d->users == 0 && all.d->check_invariants(),
                     "it was told");
  }
};

} // namespace

TEST(descriptor_explore, no_edge_is_lost) {
  explore::expect_correct<reads_all<guest, 0, 1, 1>>();
  explore::expect_correct<reads_all<guest, both_ready, 2, 1>>(bounded<3>);
  explore::expect_correct<reads_all<fiber_agent, both_ready, 2, 2>>(bounded<3>);
  explore::expect_correct<reads_all<guest, 0, 3, 2>>(bounded<2>);
}
TEST(descriptor_explore, two_who_read_take_turns) {
  explore::expect_correct<two_readers>(bounded<2>);
  explore::expect_correct<turn_or_deadline>(bounded<1>);
  expect_correct_beyond<turn_or_deadline>();
}
TEST(descriptor_explore, a_deadline_forgets_no_edge) {
  explore::expect_correct<deadline_or_byte>(bounded<3>);
  explore::expect_correct<late_for_a_byte>(bounded<3>);
  explore::expect_correct<deadline_is_moved>(bounded<2>);
  explore::expect_correct<deadline_is_moved_in_the_queue>(bounded<2>);
}
TEST(descriptor_explore, a_stop_request_forgets_no_edge) {
  explore::expect_correct_with_both_fences<stop_or_byte>(bounded<2>);
}
TEST(descriptor_explore, the_number_is_closed_once_and_not_used_afterwards) {
  explore::expect_correct<close_or_byte<1, false>>(bounded<3>);
  explore::expect_correct<close_or_byte<1, true>>(bounded<3>);
  explore::expect_correct<close_or_byte<2, false>>(bounded<1>);
  explore::expect_correct<two_close>(bounded<3>);
  expect_correct_beyond<close_or_byte<2, true>>();
}
TEST(descriptor_explore, a_late_report_is_not_taken_for_the_next_owner) {
  explore::expect_correct<late_report>();
}
TEST(descriptor_explore, a_select_is_told_what_is_still_true) {
  explore::expect_correct<select_or_byte<false>>(bounded<3>);
  explore::expect_correct<select_or_byte<true>>(bounded<3>);
  explore::expect_correct<late_edge>(bounded<3>);
  explore::expect_correct<select_beside_a_reader>(bounded<2>);
}
TEST(descriptor_explore, the_end_of_the_runtime_is_told) {
  explore::expect_correct<runtime_ends>(bounded<2>);
}

} // namespace thrum::io
