// Every state of a channel against every form of every operation: what is done at once, what waits, what throws.
// (Go's select3.go and closedchan.go ask the same of Go.)
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/chan.h>
#include <thrum/select.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::ends;
using test::how_it_ends;
using thrum::chan;
using thrum::chan_status;

chan<int> holding(std::size_t capacity, int values, bool closed) {
  chan<int> c(capacity);
  for (int v = 1; v <= values; ++v) c.send(v);
  if (closed) c.close();
  return c;
}

struct state {
  const char* name;
  std::function<chan<int>()> make;
  ends send;
  ends recv;
  chan_status try_send;
  chan_status try_recv;
  std::optional<int> first; // what a receive that does not wait finds
};

const std::vector<state>& states() {
  static const std::vector<state> all = {
      {"nil",
       [] { return chan<int>(nullptr); },
       ends::after_waiting,
       ends::after_waiting,
       chan_status::would_block,
       chan_status::would_block,
       {}},
      {"moved from",
       [] {
         chan<int> c(3);
         const chan<int> taken(std::move(c));
         return c; // NOLINT: that is the point
       },
       ends::after_waiting,
       ends::after_waiting,
       chan_status::would_block,
       chan_status::would_block,
       {}},
      {"rendezvous",
       [] { return holding(0, 0, false); },
       ends::after_waiting,
       ends::after_waiting,
       chan_status::would_block,
       chan_status::would_block,
       {}},
      {"empty",
       [] { return holding(2, 0, false); },
       ends::at_once,
       ends::after_waiting,
       chan_status::ok,
       chan_status::would_block,
       {}},
      {"half full", [] { return holding(2, 1, false); }, ends::at_once, ends::at_once, chan_status::ok,
       chan_status::ok, 1},
      {"full", [] { return holding(2, 2, false); }, ends::after_waiting, ends::at_once,
       chan_status::would_block, chan_status::ok, 1},
      {"unbounded, empty",
       [] { return chan<int>::unbounded(); },
       ends::at_once,
       ends::after_waiting,
       chan_status::ok,
       chan_status::would_block,
       {}},
      {"unbounded, not empty",
       [] {
         auto c = chan<int>::unbounded();
         c.send(1);
         return c;
       },
       ends::at_once, ends::at_once, chan_status::ok, chan_status::ok, 1},
      {"closed rendezvous",
       [] { return holding(0, 0, true); },
       ends::with_channel_closed,
       ends::at_once,
       chan_status::closed,
       chan_status::closed,
       {}},
      {"closed, empty",
       [] { return holding(2, 0, true); },
       ends::with_channel_closed,
       ends::at_once,
       chan_status::closed,
       chan_status::closed,
       {}},
      {"closed, half full", [] { return holding(2, 1, true); }, ends::with_channel_closed, ends::at_once,
       chan_status::closed, chan_status::ok, 1},
      {"closed, full", [] { return holding(2, 2, true); }, ends::with_channel_closed, ends::at_once,
       chan_status::closed, chan_status::ok, 1},
      {"closed nothing but unbounded",
       [] {
         auto c = chan<int>::unbounded();
         c.close();
         return c;
       },
       ends::with_channel_closed,
       ends::at_once,
       chan_status::closed,
       chan_status::closed,
       {}},
  };
  return all;
}

// The forms that may wait. A receiving form returns what it received.
using send_form = std::function<void(const chan<int>&)>;
using recv_form = std::function<std::optional<int>(const chan<int>&)>;
template <class Form> struct named {
  const char* name;
  Form run;
};

const std::vector<named<send_form>>& sends() {
  static const std::vector<named<send_form>> all = {
      {"send", [](const chan<int>& c) { c.send(9); }},
      {"sender::send", [](const chan<int>& c) { thrum::sender<int>(c).send(9); }},
      {"select(send)", [](const chan<int>& c) { EXPECT_EQ(thrum::select(thrum::send(c, 9)), 0u); }},
      {"select(send an lvalue)",
       [](const chan<int>& c) {
         const int nine = 9;
         EXPECT_EQ(thrum::select(thrum::send(c, nine)), 0u);
       }},
      {"select(nil, send)",
       [](const chan<int>& c) {
         EXPECT_EQ(thrum::select(thrum::recv(chan<int>(nullptr)), thrum::send(c, 9)), 1u);
       }},
      {"select(send, never)",
       [](const chan<int>& c) { EXPECT_EQ(thrum::select(thrum::send(c, 9), thrum::recv(chan<int>())), 0u); }},
      {"select(send, the same send)",
       [](const chan<int>& c) { EXPECT_LT(thrum::select(thrum::send(c, 9), thrum::send(c, 9)), 2u); }},
      {"select_ordered(send)",
       [](const chan<int>& c) { EXPECT_EQ(thrum::select_ordered(thrum::send(c, 9)), 0u); }},
      {"select(send, after a day)",
       [](const chan<int>& c) { EXPECT_EQ(thrum::select(thrum::send(c, 9), thrum::after(24h)), 0u); }},
      {"selector",
       [](const chan<int>& c) {
         int nine = 9;
         thrum::selector any;
         any.add(thrum::send(c, std::move(nine)));
         EXPECT_EQ(any.wait(), 0u);
       }},
      {"send_for a day",
       [](const chan<int>& c) {
         int nine = 9;
         if (c.send_for(nine, 24h) == chan_status::closed) throw thrum::channel_closed();
       }},
      {"send_until the end of time",
       [](const chan<int>& c) {
         int nine = 9;
         if (c.send_until(nine, std::chrono::steady_clock::time_point::max()) == chan_status::closed)
           throw thrum::channel_closed();
       }},
  };
  return all;
}

