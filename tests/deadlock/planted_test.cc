// Each deadlock of planted.cc, in a process of its own: it ends with SIGABRT, and with a report that shows every fiber: who waits for
// what, who holds it, and where each was started.
#include "deadlock/ahead.h"
#include "deadlock/report.h"
#include "support/child.h"

#include <gtest/gtest.h>

#include <ostream>
#include <signal.h>
#include <string>
#include <vector>

namespace {

struct planted {
  const char* name;
  std::size_t fibers;             // that sleep at the end
  std::vector<const char*> waits; // entries of the report (deadlock::find)
};
void PrintTo(const planted& p, std::ostream* out) { *out << p.name; }

class a_deadlock : public testing::TestWithParam<planted> {};

// What quotes stand around first in a head: "fiber #2 'main' joins fiber #3 'child'" is an entry of main.
std::string subject(const std::string& head) {
  const std::size_t begin = head.find('\'') + 1;
  return head.substr(begin, head.find('\'', begin) - begin);
}

} // namespace

TEST_P(a_deadlock, ends_the_program_and_names_who_waits_for_what) {
  const planted& p = GetParam();
  static deadlock::children_ahead children("/a_deadlock", [](const std::string& name) {
    return std::vector<std::string>{"/usr/bin/env", "THRUM_SYMBOLS=off",
                                    test::own_folder() + "/deadlock_planted", name};
  });
  const test::child c = children.end_of(p.name);
  ASSERT_FALSE(c.timed_out) << c.summary();
  ASSERT_EQ(c.signal, SIGABRT) << c.summary();

  const std::vector<deadlock::report> reports = deadlock::parse(c.err);
  ASSERT_EQ(reports.size(), 1u) << c.summary();
  const deadlock::report& r = reports.front();
  EXPECT_EQ(r.title,
            "thrum: panic: deadlock: " +
                (p.fibers == 1 ? "the only fiber is" : "all " + std::to_string(p.fibers) + " fibers are") +
                " asleep, and nobody is left who could wake them");

  std::size_t fibers = 0;
  const auto places = deadlock::announced(c.out);
  for (const deadlock::entry& e : r.entries) {
    if (e.head.starts_with("fiber #")) fibers += e.count;
    if (const auto place = places.find(subject(e.head)); place != places.end()) {
      EXPECT_NE(e.details.find(".cc:" + std::to_string(place->second) + ":"), std::string::npos)
          << "no place of " << place->first << "\n"
          << c.summary();
    }
  }
  EXPECT_EQ(fibers, p.fibers) << c.summary();
  for (const char* wait : p.waits)
    EXPECT_NE(deadlock::find(r, wait), nullptr) << "not said: " << wait << "\n" << c.summary();
}

#define THRUM_PLANTED(suite, ...)                                                                            \
  INSTANTIATE_TEST_SUITE_P(suite, a_deadlock, testing::Values(__VA_ARGS__),                                  \
                           [](const auto& given) { return std::string(given.param.name); })

