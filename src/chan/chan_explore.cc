// Channels and selects as they are (chan_core.cc, select/engine.cc), between plain threads and fibers: every value arrives once,
// none is lost, nobody sleeps for ever, and no frame is touched after its call.
//
// The guard, the switch of stacks and the kernel's sleep are the explorer's (x/explore/stand_in/).
#include "base/explore/expect.h"
#include "base/explore/lifetime.h"
#include "sched/explore/explored.h"
#include "sched/park.h"
#include "select/engine.h"

#include <thrum/detail/chan_core.h>
#include <thrum/detail/select_case.h>
#include <thrum/error.h>

#include <array>
#include <memory>
#include <new>
#include <optional>

namespace thrum {

namespace explore = base::explore;

namespace {

using detail::chan_core;
using detail::no_deadline;
using detail::select_case;

// A value that is checked for races wherever it lies: in a sender's frame, in a cell, in a receiver's slot.
struct value {
  base::guarded<int> number;
};

// A channel of the world, with a check of what came out of it.
template <std::size_t Capacity> struct channel {
  chan_core* core = detail::make_chan(Capacity, detail::element_ops_of<value>);
  channel() = default;
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;
  ~channel() { detail::chan_drop_ref(core); }

  chan_status send(int number) {
    value v{number};
    return detail::chan_send(core, &v, no_deadline);
  }
  // 0: the channel has ended.
  int recv() {
    std::optional<value> slot;
    const chan_status status = detail::chan_recv(core, &slot, no_deadline);
    explore::require((status == chan_status::ok) == slot.has_value(), "a value or the end");
    return slot ? int{slot->number} : 0;
  }
  void close() { detail::chan_close(core, nullptr); }
};

// One case of a select, in a frame that ends with the call.
template <std::size_t Count> class selection {
public:
  selection() {
    for (std::size_t i = 0; i < Count; ++i) all_[i] = &cases_[i];
  }
  ~selection() { explore::object_ends(cases_.data(), sizeof cases_); }

  void recv(std::size_t i, chan_core* c) {
    fill(i, c, detail::chan_recv_ready, &detail::prepare_recv);
    cases_[i].value = &slots[i];
    cases_[i].when_closed = select_case::at_close::recv_asks_why;
  }
  void send(std::size_t i, chan_core* c, int number) {
    fill(i, c, detail::chan_send_ready, &detail::prepare_send);
    values[i].number = number;
    cases_[i].value = &values[i];
    cases_[i].when_closed = select_case::at_close::send_fails;
  }
  void otherwise(std::size_t i) { cases_[i].what = select_case::kind::otherwise; }
  void after(std::size_t i, std::int64_t time) {
    cases_[i].what = select_case::kind::after;
    cases_[i].time = time;
  }
  std::size_t run(bool ordered = false) { return detail::select_cases(all_.data(), Count, ordered); }

  std::array<std::optional<value>, Count> slots;
  std::array<value, Count> values;

private:
  void fill(std::size_t i, chan_core* c, std::uint32_t bit, void (*prepare)(select_case&) noexcept) {
    cases_[i].what = select_case::kind::source;
    cases_[i].object = c;
    cases_[i].readiness = c; // its first member
    cases_[i].ready_bit = bit;
    cases_[i].prepare = prepare;
  }
  std::array<select_case, Count> cases_{};
  std::array<select_case*, Count> all_;
};

// Agents by index: the first ones are plain threads or fibers.
template <class Agent, int Count> struct agents {
  sched::explored_core core;
  std::array<std::optional<Agent>, Count> all;
  agents() {
    for (auto& each : all) each.emplace(core);
  }
  void runs_here(int index) { all[static_cast<std::size_t>(index)]->runs_here(); }
};
using guest = sched::explored_guest;
using fiber_agent = sched::explored_fiber;

template <class Agent, std::size_t Capacity> struct one_to_one {
  static constexpr int threads = 2;
  agents<Agent, 2> all;
  channel<Capacity> c;
  void thread(int index) {
    all.runs_here(index);
    for (int i = 1; i <= 2; ++i)
      if (index == 0)
        explore::require(c.send(i) == chan_status::ok, "sent");
      else
        explore::require(c.recv() == i, "in order");
  }
  void finish() { explore::require(detail::chan_size(c.core) == 0, "empty"); }
};

template <std::size_t Capacity> struct two_to_one {
  static constexpr int threads = 3;
  agents<guest, 3> all;
  channel<Capacity> c;
  int sum = 0;
  void thread(int index) {
    all.runs_here(index);
    if (index != 0)
      explore::require(c.send(index) == chan_status::ok, "sent");
    else
      sum = c.recv() + 10 * c.recv();
  }
  void finish() { explore::require(sum == 12 || sum == 21, "each once"); }
};

// A close between a sender and a receiver: the value arrives exactly if its send says so.
template <std::size_t Capacity> struct close_between {
  static constexpr int threads = 3;
  agents<guest, 3> all;
  channel<Capacity> c;
  chan_status sent = chan_status::timeout;
  int got = -1;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0)
      sent = c.send(7);
    else if (index == 1)
      got = c.recv();
    else
      c.close();
  }
  void finish() {
    explore::require(sent == chan_status::ok || sent == chan_status::closed, "sent or refused");
    explore::require(got == (sent == chan_status::ok ? 7 : 0), "the value arrives exactly if it was sent");
  }
};