std::optional<int> value_of(const std::expected<int, chan_status>& got) {
  if (got) return *got;
  EXPECT_EQ(got.error(), chan_status::closed);
  return std::nullopt;
}

const std::vector<named<recv_form>>& receives() {
  static const std::vector<named<recv_form>> all = {
      {"recv", [](const chan<int>& c) { return c.recv(); }},
      {"receiver::recv", [](const chan<int>& c) { return thrum::receiver<int>(c).recv(); }},
      {"range-for",
       [](const chan<int>& c) {
         for (const int v : c) return std::optional<int>(v);
         return std::optional<int>();
       }},
      {"select(recv)",
       [](const chan<int>& c) {
         std::optional<int> got;
         EXPECT_EQ(thrum::select(thrum::recv(c, got)), 0u);
         return got;
       }},
      {"select(nil, recv)",
       [](const chan<int>& c) {
         std::optional<int> got;
         EXPECT_EQ(thrum::select(thrum::send(chan<int>(nullptr), 5), thrum::recv(c, got)), 1u);
         return got;
       }},
      {"select(recv, the same recv)",
       [](const chan<int>& c) {
         std::optional<int> got;
         EXPECT_LT(thrum::select(thrum::recv(c, got), thrum::recv(c, got)), 2u);
         return got;
       }},
      {"select_ordered(never, recv)",
       [](const chan<int>& c) {
         std::optional<int> got;
         EXPECT_EQ(thrum::select_ordered(thrum::recv(chan<int>()), thrum::recv(c, got)), 1u);
         return got;
       }},
      {"select(recv, after a day)",
       [](const chan<int>& c) {
         std::optional<int> got;
         EXPECT_EQ(thrum::select(thrum::recv(c, got), thrum::after(24h)), 0u);
         return got;
       }},
      {"selector",
       [](const chan<int>& c) {
         std::optional<int> got;
         thrum::selector any;
         any.add(thrum::recv(c, got));
         EXPECT_EQ(any.wait_ordered(), 0u);
         return got;
       }},
      {"recv_for a day", [](const chan<int>& c) { return value_of(c.recv_for(24h)); }},
      {"recv_until the end of time",
       [](const chan<int>& c) {
         return value_of(c.recv_until(std::chrono::steady_clock::time_point::max()));
       }},
  };
  return all;
}

class chan_table : public test::on_processors {};

} // namespace

TEST_P(chan_table, each_form_of_send_waits_proceeds_or_throws_as_the_state_says) {
  run([] {
    for (const state& s : states())
      for (const auto& form : sends())
        for (const bool parked : {false, true}) {
          const chan<int> c = s.make();
          EXPECT_EQ(how_it_ends([&] { form.run(c); }, parked), s.send)
              << form.name << " on a channel that is " << s.name;
        }
  });
}

TEST_P(chan_table, each_form_of_receive_waits_or_proceeds_as_the_state_says) {
  run([] {
    for (const state& s : states())
      for (const auto& form : receives())
        for (const bool parked : {false, true}) {
          const chan<int> c = s.make();
          std::optional<int> got;
          EXPECT_EQ(how_it_ends([&] { got = form.run(c); }, parked), s.recv)
              << form.name << " on a channel that is " << s.name;
          EXPECT_EQ(got, s.first) << form.name << " on a channel that is " << s.name;
        }
  });
}

TEST_P(chan_table, forms_that_do_not_wait_say_what_the_state_says) {
  run([] {
    for (const state& s : states()) {
      int nine = 9;
      const auto timed = [](chan_status status) {
        return status == chan_status::would_block ? chan_status::timeout : status;
      };
      EXPECT_EQ(s.make().try_send(nine), s.try_send) << s.name;
      EXPECT_EQ(s.make().try_send(9), s.try_send) << s.name;
      EXPECT_EQ(s.make().send_for(nine, 0s), timed(s.try_send)) << s.name;
      EXPECT_EQ(s.make().send_for(nine, -1h), timed(s.try_send)) << s.name;
      const auto tried = s.make().try_recv();
      EXPECT_EQ(tried ? chan_status::ok : tried.error(), s.try_recv) << s.name;
      EXPECT_EQ(tried ? std::optional(*tried) : std::nullopt, s.first) << s.name;
      const auto waited = s.make().recv_for(0s);
      EXPECT_EQ(waited ? chan_status::ok : waited.error(), timed(s.try_recv)) << s.name;
    }
  });
}