THRUM_PLANTED(
    of_channels,
    planted{"receive_that_nobody_sends",
            2,
            {"'consumer' waits to receive from a channel (0x*)", "'main' joins fiber #* 'consumer'"}},
    planted{"send_that_nobody_receives", 2, {"'producer' waits to send on a channel (0x*)"}},
    planted{"send_into_a_full_buffer", 2, {"'producer' waits to send on a channel (0x*)"}},
    planted{"receive_from_nil", 2, {"'consumer' waits to receive from a nil channel, which never happens"}},
    planted{"send_to_nil", 2, {"'producer' waits to send on a nil channel, which never happens"}},
    planted{"receive_of_a_pinned_fiber", 2, {"'consumer' waits to receive from a channel (0x*)"}},
    planted{"main_alone", 1, {"'main' waits to receive from a channel (0x*)"}},
    planted{"send_and_receive_in_one_fiber", 2, {"'lonely' waits to send on a channel (0x*)"}},
    planted{"forgotten_close",
            2,
            {"'consumer' waits to receive from a channel (0x*)", "'main' joins fiber #* 'consumer'"}},
    planted{"reply_to_the_wrong_channel",
            3,
            {"'server' waits to send on a channel (0x*)", "'client' waits to receive from a channel (0x*)"}},
    planted{"ring_of_channels",
            4,
            {"'first' waits to receive from a channel (0x*)",
             "'second' waits to receive from a channel (0x*)",
             "'third' waits to receive from a channel (0x*)"}},
    planted{"worker_pool_whose_results_nobody_reads",
            6,
            {"'worker' waits to send on a channel (0x*)", "'boss' waits to send on a channel (0x*)"}},
    planted{"consumer_of_a_producer_that_threw", 2, {"'consumer' waits to receive from a channel (0x*)"}},
    planted{"pipeline_whose_last_stage_ends_early",
            3,
            {"'source' waits to send on a channel (0x*)", "'square' waits to send on a channel (0x*)"}},
    planted{"three_of_a_hundred_stuck", 4, {"'one_of_many' waits to receive from a channel (0x*)"}},
    planted{"after_a_thousand_that_ended", 2, {"'last' waits to receive from a channel (0x*)"}});

THRUM_PLANTED(of_selects, planted{"select_of_unused_channels", 2, {"'chooser' waits in a select"}},
              planted{"select_of_nil_channels", 2, {"'chooser' waits in a select"}},
              planted{"select_of_nothing", 2, {"'chooser' waits in a select"}},
              planted{
                  "two_selects_that_both_send", 3, {"'left' waits in a select", "'right' waits in a select"}},
              planted{"select_for_the_end_of_a_stuck_fiber",
                      3,
                      {"'watcher' waits in a select", "'stuck' waits to receive from a channel (0x*)"}});