// Two close it, each with a reason. The first one's is kept, and thrown by a receiver that waits as by one that comes later.
template <bool Selects> struct two_reasons {
  static constexpr int threads = 3;
  agents<guest, 3> all;
  channel<0> c;
  std::optional<selection<1>> select;
  int thrown = 0;
  void thread(int index) {
    all.runs_here(index);
    if (index != 0) return detail::chan_close(c.core, std::make_exception_ptr(index));
    try {
      if constexpr (Selects) {
        select.emplace().recv(0, c.core);
        static_cast<void>(select->run());
      } else {
        std::optional<value> slot;
        detail::chan_recv_or_throw(c.core, &slot);
      }
    } catch (const int reason) { thrown = reason; }
    select.reset();
  }
  void finish() {
    int kept = 0;
    try {
      std::rethrow_exception(detail::chan_close_reason(c.core));
    } catch (const int reason) { kept = reason; }
    explore::require(thrown != 0 && thrown == kept, "the reason of the first who closed it");
  }
};

// One select over two channels against two senders.
template <std::size_t Capacity> struct select_two_receives {
  static constexpr int threads = 3;
  agents<guest, 3> all;
  std::array<channel<Capacity>, 2> c;
  int sum = 0;
  void thread(int index) {
    all.runs_here(index);
    if (index != 0) {
      explore::require(c[static_cast<std::size_t>(index - 1)].send(index) == chan_status::ok, "sent");
      return;
    }
    for (std::optional<selection<2>>& round : rounds) {
      selection<2>& s = round.emplace();
      for (std::size_t i = 0; i < 2; ++i) s.recv(i, c[i].core);
      const std::size_t chosen = s.run();
      explore::require(!s.slots[1 - chosen].has_value(), "only the chosen case has a value");
      sum += int{s.slots[chosen]->number};
      round.reset();
    }
  }
  std::array<std::optional<selection<2>>, 2>
      rounds; // each at its own place: what has ended is not used again
  void finish() { explore::require(sum == 3, "each once"); }
};

// Two selects that meet: each sends on one channel and receives on the other.
struct two_selects_meet {
  static constexpr int threads = 2;
  agents<guest, 2> all;
  std::array<channel<0>, 2> c;
  std::array<int, 2> sent{}, got{};
  void thread(int index) {
    all.runs_here(index);
    const auto mine = static_cast<std::size_t>(index);
    selection<2> s;
    s.send(0, c[mine].core, index + 1);
    s.recv(1, c[1 - mine].core);
    if (s.run() == 0)
      sent[mine] = index + 1;
    else
      got[mine] = s.slots[1]->number;
  }
  void finish() {
    explore::require(sent[0] == got[1] && sent[1] == got[0] && (sent[0] != 0) != (sent[1] != 0),
                     "one sends, the other receives that");
  }
};

// A select with `otherwise` while a value moves from one channel to the other: at every instant one of the two is ready.
struct otherwise_while_a_value_moves {
  static constexpr int threads = 2;
  agents<guest, 2> all;
  std::array<channel<2>, 2> c;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      explore::require(c[0].send(1) == chan_status::ok, "sent");
      started.store(true, std::memory_order_release);
      explore::require(c[1].send(2) == chan_status::ok, "sent");
      std::optional<value> slot; // the other may have been faster
      static_cast<void>(detail::chan_try_recv(c[0].core, &slot));
    } else if (started.load(std::memory_order_acquire)) {
      selection<3> s;
      for (std::size_t i = 0; i < 2; ++i) s.recv(i, c[i].core);
      s.otherwise(2);
      explore::require(s.run(true) != 2, "one of the two was ready all the time");
    }
  }
  base::atomic<bool> started{false};
};

// A receive with a deadline against a send that does not wait: the value is got exactly if it was sent.
template <class Agent> struct deadline_or_value {
  static constexpr int threads = 2;
  agents<Agent, 2> all;
  channel<0> c;
  bool sent = false, got = false;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      std::optional<value> slot;
      got = detail::chan_recv(c.core, &slot, 10) == chan_status::ok;
      explore::require(got == slot.has_value(), "a value exactly if it says so");
    } else {
      value v{7};
      sent = detail::chan_try_send(c.core, &v) == chan_status::ok;
    }
  }
  void finish() { explore::require(sent == got, "got exactly if sent"); }
};