TEST_P(chan_table, select_with_otherwise_takes_it_exactly_where_the_operation_would_wait) {
  run([] {
    for (const state& s : states()) {
      const chan<int> c = s.make();
      bool threw = false;
      std::size_t taken = 7;
      try {
        taken = thrum::select(thrum::send(c, 9), thrum::otherwise());
      } catch (const thrum::channel_closed&) { threw = true; }
      EXPECT_EQ(threw, s.try_send == chan_status::closed) << s.name;
      if (!threw) { EXPECT_EQ(taken, s.try_send == chan_status::ok ? 0u : 1u) << s.name; }

      const chan<int> d = s.make();
      std::optional<int> got;
      EXPECT_EQ(thrum::select(thrum::otherwise(), thrum::recv(d, got)),
                s.try_recv == chan_status::would_block ? 0u : 1u)
          << s.name;
      EXPECT_EQ(got, s.first) << s.name;
    }
  });
}

TEST_P(chan_table, a_select_does_not_meet_itself) {
  run([] {
    for (const bool parked : {false, true}) {
      chan<int> c;
      EXPECT_EQ(how_it_ends([&] { thrum::select(thrum::recv(c), thrum::send(c, 1)); }, parked),
                ends::after_waiting);
      std::optional<int> got;
      EXPECT_EQ(thrum::select(thrum::recv(c, got), thrum::send(c, 1), thrum::otherwise()), 2u);
    }
  });
}

TEST_P(chan_table, a_select_of_nothing_waits_for_ever) {
  run([] {
    for (const bool parked : {false, true}) {
      const chan<int> nil(nullptr);
      EXPECT_EQ(how_it_ends([&] { thrum::select(); }, parked), ends::after_waiting);
      EXPECT_EQ(how_it_ends([&] { thrum::select(thrum::recv(nil), thrum::send(nil, 1)); }, parked),
                ends::after_waiting);
      EXPECT_EQ(how_it_ends([&] { thrum::selector().wait(); }, parked), ends::after_waiting);
    }
  });
}

TEST_P(chan_table, a_receive_from_a_closed_channel_empties_what_an_earlier_one_left) {
  run([] {
    chan<int> c(1);
    c.send(1);
    c.close();
    std::optional<int> got;
    EXPECT_EQ(thrum::select(thrum::recv(c, got)), 0u);
    EXPECT_EQ(got, 1);
    EXPECT_EQ(thrum::select(thrum::recv(c, got)), 0u);
    EXPECT_EQ(got, std::nullopt) << "ready at once";

    chan<int> d;
    got = 5;
    auto closing = thrum::spawn([&] { d.close(); });
    EXPECT_EQ(thrum::select(thrum::recv(d, got)), 0u);
    EXPECT_EQ(got, std::nullopt) << "closed while it waited";
    closing.join();
  });
}

TEST_P(chan_table, plain_threads_see_the_same_table) {
  for (const state& s : states()) {
    int nine = 9;
    EXPECT_EQ(s.make().try_send(nine), s.try_send) << s.name;
    const auto tried = s.make().try_recv();
    EXPECT_EQ(tried ? chan_status::ok : tried.error(), s.try_recv) << s.name;
    for (const auto& form : receives()) {
      if (s.recv != ends::at_once) continue;
      EXPECT_EQ(form.run(s.make()), s.first) << form.name << " " << s.name;
    }
    for (const auto& form : sends()) {
      if (s.send == ends::at_once) {
        EXPECT_NO_THROW(form.run(s.make())) << form.name << " " << s.name;
      } else if (s.send == ends::with_channel_closed) {
        EXPECT_THROW(form.run(s.make()), thrum::channel_closed) << form.name << " " << s.name;
      }
    }
  }
}

TEST_P(chan_table, size_capacity_and_being_closed_are_what_was_made) {
  EXPECT_EQ(chan<int>(nullptr).size(), 0u);
  EXPECT_EQ(chan<int>(nullptr).capacity(), 0u);
  EXPECT_FALSE(chan<int>(nullptr).is_closed());
  EXPECT_FALSE(chan<int>(nullptr));
  EXPECT_TRUE(chan<int>());
  EXPECT_TRUE(chan<int>(0));
  EXPECT_EQ(chan<int>().capacity(), 0u);
  EXPECT_EQ(chan<int>::unbounded().capacity(), SIZE_MAX);
  const chan<int> c = holding(7, 3, true);
  EXPECT_EQ(c.size(), 3u);
  EXPECT_EQ(c.capacity(), 7u);
  EXPECT_TRUE(c.is_closed());
}

TEST_P(chan_table, an_absurd_capacity_is_refused) {
  EXPECT_THROW(chan<int>(SIZE_MAX / 2), std::length_error);
  EXPECT_THROW(chan<int>(SIZE_MAX / 4 + 1), std::length_error);
  if (!test::asan && !test::tsan) { // their allocators end the program
    EXPECT_THROW(chan<char>(std::size_t{1} << 62), std::bad_alloc);
  }
}

// An int that went below zero on its way here must not become a channel without a limit.
TEST_P(chan_table, a_capacity_of_minus_one_is_refused) {
  EXPECT_THROW(chan<int>(static_cast<std::size_t>(-1)), std::length_error);
}

THRUM_ON_PROCESSORS(chan_table);