THRUM_PLANTED(of_locks,
              planted{"ab_ba",
                      3,
                      {"'left' waits for a mutex (0x*) that fiber #* 'right' holds",
                       "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}},
              planted{"ring_of_three_mutexes",
                      4,
                      {"'first' waits for a mutex (0x*) that fiber #* 'second' holds",
                       "'second' waits for a mutex (0x*) that fiber #* 'third' holds",
                       "'third' waits for a mutex (0x*) that fiber #* 'first' holds"}},
              planted{"dining_philosophers",
                      6,
                      {"'philosopher' waits for a mutex (0x*) that fiber #* 'philosopher' holds"}},
              planted{"recursive_ab_ba",
                      3,
                      {"'left' waits for a mutex (0x*) that fiber #* 'right' holds",
                       "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}},
              planted{"mutex_whose_holder_has_ended",
                      2,
                      {"'next' waits for a mutex (0x*) that a fiber holds which has ended"}},
              planted{"mutex_held_across_a_receive",
                      3,
                      {"'consumer' waits to receive from a channel (0x*)",
                       "'producer' waits for a mutex (0x*) that fiber #* 'consumer' holds"}},
              planted{"mutex_that_a_stop_request_does_not_end",
                      3,
                      {"'asked' waits for a mutex (0x*) that fiber #* 'holder' holds"}},
              planted{"shared_mutex_ab_ba",
                      3,
                      {"'left' waits for a shared_mutex (0x*) that fiber #* 'right' holds",
                       "'right' waits for a shared_mutex (0x*) that fiber #* 'left' holds"}},
              planted{"upgrade_by_a_reader", 2, {"'upgrader' waits for a shared_mutex (0x*)"}},
              planted{"two_upgrading_readers",
                      3,
                      {"'left' waits for a shared_mutex (0x*)", "'right' waits for a shared_mutex (0x*)"}},
              planted{
                  "reader_behind_a_waiting_writer",
                  3,
                  {"'reader' waits for a shared_mutex (0x*)", "'writer' waits for a shared_mutex (0x*)"}});

THRUM_PLANTED(of_conditions_and_counts,
              planted{"lost_notify", 2, {"'waiter' waits for a condition_variable (0x*)"}},
              planted{"condition_under_two_mutexes",
                      3,
                      {"'waiter' waits for a condition_variable (0x*)",
                       "'changer' waits for a mutex (0x*) that fiber #* 'waiter' holds"}},
              planted{"wait_group_one_short", 2, {"'collector' waits for a wait_group (0x*)"}},
              planted{"wait_group_of_oneself",
                      2,
                      {"'member' waits for a wait_group (0x*)", "'main' waits for a wait_group (0x*)"}},
              planted{"latch_one_short", 2, {"'starter' waits for a latch (0x*)"}},
              planted{"barrier_one_short", 4, {"'walker' waits at a barrier (0x*)"}},
              planted{"barrier_that_one_leaves_without_a_word", 2, {"'stayer' waits at a barrier (0x*)"}},
              planted{"semaphore_never_released", 2, {"'third' waits for a semaphore (0x*)"}},
              planted{"semaphores_ab_ba",
                      3,
                      {"'left' waits for a semaphore (0x*)", "'right' waits for a semaphore (0x*)"}});

THRUM_PLANTED(of_joins,
              planted{"lost_join",
                      2,
                      {"'main' joins fiber #* 'child'", "'child' waits to receive from a channel (0x*)"}},
              planted{"join_ring",
                      3,
                      {"'first' joins fiber #* 'second'", "'second' joins fiber #* 'first'",
                       "'main' waits for a latch (0x*)"}},
              planted{"mutex_against_join",
                      3,
                      {"'parent' joins fiber #* 'child'",
                       "'child' waits for a mutex (0x*) that fiber #* 'parent' holds"}},
              planted{"call_once_cross",
                      3,
                      {"'left' waits for a call_once that fiber #* 'right' is in",
                       "'right' waits for a call_once that fiber #* 'left' is in"}},
              planted{"call_once_of_a_function_that_waits",
                      3,
                      {"'late' waits for a call_once that fiber #* 'caller' is in"}},
              planted{"destructor_that_waits_for_a_deaf_fiber",
                      3,
                      {"'main' joins fiber #* 'owner'", "'owner' joins fiber #* 'deaf'",
                       "'deaf' waits for a mutex (0x*) that fiber #* 'main' holds"}});

THRUM_PLANTED(of_runtimes_and_threads,
              planted{"two_runtimes_that_wait_for_each_other",
                      2,
                      {"'here' waits to receive from a channel (0x*)",
                       "'there' waits to receive from a channel (0x*)",
                       "the thread '*' (*) joins fiber #* 'here'"}},
              planted{"default_runtime",
                      1,
                      {"'consumer' waits to receive from a channel (0x*)",
                       "the thread '*' (*) joins fiber #* 'consumer'"}},
              planted{"thread_and_fiber",
                      2,
                      {"'fiber' waits to receive from a channel (0x*)",
                       "the thread 'partner' (*) waits to receive from a channel (0x*)"}},
              planted{"ten_threads_that_wait_for_one_fiber",
                      2,
                      {"'server' waits to receive from a channel (0x*)",
                       "the thread 'client' (*) waits to receive from a channel (0x*)"}},
              planted{"first_thread_has_ended", 1, {"'consumer' waits to receive from a channel (0x*)"}});

THRUM_PLANTED(
    after_something_else,
    planted{"timed_waits_and_then_an_endless_one", 2, {"'patient' waits to receive from a channel (0x*)"}},
    planted{"blocked_for_a_while_and_then_for_ever", 2, {"'sleeper' waits to receive from a channel (0x*)"}},
    planted{"timer_that_was_stopped", 2, {"'patient' waits to receive from a channel (0x*)"}},
    planted{"ticker_that_was_stopped", 2, {"'clock' waits to receive from a channel (0x*)"}},
    planted{"beside_a_listener_that_nobody_asks", 2, {"'consumer' waits to receive from a channel (0x*)"}},
    planted{"after_a_thread_has_ended", 2, {"'consumer' waits to receive from a channel (0x*)"}});