// The same for a select of two, with a sender on each.
struct select_with_deadline {
  static constexpr int threads = 3;
  agents<guest, 3> all;
  std::array<channel<0>, 2> c;
  int sent = 0, sent_too = 0, got = 0;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      selection<3> s;
      for (std::size_t i = 0; i < 2; ++i) s.recv(i, c[i].core);
      s.after(2, 10);
      const std::size_t chosen = s.run();
      if (chosen < 2) got = s.slots[chosen]->number;
    } else {
      value v{index};
      if (detail::chan_try_send(c[static_cast<std::size_t>(index - 1)].core, &v) == chan_status::ok)
        (index == 1 ? sent : sent_too) = index;
    }
  }
  void finish() { explore::require(sent + sent_too == got, "got exactly if sent"); }
};

// A stop request against a send that does not wait.
template <std::size_t Capacity> struct stop_or_value {
  static constexpr int threads = 3;
  agents<fiber_agent, 3> all;
  channel<Capacity> c;
  bool sent = false, got = false;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      try {
        got = c.recv() == 7;
      } catch (const cancelled&) {}
    } else if (index == 1) {
      value v{7};
      sent = detail::chan_try_send(c.core, &v) == chan_status::ok;
    } else {
      sched::stop_fiber(*all.all[0]);
    }
  }
  void finish() {
    explore::require(sent == (got || detail::chan_size(c.core) == 1), "the value is got or left");
  }
};

// Who drops the last handle frees the channel, after all that the others did to it.
struct last_reference {
  static constexpr int threads = 2;
  agents<guest, 2> all;
  chan_core* core = detail::make_chan(2, detail::element_ops_of<value>);
  last_reference() { detail::chan_add_ref(core); }
  void thread(int index) {
    all.runs_here(index);
    value v{index};
    explore::require(detail::chan_try_send(core, &v) == chan_status::ok, "there is room");
    detail::chan_drop_ref(core);
  }
};

template <int Preemptions, std::uint64_t Budget = 300'000> inline constexpr explore::options bounded{
    .strategy = explore::dfs{.preemptions = Preemptions}, .max_executions = Budget};

} // namespace

TEST(chan_explore, values_go_one_to_one_in_order) {
  explore::expect_correct<one_to_one<guest, 0>>();
  explore::expect_correct<one_to_one<guest, 1>>();
  explore::expect_correct<one_to_one<fiber_agent, 0>>();
  explore::expect_correct<one_to_one<fiber_agent, 1>>();
}
TEST(chan_explore, two_senders_lose_nothing) {
  explore::expect_correct<two_to_one<0>>(bounded<2>);
  explore::expect_correct<two_to_one<1>>();
}
TEST(chan_explore, a_close_refuses_a_value_or_lets_it_arrive) {
  explore::expect_correct<close_between<0>>(bounded<3>);
  explore::expect_correct<close_between<1>>(bounded<3>);
}
TEST(chan_explore, the_first_reason_of_a_close_is_thrown) {
  explore::expect_correct<two_reasons<false>>(bounded<3>);
  explore::expect_correct<two_reasons<true>>(bounded<3>);
}
TEST(chan_explore, a_deadline_and_a_value_end_a_receive_once) {
  explore::expect_correct<deadline_or_value<guest>>();
  explore::expect_correct<select_with_deadline>(bounded<2>);
}
TEST(chan_explore, a_stop_request_and_a_value_end_a_receive_once) {
  explore::expect_correct_with_both_fences<stop_or_value<0>>(bounded<2>);
  explore::expect_correct_with_both_fences<stop_or_value<1>>(bounded<2>);
}
TEST(chan_explore, the_last_handle_frees_the_channel) { explore::expect_correct<last_reference>(); }
TEST(chan_explore, a_select_of_two_channels_gets_each_value_once) {
  explore::expect_correct<select_two_receives<0>>(bounded<2>);
  explore::expect_correct<select_two_receives<1>>(bounded<2>);
}
TEST(chan_explore, two_selects_that_meet_exchange_one_value) {
  explore::expect_correct<two_selects_meet>(bounded<3>);
}
TEST(chan_explore, otherwise_is_not_taken_while_a_value_moves) {
  explore::expect_correct<otherwise_while_a_value_moves>();
}

TEST(chan_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<otherwise_while_a_value_moves>(), explore::scenario_of<last_reference>(),
       explore::scenario_of<select_two_receives<0>>(bounded<1>),
       explore::scenario_of<two_selects_meet>(bounded<2>),
       explore::scenario_of<deadline_or_value<guest>>(bounded<2>)},
      {.files = {"chan/chan_core.cc", "chan/chan_core.h", "select/hint.h", "select/engine.cc"}}));
}

} // namespace thrum
